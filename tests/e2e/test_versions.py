"""Clusters of older Kubernetes versions, by the kubectl of their time and by the newest one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.cluster.config import NEWEST, OLDEST

pytestmark = [pytest.mark.kubectl, pytest.mark.xdist_group("e2e")]

LABELS = {"app": "web"}
WEB = yaml.safe_dump(
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}},
        },
    }
)


@pytest.fixture(params=[f"1.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1, 4)])
def versioned(request: pytest.FixtureRequest, start_up: Any, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A version, and the kubeconfig of a cluster of that version."""
    running = start_up(tmp_path, "--runtime", "simulated", "--kubernetes-version", request.param)
    yield request.param, running.kubeconfig
    running.end()


@pytest.mark.parametrize("program", ["kubectl", "kubectl-1.28"])
def test_a_deployment_rolls_out(program: str, versioned: tuple[str, Path], make_client: Any) -> None:
    version, kubeconfig = versioned
    kubectl = make_client(program, kubeconfig)
    assert f"Server Version: v{version}." in kubectl("version")
    assert kubectl("apply", "-f", "-", given=WEB) == "deployment.apps/web created\n"
    kubectl("rollout", "status", "deployment/web", "--timeout=20s")
    assert kubectl("get", "nodes", "--no-headers").split()[4].startswith(f"v{version}.")
    assert kubectl("apply", "-f", "-", given=WEB) == "deployment.apps/web unchanged\n"
    served = set(kubectl("api-versions").split())
    minor = int(version.partition(".")[2])
    assert ("flowcontrol.apiserver.k8s.io/v1beta2" in served) is (minor < 29)
    assert ("flowcontrol.apiserver.k8s.io/v1" in served) is (minor >= 29)
