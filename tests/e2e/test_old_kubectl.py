"""What people do with kubectl, by one that is nine minor versions older than the server."""

import json
import re
from typing import Any

import pytest
import yaml

pytestmark = [pytest.mark.kubectl, pytest.mark.xdist_group("e2e")]

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "nginx:1.25"}]},
        },
    },
}
WEB = yaml.safe_dump(DEPLOYMENT)


@pytest.fixture
def web(old_kubectl: Any) -> Any:
    """A Deployment, running."""
    assert old_kubectl("apply", "-f", "-", given=WEB) == "deployment.apps/web created\n"
    old_kubectl("rollout", "status", "deployment/web", "--timeout=20s")
    return old_kubectl


def test_version(old_kubectl: Any) -> None:
    said = old_kubectl("version", "-o", "json")
    versions = json.loads(said)
    assert versions["clientVersion"]["minor"] == "28"
    assert versions["serverVersion"]["minor"] == "37"


def test_apply_both_ways(web: Any) -> None:
    assert web("apply", "-f", "-", given=WEB) == "deployment.apps/web unchanged\n"
    assert "serverside-applied" in web("apply", "--server-side", "--force-conflicts", "-f", "-", given=WEB)
    assert web.try_("diff", "-f", "-", given=WEB).returncode == 0
    assert web.try_("diff", "-f", "-", given=WEB.replace("nginx:1.25", "nginx:1.27")).returncode == 1


def test_get_describe_explain(web: Any) -> None:
    assert web("get", "deployment", "web", "--no-headers").split()[:4] == ["web", "2/2", "2", "2"]
    assert "ScalingReplicaSet" in web("describe", "deployment", "web")
    assert "containers\t<[]Container> -required-" in web("explain", "pod.spec")
    assert "deployments" in web("api-resources")
    assert "apps/v1" in web("api-versions").split()


def test_change_and_roll(web: Any) -> None:
    web("set", "image", "deployment/web", "web=nginx:1.26")
    web("rollout", "status", "deployment/web", "--timeout=20s")
    assert re.findall(r"^(\d+)", web("rollout", "history", "deployment/web"), re.M) == ["1", "2"]
    web("rollout", "undo", "deployment/web")
    web("scale", "deployment/web", "--replicas=1")
    web("patch", "deployment", "web", "-p", '{"metadata": {"labels": {"x": "y"}}}')
    path = "jsonpath={.spec.replicas} {.metadata.labels.x} {.spec.template.spec.containers[0].image}"
    assert web("get", "deployment", "web", "-o", path) == "1 y nginx:1.25"
    assert "deleted" in web("delete", "deployment", "web")


def test_token_and_rights(old_kubectl: Any) -> None:
    assert old_kubectl("create", "token", "default").count(".") == 2
    assert old_kubectl("auth", "can-i", "create", "pods").strip() == "yes"
