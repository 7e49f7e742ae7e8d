"""Queueing hints as YAML: what an event may do for a pod that a plugin turned away; which change is which event."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.scheduler.events import EVERY, Event, node_changes, pod_changes
from sampan.scheduler.pod import PodInfo, read_pod, slim
from sampan.scheduler.profile import FILTERS
from sampan.scheduler.snapshot import NodeInfo, NodeTable, Snapshot, read_node

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "hints" / "cases.yaml").read_text())
PLUGINS = {rule.name: rule for rule in FILTERS}


class Nobody:
    """No other objects; namespaces have no labels."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args: {} if name == "namespace_labels" else ()


def pod_of(given: dict[str, Any], name: str) -> PodInfo:
    """A pod of a case."""
    spec = dict(given)
    meta = {"name": spec.pop("name", name), "namespace": spec.pop("namespace", "n"), "labels": spec.pop("labels", {})}
    meta["uid"] = meta["name"]
    status = {"nominatedNodeName": spec.pop("nominated", "")}
    requests = {"cpu": spec.pop("cpu")} if "cpu" in spec else {}
    ports = [{"hostPort": spec.pop("port")}] if "port" in spec else []
    container = {"name": "c", "image": "i", "resources": {"requests": requests}, "ports": ports}
    if node := spec.pop("node", ""):
        spec["nodeName"] = node
    info = read_pod({"metadata": meta, "spec": {"containers": [container], **spec}, "status": status})
    return slim(info) if node else info


def node_of(given: dict[str, Any]) -> NodeInfo:
    """A node of a case."""
    spec = {key: given[key] for key in ("taints", "unschedulable") if key in given}
    status = {"allocatable": {"cpu": given.get("cpu", "4"), "memory": "8Gi", "pods": "10"}}
    return read_node({"metadata": {"name": "n", "labels": given.get("labels", {})}, "spec": spec, "status": status})


def seen(given: dict[str, Any] | None, resource: str) -> Any:
    """What a hint is given of an object."""
    if given is None:
        return None
    if resource == "Node":
        return node_of(given)
    return pod_of(given, "other") if resource.endswith("Pod") else given


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['plugin']}: {case['name']}")
def test_hints(case: dict[str, Any]) -> None:
    resource, _, action = case["event"].rpartition("/")
    hint = PLUGINS[case["plugin"]].events[Event(resource, action)]
    assert hint is not None
    look = Snapshot(NodeTable(), Nobody(), Nobody())
    old, new = (seen(case.get(name), resource) for name in ("old", "new"))
    assert hint(pod_of(case.get("pod", {}), "p"), old, new, look) is case["queue"]


@pytest.mark.parametrize(
    ("old", "new", "actions"),
    [
        ({}, {}, ["Update"]),
        ({}, {"labels": {"a": "b"}}, ["UpdatePodLabel"]),
        ({"cpu": "2"}, {"cpu": "1"}, ["UpdatePodScaleDown"]),
        ({"cpu": "1"}, {"cpu": "2"}, ["Update"]),
        ({"schedulingGates": [{"name": "x"}]}, {}, ["UpdatePodSchedulingGatesEliminated"]),
        ({"schedulingGates": [{"name": "x"}, {"name": "y"}]}, {"schedulingGates": [{"name": "x"}]}, ["Update"]),
        (
            {},
            {"tolerations": [{"operator": "Exists"}], "labels": {"a": "b"}},
            ["UpdatePodLabel", "UpdatePodToleration"],
        ),
    ],
)
def test_changes_of_pods(old: dict[str, Any], new: dict[str, Any], actions: list[str]) -> None:
    found = pod_changes(pod_of(old, "p"), pod_of(new, "p"))
    assert found == [Event("UnschedulablePod", action) for action in actions]


@pytest.mark.parametrize(
    ("old", "new", "actions"),
    [
        ({}, {}, []),
        ({"cpu": "1"}, {}, ["UpdateNodeAllocatable"]),
        ({}, {"labels": {"a": "b"}}, ["UpdateNodeLabel"]),
        ({}, {"taints": [{"key": "k"}]}, ["UpdateNodeTaint"]),
        ({"unschedulable": True}, {"labels": {"a": "b"}}, ["UpdateNodeTaint", "UpdateNodeLabel"]),
        ({}, {"unschedulable": True}, []),
    ],
)
def test_changes_of_nodes(old: dict[str, Any], new: dict[str, Any], actions: list[str]) -> None:
    assert node_changes(node_of(old), node_of(new)) == [Event("Node", action) for action in actions]


def test_plugins_name_events_that_there_are() -> None:
    for rule in FILTERS:
        assert set(rule.events) <= set(EVERY), rule.name
