"""The store: everything current in memory, checked and ordered here, durable through a journal if there is one."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from sampan.store.base import NO_LABELS, Conflict, Draft, Event, FutureRevision, KeyValue, Page, Unavailable
from sampan.store.hub import MAX_QUEUED, Hub, StoreWatch
from sampan.store.table import Table
from sampan.store.window import Window, resource_of

FORGET_AT = 512
"""How many forgotten versions are worth a delete in the journal."""

Done = Callable[[BaseException | None], None]


class Journal(Protocol):
    """A durable log under the store. It is given one batch at a time."""

    def commit(self, events: Sequence[Event], dropped: Sequence[int], floor: int, done: Done) -> None:
        """Make events durable, and forget the versions `dropped` (everything needed up to `floor` is gone).

        Returns at once; calls `done(None)` or `done(why)` in the event loop. All of a batch is kept or nothing."""

    async def close(self) -> None:
        """Release files and threads; nothing is in flight."""


class _Write:
    """A write that is not durable yet."""

    __slots__ = ("event", "future", "waiters")

    def __init__(self, event: Event, future: asyncio.Future[None]) -> None:
        self.event, self.future = event, future
        self.waiters: list[asyncio.Future[None]] = []

    def settle(self, error: Exception | None) -> None:
        if not self.future.done():
            if error is None:
                self.future.set_result(None)
            else:
                self.future.set_exception(error)
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)


class MemoryStore:
    """See base.Store. Without a journal a write is committed at once and `put` never suspends.

    With one, a write is checked against the newest pending state, gets its revision, and joins the queue; while one
    batch is being made durable the next one gathers. Only what is durable becomes visible. If a batch fails, it and
    everything queued behind it fail with Unavailable, and their revisions are left out.
    """

    def __init__(
        self, journal: Journal | None = None, table: Table | None = None, *, max_queued: int = MAX_QUEUED
    ) -> None:
        self._table = table if table is not None else Table(Window())
        self._hub = Hub(self._table.revision)
        self._max_queued = max_queued
        self._journal = journal
        self._assigned = self._table.revision
        self._pending: dict[str, _Write] = {}
        self._queue: list[_Write] = []
        self._in_flight: list[_Write] = []
        self._busy = False
        self._scheduled = False
        self._closed = False
        self._idle: asyncio.Future[None] | None = None
        self._forget: list[int] = []
        self._forgetting: list[int] = []
        self._forget_now = False
        self._lost: list[tuple[int, int]] = []
        """Revisions that were given to writes that failed: after the first of each pair, up to the second."""

    @property
    def revision(self) -> int:
        return self._table.revision

    async def get(self, key: str) -> KeyValue | None:
        return self._table.get(key)

    async def newest(self, key: str) -> KeyValue | None:
        pending = self._pending.get(key)
        return pending.event.kv if pending is not None and pending.event.type == "PUT" else self._table.get(key)

    async def durable(self, kv: KeyValue) -> None:
        pending = self._pending.get(kv.key)
        if pending is not None and kv.revision > self._table.revision:
            await self._settled(pending)
        if any(after < kv.revision <= last for after, last in self._lost):
            raise Unavailable("the store cannot be written")

    async def range(self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0) -> Page:
        return self._table.range(prefix, after, limit, revision)

    async def put(
        self,
        key: str,
        draft: Draft,
        *,
        labels: Mapping[str, str] = NO_LABELS,
        fields: Mapping[str, str] = NO_LABELS,
        expect: int | None = None,
    ) -> KeyValue:
        current = self._check(key, expect)
        while isinstance(current, _Write):
            await self._settled(current)
            current = self._check(key, expect)
        revision = self._next_revision()
        kv = KeyValue(key, draft.stamp(revision), revision, labels, fields)
        await self._write(Event("PUT", kv, current))
        return kv

    async def delete(self, key: str, draft: Draft, *, expect: int | None = None) -> KeyValue:
        current = self._check(key, expect)
        while isinstance(current, _Write):
            await self._settled(current)
            current = self._check(key, expect)
        if current is None:
            pending = self._pending.get(key)
            if pending is not None:
                await self._settled(pending)
                return await self.delete(key, draft, expect=expect)
            raise Conflict(key, None)
        revision = self._next_revision()
        kv = KeyValue(key, draft.stamp(revision), revision, current.labels, current.fields)
        await self._write(Event("DELETE", kv, current))
        return kv

    def changed(self, resource: str) -> int:
        return self._table.changed.get(resource, 0)

    def watch(self, prefix: str, *, since: int) -> StoreWatch:
        if since > self._table.revision:
            raise FutureRevision(since, self._table.revision)
        backlog = self._table.window.since(prefix, since)
        watch = self._hub.open(prefix, backlog, self._max_queued)
        if self._closed:
            watch.close()
        return watch

    def compact(self, revision: int) -> None:
        if revision > self._table.revision:
            raise FutureRevision(revision, self._table.revision)
        self._table.window.compact(revision)
        self._forget_now = True
        self._schedule()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._journal is not None:
            self._forget_now = True
            self._flush()
            while self._busy:
                self._idle = asyncio.get_running_loop().create_future()
                await self._idle
            await self._journal.close()
            self._journal = None
        self._hub.close()

    # -- checking and ordering

    def _check(self, key: str, expect: int | None) -> KeyValue | _Write | None:
        """The newest version, pending or not, if it is the expected one; raises Conflict if it is not.

        A conflict with a pending write cannot be told yet (it may still fail): then that write is returned.
        """
        if self._closed:
            raise Unavailable("the store is closed")
        if not resource_of(key):
            raise ValueError(f"not a key of the form /GROUP/PLURAL/NAME: {key!r}")
        pending = self._pending.get(key)
        current: KeyValue | None
        if pending is None:
            current = self._table.get(key)
        else:
            current = pending.event.kv if pending.event.type == "PUT" else None
        if expect is None or expect == (current.revision if current is not None else 0):
            return current
        if pending is not None:
            return pending
        raise Conflict(key, current)

    def _next_revision(self) -> int:
        self._assigned += 1
        return self._assigned

    async def _settled(self, write: _Write) -> None:
        waiter = asyncio.get_running_loop().create_future()
        write.waiters.append(waiter)
        await waiter

    async def _write(self, event: Event) -> None:
        if self._journal is None:
            self._publish([event])
            self._table.window.take_dropped()
            return
        write = _Write(event, asyncio.get_running_loop().create_future())
        self._pending[event.kv.key] = write
        self._queue.append(write)
        self._schedule()
        await write.future

    def _publish(self, events: Sequence[Event]) -> None:
        for event in events:
            self._table.apply(event)
        self._hub.publish(events)

    # -- the journal's side

    def _schedule(self) -> None:
        """Flush at the end of this turn of the loop, so that what is written in one turn goes in one batch."""
        if self._journal is not None and not self._scheduled and not self._busy:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        if self._busy or self._journal is None:
            return
        self._forget += self._table.window.take_dropped()
        now = self._forget_now or len(self._forget) >= FORGET_AT
        if not self._queue and not (now and self._forget):
            return
        self._in_flight, self._queue = self._queue, []
        self._busy = True
        self._forgetting = self._forget.copy() if now else []
        self._forget_now = False
        events = [write.event for write in self._in_flight]
        self._journal.commit(events, self._forgetting, self._table.window.last_dropped, self._done)

    def _done(self, error: BaseException | None) -> None:
        self._busy = False
        writes, self._in_flight = self._in_flight, []
        if error is None:
            del self._forget[: len(self._forgetting)]
            self._acknowledge(writes)
        else:
            self._fail(writes, error)
        if self._queue or self._forget_now:
            self._flush()
        if not self._busy and self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def _acknowledge(self, writes: list[_Write]) -> None:
        if not writes:
            return
        for write in writes:
            key = write.event.kv.key
            if self._pending[key] is write:
                del self._pending[key]
        self._publish([write.event for write in writes])
        for write in writes:
            write.settle(None)

    def _fail(self, writes: list[_Write], error: BaseException) -> None:
        """Nothing of the batch happened, so nothing that was queued upon it may either."""
        failed, self._queue = writes + self._queue, []
        self._pending.clear()
        if self._lost and self._lost[-1][0] == self._table.revision:
            self._lost.pop()
        self._lost.append((self._table.revision, self._assigned))
        for write in failed:
            write.settle(Unavailable(f"the store cannot be written: {error}"))
