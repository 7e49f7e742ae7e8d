"""A frozen view of nodes, their pods and the storage objects, which a scheduling decision is made from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from sampan.api.json import Obj
from sampan.scheduler.pod import Amounts, PodInfo, amounts


@dataclass(frozen=True, slots=True, eq=False)
class NodeInfo:
    """A node and what its pods already hold. A change makes a new one."""

    name: str
    obj: Obj
    labels: Mapping[str, str]
    taints: tuple[Mapping[str, Any], ...]
    unschedulable: bool
    allocatable: Amounts
    requested: Mapping[str, int] = field(default_factory=dict)
    scored: tuple[int, int] = (0, 0)
    ports: frozenset[tuple[str, str, int]] = frozenset()
    pods: Mapping[tuple[str, str], PodInfo] = field(default_factory=dict)
    images: Mapping[str, int] = field(default_factory=dict)
    """Image name to size in bytes."""

    def with_pod(self, pod: PodInfo) -> "NodeInfo":
        """This node with one more pod (or a newer state of one it has)."""
        base = self.without_pod(pod.key) if pod.key in self.pods else self
        requested = dict(base.requested)
        for name, number in pod.requests.items():
            requested[name] = requested.get(name, 0) + number
        return replace(
            base,
            requested=requested,
            scored=(base.scored[0] + pod.scored[0], base.scored[1] + pod.scored[1]),
            ports=base.ports | set(pod.ports) if pod.ports else base.ports,
            pods={**base.pods, pod.key: pod},
        )

    def without_pod(self, key: tuple[str, str]) -> "NodeInfo":
        """This node without that pod."""
        pod = self.pods.get(key)
        if pod is None:
            return self
        requested = dict(self.requested)
        for name, number in pod.requests.items():
            requested[name] = requested.get(name, 0) - number
        pods = {k: p for k, p in self.pods.items() if k != key}
        return replace(
            self,
            requested=requested,
            scored=(self.scored[0] - pod.scored[0], self.scored[1] - pod.scored[1]),
            ports=frozenset(port for p in pods.values() for port in p.ports) if pod.ports else self.ports,
            pods=pods,
        )


def read_node(node: Obj, pods: Iterable[PodInfo] = ()) -> NodeInfo:
    """The scheduler's view of a node object and the pods on it."""
    meta, spec, status = node["metadata"], node.get("spec") or {}, node.get("status") or {}
    info = NodeInfo(
        name=meta["name"],
        obj=node,
        labels=meta.get("labels") or {},
        taints=tuple(spec.get("taints") or ()),
        unschedulable=bool(spec.get("unschedulable")),
        allocatable=amounts(status.get("allocatable") or status.get("capacity")),
        images={n: image.get("sizeBytes", 0) for image in status.get("images") or () for n in image.get("names") or ()},
    )
    for pod in pods:
        info = info.with_pod(pod)
    return info


class Storage(Protocol):
    """Reads of the storage objects, from caches."""

    def claim(self, namespace: str, name: str) -> Obj | None: ...

    def volume(self, name: str) -> Obj | None: ...

    def volumes_of_class(self, name: str) -> Iterable[Obj]: ...

    def storage_class(self, name: str) -> Obj | None: ...


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """All nodes by name, and the storage objects."""

    nodes: Mapping[str, NodeInfo]
    storage: Storage
