"""Pod + snapshot + plugins to Placement or Unschedulable."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sampan.scheduler.framework import Filter, Placement, Rejected, Score, Unschedulable
from sampan.scheduler.plugins.volumes import VolumeBinding
from sampan.scheduler.pod import PodInfo
from sampan.scheduler.snapshot import NodeInfo, Snapshot

MIN_FEASIBLE = 100
"""So many fitting nodes are looked for at least (upstream: minFeasibleNodesToFind)."""


def enough(nodes: int) -> int:
    """How many fitting nodes are scored in a cluster of that size: upstream's adaptive percentage, 50 - n/125, >= 5."""
    if nodes <= MIN_FEASIBLE:
        return nodes
    return max(MIN_FEASIBLE, nodes * max(5, 50 - nodes // 125) // 100)


@dataclass(frozen=True, slots=True)
class Profile:
    """The rules of one scheduler."""

    filters: tuple[Filter, ...]
    scores: tuple[Score, ...]


def decide(pod: PodInfo, snapshot: Snapshot, profile: Profile, start: int) -> Placement | Unschedulable:
    """Where a pod goes. `start` rotates which node is looked at first, so that all get their turn."""
    total = len(snapshot.nodes)
    if not total:
        return Unschedulable("no nodes available to schedule pods", frozenset(f.name for f in profile.filters))
    try:
        active = [(f, state) for f in profile.filters if (state := f.prepare(pod, snapshot)) is not None]
    except Rejected as rejected:
        message = f"0/{total} nodes are available: {rejected.reason}."
        return Unschedulable(message, frozenset((rejected.plugin,)))
    nodes = list(snapshot.nodes.values())
    offset = start % total
    fitting: list[NodeInfo] = []
    wanted = enough(total)
    reasons: dict[str, int] = {}
    turned_away: set[str] = set()
    for node in nodes[offset:] + nodes[:offset]:
        for rule, state in active:
            if why := rule.filter(state, node):
                turned_away.add(rule.name)
                for reason in why:
                    reasons[reason] = reasons.get(reason, 0) + 1
                break
        else:
            fitting.append(node)
            if len(fitting) >= wanted:
                break
    if not fitting:
        listing = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
        return Unschedulable(f"0/{total} nodes are available: {listing}.", frozenset(turned_away))
    node = best(pod, snapshot, fitting, profile.scores)
    return Placement(node.name, _claims(active, node))


def best(pod: PodInfo, snapshot: Snapshot, nodes: Sequence[NodeInfo], scores: Sequence[Score]) -> NodeInfo:
    """The node with the highest weighted score; the first one of equals."""
    if len(nodes) == 1:
        return nodes[0]
    totals = [0.0] * len(nodes)
    for rule in scores:
        state = rule.prepare(pod, snapshot)
        if state is None:
            continue
        given = [rule.score(state, node) for node in nodes]
        if rule.relative:
            low, high = min(given), max(given)
            given = [100.0 * (g - low) / (high - low) for g in given] if high > low else [0.0] * len(nodes)
        for index, number in enumerate(given):
            totals[index] += rule.weight * number
    return nodes[max(range(len(nodes)), key=totals.__getitem__)]


def _claims(active: Sequence[tuple[Filter, Any]], node: NodeInfo) -> tuple[Any, ...]:
    for rule, state in active:
        if isinstance(rule, VolumeBinding):
            return rule.plan(state, node) or ()
    return ()
