"""kopf: an operator with handlers for creation, update, a field, deletion, events and a timer, in its own process."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CRD = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "ponds.ponds.example.org"},
    "spec": {
        "group": "ponds.example.org", "scope": "Namespaced", "names": {"plural": "ponds", "kind": "Pond"},
        "versions": [{
            "name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": {"frogs": {"type": "integer"}}},
                "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            }}},
        }],
    },
}  # fmt: skip
POND = {
    "apiVersion": "ponds.example.org/v1", "kind": "Pond", "metadata": {"name": "p"}, "spec": {"frogs": 2},
}  # fmt: skip


@pytest.fixture
def operator(kubectl: Any) -> Iterator[Any]:
    """The operator at work in kubectl's namespace."""
    kubectl("create", "-f", "-", given=json.dumps(CRD))
    kubectl("wait", "--for=condition=Established", "crd/ponds.ponds.example.org", "--timeout=10s")
    program = Path(__file__).with_name("operator_of_ponds.py")
    process = subprocess.Popen(
        [sys.executable, "-m", "kopf", "run", str(program), "--namespace", kubectl.namespace, "--standalone", "-q"],
        env=kubectl.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    yield process
    kubectl("delete", "ponds", "--all", "--wait", "--timeout=20s")
    process.terminate()
    said, _ = process.communicate(timeout=30)
    assert "Traceback" not in said, said
    kubectl("delete", "crd", "ponds.ponds.example.org")


def test_an_operator_of_several_handlers(operator: Any, kubectl: Any) -> None:
    kubectl("create", "-f", "-", given=json.dumps(POND))
    kubectl("wait", "--for=jsonpath={.status.frogs}=2", "pond/p", "--timeout=30s")
    owner = json.loads(kubectl("get", "configmap", "p-1", "-o", "json"))["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"]) == ("Pond", "p")
    kubectl("patch", "pond", "p", "--type=merge", "-p", '{"spec":{"frogs":3}}')
    kubectl("wait", "--for=jsonpath={.status.frogs}=3", "pond/p", "--timeout=30s")
    kubectl("label", "pond", "p", "season=spring")
    kubectl("wait", "--for=jsonpath={.status.season}=spring", "pond/p", "--timeout=30s")
    kubectl("wait", "--for=jsonpath={.status.ticks}", "pond/p", "--timeout=30s")
    kubectl("delete", "pond", "p", "--timeout=30s")
    kubectl("get", "configmap", "drained-p")
    kubectl("wait", "--for=delete", "configmap/p-0", "configmap/p-1", "configmap/p-2", "--timeout=30s")
