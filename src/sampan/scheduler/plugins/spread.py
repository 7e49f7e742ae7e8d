"""PodTopologySpread: pods that belong together spread over zones, nodes or whatever a label says (KEP-895)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Any, ClassVar

from sampan.api.meta import controller_of
from sampan.api.selectors import LabelSelector, Requirement
from sampan.scheduler.events import Events, on
from sampan.scheduler.framework import FITS, Hopeless, Reasons
from sampan.scheduler.plugins.node_affinity import required_matches
from sampan.scheduler.plugins.taints import repels
from sampan.scheduler.pod import PodInfo
from sampan.scheduler.snapshot import Neighbours, NodeInfo, Snapshot
from sampan.scheduler.terms import selector_of

HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
NO_LABEL = Hopeless(("node(s) didn't match pod topology spread constraints (missing required label)",))
SKEWED = ("node(s) didn't match pod topology spread constraints",)
HARD, SOFT = "DoNotSchedule", "ScheduleAnyway"
SYSTEM_DEFAULTS: tuple[Mapping[str, Any], ...] = (
    {"topologyKey": HOSTNAME, "whenUnsatisfiable": SOFT, "maxSkew": 3},
    {"topologyKey": ZONE, "whenUnsatisfiable": SOFT, "maxSkew": 5},
)
SELECTED_BY = {"ReplicationController": "v1", "ReplicaSet": "apps/v1", "StatefulSet": "apps/v1"}


@dataclass(frozen=True, slots=True)
class Constraint:
    """A topologySpreadConstraint, its defaults filled in."""

    key: str
    skew: int
    selector: LabelSelector
    min_domains: int
    by_affinity: bool
    by_taints: bool

    def counts(self, pod: PodInfo, node: NodeInfo) -> bool:
        """Whether the node is one of those that the pods are spread over."""
        if self.by_affinity and not required_matches(pod, node):
            return False
        return not (self.by_taints and repels(pod.tolerations, node.taints))


@dataclass(frozen=True, slots=True, eq=False)
class Hard:
    """The constraints that must hold, and for each how many matching pods every value of its label has."""

    pod: PodInfo
    constraints: tuple[Constraint, ...]
    counts: tuple[Mapping[str, int], ...]
    least: tuple[int, ...]
    itself: tuple[int, ...]
    """1 where the pod itself matches."""


@dataclass(frozen=True, slots=True, eq=False)
class Soft:
    """The constraints that should hold. `all_keys`: nodes without one of the labels are left out."""

    pod: PodInfo
    constraints: tuple[Constraint, ...]
    all_keys: bool
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class PodTopologySpread:
    """Upstream's plugin of the same name: a filter and a score."""

    name: ClassVar = "PodTopologySpread"
    local: ClassVar = False

    defaults: tuple[Mapping[str, Any], ...] = SYSTEM_DEFAULTS
    """Constraints of pods that have none, without selectors (PodTopologySpreadArgs.defaultConstraints)."""
    of_system: bool = True
    weight: int = 2

    @property
    def events(self) -> Events:
        pods = on("Pod", ("Add", "UpdatePodLabel", "UpdatePodToleration", "Delete"), self._pods_changed)
        nodes = on("Node", ("Add", "Delete", "UpdateNodeLabel", "UpdateNodeTaint"), self._node_changed)
        return {**pods, **nodes}

    def _pods_changed(self, pod: PodInfo, old: PodInfo | None, new: PodInfo | None, look: Snapshot) -> bool:
        """Another pod came, went or changed, or this one."""
        if not all(_involved(one, pod) for one in (old, new) if one is not None):
            return False
        constraints = self._constraints(pod, look, HARD)
        if old is not None and new is not None:
            tolerant = new.uid == pod.uid and old.tolerations != new.tolerations
            if tolerant and any(c.by_taints for c in constraints):
                return True
            matching = ((c.selector.matches(old.labels), c.selector.matches(new.labels)) for c in constraints)
            return old.labels != new.labels and any(before != after for before, after in matching)
        other = new or old
        return other is not None and any(c.selector.matches(other.labels) for c in constraints)

    def _node_changed(self, pod: PodInfo, old: NodeInfo | None, new: NodeInfo | None, look: Snapshot) -> bool:
        """A node came, went or changed that the pods are spread over."""
        constraints = self._constraints(pod, look, HARD)
        before = old is not None and has_keys(old, constraints)
        after = new is not None and has_keys(new, constraints)
        if old is None or new is None or before != after:
            return before or after
        moved = any(old.labels.get(c.key) != new.labels.get(c.key) for c in constraints)
        return after and (moved or old.taints != new.taints)

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> Hard | None:
        constraints = self._constraints(pod, snapshot, HARD)
        if not constraints:
            return None
        counts: tuple[dict[str, int], ...] = tuple({} for _ in constraints)
        matching = [snapshot.table.counts.of(pod.namespace, c.selector) if c.selector else {} for c in constraints]
        for node in snapshot.nodes.values():
            if not has_keys(node, constraints):
                continue
            for constraint, count, by_node in zip(constraints, counts, matching, strict=True):
                if constraint.counts(pod, node):
                    value = node.labels[constraint.key]
                    count[value] = count.get(value, 0) + by_node.get(node.name, 0)
        itself = tuple(int(c.selector.matches(pod.labels)) for c in constraints)
        return Hard(pod, constraints, counts, tuple(map(_least, constraints, counts)), itself)

    def moved(self, state: Hard, pod: PodInfo, node: NodeInfo, step: int) -> Hard:
        """The counts after that pod came or went."""
        if pod.namespace != state.pod.namespace or not has_keys(node, state.constraints):
            return state
        counts = list(state.counts)
        for index, constraint in enumerate(state.constraints):
            if constraint.selector.matches(pod.labels) and constraint.counts(state.pod, node):
                value = node.labels[constraint.key]
                counts[index] = {**counts[index], value: counts[index].get(value, 0) + step}
        return replace(state, counts=tuple(counts), least=tuple(map(_least, state.constraints, counts)))

    def filter(self, state: Hard, node: NodeInfo) -> Reasons:
        for index, constraint in enumerate(state.constraints):
            value = node.labels.get(constraint.key)
            if value is None:
                return NO_LABEL
            if state.counts[index].get(value, 0) + state.itself[index] - state.least[index] > constraint.skew:
                return SKEWED
        return FITS

    def look(self, pod: PodInfo, snapshot: Snapshot) -> Soft | None:
        constraints = self._constraints(pod, snapshot, SOFT)
        all_keys = bool(pod.spreads) or not self.of_system
        return Soft(pod, constraints, all_keys, snapshot) if constraints else None

    def scores(self, state: Soft, nodes: Sequence[NodeInfo]) -> list[int]:
        left_out = {n.name for n in nodes if not has_keys(n, state.constraints)} if state.all_keys else set()
        parts = [part for one in state.constraints if (part := self._part(state, one, nodes, left_out)) is not None]
        if len(parts) == 1:
            given = [int(against + 0.5) for against in parts[0]]
        else:
            given = [int(sum(of_node) + 0.5) for of_node in zip(*parts, strict=True)] or [0] * len(nodes)
        counted = [g for node, g in zip(nodes, given, strict=True) if node.name not in left_out] if left_out else given
        high, low = max(counted, default=0), min(counted, default=0)
        if not high:
            return [0 if node.name in left_out else 100 for node in nodes]
        score = {g: 100 * (high + low - g) // high for g in set(given)}
        made = [score[g] for g in given]
        return [0 if n.name in left_out else g for n, g in zip(nodes, made, strict=True)] if left_out else made

    def _part(
        self, state: Soft, constraint: Constraint, nodes: Sequence[NodeInfo], left_out: set[str]
    ) -> list[float] | None:
        """What one constraint says against each node; None: nothing."""
        snapshot, key = state.snapshot, constraint.key
        by_node = snapshot.table.counts.of(state.pod.namespace, constraint.selector) if constraint.selector else {}
        extra = float(constraint.skew - 1)
        if key == HOSTNAME:
            factor = log(len(nodes) - len(left_out) + 2)
            return [by_node.get(n.name, 0) * factor + extra if key in n.labels else 0.0 for n in nodes]
        of_nodes = [n.labels.get(key) for n in nodes]
        if not any(of_nodes):
            return None
        values = dict.fromkeys(v for n, v in zip(nodes, of_nodes, strict=True) if n.name not in left_out)
        counts: dict[str | None, int] = {}
        for name, number in by_node.items() if values.keys() != {None} else ():
            node = snapshot.nodes[name]
            value = node.labels.get(key)
            spread_over = not state.all_keys or has_keys(node, state.constraints)
            if value in values and spread_over and constraint.counts(state.pod, node):
                counts[value] = counts.get(value, 0) + number
        factor = log(len(values) + 2)
        against: dict[str | None, float] = {value: counts.get(value, 0) * factor + extra for value in values}
        against[None] = 0.0
        return [against.get(value, extra) for value in of_nodes]

    def _constraints(self, pod: PodInfo, snapshot: Snapshot, action: str) -> tuple[Constraint, ...]:
        if pod.spreads:
            return tuple(_constraint(c, pod.labels) for c in pod.spreads if c["whenUnsatisfiable"] == action)
        chosen = [c for c in self.defaults if c["whenUnsatisfiable"] == action]
        selector = default_selector(pod, snapshot.neighbours) if chosen else LabelSelector()
        return tuple(replace(_constraint(c, {}), selector=selector) for c in chosen) if selector else ()


def _involved(other: PodInfo, pod: PodInfo) -> bool:
    """Whether a pod is this one, or has a place and the same namespace."""
    return other.uid == pod.uid or (bool(other.node or other.nominated) and other.namespace == pod.namespace)


def has_keys(node: NodeInfo, constraints: Iterable[Constraint]) -> bool:
    """Whether the node has the labels of all constraints."""
    return all(constraint.key in node.labels for constraint in constraints)


def default_selector(pod: PodInfo, neighbours: Neighbours) -> LabelSelector:
    """What selects the pod and its like: its Services, and the workload that controls it. Empty if there is nothing."""
    merged: dict[str, str] = {}
    for service in neighbours.services(pod.namespace):
        wanted = (service.get("spec") or {}).get("selector")
        if wanted and all(pod.labels.get(key) == value for key, value in wanted.items()):
            merged.update(wanted)
    owner = controller_of(pod.obj)
    requirements: tuple[Requirement, ...] = ()
    if owner is not None and SELECTED_BY.get(owner["kind"]) == owner.get("apiVersion"):
        found = neighbours.owner(owner["kind"], pod.namespace, owner["name"])
        wanted = (found.get("spec") or {}).get("selector") if found is not None else None
        if wanted and owner["kind"] == "ReplicationController":
            merged.update(wanted)
        elif wanted:
            requirements = selector_of(wanted).requirements
    return LabelSelector((*(Requirement(key, "=", (value,)) for key, value in sorted(merged.items())), *requirements))


def _constraint(given: Mapping[str, Any], labels: Mapping[str, str]) -> Constraint:
    selector = selector_of(given.get("labelSelector"))
    same = tuple(Requirement(key, "=", (labels[key],)) for key in given.get("matchLabelKeys") or () if key in labels)
    return Constraint(
        given["topologyKey"],
        given["maxSkew"],
        LabelSelector((*same, *selector.requirements)) if same else selector,
        given.get("minDomains") or 1,
        given.get("nodeAffinityPolicy") != "Ignore",
        given.get("nodeTaintsPolicy") == "Honor",
    )


def _least(constraint: Constraint, counts: Mapping[str, int]) -> int:
    """The smallest number of pods of a domain; 0 while there are fewer domains than wanted."""
    if len(counts) < constraint.min_domains:
        return 0
    return min(counts.values(), default=2**31 - 1)
