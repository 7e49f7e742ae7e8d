"""What a scheduling decision is made from: nodes with their pods, storage objects, and who else there is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from sampan.api.json import Obj
from sampan.api.selectors import LabelSelector
from sampan.scheduler.pod import Amounts, PodInfo, PodKey, amounts
from sampan.scheduler.terms import Stance, Term


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
    pods: Mapping[PodKey, PodInfo] = field(default_factory=dict)
    social: Mapping[PodKey, PodInfo] = field(default_factory=dict)
    """Those of the pods that have terms of affinity."""
    claims: frozenset[PodKey] = frozenset()
    """Claims that its pods use."""
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
            social={**base.social, pod.key: pod} if pod.affinity else base.social,
            claims=base.claims.union((pod.namespace, name) for name in pod.claims) if pod.claims else base.claims,
        )

    def without_pod(self, key: PodKey) -> "NodeInfo":
        """This node without that pod."""
        pod = self.pods.get(key)
        if pod is None:
            return self
        requested = dict(self.requested)
        for name, number in pod.requests.items():
            requested[name] = requested.get(name, 0) - number
        pods = {k: p for k, p in self.pods.items() if k != key}
        used = ((p.namespace, name) for p in pods.values() for name in p.claims)
        return replace(
            self,
            requested=requested,
            scored=(self.scored[0] - pod.scored[0], self.scored[1] - pod.scored[1]),
            ports=frozenset(port for p in pods.values() for port in p.ports) if pod.ports else self.ports,
            pods=pods,
            social={k: p for k, p in self.social.items() if k != key} if pod.affinity else self.social,
            claims=frozenset(used) if pod.claims else self.claims,
        )


def read_node(node: Obj, before: NodeInfo | None = None) -> NodeInfo:
    """The scheduler's view of a node object, with the pods that were on it before."""
    meta, spec, status = node["metadata"], node.get("spec") or {}, node.get("status") or {}
    said: dict[str, Any] = {
        "name": meta["name"],
        "obj": node,
        "labels": meta.get("labels") or {},
        "taints": tuple(spec.get("taints") or ()),
        "unschedulable": bool(spec.get("unschedulable")),
        "allocatable": amounts(status.get("allocatable") or status.get("capacity")),
        "images": {n: i.get("sizeBytes", 0) for i in status.get("images") or () for n in i.get("names") or ()},
    }
    return NodeInfo(**said) if before is None else replace(before, **said)


class Storage(Protocol):
    """Reads of the storage objects, from caches."""

    def claim(self, namespace: str, name: str) -> Obj | None: ...

    def volume(self, name: str) -> Obj | None: ...

    def volumes_of_class(self, name: str) -> Iterable[Obj]: ...

    def storage_class(self, name: str) -> Obj | None: ...

    def csi_node(self, name: str) -> Obj | None: ...

    def csi_driver(self, name: str) -> Obj | None: ...

    def attachments(self, node: str) -> Iterable[Obj]:
        """VolumeAttachments of a node."""

    def capacities(self, storage_class: str) -> Iterable[Obj]:
        """CSIStorageCapacities of a class."""


class Neighbours(Protocol):
    """Reads of what decides which pods belong together, from caches."""

    def namespace_labels(self, name: str) -> Mapping[str, str]: ...

    def namespaces(self, selector: LabelSelector) -> Iterable[str]:
        """Names of the namespaces whose labels match."""

    def services(self, namespace: str) -> Iterable[Obj]: ...

    def owner(self, kind: str, namespace: str, name: str) -> Obj | None:
        """A ReplicationController, ReplicaSet or StatefulSet."""

    def budgets(self) -> Iterable[Obj]:
        """All PodDisruptionBudgets."""


class DeviceObjects(Protocol):
    """Reads of claims on devices, from caches."""

    @property
    def pending(self) -> Mapping[str, Obj]:
        """Allocations that are being written, by the claim's uid."""

    def claim(self, namespace: str, name: str) -> Obj | None:
        """A ResourceClaim."""

    def device_class(self, name: str) -> Obj | None: ...

    def market(self) -> Any:
        """What devices there are and who has them (devices.allocator.Market)."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """All nodes by name, and what else a rule may look at. Nobody changes it while a decision is made."""

    table: "NodeTable"
    storage: Storage
    neighbours: Neighbours
    nominated: Mapping[str, Mapping[PodKey, PodInfo]] = field(default_factory=dict)
    """Node name to the pods that pods were evicted for there, and that have not come yet."""
    devices: DeviceObjects | None = None
    """None: the API does not serve claims on devices."""

    @property
    def nodes(self) -> Mapping[str, NodeInfo]:
        return self.table.nodes


class NodeTable:
    """The nodes, and sums over them that would take too long to make for every decision."""

    def __init__(self, nodes: Iterable[NodeInfo] = ()) -> None:
        self.nodes: dict[str, NodeInfo] = {}
        self.images: dict[str, int] = {}
        """Image name to the number of nodes that have it."""
        self.terms: dict[tuple[Stance, Term], dict[str, int]] = {}
        """What the pods that are there say of others, and how many of each node say it."""
        self.changed: list[str] = []
        """Names of nodes in the order in which they changed; `lost` such names are forgotten."""
        self.lost = 0
        self.counts = PodCounts(self)
        for node in nodes:
            self.put(node)

    def put(self, node: NodeInfo) -> None:
        """A new node, or a newer state of one."""
        before = self.nodes.get(node.name)
        self.nodes[node.name] = node
        self._note(node.name)
        if before is None or before.images != node.images:
            self._count_images(before, -1)
            self._count_images(node, 1)
        self._count_terms(node.name, before.social if before is not None else {}, node.social)

    def drop(self, name: str) -> None:
        """The node is gone."""
        before = self.nodes.pop(name, None)
        if before is not None:
            self._count_images(before, -1)
            self._count_terms(name, before.social, {})
            self._note(name)

    def _note(self, name: str) -> None:
        self.changed.append(name)
        if len(self.changed) > 2 * max(1024, len(self.nodes)):
            half = len(self.changed) // 2
            del self.changed[:half]
            self.lost += half

    def _count_terms(self, node: str, before: Mapping[PodKey, PodInfo], after: Mapping[PodKey, PodInfo]) -> None:
        if before is after:
            return
        for key, pod in before.items():
            if after.get(key) is not pod:
                self._count_pod(node, pod, -1)
        for key, pod in after.items():
            if before.get(key) is not pod:
                self._count_pod(node, pod, 1)

    def _count_pod(self, node: str, pod: PodInfo, step: int) -> None:
        for said in pod.affinity.said:
            counts = self.terms.setdefault(said, {})
            number = counts.get(node, 0) + step
            if number:
                counts[node] = number
                continue
            del counts[node]
            if not counts:
                del self.terms[said]

    def _count_images(self, node: NodeInfo | None, step: int) -> None:
        for image in node.images if node is not None else ():
            number = self.images.get(image, 0) + step
            if number:
                self.images[image] = number
            else:
                del self.images[image]


class _Count:
    """How many pods of a namespace match a selector, by node; and up to which change that is so."""

    __slots__ = ("by_node", "until")

    def __init__(self) -> None:
        self.by_node: dict[str, int] = {}
        self.until = -1


class PodCounts:
    """Counts of matching pods by node, kept between decisions and mended where nodes have changed since."""

    MOST = 64
    """So many counts are kept."""

    def __init__(self, table: NodeTable) -> None:
        self._table = table
        self._kept: dict[tuple[str, LabelSelector, bool], _Count] = {}

    def of(self, namespace: str, selector: LabelSelector) -> Mapping[str, int]:
        """Node name to the number of pods of that namespace there that match and are not going; no zeros."""
        return self._of(namespace, selector, False)

    def with_going(self, namespace: str, selector: LabelSelector) -> Mapping[str, int]:
        """The same, and those that are going count too."""
        return self._of(namespace, selector, True)

    def _of(self, namespace: str, selector: LabelSelector, going: bool) -> Mapping[str, int]:
        key = (namespace, selector, going)
        count = self._kept.pop(key, None) or _Count()
        self._kept[key] = count
        if len(self._kept) > self.MOST:
            del self._kept[next(iter(self._kept))]
        table = self._table
        fresh = count.until < table.lost
        names: Iterable[str] = table.nodes if fresh else set(table.changed[count.until - table.lost :])
        if fresh:
            count.by_node.clear()
        for name in names:
            node = table.nodes.get(name)
            number = matching(node.pods.values(), namespace, selector, going) if node is not None else 0
            if number:
                count.by_node[name] = number
            else:
                count.by_node.pop(name, None)
        count.until = table.lost + len(table.changed)
        return count.by_node


def matching(pods: Iterable[PodInfo], namespace: str, selector: LabelSelector, going: bool) -> int:
    """How many of the pods are of that namespace and match; those that are going only if asked for."""
    return sum(p.namespace == namespace and (going or not p.going) and selector.matches(p.labels) for p in pods)
