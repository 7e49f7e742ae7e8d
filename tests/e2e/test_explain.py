"""kubectl explain --recursive of everything that is served, built in and custom."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = [pytest.mark.kubectl, pytest.mark.slow, pytest.mark.xdist_group("e2e")]

WIDGET = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.explain.example.com"},
    "spec": {
        "group": "explain.example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
        "versions": [
            {"name": name, "served": True, "storage": name == "v2", "schema": {"openAPIV3Schema": {
                "type": "object", "description": f"A widget of {name}.",
                "properties": {"spec": {"type": "object", "properties": {"size": {
                    "type": "integer", "description": "How large it is."}}}},
            }}}
            for name in ("v1", "v2")
        ],
    },
}  # fmt: skip


def served(kubectl: Any) -> list[tuple[str, str]]:
    """Resource and group version of all that has fields to explain."""
    found = []
    for root in ("/api", "/apis"):
        listed = json.loads(kubectl("get", "--raw", root))
        versions = [one["groupVersion"] for group in listed.get("groups", ()) for one in group["versions"]]
        for version in versions or listed["versions"]:
            resources = json.loads(kubectl("get", "--raw", f"{root}/{version}"))["resources"]
            found += [(one["name"], version) for one in resources if "/" not in one["name"]]
    return found


def test_everything_is_explained(kubectl: Any) -> None:
    kubectl("apply", "-f", "-", given=yaml.safe_dump(WIDGET))
    kubectl("wait", "--for=condition=Established", "crd/widgets.explain.example.com", "--timeout=20s")
    kinds = served(kubectl)
    assert {("widgets", "explain.example.com/v1"), ("widgets", "explain.example.com/v2"),
            ("pods", "v1"), ("horizontalpodautoscalers", "autoscaling/v1")} <= set(kinds)  # fmt: skip
    for name, version in kinds:
        text = kubectl("explain", name, "--recursive", f"--api-version={version}")
        assert "FIELDS:" in text, (name, version)
        assert f"VERSION:    {version.rpartition('/')[2]}" in text
    assert "A widget of v2." in kubectl("explain", "widgets", "--api-version=explain.example.com/v2")
    assert "size\t<integer>" in kubectl("explain", "widgets.spec")


REAL = {
    "pods": "e441c9406c451915",
    "deployments": "903db269e38665b4",
    "services": "98e5bc6021a219c5",
    "customresourcedefinitions": "f09ea0d6b7564c72",
    "horizontalpodautoscalers": "a59bab0e16ce0180",
    "networkpolicies": "27f1d2c29c4c6ec8",
    "persistentvolumes": "565ea26493f11b6c",
    "validatingadmissionpolicies": "4c5c4596b224fc46",
    "resourceclaims": "a9b52b118375416c",
    "jobs": "5cb27af8a93342b4",
}
"""Kind to the start of the SHA-256 of what kubectl 1.37 prints of it with a real 1.36 server."""


@pytest.fixture
def of_1_36(start_up: Any, make_client: Any, tmp_path: Path) -> Iterator[Any]:
    running = start_up(tmp_path, "--runtime", "simulated", "--kubernetes-version", "1.36")
    yield make_client("kubectl", running.kubeconfig)
    running.end()


def test_explanations_are_those_of_a_real_server(of_1_36: Any) -> None:
    found = {kind: sha256(of_1_36("explain", kind, "--recursive").encode()).hexdigest()[:16] for kind in REAL}
    assert found == REAL
