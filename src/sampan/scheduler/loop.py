"""The scheduler's loop: pop a pod, decide, bind or make room; keep the snapshot up to date from the informers."""

import asyncio
import random
from typing import Literal

from sampan.aio.clock import Clock
from sampan.aio.tasks import Tasks
from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.meta import condition
from sampan.api.names import ObjectRef
from sampan.api.times import format_time
from sampan.client.api import Api
from sampan.client.cache import Delta
from sampan.client.informer import Informers
from sampan.client.recorder import Recorder
from sampan.resources.kinds import CSINODES, NODES, PODS, PVCS, PVS, STORAGECLASSES, VOLUMEATTACHMENTS
from sampan.scheduler.binding import Binder
from sampan.scheduler.caches import CachedNeighbours, CachedStorage
from sampan.scheduler.configuration.profiles import Settings
from sampan.scheduler.decide import Found, Profile, Recall, decide, feasible
from sampan.scheduler.extenders import ExtenderError, Extenders
from sampan.scheduler.framework import ClusterEvent, Placement, Unschedulable
from sampan.scheduler.pod import PodInfo, PodKey, is_same, is_terminal, read_pod, slim
from sampan.scheduler.preemption import BY_SCHEDULER, WAITING, Eviction, best_of, evictions, preempt
from sampan.scheduler.profile import DEFAULT, WAKES
from sampan.scheduler.queue import SchedulingQueue
from sampan.scheduler.snapshot import NodeTable, Snapshot, read_node

BINDERS = 16
"""Bindings under way at once."""


class Scheduler:
    """Schedules the pods whose schedulerName is that of one of its profiles."""

    def __init__(
        self, api: Api, informers: Informers, clock: Clock, rng: random.Random, settings: Settings | None = None
    ) -> None:
        self._api, self._clock, self._rng = api, clock, rng
        settings = settings or Settings({DEFAULT.name: DEFAULT})
        self._profiles = settings.profiles
        self._queue = SchedulingQueue(WAKES, settings.first_backoff, settings.most_backoff)
        self._table = NodeTable()
        self._nodes = self._table.nodes
        self._strays: dict[str, dict[PodKey, PodInfo]] = {}
        """Pods of nodes that are not known (yet)."""
        self._nominated: dict[str, dict[PodKey, PodInfo]] = {}
        self._recall = Recall()
        self._assumed: dict[tuple[str, str], str] = {}
        """Pods that were given a node and whose binding the informer has not shown yet."""
        self._wake = asyncio.Event()
        self._turn = 0
        self._slots = asyncio.Semaphore(BINDERS)
        self._tasks = Tasks()
        self._recorders = {name: Recorder(api, clock, name) for name in self._profiles}
        self._informers = informers
        self._extenders = Extenders(settings.extenders)
        self._binder = Binder(api, informers, self._extenders)
        self._snapshot = Snapshot(self._table, CachedStorage(informers), CachedNeighbours(informers), self._nominated)

    async def start(self) -> None:
        """Follow the cluster and begin."""
        nodes, pods = self._informers.of(NODES), self._informers.of(PODS)
        for informer in (nodes, pods):
            await informer.synced.wait()
        nodes.subscribe(self._node_changed)
        pods.subscribe(self._pod_changed)
        self._informers.of(PVCS).subscribe(self._claim_changed)
        self._informers.of(PVS).subscribe(lambda delta: self._happened("volume"))
        self._informers.of(STORAGECLASSES).subscribe(lambda delta: self._happened("class"))
        for kind in (CSINODES, VOLUMEATTACHMENTS):
            self._informers.of(kind).subscribe(lambda delta: self._happened("attachment"))
        for name, recorder in self._recorders.items():
            self._tasks.start(recorder.run(), f"{name} events")
        self._tasks.start(self._run(), "scheduler")

    async def close(self) -> None:
        """End the loop and the bindings under way."""
        await self._tasks.cancel()
        await self._extenders.close()

    # ---- what happens in the cluster

    def _happened(self, event: ClusterEvent) -> None:
        self._queue.event(event, self._clock.monotonic())
        self._wake.set()

    def _node_changed(self, delta: Delta) -> None:
        if delta.new is None:
            if delta.old is not None:
                self._node_gone(delta.old["metadata"]["name"])
            return
        name = delta.new["metadata"]["name"]
        before = self._nodes.get(name)
        after = read_node(delta.new, before)
        for pod in self._strays.pop(name, {}).values():
            after = after.with_pod(pod)
        self._table.put(after)
        if before is None:
            self._happened("node/add")
            return
        if after.allocatable != before.allocatable:
            self._happened("node/allocatable")
        if after.labels != before.labels:
            self._happened("node/labels")
        if (after.taints, after.unschedulable) != (before.taints, before.unschedulable):
            self._happened("node/taints")

    def _node_gone(self, name: str) -> None:
        before = self._nodes.get(name)
        if before is not None:
            self._table.drop(name)
            if before.pods:
                self._strays[name] = dict(before.pods)

    def _pod_changed(self, delta: Delta) -> None:
        pod = delta.new
        if pod is None:
            if delta.old is not None:
                self._gone(read_pod(delta.old))
            return
        node = (pod.get("spec") or {}).get("nodeName")
        if node:
            self._placed(pod, node)
            return
        info = read_pod(pod)
        profile = self._profiles.get(info.scheduler)
        if profile is None or (info.gated and profile.gates) or is_terminal(pod) or info.going:
            self._queue.remove(info.key)
            return
        if info.key not in self._assumed:
            self._nominate(info, info.nominated)
            self._queue.put(info, self._clock.monotonic())
            self._wake.set()

    def _placed(self, pod: Obj, node: str) -> None:
        """A pod has a node: it holds its resources there until it is over."""
        info = read_pod(pod)
        self._queue.remove(info.key)
        self._nominate(info, "")
        assumed = self._assumed.pop(info.key, None)
        if assumed and assumed != node:
            self._forget(info, assumed)
        if is_terminal(pod):
            self._release(info, node)
            return
        holder = self._nodes.get(node)
        if holder is None:
            self._strays.setdefault(node, {})[info.key] = info
            return
        info = slim(info)
        before = holder.pods.get(info.key)
        if before is not None and assumed is None and is_same(before, info):
            return
        self._table.put(holder.with_pod(info))
        if before is None or assumed is not None:
            self._happened("pod/placed")
        elif before.labels != info.labels or before.requests != info.requests:
            self._happened("pod/changed")

    def _gone(self, info: PodInfo) -> None:
        self._queue.remove(info.key)
        self._nominate(info, "")
        node = info.node or self._assumed.pop(info.key, "")
        if node:
            self._release(info, node)

    def _release(self, info: PodInfo, node: str) -> None:
        self._strays.get(node, {}).pop(info.key, None)
        holder = self._nodes.get(node)
        if holder is not None and info.key in holder.pods:
            self._table.put(holder.without_pod(info.key))
            self._happened("pod/gone")

    def _forget(self, info: PodInfo, node: str) -> None:
        holder = self._nodes.get(node)
        if holder is not None:
            self._table.put(holder.without_pod(info.key))

    def _nominate(self, info: PodInfo, node: str) -> None:
        """Remember the node that waits for the pod; an empty name: none does."""
        for name in [name for name, pods in self._nominated.items() if info.key in pods and name != node]:
            del self._nominated[name][info.key]
            if not self._nominated[name]:
                del self._nominated[name]
        if node:
            self._nominated.setdefault(node, {})[info.key] = info

    def _claim_changed(self, delta: Delta) -> None:
        self._happened("claim")
        self._binder.claims_changed()

    # ---- the loop

    async def _run(self) -> None:
        while True:
            pod = self._queue.pop(self._clock.monotonic())
            if pod is None:
                await self._sleep()
                continue
            profile = self._profiles[pod.scheduler]
            if self._extenders:
                await self._decide_with_extenders(pod, profile)
                continue
            answer = decide(pod, self._snapshot, profile, self._turn, self._recall)
            self._turn += 1
            if isinstance(answer, Placement):
                await self._place(pod, answer)
            else:
                self._unschedulable(pod, answer, self._make_room(pod, profile, answer))

    def _make_room(self, pod: PodInfo, profile: Profile, answer: Unschedulable) -> Eviction | str:
        if not self._preempts(pod):
            return ""
        return preempt(pod, self._snapshot, profile, answer, self._offset(answer))

    async def _decide_with_extenders(self, pod: PodInfo, profile: Profile) -> None:
        """The same with extenders asked. The cluster goes on meanwhile: a node that has gone is no place any more."""
        found = feasible(pod, self._snapshot, profile, self._turn, self._recall)
        self._turn += 1
        made: Eviction | str = ""
        try:
            if isinstance(found, Found):
                found = await self._extenders.narrowed(found)
            if isinstance(found, Found):
                points = await self._extenders.points(pod, found.nodes) if len(found.nodes) > 1 else None
                placement = found.placed(points)
                if placement.node in self._nodes and pod.key in self._queue.entries:
                    await self._place(pod, placement)
                else:
                    self._queue.failed(pod.key, self._clock.monotonic())
                return
            if self._preempts(pod):
                made = await self._eviction(pod, profile, found)
        except ExtenderError as error:
            self._error(pod, str(error))
            return
        self._unschedulable(pod, found, made)

    async def _eviction(self, pod: PodInfo, profile: Profile, answer: Unschedulable) -> Eviction | str:
        ways = evictions(pod, self._snapshot, profile, answer, self._offset(answer))
        if isinstance(ways, str):
            return ways
        agreed = await self._extenders.agreed(pod, ways, self._nodes, self._whole)
        return best_of(agreed) if agreed else "no candidate node for preemption"

    def _whole(self, pod: PodInfo) -> Obj:
        return self._informers.of(PODS).cache.get(pod.namespace, pod.name) or pod.obj

    def _preempts(self, pod: PodInfo) -> bool:
        return bool(self._nodes) and self._profiles[pod.scheduler].preempts

    def _offset(self, answer: Unschedulable) -> int:
        return self._rng.randrange(max(1, len(answer.mendable)))

    async def _place(self, pod: PodInfo, placement: Placement) -> None:
        """The pod counts as being there; it is bound in the background."""
        self._assume(pod, placement)
        await self._slots.acquire()
        self._tasks.start(self._bind(pod, placement), f"bind {pod.name}")

    def _error(self, pod: PodInfo, message: str) -> None:
        """Something failed that is no matter of fitting: try again after the back-off."""
        self._queue.failed(pod.key, self._clock.monotonic())
        self._tasks.start(self._report(pod, message, pod.nominated, "SchedulerError"), f"report {pod.name}")

    def _unschedulable(self, pod: PodInfo, answer: Unschedulable, made: Eviction | str) -> None:
        """Park the pod; make room for it where that can be done (`made`: the eviction, or why there is none)."""
        eviction = made if isinstance(made, Eviction) else None
        message = f"{answer.message} preemption: {made}" if isinstance(made, str) and made else answer.message
        keeps = eviction is None and message.endswith(WAITING)
        node = eviction.node if eviction else pod.nominated if keeps else ""
        self._nominate(pod, node)
        self._queue.unschedulable(pod.key, answer.plugins, self._clock.monotonic())
        self._tasks.start(self._report(pod, message, node), f"report {pod.name}")
        if eviction is not None:
            for victim in eviction.victims:
                if not victim.going:
                    self._tasks.start(self._evict(victim, pod, eviction.node), f"evict {victim.name}")

    async def _evict(self, victim: PodInfo, by: PodInfo, node: str) -> None:
        """Tell the victim why, and delete it."""
        ref = ObjectRef(PODS, victim.namespace, victim.name)
        said = {
            "type": "DisruptionTarget", "status": "True", "reason": BY_SCHEDULER,
            "message": f"{by.scheduler}: preempting to accommodate a higher priority pod",
            "lastTransitionTime": format_time(self._clock.now()),
        }  # fmt: skip
        try:
            await self._api.patch(ref, {"status": {"conditions": [said]}}, "strategic", "status")
            await self._api.delete(ref, uid=victim.uid)
        except (StatusError, OSError) as error:
            if not (isinstance(error, StatusError) and error.code in (404, 409)):
                self._queue.failed(by.key, self._clock.monotonic())
                self._wake.set()
            return
        self._tell(by, victim.obj, "Normal", "Preempted", f"Preempted by pod {by.uid} on node {node}")

    def _tell(self, pod: PodInfo, about: Obj, kind: Literal["Normal", "Warning"], reason: str, text: str) -> None:
        """An event of the profile that the pod asks for."""
        self._recorders[pod.scheduler].event(about, kind, reason, text)

    async def _sleep(self) -> None:
        """Until something happens, or a back-off ends."""
        due = self._queue.next_due()
        self._wake.clear()
        waiting = asyncio.ensure_future(self._wake.wait())
        tasks = {waiting}
        if due is not None:
            tasks.add(asyncio.ensure_future(self._clock.sleep(due - self._clock.monotonic())))  # type: ignore[arg-type]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _assume(self, pod: PodInfo, placement: Placement) -> None:
        self._assumed[pod.key] = placement.node
        self._table.put(self._nodes[placement.node].with_pod(pod))

    async def _bind(self, pod: PodInfo, placement: Placement) -> None:
        """Bind in the background; a pod that cannot be bound is tried again after its back-off."""
        try:
            await self._binder.bind(pod, placement, self._profiles[pod.scheduler].bind_timeout)
        except (StatusError, OSError, TimeoutError, ExtenderError) as error:
            self._assumed.pop(pod.key, None)
            self._forget(pod, placement.node)
            self._queue.failed(pod.key, self._clock.monotonic())
            self._wake.set()
            if not (isinstance(error, StatusError) and error.code == 404):
                self._tell(pod, pod.obj, "Warning", "FailedScheduling", f"binding rejected: {error}")
        else:
            self._queue.remove(pod.key)
            text = f"Successfully assigned {pod.namespace}/{pod.name} to {placement.node}"
            self._tell(pod, pod.obj, "Normal", "Scheduled", text)
        finally:
            self._slots.release()

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
