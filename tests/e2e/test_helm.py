"""helm's own example chart, by helm 4 and 3: installed, upgraded, rolled back, uninstalled; its pods ready."""

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.kubectl, pytest.mark.xdist_group("e2e")]


def test_life_of_a_release(helm: Any, kubectl: Any, tmp_path: Path) -> None:
    chart = str(tmp_path / "shop")
    helm("create", chart)
    out = helm("install", "rel", chart, "--wait", "--timeout", "30s")
    assert "STATUS: deployed" in out
    pods = json.loads(kubectl("get", "pods", "-l", "app.kubernetes.io/instance=rel", "-o", "json"))["items"]
    assert len(pods) == 1
    ready = next(c for c in pods[0]["status"]["conditions"] if c["type"] == "Ready")
    assert ready["status"] == "True"
    listed = json.loads(helm("list", "-o", "json"))
    assert [(r["name"], r["status"], r["revision"]) for r in listed] == [("rel", "deployed", "1")]
    helm("upgrade", "rel", chart, "--set", "replicaCount=3", "--wait", "--timeout", "30s")
    assert kubectl("get", "deployment", "rel-shop", "-o", "jsonpath={.status.readyReplicas}") == "3"
    helm("rollback", "rel", "1", "--wait", "--timeout", "30s")
    assert kubectl("get", "deployment", "rel-shop", "-o", "jsonpath={.spec.replicas}") == "1"
    helm("uninstall", "rel", "--wait", "--timeout", "30s")
    left = kubectl("get", "deployments,services,serviceaccounts,secrets", "-o", "name").split()
    assert left == ["serviceaccount/default"]
