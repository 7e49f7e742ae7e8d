"""The scheduling queue: active, backing off, parked; and which event wakes which pod. `now` is monotonic seconds."""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count

from sampan.scheduler.framework import ClusterEvent
from sampan.scheduler.pod import PodInfo, PodKey

PARKED_AT_MOST = 300.0
"""After that many seconds a parked pod is tried again, whatever happened (upstream: 5 min)."""


@dataclass(slots=True)
class Entry:
    """A pod that waits for a node."""

    pod: PodInfo
    added: float
    attempts: int = 0
    place: str = "active"
    until: float = 0.0
    plugins: frozenset[str] = frozenset()
    missed: bool = False
    """An event came while the pod was being decided upon: do not park it."""


@dataclass(slots=True)
class SchedulingQueue:
    """Pods in order of priority, then age."""

    wakes: Mapping[str, frozenset[ClusterEvent]]
    """Plugin name to the events that may help a pod which it turned away."""
    first_backoff: float = 1.0
    most_backoff: float = 10.0
    entries: dict[PodKey, Entry] = field(default_factory=dict)
    _heap: list[tuple[int, float, int, PodKey]] = field(default_factory=list)
    _timers: list[tuple[float, int, PodKey]] = field(default_factory=list)
    _order: "count[int]" = field(default_factory=count)
    _waiting: dict[PodKey, None] = field(default_factory=dict)
    """Pods that are parked or in flight: those that an event can move."""

    def put(self, pod: PodInfo, now: float) -> None:
        """A new pod, or a newer state of one that waits. A changed pod may fit now, so it is tried again."""
        entry = self.entries.get(pod.key)
        if entry is None or entry.pod.uid != pod.uid:
            entry = self.entries[pod.key] = Entry(pod, now)
            self._activate(entry)
            return
        same_spec = entry.pod.obj.get("spec") == pod.obj.get("spec") and entry.pod.labels == pod.labels
        entry.pod = pod
        if entry.place == "parked" and not same_spec:
            self._wake(entry, now)

    def remove(self, key: PodKey) -> None:
        """The pod is gone, bound or no longer ours."""
        self.entries.pop(key, None)
        self._waiting.pop(key, None)

    def pop(self, now: float) -> PodInfo | None:
        """The next pod to decide upon; it stays known as in flight until `unschedulable`, `failed` or `remove`."""
        self._due(now)
        while self._heap:
            _, _, _, key = heapq.heappop(self._heap)
            entry = self.entries.get(key)
            if entry is not None and entry.place == "active":
                entry.place, entry.missed = "in flight", False
                self._waiting[key] = None
                entry.attempts += 1
                return entry.pod
        return None

    def unschedulable(self, key: PodKey, plugins: frozenset[str], now: float) -> None:
        """No node fits: park it until an event that these plugins care about."""
        entry = self.entries.get(key)
        if entry is None:
            return
        entry.plugins = plugins
        entry.until = now + self.backoff(entry)
        if entry.missed:
            self._wake(entry, now)
            return
        entry.place = "parked"
        heapq.heappush(self._timers, (now + PARKED_AT_MOST, next(self._order), key))

    def failed(self, key: PodKey, now: float) -> None:
        """Something went wrong on the way (bind refused): try again after the back-off."""
        entry = self.entries.get(key)
        if entry is not None:
            entry.until = now + self.backoff(entry)
            self._wake(entry, now)

    def event(self, event: ClusterEvent, now: float) -> None:
        """Something changed in the cluster: wake the pods that it may help."""
        for key in list(self._waiting):
            entry = self.entries[key]
            if entry.place == "in flight":
                entry.missed = True
            elif entry.place == "parked" and any(event in self.wakes.get(name, ()) for name in entry.plugins):
                self._wake(entry, now)

    def next_due(self) -> float | None:
        """When `pop` may have something that it has not now; None: only after an event."""
        return self._timers[0][0] if self._timers else None

    def ready(self) -> bool:
        """Whether a pod waits to be popped right now."""
        return any(self.entries.get(item[3]) and self.entries[item[3]].place == "active" for item in self._heap)

    def backoff(self, entry: Entry) -> float:
        """1, 2, 4, 8, 10, 10, … seconds."""
        return float(min(self.most_backoff, self.first_backoff * 2.0 ** max(0, entry.attempts - 1)))

    def _activate(self, entry: Entry) -> None:
        entry.place = "active"
        self._waiting.pop(entry.pod.key, None)
        heapq.heappush(self._heap, (-entry.pod.priority, entry.added, next(self._order), entry.pod.key))

    def _wake(self, entry: Entry, now: float) -> None:
        if entry.until <= now:
            self._activate(entry)
        else:
            entry.place = "backing off"
            self._waiting.pop(entry.pod.key, None)
            heapq.heappush(self._timers, (entry.until, next(self._order), entry.pod.key))

    def _due(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            _, _, key = heapq.heappop(self._timers)
            entry = self.entries.get(key)
            if entry is None or entry.place not in ("backing off", "parked"):
                continue
            if entry.place == "backing off" and entry.until > now:
                continue  # an older timer of a pod that waits anew
            self._activate(entry)
