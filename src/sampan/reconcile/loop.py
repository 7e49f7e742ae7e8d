"""The one loop that every controller runs in: events, queue, observe, decide, execute, back-off."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sampan.aio.clock import Clock
from sampan.aio.queue import QueueClosed, WorkQueue
from sampan.aio.tasks import Tasks
from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.names import Key, ObjectRef, RestMapping
from sampan.client.api import Api
from sampan.client.cache import Delta
from sampan.client.informer import Informers
from sampan.client.recorder import Recorder
from sampan.obs.metrics import Metrics
from sampan.reconcile import expect
from sampan.reconcile.controller import Controller, Watches
from sampan.reconcile.execute import Executor, Written
from sampan.reconcile.look import CacheLookup
from sampan.reconcile.performer import Performer
from sampan.reconcile.plan import Ask, Counted, Follow, Plan

log = logging.getLogger("sampan.reconcile")
MAX_ROUNDS = 50
"""Asks may follow from answers; a decision that never stops asking is a bug."""


@dataclass(frozen=True, slots=True)
class Kit:
    """What every controller's loop works with."""

    api: Api
    informers: Informers
    clock: Clock
    kinds: list[RestMapping] = field(default_factory=list)
    """All kinds that can be listed and deleted."""
    metrics: Metrics = field(default_factory=Metrics)


class Runner:
    """Runs one controller."""

    def __init__(self, controller: Controller, kit: Kit) -> None:
        self.controller, self.kit = controller, kit
        self.queue: WorkQueue[Key] = WorkQueue(kit.clock)
        self.recorder = Recorder(kit.api, kit.clock, controller.component or controller.name)
        self._counters = {
            counted: (
                kit.metrics.counter(f"{counted.name}_total", counted.total_text),
                kit.metrics.counter(f"{counted.name}_errors_total", counted.errors_text),
            )
            for counted in controller.counts
        }
        self._followed: set[RestMapping] = set()
        self._performer = Performer(Executor(kit.api, self.recorder, self._count))

    def subscribe(self) -> None:
        """Follow what the controller watches; changes put keys into the queue."""
        for watches in self.controller.watches:
            self.follow(watches)
        for mapping in self.controller.reads:
            self.kit.informers.of(mapping)

    def follow(self, watches: Watches) -> None:
        """Follow one kind."""
        informer = self.kit.informers.of(watches.mapping, keep=watches.keep)
        for index, function in watches.indexes.items():
            informer.cache.add_index(index, function)
        look = self._look({})

        def changed(delta: Delta) -> None:
            if watches.changes is not None:
                for key in watches.changes(look, delta.old, delta.new):
                    self.queue.add(key)
                return
            for obj in (delta.old, delta.new):
                if obj is not None:
                    for key in watches.keys(look, obj):
                        self.queue.add(key)

        informer.subscribe(changed)

    def resync(self) -> None:
        """Look again at all objects whose keys are watched: whoever has nothing to do must not write."""
        look = self._look({})
        for watches in self.controller.watches:
            for obj in self.kit.informers.of(watches.mapping, keep=watches.keep).cache:
                if watches.changes is None:
                    for key in watches.keys(look, obj):
                        self.queue.add(key)

    async def run(self, tasks: Tasks) -> None:
        """Start the workers; they end with the queue."""
        tasks.start(self.recorder.run(), f"{self.controller.name} events")
        for number in range(self.controller.workers):
            tasks.start(self._work(), f"{self.controller.name} worker {number}")

    async def _work(self) -> None:
        while True:
            try:
                key = await self.queue.get()
            except QueueClosed:
                return
            rest = 0.0
            try:
                rest = await self.handle(key)
                self.queue.forget(key)
            except (StatusError, OSError) as error:
                log.debug("%s %s: %s", self.controller.name, key, error)
                self.queue.retry(key)
            except Exception:
                log.exception("%s %s", self.controller.name, key)
                self.queue.retry(key)
            finally:
                self.queue.done(key, rest)

    async def handle(self, key: Key) -> float:
        """Observe, decide, perform; again while the decision asks for live reads. How long it may rest, in seconds."""
        answers: dict[ObjectRef, Obj | None] = {}
        for _ in range(MAX_ROUNDS):
            seen = self._observe(key, self.kit.clock.now(), answers)
            plan = () if seen is None else self.controller.decide(seen)
            if await self._follow_also(plan):
                continue
            try:
                await self._perform(key, plan, answers)
            except StatusError as error:
                if self.controller.reports_failures and error.reason != "Conflict":
                    await self._perform(key, self.decide(key, self.kit.clock.now(), answers, error), answers)
                raise
            if not any(isinstance(action, Ask) for action in plan):
                if self.controller.resync:
                    self.queue.add_after(key, self.controller.resync)
                return self.controller.rest(seen) if self.controller.rest is not None and seen is not None else 0.0
        raise RuntimeError(f"{self.controller.name} {key}: the decision asks without end")

    async def _follow_also(self, plan: Plan) -> bool:
        """Follow what the plan asks to follow, until it is known; whether the plan was made without knowing it."""
        if self.controller.on_demand is None:
            return False
        waited = False
        for mapping in {action.mapping for action in plan if isinstance(action, Follow)}:
            if mapping not in self._followed:
                self._followed.add(mapping)
                self.follow(self.controller.on_demand(mapping))
                waited = True
            synced = self.kit.informers.of(mapping).synced
            if not synced.is_set():
                await synced.wait()
                waited = True
        return waited

    async def forget(self, mapping: RestMapping) -> None:
        """Follow a kind no more that is gone."""
        if mapping in self._followed:
            self._followed.discard(mapping)
            await self.kit.informers.drop(mapping)

    async def _perform(self, key: Key, plan: Plan, answers: dict[ObjectRef, Obj | None]) -> None:
        """Do what the plan says, then wait until the caches show it."""
        writes: list[Written] = []
        try:
            await self._performer.perform(plan, _Requeue(self.queue, key), answers, writes)
        finally:
            if writes:
                await expect.seen(self.kit.informers, writes)

    def decide(
        self, key: Key, now: datetime, answers: dict[ObjectRef, Obj | None], failure: StatusError | None = None
    ) -> Plan:
        """The controller's thinking about one key."""
        seen = self._observe(key, now, answers, failure)
        return () if seen is None else self.controller.decide(seen)

    def _observe(
        self, key: Key, now: datetime, answers: dict[ObjectRef, Obj | None], failure: StatusError | None = None
    ) -> Any:
        return self.controller.observe(self._look(answers, failure), key, now)

    def _look(self, answers: dict[ObjectRef, Obj | None], failure: StatusError | None = None) -> CacheLookup:
        lean = any(watches.keep is not None for watches in self.controller.watches)
        return CacheLookup(self.kit.informers, self.kit.kinds, answers, metadata_only=lean, failure=failure)

    def _count(self, counted: Counted, failed: bool) -> None:
        total, errors = self._counters[counted]
        total.inc()
        if failed:
            errors.inc()


@dataclass(frozen=True, slots=True)
class _Requeue:
    """Requeue actions of one key."""

    queue: WorkQueue[Key]
    key: Key

    def requeue(self, after: float, key: Key | None) -> None:
        self.queue.add_after(key or self.key, after)


class Manager:
    """Runs controllers over shared informers until it is closed."""

    def __init__(self, controllers: Sequence[Controller], kit: Kit) -> None:
        self.kit = kit
        self.runners = [Runner(controller, kit) for controller in controllers]
        self._tasks = Tasks()

    async def start(self) -> None:
        """Follow everything, wait for the first lists, start the workers."""
        for runner in self.runners:
            runner.subscribe()
        await self.kit.informers.synced()
        for runner in self.runners:
            await runner.run(self._tasks)

    async def serve(self, kinds: Sequence[RestMapping]) -> None:
        """The server has these kinds now: controllers of every kind follow new ones and forget those that are gone.

        The list in the kit changes in place; whoever was given it sees the same.
        """
        have = self.kit.kinds
        gone = [kind for kind in have if kind not in kinds]
        new = [kind for kind in kinds if kind not in have]
        for runner in self.runners:
            if runner.controller.follows is not None:
                for kind in new:
                    runner.follow(runner.controller.follows(kind))
        have[:] = kinds
        for kind in gone:
            await self.kit.informers.drop(kind, metadata_only=True)
            for runner in self.runners:
                await runner.forget(kind)
        await self.kit.informers.synced()

    @property
    def idle(self) -> bool:
        """No controller has anything to do now; delayed keys may wait."""
        return all(runner.queue.idle for runner in self.runners)

    async def close(self) -> None:
        """End the workers."""
        for runner in self.runners:
            await runner.queue.close()
        await self._tasks.cancel()
