"""GenericPleg: list everything on a timer or on demand, compare with the cache, say what changed."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import datetime

from sampan.aio.clock import Clock
from sampan.aio.tasks import Tasks
from sampan.kubelet.pleg.base import Outbox, PlegConfig
from sampan.kubelet.pleg.cache import PodCache
from sampan.kubelet.pleg.diff import PodRecord, changes, keep_ips, lives, records
from sampan.kubelet.pleg.events import PodEvent, PodEventType
from sampan.kubelet.pleg.metrics import PlegMetrics
from sampan.kubelet.runtime import CriError, PodStatus, Runtime

log = logging.getLogger("sampan.pleg")
AT_ONCE = 8
"""Pods whose status is asked for at the same time."""
GRACE = 1_000_000_000
"""Nanoseconds an event may be on its way before the change it speaks of counts as missed."""
NO_TIME = 0.001


class GenericPleg:
    """Relists. One worker does all the looking, so that looks never overlap: all pods first, then single ones."""

    def __init__(
        self, runtime: Runtime, cache: PodCache, clock: Clock, config: PlegConfig, metrics: PlegMetrics
    ) -> None:
        self.runtime, self.cache, self.clock, self.config, self.metrics = runtime, cache, clock, config, metrics
        self.outbox = Outbox(config.capacity, metrics.discarded.inc)
        self.counts_missed: Callable[[], bool] = lambda: False
        """Whether events are expected to announce changes."""
        self._all = False
        self._pods: dict[str, int] = {}
        self._wake = asyncio.Event()
        self._later: asyncio.Task[None] | None = None
        self._seen: datetime | None = None
        self._began: float | None = None
        metrics.last_seen = lambda: self._seen.timestamp() if self._seen else 0.0
        cache.on_wait = self.relist

    # --- asking ---

    def relist(self, uid: str) -> None:
        """Look at one pod soon."""
        self._pods[uid] = self.cache.now()
        self._wake.set()

    def relist_all(self) -> None:
        """Look at all pods soon."""
        self._all = True
        self._wake.set()

    def events(self) -> AsyncIterator[PodEvent]:
        return self.outbox.read()

    def health(self, now: datetime) -> str:
        return self.overdue(now, self.config.unhealthy_after)

    def overdue(self, now: datetime, threshold: float) -> str:
        """Upstream's words for a PLEG whose last successful relist is longer ago than `threshold` seconds."""
        if self._seen is None:
            return "pleg has yet to be successful"
        elapsed = (now - self._seen).total_seconds()
        if elapsed > threshold:
            return f"pleg was last seen active {elapsed:.3f}s ago; threshold is {threshold:g}s"
        return ""

    # --- looking ---

    async def run(self) -> None:
        """Relist at once and then every period, until cancelled."""
        async with Tasks() as tasks:
            worker = tasks.start(self.work(), "pleg worker")
            tasks.start(self._tick(), "pleg timer")
            await worker

    async def _tick(self) -> None:
        while True:
            self.relist_all()
            await self.clock.sleep(self.config.relist_period)

    async def work(self) -> None:
        """Do what was asked for, until cancelled."""
        async with Tasks() as tasks:
            while True:
                if self._all:
                    self._all = False
                    done = await self._relist_all()
                elif self._pods:
                    asked, self._pods = self._pods, {}
                    done = await self._relist_pods(asked)
                else:
                    self._wake.clear()
                    await self._wake.wait()
                    continue
                if not done and (self._later is None or self._later.done()):
                    self._later = tasks.start(self._again(), "pleg retry")

    async def _again(self) -> None:
        """What failed is tried again after a period, also when the next relist is far away."""
        await self.clock.sleep(self.config.relist_period)
        self.relist_all()

    async def _relist_all(self) -> bool:
        """One look at everything; False when something could not be seen."""
        began = self.clock.monotonic()
        if self._began is not None:
            self.metrics.relist_interval.observe(began - self._began)
        self._began = began
        stamp, moment = self.cache.now(), self.clock.now()  # before listing: what is seen is at least this new
        try:
            sandboxes = await self.runtime.list_sandboxes()
            containers = await self.runtime.list_containers()
        except CriError as error:
            log.warning("relist failed: %s", error)
            return False
        finally:
            self.metrics.relist_duration.observe(self.clock.monotonic() - began)
        self._seen = moment
        seen = records(sandboxes, containers)
        limit = asyncio.Semaphore(AT_ONCE)
        uids = [*seen, *(uid for uid in self.cache if uid not in seen)]
        changed = [u for u in uids if self.cache.failed(u) or lives(self.cache.peek(u)) != self._lives(seen.get(u))]
        results = await asyncio.gather(*(self._reconcile(uid, seen.get(uid), stamp, limit) for uid in changed))
        self.cache.advance(stamp)
        return all(results)

    @staticmethod
    def _lives(record: PodRecord | None) -> object:
        return record.lives if record is not None else {}

    async def _relist_pods(self, asked: dict[str, int]) -> bool:
        """One look at these pods; those that a relist has seen since they were asked for need none."""
        uids = [uid for uid, at in asked.items() if at >= self.cache.observed_all or not self.cache.observed_all]
        if not uids:
            return True
        began, stamp = self.clock.monotonic(), self.cache.now()
        try:
            sandboxes = await self.runtime.list_sandboxes()
        except CriError as error:
            for uid in uids:
                self.cache.set(uid, PodStatus(uid), error, stamp)
            return False
        seen = records(sandboxes, ())
        limit = asyncio.Semaphore(AT_ONCE)
        results = await asyncio.gather(*(self._reconcile(u, seen.get(u), stamp, limit, single=True) for u in uids))
        self.metrics.pod_relist_duration.observe(self.clock.monotonic() - began)
        for uid in uids:
            if self.cache.waits(uid):  # the clock had not moved on between the question and the look
                await self.clock.sleep(NO_TIME)
                self.relist(uid)
        return all(results)

    async def _reconcile(
        self, uid: str, record: PodRecord | None, stamp: int, limit: asyncio.Semaphore, single: bool = False
    ) -> bool:
        """Bring one pod up to date and send what changed; what the cache refuses is not sent."""
        old = self.cache.peek(uid)
        if record is None:
            if self.cache.delete(uid, stamp):
                self._send(changes(uid, lives(old), {}), None, stamp, single)
                self.cache.observe(uid, stamp)
            return True
        try:
            async with limit:
                status = await self.runtime.pod_status(uid, record.sandbox_ids)
        except CriError as error:
            log.warning("status of pod %s failed: %s", uid, error)
            self.cache.set(uid, PodStatus(uid), error, stamp)
            return False
        old = self.cache.peek(uid)  # an event may have come meanwhile
        if not status.sandboxes:
            return await self._reconcile(uid, None, stamp, limit, single)
        if self.cache.set(uid, keep_ips(old, status), None, stamp):
            self._send(changes(uid, lives(old), lives(self.cache.peek(uid))), status, stamp, single)
        return True

    def _send(self, events: list[PodEvent], status: PodStatus | None, stamp: int, single: bool) -> None:
        if not single and self.cache.observed_all and self.counts_missed():
            for event in events:
                if event.type is not PodEventType.CHANGED and happened(event, status) < stamp - GRACE:
                    self.metrics.missed.inc()
        for event in events:
            self.outbox.send(event)


def happened(event: PodEvent, status: PodStatus | None) -> int:
    """When the change took place by the runtime's account, 0 if it does not say."""
    if status is None:
        return 0
    for container in status.containers:
        if container.id == event.container_id:
            return container.finished_at if event.type is PodEventType.DIED else container.started_at
    for sandbox in status.sandboxes:
        if sandbox.id == event.container_id and event.type is PodEventType.STARTED:
            return sandbox.created_at
    return 0
