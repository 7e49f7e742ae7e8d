"""Buffer events and hand them on in batches: no request waits for them (upstream: plugin/pkg/audit/buffered)."""

import asyncio
from collections import deque
from typing import Any

from sampan.aio.clock import Clock
from sampan.aio.tasks import Tasks
from sampan.api.json import Obj
from sampan.apiserver.audit.backend import AuditMetrics, Backend, Events
from sampan.apiserver.audit.delivery import Delivery

PLUGIN = "buffered"


class Bucket:
    """Lets through `rate` a second on average, and `burst` at once."""

    def __init__(self, rate: float, burst: int, clock: Clock) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._full = self._clock.monotonic()
        """When the bucket will have been filled up."""

    async def accept(self) -> None:
        """Wait for one's turn."""
        now = self._clock.monotonic()
        self._full = max(self._full, now) + 1 / self._rate
        wait = self._full - now - self._burst / self._rate
        if wait > 0:
            await self._clock.sleep(wait)


class Buffered:
    """Before a backend. A batch goes when it is full or its time is up; what finds the buffer full is lost.

    `apart`: a batch does not wait until the one before it has been stored.
    """

    def __init__(
        self, backend: Backend, delivery: Delivery, clock: Clock, metrics: AuditMetrics, *, apart: bool
    ) -> None:
        self._backend, self._delivery, self._clock, self._metrics = backend, delivery, clock, metrics
        self._apart = apart
        self._buffer: deque[Obj] = deque()
        self._more = asyncio.Event()
        self._closed = False
        self._bucket = (
            Bucket(delivery.batch_throttle_qps, delivery.batch_throttle_burst, clock)
            if delivery.batch_throttle_enable
            else None
        )
        self._tasks = Tasks()
        self._collects = False

    async def process(self, events: Events) -> bool:
        """Events are put aside; a full buffer is told, but refuses nothing."""
        if not self._collects and not self._closed:
            self._collects = True
            self._tasks.start(self._collect(), "audit batches")
        room = 0 if self._closed else self._delivery.batch_buffer_size - len(self._buffer)
        self._buffer.extend(events[:room])
        self._more.set()
        if room < len(events):
            why = "audit backend shut down" if self._closed else "audit buffer queue blocked"
            self._metrics.failed(PLUGIN, why, events[max(room, 0) :])
        return True

    async def close(self) -> None:
        """Hand on what is left."""
        self._closed = True
        self._more.set()
        await self._tasks.join()
        await self._backend.close()

    async def _collect(self) -> None:
        while not self._closed:
            await self._send(await self._batch())
        while self._buffer:
            await self._send(self._taken())

    async def _batch(self) -> Events:
        """As many events as a batch takes, or those that came in its time."""
        timer: asyncio.Future[None] | None = None
        if self._delivery.batch_max_size > 1:
            timer = asyncio.ensure_future(self._clock.sleep(self._delivery.batch_max_wait))
        try:
            while len(self._buffer) < self._delivery.batch_max_size and not self._closed:
                self._more.clear()
                came = asyncio.ensure_future(self._more.wait())
                waiting: set[asyncio.Future[Any]] = {came} if timer is None else {came, timer}
                try:
                    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    came.cancel()
                if timer is not None and timer.done():
                    break
        finally:
            if timer is not None:
                timer.cancel()
        return self._taken()

    def _taken(self) -> Events:
        size = min(self._delivery.batch_max_size, len(self._buffer))
        return [self._buffer.popleft() for _ in range(size)]

    async def _send(self, events: Events) -> None:
        if not events:
            return
        if self._bucket is not None and not self._closed:
            await self._bucket.accept()
        if self._apart:
            self._tasks.start(self._store(events), "audit batch")
        else:
            await self._store(events)

    async def _store(self, events: Events) -> None:
        await self._backend.process(events)
