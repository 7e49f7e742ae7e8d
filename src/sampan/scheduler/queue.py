"""The scheduling queue: active, backing off, unschedulable, gated; and which event moves which pod.

`now` is monotonic seconds. Rules of upstream's PriorityQueue with queueing hints and SchedulerPopFromBackoffQ.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from math import floor
from typing import Any, Literal

from sampan.scheduler.events import (
    ACTIVATE,
    BACKOFF_COMPLETE,
    FAILURE,
    FROM_BACKOFF,
    TIMEOUT,
    WAITING,
    Event,
    Hint,
    pod_changes,
)
from sampan.scheduler.pod import PodInfo, PodKey
from sampan.scheduler.snapshot import Snapshot

UNSCHEDULABLE_AT_MOST = 300.0
"""After that many seconds an unschedulable pod is tried again, whatever happened."""
Place = Literal["active", "backoff", "unschedulable", "in flight"]
Hints = Mapping[str, Mapping[Event, tuple[tuple[str, Hint | None], ...]]]
"""Profile to event to the plugins that it concerns."""
Move = tuple[Event, Any, Any]
ADDED = Event(WAITING, "Add")


@dataclass(slots=True)
class Entry:
    """A pod that waits for a node."""

    pod: PodInfo
    stamp: float
    """When it was last put into a queue: the older goes first."""
    began: float
    attempts: int = 0
    rejections: int = 0
    errors: int = 0
    """In a row."""
    place: Place = "unschedulable"
    expires: float = 0.0
    """End of its back-off; 0: none."""
    plugins: frozenset[str] = frozenset()
    """Those that turned it away."""
    gate: str = ""
    """The plugin that keeps it from being tried at all."""
    flushed: bool = False
    version: int = 0
    """Tells its newest place in a heap from older ones."""


def ungated(pod: PodInfo) -> str:
    """No pod waits for anything."""
    return ""


@dataclass(slots=True)
class SchedulingQueue:
    """Pods in order of priority, then of time."""

    hints: Hints
    snapshot: Snapshot | None = None
    """What hints may look at."""
    gate: Callable[[PodInfo], str] = ungated
    """The plugin that keeps a pod from being tried now; empty: none."""
    first_backoff: float = 1.0
    most_backoff: float = 10.0
    entries: dict[PodKey, Entry] = field(default_factory=dict)
    incoming: dict[tuple[str, ...], int] = field(default_factory=dict)
    """How many pods came to a queue by an event."""
    _active: list[tuple[int, float, int, PodKey, int]] = field(default_factory=list)
    _backoff: list[tuple[float, int, float, int, PodKey, int]] = field(default_factory=list)
    _errors: list[tuple[float, int, PodKey, int]] = field(default_factory=list)
    _timers: list[tuple[float, int, PodKey, int]] = field(default_factory=list)
    _order: "count[int]" = field(default_factory=count)
    _parked: dict[PodKey, None] = field(default_factory=dict)
    _flying: set[PodKey] = field(default_factory=set)
    _missed: list[Move] = field(default_factory=list)
    """What happened while pods were being decided upon."""

    # ---- pods come and go

    def put(self, pod: PodInfo, now: float) -> None:
        """A new pod, or a newer state of one that waits. A change may make it fit, so it may be tried again."""
        entry = self.entries.get(pod.key)
        if entry is None or entry.pod.uid != pod.uid:
            self.remove(pod.key)
            entry = self.entries[pod.key] = Entry(pod, now, now)
            self._to_active(entry, ADDED.label)
            return
        before, entry.pod = entry.pod, pod
        if entry.place == "in flight":
            self._missed += [(event, before, pod) for event in pod_changes(before, pod)]
        elif entry.place == "unschedulable":
            for event in pod_changes(before, pod):
                if self._concerns(entry, event, before, pod):
                    self._requeue(entry, event.label, now)
                    break

    def remove(self, key: PodKey) -> None:
        """The pod is gone, bound or no longer ours."""
        self.entries.pop(key, None)
        self._parked.pop(key, None)
        self._landed(key)

    def pop(self, now: float) -> PodInfo | None:
        """The next pod to decide upon; with nothing else to do, one whose back-off is not over yet.

        It stays known as in flight until `unschedulable`, `failed`, `placed` or `remove`.
        """
        self.flush(now)
        entry = self._next(self._active, "active")
        if entry is None:
            entry = self._next(self._backoff, "backoff")
            if entry is None:
                return None
            self._count("active", FROM_BACKOFF)
        entry.place, entry.expires, entry.plugins = "in flight", 0.0, frozenset()
        entry.attempts += 1
        entry.version += 1
        self._flying.add(entry.pod.key)
        return entry.pod

    def placed(self, key: PodKey) -> None:
        """It has a node and is being bound: what happens now is not for it."""
        self._landed(key)

    def unschedulable(self, key: PodKey, plugins: frozenset[str], now: float) -> None:
        """No node fits: it waits for an event that these plugins care about, if none came meanwhile."""
        entry = self.entries.get(key)
        if entry is None:
            self._landed(key)
            return
        missed = list(self._missed)
        entry.stamp, entry.plugins, entry.flushed = now, plugins, False
        if plugins:
            entry.rejections += 1
            entry.errors = 0
        else:
            entry.errors += 1
        wakes = not plugins or any(self._concerns(entry, *one) for one in missed)
        self._landed(key)
        if wakes:
            self._requeue(entry, FAILURE, now)
        else:
            self._park(entry, FAILURE)

    def failed(self, key: PodKey, now: float) -> None:
        """Something went wrong on the way (bind refused): try again after the back-off."""
        self.unschedulable(key, frozenset(), now)

    def activate(self, key: PodKey, now: float) -> None:
        """What kept the pod is over: try it at once."""
        entry = self.entries.get(key)
        if entry is None:
            return
        if entry.place == "in flight":
            self._missed.append((ACTIVATE, None, None))
        elif entry.place != "active":
            self._to_active(entry, ACTIVATE.action)

    # ---- events

    def event(self, event: Event, old: Any, new: Any, now: float, most: int | None = None) -> None:
        """Something changed in the cluster: move the pods that it may help (of priority `most` at most)."""
        if not self._parked and not self._flying:
            return
        for key in list(self._parked):
            entry = self.entries[key]
            if most is not None and entry.pod.priority > most:
                continue
            if entry.gate and not self._is_of_gate(entry, event):
                continue
            if self._concerns(entry, event, old, new):
                self._requeue(entry, event.label, now)
        if self._flying:
            self._missed.append((event, old, new))

    def _is_of_gate(self, entry: Entry, event: Event) -> bool:
        listed = self.hints.get(entry.pod.scheduler, {}).get(event, ())
        return event in (TIMEOUT, ACTIVATE) or any(name == entry.gate for name, _ in listed)

    def _concerns(self, entry: Entry, event: Event, old: Any, new: Any) -> bool:
        """Whether one of the plugins that turned the pod away finds that the event may help."""
        if event in (TIMEOUT, ACTIVATE) or not entry.plugins:
            return True
        for name, hint in self.hints.get(entry.pod.scheduler, {}).get(event, ()):
            if name in entry.plugins and (
                hint is None or self.snapshot is None or hint(entry.pod, old, new, self.snapshot)
            ):
                return True
        return False

    # ---- time

    def flush(self, now: float) -> None:
        """Move the pods whose back-off is over, and those that have been unschedulable for too long."""
        heaps: tuple[list[Any], ...] = (self._backoff, self._errors)
        for heap in heaps:
            while heap and heap[0][0] < floor(now):
                *_, key, version = heapq.heappop(heap)
                entry = self.entries.get(key)
                if entry is not None and entry.version == version and entry.place == "backoff":
                    self._to_active(entry, BACKOFF_COMPLETE, gated=False)
        while self._timers and self._timers[0][0] <= now:
            _, _, key, version = heapq.heappop(self._timers)
            entry = self.entries.get(key)
            if entry is not None and entry.version == version and entry.place == "unschedulable":
                entry.flushed = True
                self._requeue(entry, TIMEOUT.action, now)

    def next_due(self) -> float | None:
        """When `pop` may have something that it has not now; None: only after an event."""
        self._forget_old()
        times = [floor(heap[0][0]) + 1.0 for heap in (self._backoff, self._errors) if heap]
        return min([*times, *(timer[0] for timer in self._timers[:1])], default=None)

    def backoff(self, entry: Entry) -> float:
        """Until when it backs off: 1, 2, 4, 8, 10, 10, … seconds, in whole seconds of the clock."""
        turns = entry.errors or entry.rejections
        if not turns or not self.most_backoff:
            return 0.0
        seconds = min(self.most_backoff, self.first_backoff * 2.0 ** (turns - 1))
        return float(floor(entry.stamp + seconds))

    def waiting(self) -> dict[str, int]:
        """How many pods are in each queue."""
        found = dict.fromkeys(("active", "backoff", "unschedulable", "gated"), 0)
        for entry in self.entries.values():
            if entry.place != "in flight":
                found["gated" if entry.gate else entry.place] += 1
        return found

    def in_flight(self) -> dict[str, int]:
        """Pods that are being decided upon, and what has happened meanwhile, by event."""
        found = {"PodPopped": len(self._flying)}
        for event, _, _ in self._missed:
            found[event.label] = found.get(event.label, 0) + 1
        return found

    def turned_away(self) -> dict[tuple[str, str], int]:
        """How many waiting pods each plugin of a profile has turned away."""
        found: dict[tuple[str, str], int] = {}
        for entry in self.entries.values():
            for name in entry.plugins if entry.place != "in flight" else ():
                key = name, entry.pod.scheduler
                found[key] = found.get(key, 0) + 1
        return found

    # ---- moves

    def _requeue(self, entry: Entry, event: str, now: float) -> None:
        """To the back-off queue while that is not over, else to the active one."""
        entry.expires = entry.expires or self.backoff(entry)
        if not entry.expires or entry.expires < floor(now):
            self._to_active(entry, event)
            return
        if self._is_gated(entry, event):
            return
        self._enter(entry, "backoff", event)
        key = entry.pod.key
        if entry.plugins:
            row = (entry.expires, -entry.pod.priority, entry.stamp, next(self._order), key, entry.version)
            heapq.heappush(self._backoff, row)
        else:
            heapq.heappush(self._errors, (entry.expires, next(self._order), key, entry.version))

    def _to_active(self, entry: Entry, event: str, *, gated: bool = True) -> None:
        if gated and self._is_gated(entry, event):
            return
        self._enter(entry, "active", event)
        row = (-entry.pod.priority, entry.stamp, next(self._order), entry.pod.key, entry.version)
        heapq.heappush(self._active, row)

    def _is_gated(self, entry: Entry, event: str) -> bool:
        """Ask what must be asked before a pod is tried; one that is kept goes to the unschedulable ones."""
        gate = self.gate(entry.pod)
        if not gate:
            entry.gate = ""
            return False
        entry.plugins |= {gate}
        if not (entry.gate and entry.place == "unschedulable" and entry.pod.key in self._parked):
            self._park(entry, event)
        entry.gate = gate
        return True

    def _park(self, entry: Entry, event: str) -> None:
        self._enter(entry, "unschedulable", event)
        self._parked[entry.pod.key] = None
        heapq.heappush(
            self._timers, (entry.stamp + UNSCHEDULABLE_AT_MOST, next(self._order), entry.pod.key, entry.version)
        )

    def _enter(self, entry: Entry, place: Place, event: str) -> None:
        entry.place = place
        entry.version += 1
        self._parked.pop(entry.pod.key, None)
        self._count(place, event)

    def _count(self, place: str, event: str) -> None:
        self.incoming[place, event] = self.incoming.get((place, event), 0) + 1

    def _landed(self, key: PodKey) -> None:
        self._flying.discard(key)
        if not self._flying:
            self._missed.clear()

    def _next(self, heap: list[Any], place: Place) -> Entry | None:
        while heap:
            *_, key, version = heapq.heappop(heap)
            entry = self.entries.get(key)
            if entry is not None and entry.version == version and entry.place == place:
                return entry
        return None

    def _forget_old(self) -> None:
        """Drop what stands first in the heaps and is there no more."""
        heaps: Iterable[list[Any]] = (self._backoff, self._errors, self._timers)
        for heap in heaps:
            while heap:
                entry = self.entries.get(heap[0][-2])
                if entry is not None and entry.version == heap[0][-1]:
                    break
                heapq.heappop(heap)
