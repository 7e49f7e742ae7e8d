"""Looks every ten seconds how much a node has left; frees what nobody uses, then ends pods."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from sampan.aio.clock import Clock
from sampan.api.json import Obj
from sampan.kubelet.admission.judge import Refusal
from sampan.kubelet.eviction.course import Course, advance
from sampan.kubelet.eviction.ranking import ranked
from sampan.kubelet.eviction.thresholds import Threshold, met, observations
from sampan.kubelet.eviction.words import REASON, has_limits, past_limits, why
from sampan.kubelet.house_metrics import HouseMetrics
from sampan.kubelet.podspec import is_critical, spec
from sampan.kubelet.runtime import CriError
from sampan.kubelet.status import Waiting
from sampan.resources.node_selection import tolerates
from sampan.resources.strategies.qos import qos_class

log = logging.getLogger("sampan.kubelet")
EVERY = 10.0
CLEANED_WITHIN = 30.0
"""Seconds that evicted pods are waited for before the next look."""
AT_ONCE = 1
"""Seconds that a pod gets to end when a hard threshold is crossed."""
MEMORY_TAINT = {"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}


@dataclass(frozen=True, slots=True)
class Rules:
    """When pods have to go."""

    thresholds: Sequence[Threshold] = field(default_factory=tuple)
    transition: float = 300.0
    """Seconds for which a condition of pressure stays."""
    most_grace: int = 0
    """Seconds that a pod gets at most when a soft threshold is crossed."""
    local_storage: bool = True
    """Whether pods are held to their own limits of the node's disk."""


@dataclass(frozen=True, slots=True)
class Links:
    """What the evictor looks at and works with."""

    look: Callable[[], Awaitable[Obj]]
    """A Summary, made now. Raises CriError, OSError."""
    pods: Callable[[], Sequence[Obj]]
    evict: Callable[[str, Waiting, str, int | None], bool]
    """Ends a pod by its uid: why, the condition's message, seconds at most."""
    ended: Callable[[str], bool]
    tell: Callable[[str], None]
    """Posts an event EvictionThresholdMet about the node."""
    tell_pod: Callable[[Obj, str], None]
    free_containers: Callable[[], Awaitable[None]]
    free_images: Callable[[], Awaitable[None]]
    counts: HouseMetrics


class Evictor:
    """`conditions` are the node's; `refuse` keeps pods away while they hold."""

    def __init__(self, rules: Rules, links: Links, clock: Clock) -> None:
        self.rules, self._links, self._clock = rules, links, clock
        self._course = Course()

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions of pressure that hold."""
        return self._course.conditions

    def refuse(self, pod: Obj) -> Refusal | None:
        """A pod may not come to a node under pressure, unless it is critical or asks for a part of the memory."""
        held = self.conditions
        if not held or is_critical(pod):
            return None
        if held == ("MemoryPressure",):
            patient = any(tolerates(one, MEMORY_TAINT) for one in spec(pod).get("tolerations") or ())
            if qos_class(spec(pod)) != "BestEffort" or patient:
                return None
        return REASON, f"The node had condition: [{' '.join(held)}]. "

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                gone = await self.look()
            except (CriError, OSError) as error:
                log.warning("eviction: %s", error)
                gone = []
            if gone:
                await self._cleaned(gone)
            else:
                await self._clock.sleep(EVERY)

    async def look(self) -> list[Obj]:
        """Look once and do what follows; the pods that were evicted. Raises CriError, OSError."""
        rules, links = self.rules, self._links
        pods = list(links.pods())
        limited = [pod for pod in pods if has_limits(pod)] if rules.local_storage else []
        if not rules.thresholds and not limited:
            return []
        summary = await links.look()
        self._course, urgent = advance(
            self._course, rules.thresholds, observations(summary), rules.transition, self._clock.monotonic()
        )
        stats = {entry["podRef"]["uid"]: entry for entry in summary["pods"]}
        dedicated = has_own_images(summary)
        if gone := self._past_limits(limited, stats, dedicated=dedicated):
            return gone
        if not urgent:
            return []
        first = urgent[0]
        links.tell(f"Attempting to reclaim {first.resource}")
        if await self._freed(first, dedicated=dedicated):
            return []
        for pod in ranked(first.signal, first.resource, pods, stats, dedicated=dedicated):
            grace = AT_ONCE if not first.grace else rules.most_grace
            text = why(first.resource, pod, stats.get(pod["metadata"]["uid"]), urgent, self._course.seen)
            if self._evict(pod, text, text, grace):
                links.counts.evicted(first.signal)
                return [pod]
        return []

    def _past_limits(self, pods: Sequence[Obj], stats: dict[str, Obj], *, dedicated: bool) -> list[Obj]:
        gone = []
        for pod in pods:
            found = stats.get(pod["metadata"]["uid"])
            signal, text = past_limits(pod, found, dedicated=dedicated) if found is not None else ("", "")
            if text and self._evict(pod, text, "", AT_ONCE):
                self._links.counts.evicted(signal)
                gone.append(pod)
        return gone

    def _evict(self, pod: Obj, text: str, condition: str, grace: int) -> bool:
        if is_critical(pod):
            log.error("pod %s is critical: not evicted", pod["metadata"]["name"])
            return False
        if not self._links.evict(pod["metadata"]["uid"], Waiting(REASON, text), condition, grace):
            return False
        self._links.tell_pod(pod, text)
        return True

    async def _freed(self, one: Threshold, *, dedicated: bool) -> bool:
        """Whether it was enough to remove what nobody uses."""
        if one.resource in ("memory", "pids") or (dedicated and one.signal.startswith("nodefs.")):
            return False
        for free in (self._links.free_containers, self._links.free_images):
            try:
                await free()
            except CriError as error:
                log.warning("eviction: %s", error.message)
        return not met(self.rules.thresholds, observations(await self._links.look()), reclaimed=True)

    async def _cleaned(self, pods: Sequence[Obj]) -> None:
        until = self._clock.monotonic() + CLEANED_WITHIN
        while self._clock.monotonic() < until:
            await self._clock.sleep(1.0)
            if all(self._links.ended(pod["metadata"]["uid"]) for pod in pods):
                return


def has_own_images(summary: Obj) -> bool:
    """Whether images lie on another file system than the node's own."""
    disk, images = summary["node"].get("fs"), (summary["node"].get("runtime") or {}).get("imageFs")
    if disk is None or images is None:
        return False
    return any(disk.get(key) != images.get(key) for key in ("capacityBytes", "inodes"))
