"""Pod + snapshot + plugins to Placement or Unschedulable."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sampan.api import json
from sampan.api.json import Obj
from sampan.scheduler.framework import (
    FITS,
    DevicePlan,
    Filter,
    Hopeless,
    Placement,
    Reasons,
    Rejected,
    Score,
    Stretch,
    Unschedulable,
    Weigher,
)
from sampan.scheduler.plugins.devices import DynamicResources
from sampan.scheduler.plugins.volumes import VolumeBinding
from sampan.scheduler.pod import PodInfo
from sampan.scheduler.snapshot import NodeInfo, Snapshot

MIN_FEASIBLE = 100
"""So many fitting nodes are looked for at least (upstream: minFeasibleNodesToFind)."""
Lap = Callable[[str, str], None]
"""Called when an extension point has been passed, with its name and status: whoever measures knows the time."""
States = Sequence[tuple[Filter, Any]]
"""Filters that have something to say of a pod, each with what it has prepared."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The rules of one scheduler, in the order in which they are asked."""

    filters: tuple[Filter, ...]
    scores: tuple[Score, ...]
    weighers: tuple[Weigher, ...] = ()
    name: str = "default-scheduler"
    percentage: int = 0
    """How many of the nodes are looked at until enough fit; 0: as many as upstream finds right for their number."""
    preempts: bool = True
    deallocates: bool = True
    """Claims on devices that keep a pod from all nodes are looked at before others are evicted."""
    candidates: tuple[int, int] = (10, 100)
    """Of so many percent of the nodes, and of so many at least, it is found out what eviction would do."""
    alternatives: int = 2
    """What it weighs that claims on devices get an earlier one of their alternatives; 0: nothing."""
    gates: bool = True
    """Pods with schedulingGates wait (upstream's plugin SchedulingGates)."""
    bind_timeout: float = 600.0
    """Seconds that a pod waits for its claims to be bound."""


def enough(nodes: int, percentage: int = 0) -> int:
    """How many fitting nodes are scored in a cluster of that size; by itself 50 - n/125 percent, and 5 at least."""
    if nodes <= MIN_FEASIBLE:
        return nodes
    return max(MIN_FEASIBLE, nodes * (percentage or max(5, 50 - nodes // 125)) // 100)


class Seen:
    """What the local rules say of a pod on a node, as long as the node is that very one."""

    __slots__ = ("fixed", "node", "plugin", "shares", "why")

    def __init__(self, node: NodeInfo, plugin: str, why: Reasons) -> None:
        self.node, self.plugin, self.why = node, plugin, why
        self.fixed = -1
        """The weighted sum of scores that need no comparison; -1: not asked yet."""
        self.shares: tuple[int, ...] = ()


class Recall:
    """What was found of pods of a kind, by node: pods with the same wishes (a ReplicaSet's) come in a row."""

    MOST = 32
    """So many kinds of pods are remembered."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, bytes], dict[str, Seen]] = {}

    def of(self, profile: Profile, pod: PodInfo) -> dict[str, Seen]:
        """What is known for such a pod, by node name; the caller adds to it."""
        key = (profile.name, wishes(pod))
        found = self._kept.pop(key, None)
        if found is None:
            found = {}
            if len(self._kept) >= self.MOST:
                del self._kept[next(iter(self._kept))]
        self._kept[key] = found
        return found


def wishes(pod: PodInfo) -> bytes:
    """All that local rules look at in a pod."""
    return json.dumps(
        [pod.requests, pod.scored, pod.ports, pod.tolerations, pod.node_selector, pod.node_affinity, pod.node]
    )


class Trial:
    """One pod before the nodes of a snapshot. To make it raises Rejected if the pod fits none, whatever they are."""

    def __init__(self, pod: PodInfo, snapshot: Snapshot, profile: Profile, recall: Recall) -> None:
        self.pod, self.snapshot, self.profile = pod, snapshot, profile
        self.seen = recall.of(profile, pod)
        asked = [(rule, rule.prepare(pod, snapshot)) for rule in profile.filters]
        active = [(rule, state) for rule, state in asked if state is not None]
        self.local: States = [(rule, state) for rule, state in active if rule.local]
        self.others: States = [(rule, state) for rule, state in active if not rule.local]

    def fitting(self, nodes: Sequence[NodeInfo], wanted: int) -> tuple[list[NodeInfo], dict[str, tuple[str, Reasons]]]:
        """The first `wanted` nodes that the pod fits, and what is said of those that it does not fit."""
        found: list[NodeInfo] = []
        said: dict[str, tuple[str, Reasons]] = {}
        alone = not self.others and not self.snapshot.nominated
        known = self.seen
        for node in nodes:
            seen = known.get(node.name) if alone else None
            if seen is None or seen.node is not node or seen.why:
                looked = self.look(node)
                if looked[1]:
                    said[node.name] = looked
                    continue
            found.append(node)
            if len(found) >= wanted:
                break
        return found, said

    def look(self, node: NodeInfo) -> tuple[str, Reasons]:
        """The plugin that turns the node away and why; no reasons if the pod fits."""
        seen = self.seen.get(node.name)
        if seen is None or seen.node is not node:
            seen = self.seen[node.name] = Seen(node, *first_reason(self.local, node))
        if seen.why:
            return seen.plugin, seen.why
        if self.others:
            plugin, why = first_reason(self.others, node)
            if why:
                return plugin, why
        return self._beside_nominated(node)

    def _beside_nominated(self, node: NodeInfo) -> tuple[str, Reasons]:
        """Whether it also fits when the pods that are awaited there have come."""
        awaited = self.snapshot.nominated.get(node.name)
        if not awaited:
            return "", FITS
        others = self.others
        for pod in awaited.values():
            if pod.priority >= self.pod.priority and pod.key != self.pod.key:
                others = shifted(others, pod, node, 1)
                node = node.with_pod(pod)
        plugin, why = first_reason(self.local, node)
        return (plugin, why) if why else first_reason(others, node)

    def judge(self, node: NodeInfo, others: States) -> Reasons:
        """Why the pod does not fit a node as it might be, where counting rules have come to `others`."""
        return first_reason(self.local, node)[1] or first_reason(others, node)[1]

    def best(
        self, nodes: Sequence[NodeInfo], points: Mapping[str, int] | None = None, lap: "Lap | None" = None
    ) -> NodeInfo:
        """The node with the highest weighted score; the first one of equals. `points`: more for some, by name."""
        looked = [(rule, rule.look(self.pod, self.snapshot)) for rule in self.profile.weighers]
        if lap is not None:
            lap("PreScore", "Success")
        totals = self._local_scores(nodes)
        if points:
            totals = [t + points.get(node.name, 0) for t, node in zip(totals, nodes, strict=True)]
        for rule, state in looked:
            if state is not None:
                weight = rule.weight
                totals = [t + weight * s for t, s in zip(totals, rule.scores(state, nodes), strict=True)]
        if self.others and self.profile.alternatives:
            totals = self._by_alternatives(nodes, totals)
        if lap is not None:
            lap("Score", "Success")
        return nodes[max(range(len(nodes)), key=totals.__getitem__)]

    def _by_alternatives(self, nodes: Sequence[NodeInfo], totals: list[int]) -> list[int]:
        weight = self.profile.alternatives
        for rule, state in self.others:
            if isinstance(rule, DynamicResources):
                given = stretched(rule.points(state, nodes), "share")
                return [t + weight * g for t, g in zip(totals, given, strict=True)]
        return totals

    def _local_scores(self, nodes: Sequence[NodeInfo]) -> list[int]:
        asked = [(rule, rule.prepare(self.pod, self.snapshot)) for rule in self.profile.scores]
        active = [(rule, state) for rule, state in asked if state is not None]
        shared = [(rule, state) for rule, state in active if rule.stretch != "no"]
        plain = [(rule, state) for rule, state in active if rule.stretch == "no"]
        found = []
        for node in nodes:
            seen = self.seen.get(node.name)
            if seen is None or seen.node is not node:
                seen = self.seen[node.name] = Seen(node, "", FITS)
            if seen.fixed < 0:
                seen.fixed = sum(rule.weight * rule.score(state, node) for rule, state in plain)
                seen.shares = tuple(rule.score(state, node) for rule, state in shared)
            found.append(seen)
        totals = [seen.fixed for seen in found]
        for index, (rule, _) in enumerate(shared):
            given = stretched([seen.shares[index] for seen in found], rule.stretch)
            totals = [t + rule.weight * g for t, g in zip(totals, given, strict=True)]
        return totals

    def claims(self, node: NodeInfo) -> tuple[Any, ...]:
        """What the pod's unbound claims need on the chosen node."""
        for rule, state in self.others:
            if isinstance(rule, VolumeBinding):
                return rule.plan(state, node) or ()
        return ()

    def unavailable(self) -> tuple[Obj, ...]:
        """Claims on devices whose allocation kept the pod from nodes."""
        states = (state for rule, state in self.others if isinstance(rule, DynamicResources))
        return tuple(claim for state in states for claim in state.unavailable)

    def devices(self, node: NodeInfo) -> tuple[DevicePlan, ...]:
        """What the pod's claims on devices get on the chosen node."""
        for rule, state in self.others:
            if isinstance(rule, DynamicResources):
                return rule.plan(state, node)
        return ()


def first_reason(states: States, node: NodeInfo) -> tuple[str, Reasons]:
    """The first rule that turns the node away, and why."""
    for rule, state in states:
        if why := rule.filter(state, node):
            return rule.name, why
    return "", FITS


def shifted(states: States, pod: PodInfo, node: NodeInfo, step: int) -> States:
    """What the rules have prepared, after that pod came to the node (step 1) or left it (-1)."""
    made: list[tuple[Filter, Any]] = []
    for rule, state in states:
        moved: Callable[..., Any] | None = getattr(rule, "moved", None)
        made.append((rule, state if moved is None else moved(state, pod, node, step)))
    return made


def stretched(given: list[int], how: Stretch) -> list[int]:
    """Scores as 0..100 (upstream: DefaultNormalizeScore)."""
    high = max(given)
    if high == 0:
        return [100] * len(given) if how == "inverse" else given
    if how == "inverse":
        return [100 - 100 * g // high for g in given]
    return [100 * g // high for g in given]


@dataclass(frozen=True, slots=True)
class Found:
    """The nodes that a pod fits, or enough of them, and what was said of others."""

    trial: Trial
    nodes: tuple[NodeInfo, ...]
    said: Mapping[str, tuple[str, Reasons]]

    def placed(self, points: Mapping[str, int] | None = None, lap: Lap | None = None) -> Placement:
        """The best of the nodes; `points`: more for some of them, by name. `lap` is told what has been done."""
        node = self.nodes[0] if len(self.nodes) == 1 else self.trial.best(self.nodes, points, lap)
        return Placement(node.name, self.trial.claims(node), self.trial.devices(node))

    def none_left(self) -> Unschedulable:
        """What is told when the pod fits nowhere."""
        return refused(len(self.trial.snapshot.nodes), self.said)


def decide(
    pod: PodInfo, snapshot: Snapshot, profile: Profile, start: int, recall: Recall | None = None
) -> Placement | Unschedulable:
    """Where a pod goes. `start` rotates which node is looked at first, so that all get their turn."""
    answer = feasible(pod, snapshot, profile, Start(start, recall or Recall()))
    return answer if isinstance(answer, Unschedulable) else answer.placed()


class Start(NamedTuple):
    """How to begin: at which node, with what is known, and who measures."""

    node: int
    recall: Recall
    lap: Lap | None = None


def feasible(pod: PodInfo, snapshot: Snapshot, profile: Profile, start: Start) -> Found | Unschedulable:
    """The nodes that the pod fits, or enough of them to choose from; or why there is none."""
    total, lap = len(snapshot.nodes), start.lap
    if not total:
        return Unschedulable("no nodes available to schedule pods", frozenset(f.name for f in profile.filters))
    try:
        trial = Trial(pod, snapshot, profile, start.recall)
    except Rejected as rejected:
        if lap is not None:
            lap("PreFilter", "UnschedulableAndUnresolvable")
        message = f"0/{total} nodes are available: {rejected.reason}."
        return Unschedulable(message, frozenset((rejected.plugin,)))
    if lap is not None:
        lap("PreFilter", "Success")
    nominated = snapshot.nodes.get(pod.nominated) if pod.nominated else None
    if nominated is not None and not trial.look(nominated)[1]:
        return Found(trial, (nominated,), {})
    every = list(snapshot.nodes.values())
    offset = start.node % total
    fitting, said = trial.fitting(every[offset:] + every[:offset], enough(total, profile.percentage))
    if lap is not None:
        lap("Filter", "Success" if fitting else "Unschedulable")
    if fitting:
        return Found(trial, tuple(fitting), said)
    return replace(refused(total, said), claims=trial.unavailable())


def refused(total: int, said: Mapping[str, tuple[str, Reasons]]) -> Unschedulable:
    """That no node fits, by what was said of each."""
    mendable = tuple(name for name, (_, why) in said.items() if not isinstance(why, Hopeless))
    plugins = frozenset(plugin for plugin, _ in said.values())
    return Unschedulable(histogram(total, [why for _, why in said.values()]), plugins, mendable)


def histogram(total: int, reasons: Sequence[Reasons]) -> str:
    """Upstream's message: how often each reason was given, sorted."""
    counts: dict[str, int] = {}
    for why in reasons:
        for reason in why:
            counts[reason] = counts.get(reason, 0) + 1
    listing = ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))
    return f"0/{total} nodes are available: {listing}."
