"""HybridPleg: events while the stream lives, relists around it, paced by `stream.step`; and back to events again."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import datetime

from sampan.aio.clock import Clock
from sampan.aio.tasks import Tasks
from sampan.kubelet.pleg.base import PlegConfig
from sampan.kubelet.pleg.cache import PodCache
from sampan.kubelet.pleg.evented import EventedPleg
from sampan.kubelet.pleg.events import PodEvent
from sampan.kubelet.pleg.generic import GenericPleg
from sampan.kubelet.pleg.metrics import PlegMetrics
from sampan.kubelet.pleg.stream import Command, Input, Periods, Phase, StreamState, step
from sampan.kubelet.runtime import CriError, Runtime

log = logging.getLogger("sampan.pleg")


class HybridPleg:
    """Both PLEGs over one cache and one channel."""

    def __init__(
        self, runtime: Runtime, cache: PodCache, clock: Clock, config: PlegConfig, metrics: PlegMetrics
    ) -> None:
        self.clock, self.config = clock, config
        self.generic = GenericPleg(runtime, cache, clock, config, metrics)
        self.generic.counts_missed = lambda: self.state.phase is not Phase.RELISTING
        self.evented = EventedPleg(runtime, cache, self.generic.outbox, metrics, self.generic.relist)
        self.state = StreamState()
        self._quick_since: datetime | None = clock.now()
        """Since when there are no events and relists are to come every second."""
        self.periods = Periods(config.relist_period, config.slow_period)

    def relist(self, uid: str) -> None:
        """Look at one pod soon."""
        self.generic.relist(uid)

    def events(self) -> AsyncIterator[PodEvent]:
        return self.generic.events()

    def health(self, now: datetime) -> str:
        quick = (
            self._quick_since is not None and (now - self._quick_since).total_seconds() > self.config.unhealthy_after
        )
        wrong = self.generic.overdue(now, self.config.unhealthy_after if quick else self.config.slow_unhealthy_after)
        if not wrong and self.generic.outbox.full:
            return "EventedPLEG: pleg event channel capacity is full"
        return wrong

    async def run(self) -> None:
        """Work until cancelled."""
        inbox: asyncio.Queue[Input] = asyncio.Queue()
        inbox.put_nowait(Input.START)
        async with Tasks() as tasks:
            tasks.start(self.generic.work(), "pleg worker")
            while True:
                wait = self.state.wake_at - self.clock.monotonic()
                alarm = tasks.start(self._alarm(wait, inbox), "pleg timer") if wait != float("inf") else None
                seen = await inbox.get()
                if alarm is not None:
                    alarm.cancel()
                before = self.state.phase
                self.state, commands = step(self.state, seen, self.clock.monotonic(), self.periods)
                if self.state.phase is not before:
                    log.debug("event stream: %s", self.state.phase.value)
                    self._note(before)
                for command in commands:
                    match command:
                        case Command.RELIST:
                            self.generic.relist_all()
                        case Command.CONNECT:
                            tasks.start(self._follow(inbox), "pleg stream")

    def _note(self, before: Phase) -> None:
        if self.state.phase is Phase.STREAMING:
            self._quick_since = None
        elif before is Phase.STREAMING:
            self._quick_since = self.clock.now()

    async def _alarm(self, seconds: float, inbox: asyncio.Queue[Input]) -> None:
        await self.clock.sleep(seconds)
        inbox.put_nowait(Input.TIME)

    async def _follow(self, inbox: asyncio.Queue[Input]) -> None:
        """One stream's life, told to the table, whatever ends it."""
        ended = Input.BROKE
        try:
            await self.evented.follow(lambda: inbox.put_nowait(Input.OPENED))
        except CriError as error:
            if error.code == "UNIMPLEMENTED":
                log.info("the runtime has no container events; relisting every %g s", self.periods.relist)
                ended = Input.UNIMPLEMENTED
            else:
                log.info("the event stream broke: %s", error)
        finally:
            inbox.put_nowait(ended)
