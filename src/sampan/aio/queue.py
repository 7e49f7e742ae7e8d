"""A work queue: no key twice, one worker per key, delays that never swallow one another.

Behaviour of client-go's workqueue, with one difference: it keeps one delayed entry per key, the earliest, and drops
later ones; here every deadline of a key is kept until it has passed (FACTS: kubernetes#110239 was lost that way).
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Hashable
from itertools import count
from typing import Generic, TypeVar

from sampan.aio.clock import Clock

K = TypeVar("K", bound=Hashable)

FIRST_RETRY = 0.005
MOST_RETRY = 1000.0


class QueueClosed(Exception):
    """The queue is closed and empty."""


class WorkQueue(Generic[K]):
    """Keys that want attention. `get` hands one out, `done` gives it back; one added meanwhile comes again after."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._ready: deque[K] = deque()
        self._dirty: set[K] = set()
        self._busy: set[K] = set()
        self._failures: dict[K, int] = {}
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._delayed: list[tuple[float, int, K]] = []
        self._deadlines: set[tuple[K, float]] = set()
        self._resting: dict[K, float] = {}
        self._order = count()
        self._timer: asyncio.Task[None] | None = None
        self._timer_at = 0.0
        self._closed = False

    def __len__(self) -> int:
        """Keys that are ready to be worked on."""
        return len(self._ready)

    @property
    def idle(self) -> bool:
        """Nothing is ready and nobody works; delayed keys may wait."""
        return not self._ready and all(key in self._resting and key not in self._dirty for key in self._busy)

    def next_deadline(self) -> float | None:
        """When the next delayed key becomes ready, on the clock's monotonic scale."""
        return self._delayed[0][0] if self._delayed else None

    def add(self, key: K) -> None:
        """The key wants attention now."""
        if self._closed or key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._busy:
            self._ready.append(key)
            self._wake()

    def add_after(self, key: K, seconds: float) -> None:
        """The key wants attention in that many seconds, whatever else is planned for it."""
        if seconds <= 0:
            self.add(key)
            return
        at = self.clock.monotonic() + seconds
        if self._closed or (key, at) in self._deadlines:
            return
        self._deadlines.add((key, at))
        heapq.heappush(self._delayed, (at, next(self._order), key))
        if self._timer is None or at < self._timer_at:
            self._arm()

    def retry(self, key: K) -> None:
        """The key failed: again after 5 ms, 10 ms, … up to 1000 s."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.add_after(key, min(MOST_RETRY, FIRST_RETRY * 2.0 ** min(failures, 40)))

    def forget(self, key: K) -> None:
        """The key succeeded: its next failure starts over."""
        self._failures.pop(key, None)

    def failures(self, key: K) -> int:
        """How often the key has failed in a row."""
        return self._failures.get(key, 0)

    async def get(self) -> K:
        """The next key; raises QueueClosed when there will be none."""
        while not self._ready:
            if self._closed:
                raise QueueClosed
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._wake()
                raise
        key = self._ready.popleft()
        self._dirty.discard(key)
        self._busy.add(key)
        return key

    def done(self, key: K, rest: float = 0.0) -> None:
        """Work on the key has ended; it is not handed out again for `rest` seconds, whoever adds it."""
        if rest > 0 and not self._closed:
            at = self._resting[key] = self.clock.monotonic() + rest
            heapq.heappush(self._delayed, (at, next(self._order), key))
            if self._timer is None or at < self._timer_at:
                self._arm()
            return
        self._busy.discard(key)
        if key in self._dirty:
            self._ready.append(key)
            self._wake()

    async def close(self) -> None:
        """Take no more keys; delayed ones are dropped."""
        self._closed = True
        self._delayed.clear()
        self._deadlines.clear()
        if self._timer is not None:
            timer, self._timer = self._timer, None
            timer.cancel()
            await asyncio.gather(timer, return_exceptions=True)
        while self._waiters:
            self._wake()

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = self._delayed[0][0]
        self._timer = asyncio.get_running_loop().create_task(self._wait(), name="workqueue timer")

    async def _wait(self) -> None:
        while self._delayed:
            self._timer_at = self._delayed[0][0]
            await self.clock.sleep(self._timer_at - self.clock.monotonic())
            now = self.clock.monotonic()
            while self._delayed and self._delayed[0][0] <= now:
                at, _, key = heapq.heappop(self._delayed)
                if self._resting.get(key) == at:
                    del self._resting[key]
                    self.done(key)
                    continue
                self._deadlines.discard((key, at))
                self.add(key)
        self._timer = None
