"""Graceful node shutdown (KEP-2000, KEP-2712): which pods end when, and how long each has. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sampan.api.json import Obj
from sampan.kubelet.podspec import CRITICAL, spec

REASON = "Terminated"
MESSAGE = "Pod was terminated in response to imminent node shutdown."
REFUSED = ("NodeShutdown", "Pod was rejected as the node is shutting down.")


@dataclass(frozen=True, slots=True)
class Grace:
    """Pods of that priority and above, up to the next, have so many seconds."""

    priority: int
    seconds: int


def by_periods(whole: float, critical: float) -> tuple[Grace, ...]:
    """shutdownGracePeriod and shutdownGracePeriodCriticalPods, as priorities."""
    if whole <= 0 or critical > whole:
        return ()
    return Grace(0, int(whole - critical)), Grace(CRITICAL, int(critical))


@dataclass(frozen=True, slots=True)
class Group:
    """Pods that end together; each with the seconds that it has."""

    seconds: int
    pods: Sequence[tuple[Obj, int]]


def groups(graces: Iterable[Grace], pods: Iterable[Obj]) -> list[Group]:
    """The pods by priority, the least important first. Who is below all graces has the lowest."""
    ordered = sorted(graces, key=lambda grace: grace.priority)
    found: list[list[tuple[Obj, int]]] = [[] for _ in ordered]
    for pod in pods if ordered else ():
        priority = int(spec(pod).get("priority") or 0)
        index = max(0, sum(grace.priority <= priority for grace in ordered) - 1)
        own = spec(pod).get("terminationGracePeriodSeconds")
        seconds = ordered[index].seconds
        found[index].append((pod, seconds if own is None else min(seconds, int(own))))
    return [Group(grace.seconds, tuple(members)) for grace, members in zip(ordered, found, strict=True)]
