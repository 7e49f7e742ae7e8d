"""NodeResourcesFit and NodeResourcesBalancedAllocation: does it fit, and where is most left (or least, or a shape)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import sqrt
from typing import ClassVar

from sampan.scheduler.events import Events, on
from sampan.scheduler.framework import FITS, Hopeless, Reasons, Stretch
from sampan.scheduler.pod import PodInfo
from sampan.scheduler.snapshot import NodeInfo, Snapshot

FIRST = ("cpu", "memory", "ephemeral-storage")
Weights = tuple[tuple[str, int], ...]
"""Resource names with their weights."""
CPU_AND_MEMORY: Weights = (("cpu", 1), ("memory", 1))
Part = Callable[[int, int], int]
"""(requested, capacity) of one resource to 0..100."""


def least_allocated(requested: int, capacity: int) -> int:
    """Much is left: good."""
    return (capacity - requested) * 100 // capacity if 0 < requested <= capacity or not requested else 0


def most_allocated(requested: int, capacity: int) -> int:
    """Much is taken: good, so that other nodes stay empty."""
    return min(requested, capacity) * 100 // capacity


def shaped(points: Sequence[tuple[int, int]]) -> Part:
    """RequestedToCapacityRatio: straight lines between (utilization 0..100, score 0..10)."""
    scaled = [(at, score * 10) for at, score in points]

    def part(requested: int, capacity: int) -> int:
        used = 100 if requested > capacity else requested * 100 // capacity
        for (left, low), (right, high) in pairwise(scaled):
            if used <= left:
                return low
            if used <= right:
                return low + int((high - low) * (used - left) / (right - left))
        return scaled[0][1] if used <= scaled[0][0] else scaled[-1][1]

    return part


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What a pod asks for: to be fitted in, and by resource to be scored."""

    wanted: tuple[tuple[str, int], ...]
    scored: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class NodeResourcesFit:
    """Upstream's plugin of the same name; its scoring strategy is LeastAllocated over CPU and memory by default."""

    name: ClassVar = "NodeResourcesFit"
    local: ClassVar = True
    stretch: ClassVar[Stretch] = "no"

    part: Part = least_allocated
    resources: Weights = CPU_AND_MEMORY
    skips_zero: bool = False
    """A resource that scores 0 does not count (RequestedToCapacityRatio)."""
    ignored: frozenset[str] = frozenset()
    """Extended resources, or groups of them, that are not looked at."""
    weight: int = 1

    @property
    def events(self) -> Events:
        pods = on("Pod", ("Delete",), self._freed) | on("Pod", ("UpdatePodScaleDown",), self._shrunk)
        return {**pods, **on("Node", ("Add", "UpdateNodeAllocatable"), self._mended)}

    @staticmethod
    def _freed(pod: PodInfo, old: PodInfo, new: None, look: Snapshot) -> bool:
        return bool(old.node or old.nominated)

    @staticmethod
    def _shrunk(pod: PodInfo, old: PodInfo, new: PodInfo, look: Snapshot) -> bool:
        if new.uid == pod.uid:
            return True
        less = (n for n, wanted in pod.requests.items() if wanted and old.requests.get(n, 0) > new.requests.get(n, 0))
        return bool(new.node) and any(True for _ in less)

    def _mended(self, pod: PodInfo, old: NodeInfo | None, new: NodeInfo, look: Snapshot) -> bool:
        """The node alone has enough, and more than before of something that the pod wants."""
        have, wanted = new.allocatable, self.prepare(pod, look).wanted
        if not have.get("pods") or any(number > have.get(name, 0) for name, number in wanted):
            return False
        if old is None or have["pods"] > old.allocatable.get("pods", 0):
            return True
        return any(have.get(name, 0) > old.allocatable.get(name, 0) for name, _ in wanted)

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> State:
        wanted = [(name, pod.requests[name]) for name in FIRST if pod.requests.get(name)]
        wanted += [(n, number) for n, number in pod.requests.items() if number and n not in FIRST]
        if self.ignored:
            wanted = [(n, number) for n, number in wanted if not self._ignores(n)]
        scored = {**pod.requests, "cpu": pod.scored[0], "memory": pod.scored[1]}
        return State(tuple(wanted), scored)

    def _ignores(self, name: str) -> bool:
        return "/" in name and (name in self.ignored or name.partition("/")[0] in self.ignored)

    def filter(self, state: State, node: NodeInfo) -> Reasons:
        reasons = []
        hopeless = False
        requested, allocatable = node.requested, node.allocatable
        if len(node.pods) + 1 > allocatable.get("pods", 0):
            reasons.append("Too many pods")
        for name, number in state.wanted:
            most = allocatable.get(name, 0)
            if number > most - requested.get(name, 0):
                reasons.append(f"Insufficient {name}")
                hopeless = hopeless or number > most
        if not reasons:
            return FITS
        return Hopeless(reasons) if hopeless else tuple(reasons)

    def score(self, state: State, node: NodeInfo) -> int:
        total = weights = 0
        held = {"cpu": node.scored[0], "memory": node.scored[1]}
        for name, weight in self.resources:
            capacity = node.allocatable.get(name, 0)
            asked = state.scored.get(name, 0)
            if not capacity or ("/" in name and not asked):
                continue
            taken = held[name] if name in held else node.requested.get(name, 0)
            given = self.part(taken + asked, capacity)
            if given or not self.skips_zero:
                total += given * weight
                weights += weight
        if not weights:
            return 0
        return (2 * total + weights) // (2 * weights) if self.skips_zero else total // weights


@dataclass(frozen=True, slots=True)
class NodeResourcesBalancedAllocation:
    """Prefers nodes on which the pod makes the shares of CPU and memory in use more equal."""

    name: ClassVar = "NodeResourcesBalancedAllocation"
    stretch: ClassVar[Stretch] = "no"

    resources: Weights = field(default=CPU_AND_MEMORY)
    weight: int = 1

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> PodInfo | None:
        return pod if any(pod.requests.get(name) for name, _ in self.resources) else None

    def score(self, state: PodInfo, node: NodeInfo) -> int:
        before, after = [], []
        for name, _ in self.resources:
            capacity = node.allocatable.get(name, 0)
            asked = state.requests.get(name, 0)
            if capacity and (asked or "/" not in name):
                taken = node.requested.get(name, 0)
                before.append(min(1.0, taken / capacity))
                after.append(min(1.0, (taken + asked) / capacity))
        return 50 + (50 + _evenness(after) - _evenness(before)) // 2


def _evenness(shares: Sequence[float]) -> int:
    """100 if all shares are the same, less by their standard deviation."""
    if len(shares) == 2:
        return int((1 - abs(shares[0] - shares[1]) / 2) * 100)
    if len(shares) < 2:
        return 100
    mean = sum(shares) / len(shares)
    return int((1 - sqrt(sum((share - mean) ** 2 for share in shares) / len(shares))) * 100)
