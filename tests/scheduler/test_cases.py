"""Decisions as YAML cases: nodes with their pods and whatever else there is; a pod; where it goes, or why not."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.api.json import Obj
from sampan.api.selectors import LabelSelector
from sampan.scheduler.decide import decide
from sampan.scheduler.framework import Placement, Unschedulable
from sampan.scheduler.pod import read_pod
from sampan.scheduler.preemption import Eviction, preempt
from sampan.scheduler.profile import DEFAULT
from sampan.scheduler.snapshot import NodeTable, Snapshot, read_node

CASES = [
    pytest.param(case, id=f"{path.parent.name}/{path.stem}/{case['name']}")
    for path in sorted((Path(__file__).parent / "cases").glob("*/*.yaml"))
    for case in yaml.safe_load(path.read_text())
]


class World:
    """Objects of a case, as the scheduler looks them up."""

    def __init__(self, objects: list[Obj]) -> None:
        self._objects = objects

    def _all(self, kind: str) -> list[Obj]:
        return [one for one in self._objects if one["kind"] == kind]

    def _one(self, kind: str, name: str) -> Obj | None:
        return next((one for one in self._all(kind) if one["metadata"]["name"] == name), None)

    def claim(self, namespace: str, name: str) -> Obj | None:
        return self._one("PersistentVolumeClaim", name)

    def volume(self, name: str) -> Obj | None:
        return self._one("PersistentVolume", name)

    def volumes_of_class(self, name: str) -> Iterable[Obj]:
        return [v for v in self._all("PersistentVolume") if v["spec"].get("storageClassName", "") == name]

    def storage_class(self, name: str) -> Obj | None:
        return self._one("StorageClass", name)

    def csi_node(self, name: str) -> Obj | None:
        return self._one("CSINode", name)

    def csi_driver(self, name: str) -> Obj | None:
        return self._one("CSIDriver", name)

    def attachments(self, node: str) -> Iterable[Obj]:
        return [one for one in self._all("VolumeAttachment") if one["spec"]["nodeName"] == node]

    def capacities(self, storage_class: str) -> Iterable[Obj]:
        return [one for one in self._all("CSIStorageCapacity") if one["storageClassName"] == storage_class]

    def namespace_labels(self, name: str) -> Mapping[str, str]:
        found: Obj = (self._one("Namespace", name) or {"metadata": {}})["metadata"]
        return found.get("labels") or {}

    def namespaces(self, selector: LabelSelector) -> Iterable[str]:
        spaces = [one["metadata"] for one in self._all("Namespace")]
        return [meta["name"] for meta in spaces if selector.matches(meta.get("labels", {}))]

    def services(self, namespace: str) -> Iterable[Obj]:
        return self._all("Service")

    def owner(self, kind: str, namespace: str, name: str) -> Obj | None:
        return self._one(kind, name)

    def budgets(self) -> Iterable[Obj]:
        return self._all("PodDisruptionBudget")


def pod_of(given: Obj, name: str) -> Obj:
    """A pod from a case's short form: labels, cpu, priority, started, namespace, … and any field of its spec."""
    spec = dict(given)
    meta: Obj = {"name": spec.pop("name", name), "namespace": spec.pop("namespace", "n")}
    meta |= {"uid": meta["name"], "labels": spec.pop("labels", {})}
    if owner := spec.pop("owner", None):
        meta["ownerReferences"] = [{"apiVersion": "apps/v1", **owner, "uid": "o", "controller": True}]
    status: Obj = {"startTime": spec.pop("started", None), "nominatedNodeName": spec.pop("nominated", "")}
    if spec.pop("preempted", False):
        meta["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        told = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}
        status["conditions"] = [told]
    if claim := spec.pop("claim", None):
        spec["volumes"] = [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}]
    requests = {"cpu": spec.pop("cpu")} if "cpu" in spec else {}
    container = {"name": "c", "image": "i", "resources": {"requests": requests}}
    return {"metadata": meta, "spec": {"containers": [container], **spec}, "status": status}


def snapshot_of(case: Obj) -> Snapshot:
    """The nodes of a case with their pods."""
    table = NodeTable()
    for name, given in case["nodes"].items():
        labels = {"kubernetes.io/hostname": name, **given.get("labels", {})}
        allocatable = {"cpu": given.get("cpu", "4"), "memory": "8Gi", "pods": "110"}
        spec = {"taints": given.get("taints", [])}
        meta = {"name": name, "labels": labels}
        node = read_node({"metadata": meta, "spec": spec, "status": {"allocatable": allocatable}})
        for index, pod in enumerate(given.get("pods", ())):
            node = node.with_pod(read_pod(pod_of({"nodeName": name, **pod}, f"{name}{index}")))
        table.put(node)
    world = World(case.get("objects", []))
    nominated = {
        node: {info.key: info for info in (read_pod(pod_of(pod, pod["name"])) for pod in pods)}
        for node, pods in case.get("awaited", {}).items()
    }
    return Snapshot(table, world, world, nominated)


def outcome(pod: Obj, snapshot: Snapshot) -> dict[str, Any]:
    """What comes of a pod: its node, or the message, or whom it drives out from where."""
    info = read_pod(pod)
    answer = decide(info, snapshot, DEFAULT, 0)
    if isinstance(answer, Placement):
        return {"node": answer.node}
    assert isinstance(answer, Unschedulable)
    made = preempt(info, snapshot, DEFAULT, answer, 0)
    if isinstance(made, Eviction):
        return {"message": answer.message, "evicts": [v.name for v in made.victims], "from": made.node}
    return {"message": f"{answer.message} preemption: {made}"}


@pytest.mark.parametrize("case", CASES)
def test_a_pod_goes_where_upstream_sends_it(case: Obj) -> None:
    found = outcome(pod_of(case["pod"], "p"), snapshot_of(case))
    assert {key: found.get(key) for key in case["expect"]} == case["expect"]
    assert set(found) - {"message"} <= set(case["expect"])
