"""What every PLEG is: the Pleg protocol, and the bounded channel its events go out by."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from sampan.aio.clock import Clock
from sampan.kubelet.pleg.events import PodEvent, PodEventType

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CAPACITY = 1000
"""Events that may wait for the sync loop (FACTS 1.3)."""


@dataclass(frozen=True, slots=True)
class PlegConfig:
    """Periods in seconds, upstream's defaults (FACTS 1.3)."""

    evented: bool = True
    relist_period: float = 1.0
    """Without events."""
    slow_period: float = 300.0
    """While the event stream is healthy."""
    unhealthy_after: float = 180.0
    slow_unhealthy_after: float = 600.0
    capacity: int = CAPACITY


class Pleg(Protocol):
    """Watches the runtime, keeps the pod cache true and says which pods changed."""

    async def run(self) -> None:
        """Work until cancelled."""

    def events(self) -> AsyncIterator[PodEvent]:
        """The pod events, for one reader; ends never."""

    def relist(self, uid: str) -> None:
        """Look at one pod soon; returns at once. The cache has an observation newer than this call afterwards."""

    def health(self, now: datetime) -> str:
        """What is wrong with it, or nothing: an unhealthy PLEG makes the node not ready."""


def nanoseconds(moment: datetime) -> int:
    """Nanoseconds since the epoch, as CRI counts."""
    since = moment - EPOCH
    return ((since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds) * 1000


def now_ns(clock: Clock) -> int:
    """The clock's now, as CRI counts."""
    return nanoseconds(clock.now())


class Outbox:
    """The channel of pod events: bounded, never blocks; what does not fit is dropped and told to `dropped`."""

    def __init__(self, capacity: int = CAPACITY, dropped: Callable[[], None] | None = None) -> None:
        self.capacity = capacity
        self._dropped = dropped
        self._events: deque[PodEvent] = deque()
        self._more = asyncio.Event()

    def __len__(self) -> int:
        return len(self._events)

    @property
    def full(self) -> bool:
        return len(self._events) >= self.capacity

    def send(self, event: PodEvent) -> None:
        """Add an event, or drop it when the channel is full."""
        if event.type is PodEventType.CHANGED:
            return
        if self.full:
            if self._dropped is not None:
                self._dropped()
            return
        self._events.append(event)
        self._more.set()

    async def read(self) -> AsyncIterator[PodEvent]:
        """Take events out, in order, for ever."""
        while True:
            while self._events:
                yield self._events.popleft()
            self._more.clear()
            await self._more.wait()
