"""Watches: one writer, many bounded readers, found by the prefix they watch."""

import asyncio
from collections.abc import Sequence

from sampan.store.base import Event, SlowReader
from sampan.store.window import resource_of

MAX_QUEUED = 10_000
"""Events that a watch may lag behind before it is cut off."""
MAX_QUEUED_BYTES = 64 * 1024 * 1024
"""And what they may weigh."""


class Hub:
    """Hands each committed event, by reference, to the watches that asked for its key.

    Watches are grouped by resource and by prefix. For an event only the prefixes of its own key are looked up, one
    dictionary access per distinct prefix length, so thousands of watches on other names cost nothing.
    """

    def __init__(self, revision: int) -> None:
        self.revision = revision
        self._groups: dict[str, dict[str, list[StoreWatch]]] = {}
        self._lengths: dict[str, list[int]] = {}

    def publish(self, events: Sequence[Event]) -> None:
        """Deliver one committed batch. Each watch is woken at most once."""
        self.revision = events[-1].kv.revision
        hits: dict[str, list[Event]] = {}
        for event in events:
            key = event.kv.key
            resource = resource_of(key)
            for room in (resource, ""):
                groups = self._groups.get(room)
                if groups is None:
                    continue
                for length in self._lengths[room]:
                    prefix = key[:length]
                    if prefix in groups and len(prefix) == length:
                        hits.setdefault(prefix, []).append(event)
        for prefix, found in hits.items():
            weight = sum([len(event.kv.value) for event in found])
            for watch in tuple(self._groups[resource_of(prefix)][prefix]):
                watch._offer(found, weight)

    def open(self, prefix: str, backlog: Sequence[Event], max_queued: int = MAX_QUEUED) -> "StoreWatch":
        """A new watch whose first events are `backlog`."""
        watch = StoreWatch(self, prefix, backlog, max_queued)
        room = resource_of(prefix)
        groups = self._groups.setdefault(room, {})
        groups.setdefault(prefix, []).append(watch)
        self._lengths[room] = sorted({len(p) for p in groups})
        return watch

    def close(self) -> None:
        """End every watch."""
        for groups in tuple(self._groups.values()):
            for watches in tuple(groups.values()):
                for watch in tuple(watches):
                    watch.close()

    def __len__(self) -> int:
        return sum(len(watches) for groups in self._groups.values() for watches in groups.values())

    def _leave(self, watch: "StoreWatch") -> None:
        room = resource_of(watch.prefix)
        groups = self._groups[room]
        watches = groups[watch.prefix]
        watches.remove(watch)
        if watches:
            return
        del groups[watch.prefix]
        if groups:
            self._lengths[room] = sorted({len(p) for p in groups})
        else:
            del self._groups[room], self._lengths[room]


class StoreWatch:
    """See base.Watch. One reader at a time; the lists it yields are shared and must not be changed."""

    __slots__ = ("_closed", "_dropped", "_hub", "_limit", "_mark", "_queue", "_waiter", "_weight", "prefix")

    def __init__(self, hub: Hub, prefix: str, backlog: Sequence[Event], max_queued: int) -> None:
        self._hub = hub
        self.prefix = prefix
        self._queue: list[Event] = list(backlog)
        self._limit = max_queued + len(backlog)
        self._weight = 0
        """Bytes in the queue beyond the backlog."""
        self._mark = self._closed = self._dropped = False
        self._waiter: asyncio.Future[None] | None = None

    @property
    def revision(self) -> int:
        """Everything up to this revision has been yielded or concerns other keys."""
        if self._queue:
            return self._queue[0].kv.revision - 1
        return self._hub.revision

    def __aiter__(self) -> "StoreWatch":
        return self

    async def __anext__(self) -> list[Event]:
        while True:
            if self._dropped:
                raise SlowReader(f"the watch of {self.prefix} did not read {self._limit} events in time")
            if self._queue:
                events, self._queue, self._weight = self._queue, [], 0
                return events
            if self._closed:
                raise StopAsyncIteration
            if self._mark:
                self._mark = False
                return []
            if self._waiter is not None:
                raise RuntimeError("a watch has one reader")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def progress(self) -> None:
        """Ask for a progress mark: an empty list, after the events that are queued now."""
        self._mark = True
        self._wake()

    def close(self) -> None:
        """End the stream after what is queued."""
        if not self._closed:
            self._closed = True
            self._hub._leave(self)
            self._wake()

    def _offer(self, events: list[Event], weight: int) -> None:
        queue = self._queue
        self._weight += weight
        if len(queue) + len(events) > self._limit or (queue and self._weight > MAX_QUEUED_BYTES):
            self._dropped = True
            self._queue = []
            self.close()
            return
        if queue:
            queue += events
        else:
            self._queue = events.copy()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
