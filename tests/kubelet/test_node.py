"""What a node says of itself."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sampan.api.json import Obj
from sampan.kubelet.node import Machine, NodeFacts, Told, node_object, node_status, not_ready, this_machine
from sampan.kubelet.runtime import Condition, RuntimeVersion

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STAMP = "2026-01-01T00:00:00Z"
EARLIER = "2025-12-31T00:00:00Z"
MACHINE = Machine("4", "8Gi", "100Gi", info={"operatingSystem": "linux", "architecture": "amd64"})
FACTS = NodeFacts("n1", "192.0.2.1", 10250, MACHINE, RuntimeVersion("containerd", "2.1.9"), "v1.36.0", "10.0.0.0/24")


def ready(status: Obj) -> Obj:
    found: Obj = next(c for c in status["conditions"] if c["type"] == "Ready")
    return found


def test_the_object_to_register() -> None:
    made = node_object(FACTS)
    assert made["metadata"]["labels"]["kubernetes.io/hostname"] == "n1"
    assert made["metadata"]["labels"]["kubernetes.io/arch"] == "amd64"
    assert made["spec"] == {"podCIDR": "10.0.0.0/24", "podCIDRs": ["10.0.0.0/24"]}


def test_the_status() -> None:
    made = node_status(FACTS, {}, Told(), NOW)
    assert (ready(made)["status"], ready(made)["reason"], ready(made)["lastTransitionTime"]) == (
        "True", "KubeletReady", STAMP,
    )  # fmt: skip
    assert made["capacity"]["pods"] == made["allocatable"]["pods"] == "110"
    assert made["addresses"][0] == {"type": "InternalIP", "address": "192.0.2.1"}
    assert made["daemonEndpoints"] == {"kubeletEndpoint": {"Port": 10250}}
    assert made["nodeInfo"]["containerRuntimeVersion"] == "containerd://2.1.9"
    assert {c["type"]: c["status"] for c in made["conditions"]} == {
        "MemoryPressure": "False", "DiskPressure": "False", "PIDPressure": "False", "Ready": "True",
    }  # fmt: skip


@pytest.mark.parametrize(("was", "wrong", "since"), [("True", "", EARLIER), ("False", "", STAMP), ("True", "x", STAMP)])
def test_when_it_became_ready(was: str, wrong: str, since: str) -> None:
    old = {"conditions": [{"type": "Ready", "status": was, "lastTransitionTime": EARLIER}]}
    assert ready(node_status(FACTS, old, Told(wrong), NOW))["lastTransitionTime"] == since


def test_a_node_that_is_not_ready_says_why() -> None:
    found = ready(node_status(FACTS, {}, Told("PLEG is not healthy: x"), NOW))
    assert (found["status"], found["reason"], found["message"]) == (
        "False", "KubeletNotReady", "PLEG is not healthy: x",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("conditions", "pleg", "want"),
    [
        ((Condition("RuntimeReady", True), Condition("NetworkReady", True)), "", ""),
        ((Condition("RuntimeReady", True), Condition("Other", False)), "", ""),
        (
            (Condition("NetworkReady", False, "NoCni", "no network"),), "",
            "container runtime network not ready: NetworkReady=false reason:NoCni message:no network",
        ),
        ((), "pleg has yet to be successful", "PLEG is not healthy: pleg has yet to be successful"),
        (
            (Condition("RuntimeReady", False, "R", "m"),), "late",
            "container runtime not ready: RuntimeReady=false reason:R message:m, PLEG is not healthy: late",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong(conditions: tuple[Condition, ...], pleg: str, want: str) -> None:
    assert not_ready(conditions, pleg) == want


def test_this_machine(tmp_path: Path) -> None:
    found = this_machine(tmp_path)
    assert int(found.cpu) > 0
    assert found.memory.endswith("Ki")
    assert found.info["operatingSystem"] == "linux"
