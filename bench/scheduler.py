"""Scheduling decisions per second at 1,000 nodes, without the API. `python -m bench.scheduler`."""

import sys
from collections.abc import Callable, Iterable, Mapping
from time import perf_counter

from sampan.api.json import Obj
from sampan.api.selectors import LabelSelector
from sampan.scheduler.decide import Recall, decide
from sampan.scheduler.framework import Placement
from sampan.scheduler.pod import read_pod
from sampan.scheduler.profile import DEFAULT
from sampan.scheduler.snapshot import NodeTable, Snapshot, read_node

Rows = list[tuple[str, str]]
NODES, PODS = 1000, 10_000
ZONE = "topology.kubernetes.io/zone"


class World:
    """No storage, no Services; the ReplicaSets of the pods."""

    def claim(self, namespace: str, name: str) -> None:
        return None

    def volume(self, name: str) -> None:
        return None

    def volumes_of_class(self, name: str) -> Iterable[Obj]:
        return ()

    def storage_class(self, name: str) -> None:
        return None

    def csi_node(self, name: str) -> None:
        return None

    def csi_driver(self, name: str) -> None:
        return None

    def attachments(self, node: str) -> Iterable[Obj]:
        return ()

    def capacities(self, storage_class: str) -> Iterable[Obj]:
        return ()

    def namespace_labels(self, name: str) -> Mapping[str, str]:
        return {}

    def namespaces(self, selector: LabelSelector) -> Iterable[str]:
        return ()

    def services(self, namespace: str) -> Iterable[Obj]:
        return ()

    def owner(self, kind: str, namespace: str, name: str) -> Obj:
        return {"spec": {"selector": {"matchLabels": {"app": name}}}}

    def budgets(self) -> Iterable[Obj]:
        return ()


def table() -> NodeTable:
    """Nodes in three zones."""
    made = NodeTable()
    status = {"allocatable": {"cpu": "32", "memory": "256Gi", "pods": "110"}}
    for number in range(NODES):
        labels = {"kubernetes.io/hostname": f"node-{number}", ZONE: f"z{number % 3}"}
        made.put(read_node({"metadata": {"name": f"node-{number}", "labels": labels}, "spec": {}, "status": status}))
    return made


def pod(number: int, **more: object) -> Obj:
    """A pod of one of 20 ReplicaSets."""
    app = f"app-{number // 500}"
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": app, "uid": app, "controller": True}
    names = {"name": f"p{number}", "namespace": "n", "uid": str(number)}
    meta = {**names, "labels": {"app": app}, "ownerReferences": [owner]}
    requests = {"cpu": "100m", "memory": "128Mi"}
    return {"metadata": meta, "spec": {"containers": [{"image": "i", "resources": {"requests": requests}}], **more}}


def rate(count: int, make: Callable[[int], Obj]) -> float:
    """Decisions a second; every pod is put on its node before the next is decided upon."""
    nodes, recall, world = table(), Recall(), World()
    snapshot = Snapshot(nodes, world, world)
    infos = [read_pod(make(number)) for number in range(count)]
    began = perf_counter()
    for turn, info in enumerate(infos):
        answer = decide(info, snapshot, DEFAULT, turn, recall)
        assert isinstance(answer, Placement)
        nodes.put(nodes.nodes[answer.node].with_pod(info))
    return count / (perf_counter() - began)


def spread(number: int) -> Obj:
    """A pod that must be spread over zones."""
    selector = {"matchLabels": {"app": f"app-{number // 500}"}}
    hard = {"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector}
    return pod(number, topologySpreadConstraints=[hard])


def apart(number: int) -> Obj:
    """A pod that wants a node without another of its app."""
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": f"app-{number // 500}"}}}
    return pod(number, affinity={"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}})


def run() -> Rows:
    """The rows of the table."""
    return [
        (f"scheduler alone, {NODES:,} nodes: pods of Deployments", f"{rate(PODS, pod):,.0f} decisions/s"),
        (f"scheduler alone, {NODES:,} nodes: spread over zones", f"{rate(2000, spread):,.0f} decisions/s"),
        (f"scheduler alone, {NODES:,} nodes: apart from one another", f"{rate(2000, apart):,.0f} decisions/s"),
    ]


if __name__ == "__main__":
    for words, figure in run():
        sys.stdout.write(f"{words:60} {figure}\n")
