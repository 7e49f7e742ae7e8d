"""The scheduler's loop: pop a pod, decide, bind or make room, say what came of it."""

import asyncio
import random
from dataclasses import dataclass, field, replace
from typing import Literal
from uuid import UUID

from sampan.aio.clock import Clock
from sampan.aio.tasks import Tasks
from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.meta import condition
from sampan.api.names import ObjectRef
from sampan.api.times import format_time
from sampan.client.api import Api
from sampan.client.informer import Informers
from sampan.client.recorder import Recorder
from sampan.obs.metrics import Metrics
from sampan.resources.kinds import PODS
from sampan.scheduler.binding import Binder, BindError
from sampan.scheduler.claims import CachedDevices, ClaimWriter
from sampan.scheduler.configuration.profiles import Settings
from sampan.scheduler.decide import Found, Recall, Start, feasible
from sampan.scheduler.extenders import ExtenderError, Extenders
from sampan.scheduler.framework import Broken, Placement, Unschedulable
from sampan.scheduler.metrics import SchedulerMetrics, Turn
from sampan.scheduler.plugins.devices import DynamicResources, users_of
from sampan.scheduler.pod import PodInfo, PodKey
from sampan.scheduler.preemption import BY_SCHEDULER, WAITING, Eviction, best_of, evictions, preempt
from sampan.scheduler.profile import DEFAULT, GATES, PREEMPTION, hints_of
from sampan.scheduler.queue import SchedulingQueue
from sampan.scheduler.watching import ClusterView

BINDERS = 128
"""Bindings under way at once: they wait for the disk together."""
SLICE = 16
"""Decisions in a row before others in this process have their turn."""


@dataclass(frozen=True, slots=True)
class Kit:
    """What a scheduler may be given: its configuration, and where its metrics are shown."""

    settings: Settings = field(default_factory=lambda: Settings({DEFAULT.name: DEFAULT}))
    metrics: Metrics | None = None
    devices: bool = False
    """Whether the API serves claims on devices."""


class Scheduler:
    """Schedules the pods whose schedulerName is that of one of its profiles."""

    def __init__(
        self, api: Api, informers: Informers, clock: Clock, rng: random.Random, kit: Kit | None = None
    ) -> None:
        self._api, self._clock, self._rng = api, clock, rng
        kit = kit or Kit()
        settings = kit.settings
        self._profiles = settings.profiles
        self._queue = SchedulingQueue(
            hints_of(settings.profiles.values(), bool(settings.extenders)), gate=self._gate,
            first_backoff=settings.first_backoff, most_backoff=settings.most_backoff,
        )  # fmt: skip
        devices = (
            CachedDevices(informers, lambda: str(UUID(int=rng.getrandbits(128), version=4))) if kit.devices else None
        )
        self._view = ClusterView(informers, self._queue, clock, self._profiles, devices)
        self._queue.snapshot = self._view.snapshot
        self._metrics = SchedulerMetrics(kit.metrics or Metrics(), self._queue, self._view.sizes)
        self._view.handled = self._metrics.handled
        self._evicting: set[PodKey] = set()
        """Pods for which others are being told to go."""
        self._recall = Recall()
        self._turn = 0
        self._slots = asyncio.Semaphore(BINDERS)
        self._tasks = Tasks()
        self._recorders = {name: Recorder(api, clock, name) for name in self._profiles}
        self._extenders = Extenders(settings.extenders)
        writer = ClaimWriter(api, informers, clock, devices) if devices is not None else None
        self._binder = Binder(api, informers, self._extenders, writer)

    async def start(self) -> None:
        """Follow the cluster and begin."""
        await self._view.follow()
        self._binder.follow()
        for name, recorder in self._recorders.items():
            self._tasks.start(recorder.run(), f"{name} events")
        self._tasks.start(self._run(), "scheduler")

    async def close(self) -> None:
        """End the loop and the bindings under way."""
        await self._tasks.cancel()
        await self._extenders.close()

    def _gate(self, pod: PodInfo) -> str:
        """The plugin that keeps a pod from being tried now (upstream: PreEnqueue)."""
        if pod.gated and self._profiles[pod.scheduler].gates:
            return GATES
        if DynamicResources.gate(pod, self._view.snapshot):
            return DynamicResources.name
        return PREEMPTION if pod.key in self._evicting else ""

    # ---- the loop

    async def _run(self) -> None:
        while True:
            pod = self._queue.pop(self._clock.monotonic())
            if pod is None:
                await self._sleep()
                continue
            profile = self._profiles[pod.scheduler]
            turn = self._metrics.turn(profile.name)
            self._turn += 1
            try:
                found = feasible(pod, self._view.snapshot, profile, Start(self._turn - 1, self._recall, turn.lap))
            except Broken as error:
                self._error(pod, str(error), turn)
                continue
            if self._extenders:
                await self._decide_with_extenders(pod, found, turn)
            elif isinstance(found, Found):
                await self._place(pod, found.placed(None, turn.lap), turn)
            else:
                self._unschedulable(pod, found, self._make_room(pod, found, turn), turn)

    def _make_room(self, pod: PodInfo, answer: Unschedulable, turn: Turn) -> Eviction | str:
        if not self._preempts(pod):
            return ""
        profile = self._profiles[pod.scheduler]
        made = preempt(pod, self._view.snapshot, profile, answer, self._offset(answer))
        turn.lap("PostFilter", "Unschedulable" if isinstance(made, str) else "Success")
        self._metrics.preempted(0 if isinstance(made, str) else len(made.victims))
        return made

    async def _decide_with_extenders(self, pod: PodInfo, found: Found | Unschedulable, turn: Turn) -> None:
        """The same with extenders asked. The cluster goes on meanwhile: a node that has gone is no place any more."""
        made: Eviction | str = ""
        try:
            if isinstance(found, Found):
                found = await self._extenders.narrowed(found)
            if isinstance(found, Found):
                points = await self._extenders.points(pod, found.nodes) if len(found.nodes) > 1 else None
                placement = found.placed(points, turn.lap)
                if placement.node in self._view.nodes and pod.key in self._queue.entries:
                    await self._place(pod, placement, turn)
                else:
                    self._queue.failed(pod.key, self._clock.monotonic())
                return
            if self._preempts(pod):
                made = await self._eviction(pod, found)
        except ExtenderError as error:
            self._error(pod, str(error), turn)
            return
        self._unschedulable(pod, found, made, turn)

    async def _eviction(self, pod: PodInfo, answer: Unschedulable) -> Eviction | str:
        profile = self._profiles[pod.scheduler]
        ways = evictions(pod, self._view.snapshot, profile, answer, self._offset(answer))
        if isinstance(ways, str):
            return ways
        agreed = await self._extenders.agreed(pod, ways, self._view.nodes, self._view.whole)
        return best_of(agreed) if agreed else "no candidate node for preemption"

    def _preempts(self, pod: PodInfo) -> bool:
        return bool(self._view.nodes) and self._profiles[pod.scheduler].preempts

    def _offset(self, answer: Unschedulable) -> int:
        return self._rng.randrange(max(1, len(answer.mendable)))

    async def _place(self, pod: PodInfo, placement: Placement, turn: Turn) -> None:
        """The pod counts as being there; it is bound in the background."""
        self._metrics.decided(turn)
        self._view.assume(pod, placement.node)
        self._binder.reserve(placement)
        self._queue.placed(pod.key)
        if placement.claims or placement.devices:  # these may take long, and must not keep others waiting
            await asyncio.sleep(0)
        else:
            await self._slots.acquire()
            if self._turn % SLICE == 0:
                await asyncio.sleep(0)
        self._tasks.start(self._bind(pod, placement, turn), f"bind {pod.name}")

    def _error(self, pod: PodInfo, message: str, turn: Turn) -> None:
        """Something failed that is no matter of fitting: try again after the back-off."""
        self._metrics.ended(turn, "error")
        self._queue.failed(pod.key, self._clock.monotonic())
        self._tasks.start(self._report(pod, message, pod.nominated, "SchedulerError"), f"report {pod.name}")

    def _unschedulable(self, pod: PodInfo, answer: Unschedulable, made: Eviction | str, turn: Turn) -> None:
        """Park the pod; make room for it where that can be done (`made`: the eviction, or why there is none)."""
        eviction = made if isinstance(made, Eviction) else None
        said = [text for text in (self._claims_first(pod, answer), f"preemption: {made}" if made else "") if text]
        message = f"{answer.message} {', '.join(said)}" if said and eviction is None else answer.message
        keeps = eviction is None and message.endswith(WAITING)
        node = eviction.node if eviction else pod.nominated if keeps else ""
        self._view.nominate(pod, node)
        if eviction is not None:
            self._evicting.add(pod.key)
            self._tasks.start(self._evict_all(eviction, pod), f"evict for {pod.name}")
        self._queue.unschedulable(pod.key, answer.plugins, self._clock.monotonic())
        self._metrics.ended(turn, "unschedulable")
        self._tasks.start(self._report(pod, message, node), f"report {pod.name}")

    def _claims_first(self, pod: PodInfo, answer: Unschedulable) -> str:
        """What becomes of the pod's claims on devices; said before it is said why nobody is evicted.

        A claim that nobody else uses and that keeps the pod from nodes gives its devices back.
        """
        if self._view.snapshot.devices is None or not self._profiles[pod.scheduler].deallocates:
            return ""
        if not pod.obj["spec"].get("resourceClaims"):
            return "no new claims to deallocate"
        idle = next((one for one in answer.claims if all(user.get("uid") == pod.uid for user in users_of(one))), None)
        if idle is None:
            return "still not schedulable"
        self._tasks.start(self._binder.deallocate(idle), f"deallocate for {pod.name}")
        return "deallocation of ResourceClaim completed"

    async def _evict_all(self, eviction: Eviction, by: PodInfo) -> None:
        """Evict the victims; the pod is not tried before the last of them goes, whose end then wakes it."""
        going = [victim for victim in eviction.victims if not victim.going]
        done = await asyncio.gather(*(self._evict(victim, by, eviction.node) for victim in going[:-1]))
        self._evicting.discard(by.key)
        done += [await self._evict(victim, by, eviction.node) for victim in going[-1:]]
        if not all(done):
            self._queue.activate(by.key, self._clock.monotonic())
            self._view.wake.set()

    async def _evict(self, victim: PodInfo, by: PodInfo, node: str) -> bool:
        """Tell the victim why, and delete it; false if that failed."""
        ref = ObjectRef(PODS, victim.namespace, victim.name)
        said = {
            "type": "DisruptionTarget", "status": "True", "reason": BY_SCHEDULER,
            "message": f"{by.scheduler}: preempting to accommodate a higher priority pod",
            "lastTransitionTime": format_time(self._clock.now()),
        }  # fmt: skip
        try:
            await self._api.patch(ref, {"status": {"conditions": [said]}}, "strategic", "status")
            await self._api.delete(ref, uid=victim.uid)
        except (StatusError, OSError):
            return False
        self._tell(by, victim.obj, "Normal", "Preempted", f"Preempted by pod {by.uid} on node {node}")
        return True

    def _tell(self, pod: PodInfo, about: Obj, kind: Literal["Normal", "Warning"], reason: str, text: str) -> None:
        """An event of the profile that the pod asks for."""
        self._recorders[pod.scheduler].event(about, kind, reason, text)

    async def _sleep(self) -> None:
        """Until something happens, or a back-off ends."""
        due = self._queue.next_due()
        self._view.wake.clear()
        waiting = asyncio.ensure_future(self._view.wake.wait())
        tasks = {waiting}
        if due is not None:
            tasks.add(asyncio.ensure_future(self._clock.sleep(due - self._clock.monotonic())))  # type: ignore[arg-type]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _bind(self, pod: PodInfo, placement: Placement, turn: Turn) -> None:
        """Bind in the background; a pod that cannot be bound is tried again after its back-off."""
        slow = bool(placement.claims or placement.devices)
        held = not slow
        self._metrics.binding += 1
        try:
            if slow:
                pod = await self._expect(pod, placement.node)
                await self._binder.prepare(pod, placement, self._profiles[pod.scheduler].bind_timeout)
                held = await self._slots.acquire()
            turn.lap("PreBind", "Success")
            await self._binder.bind(pod, placement)
        except BindError as error:
            turn.lap("Bind", "Error")
            self._metrics.ended(turn, "error")
            self._not_bound(pod, placement.node)
            await self._binder.undo(pod, placement)
            if not error.gone:
                await self._report(pod, str(error), "", "SchedulerError")
        else:
            turn.lap("Bind", "Success")
            self._metrics.bound(turn, self._queue.entries.get(pod.key), self._clock.monotonic())
            self._queue.remove(pod.key)
            text = f"Successfully assigned {pod.namespace}/{pod.name} to {placement.node}"
            self._tell(pod, pod.obj, "Normal", "Scheduled", text)
        finally:
            self._metrics.binding -= 1
            self._binder.release(placement)
            if held:
                self._slots.release()

    async def _expect(self, pod: PodInfo, node: str) -> PodInfo:
        """Tell where the pod will go, for it will not be there soon (KEP-5278). The pod with that told."""
        ref = ObjectRef(PODS, pod.namespace, pod.name)
        try:
            await self._api.patch(ref, {"status": {"nominatedNodeName": node}}, "strategic", "status")
        except (StatusError, OSError):
            return pod  # it matters too little to give up
        return replace(pod, nominated=node)

    def _not_bound(self, pod: PodInfo, node: str) -> None:
        """Take the pod off its node again, unless it turns out that it is there."""
        if pod.key not in self._view.assumed:
            self._queue.remove(pod.key)
            return
        self._view.forget(pod, node)
        self._queue.failed(pod.key, self._clock.monotonic())
        self._view.wake.set()

    async def _report(self, pod: PodInfo, message: str, node: str, reason: str = "Unschedulable") -> None:
        """Say why in an event and in the pod's condition, and which node waits for it; once."""
        self._tell(pod, pod.obj, "Warning", "FailedScheduling", message)
        before = condition(pod.obj, "PodScheduled") or {}
        known = (before.get("message"), before.get("status"), before.get("reason"), pod.nominated)
        if known == (message, "False", reason, node):
            return
        stamp = format_time(self._clock.now())
        fresh = {
            "type": "PodScheduled", "status": "False", "reason": reason, "message": message,
            "lastTransitionTime": before.get("lastTransitionTime", stamp), "lastProbeTime": None,
        }  # fmt: skip
        status: Obj = {"conditions": [fresh]}
        if pod.nominated != node:
            status["nominatedNodeName"] = node or None
        ref = ObjectRef(PODS, pod.namespace, pod.name)
        try:
            await self._api.patch(ref, {"status": status}, "strategic", "status")
        except (StatusError, OSError):
            return  # the pod is gone, or the next turn says it again
