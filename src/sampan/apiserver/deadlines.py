"""Many callbacks at their times with one sleeping task, on the clock that is given; no task while there are none."""

import asyncio
import heapq
from collections.abc import Callable

from sampan.aio.clock import Clock


class Deadlines:
    """`add(seconds, call)` calls once, later; the handle it returns cancels."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Deadline]] = []
        self._count = 0
        self._task: asyncio.Task[None] | None = None
        self._until = 0.0
        self._closed = False

    def add(self, seconds: float, call: Callable[[], None]) -> "Deadline":
        """Call in `seconds`."""
        due = self._clock.monotonic() + seconds
        deadline = Deadline(self, call)
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, deadline))
        if not self._closed and (self._task is None or due < self._until):
            self._restart()
        return deadline

    def discard(self) -> None:
        """A deadline was cancelled: forget those at the front, and stop when none is left."""
        while self._heap and self._heap[0][2].call is None:
            heapq.heappop(self._heap)
        if not self._heap and self._task is not None:
            self._task.cancel()
            self._task = None

    async def close(self) -> None:
        """Stop; nothing is called any more."""
        self._closed = True
        self._heap.clear()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))

    def _restart(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._until = self._heap[0][0]
        self._task = asyncio.get_running_loop().create_task(self._run(), name="deadlines")

    async def _run(self) -> None:
        while self._heap:
            self._until = self._heap[0][0]
            wait = self._until - self._clock.monotonic()
            if wait > 0:
                await self._clock.sleep(wait)
            now = self._clock.monotonic()
            while self._heap and self._heap[0][0] <= now:
                call = heapq.heappop(self._heap)[2].call
                if call is not None:
                    call()
        self._task = None


class Deadline:
    """One callback to come."""

    __slots__ = ("_owner", "call")

    def __init__(self, owner: Deadlines, call: Callable[[], None]) -> None:
        self._owner = owner
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Do not call."""
        if self.call is not None:
            self.call = None
            self._owner.discard()
