"""Looks at what a node uses, when somebody asks: /stats/summary, /metrics/resource, and readers in this process."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from sampan.aio.clock import Clock
from sampan.api.json import Obj
from sampan.api.quantity import milli_value, value
from sampan.api.times import to_nanos
from sampan.kubelet.host_usage import FileSystem, HostUsage, file_system
from sampan.kubelet.node import Machine
from sampan.kubelet.pleg.cache import PodCache
from sampan.kubelet.runtime import ContainerState, CriError, Runtime
from sampan.kubelet.summary import Looked, VolumeUsage
from sampan.kubelet.usage import Cpu, Disk, ImageDisks, Memory, PodUsage
from sampan.kubelet.volumes.usage import tree

log = logging.getLogger("sampan.kubelet")
VOLUMES_EVERY = 60.0
"""Seconds for which a walk over a pod's volumes is good, as upstream's volumeStatsAggPeriod."""
SHORTEST = 500_000_000
"""Nanoseconds between two samples that a rate is made of, at least."""


class NodeUsage(Protocol):
    """The seam for readers in this process, metrics.k8s.io among them: ask as often as usage is wanted.

    `Looked.pods` has CPU time since the start (`cpu.total`, at `cpu.time`) and, once two looks are at hand, a rate
    (`cpu.rate`); `Looked.host` the same of the whole node. Raises CriError, OSError.
    """

    async def look(self, *, brief: bool = True) -> Looked: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a look comes from."""

    runtime: Runtime
    cache: PodCache
    mine: Callable[[str], bool]
    """Whether a pod, by its uid, is this agent's."""
    pods: Callable[[], Sequence[Obj]]
    volumes: Callable[[Obj], Awaitable[Sequence[VolumeUsage]]]
    host: Callable[[int], HostUsage] | None
    """What the machine uses at that time (nanoseconds); None where pods are simulated. Blocks."""
    log_folder: Callable[[Obj], Path]


@dataclass(slots=True)
class Walked:
    """A pod's volumes as last seen."""

    at: float
    volumes: Sequence[VolumeUsage] = field(default_factory=tuple)


class Stats:
    """The NodeUsage of one agent."""

    def __init__(self, node: str, machine: Machine, sources: Sources, clock: Clock) -> None:
        self._node, self._machine, self._sources, self._clock = node, machine, sources, clock
        self._before: dict[str, Cpu] = {}
        self._rates: dict[str, int] = {}
        self._walked: dict[str, Walked] = {}

    async def look(self, *, brief: bool = True) -> Looked:
        """The node now; `brief` leaves out disks, volumes and logs. Raises CriError, OSError."""
        sources = self._sources
        pods = [pod for pod in await sources.runtime.usage() if sources.mine(pod.uid)]
        pods = [self._whole(self._alive(pod)) for pod in pods]
        now = to_nanos(self._clock.now())
        if sources.host is not None:
            host = await asyncio.to_thread(sources.host, now)
        else:
            host = simulated_host(self._machine, pods, now)
        host = replace(host, cpu=self._rated("", host.cpu))
        self._forget(pods)
        looked = Looked(self._node, host, pods, self._since(pods))
        return looked if brief else await self._more(looked)

    async def volumes(self) -> dict[str, Sequence[VolumeUsage]]:
        """The volumes of all pods by uid, not older than a minute."""
        now, found = self._clock.monotonic(), {}
        for pod in self._sources.pods():
            uid = pod["metadata"]["uid"]
            known = self._walked.get(uid)
            if known is None or now - known.at >= VOLUMES_EVERY:
                known = self._walked[uid] = Walked(now, await self._sources.volumes(pod))
            found[uid] = known.volumes
        self._walked = {uid: known for uid, known in self._walked.items() if uid in found}
        return found

    async def image_space(self) -> FileSystem | None:
        """The file system of images; None where nobody knows. Raises OSError."""
        if self._sources.host is None:
            return None
        found = await asyncio.to_thread(_placed, (await self._disks()).images)
        return found[0] if found is not None else None

    # --- parts

    def _alive(self, pod: PodUsage) -> PodUsage:
        """Without the containers that have ended: runtimes tell of their files still."""
        status = self._sources.cache.peek(pod.uid)
        ended = {c.id for c in status.containers if c.state is ContainerState.EXITED} if status is not None else set()
        return replace(pod, containers=tuple(c for c in pod.containers if c.id not in ended))

    def _whole(self, pod: PodUsage) -> PodUsage:
        """With rates; a pod of which the runtime says nothing is the sum of its containers."""
        containers = tuple(replace(c, cpu=self._rated(c.id, c.cpu) if c.cpu else None) for c in pod.containers)
        cpu, memory = pod.cpu, pod.memory
        if cpu is None and (known := [c.cpu for c in containers if c.cpu is not None]):
            cpu = Cpu(max(c.time for c in known), sum(c.total or 0 for c in known))
        if memory is None and (amounts := [c.memory for c in containers if c.memory is not None]):
            memory = _sum(amounts)
        cpu = self._rated(pod.sandbox_id, cpu) if cpu is not None else None
        return replace(pod, cpu=cpu, memory=memory, containers=containers)

    def _rated(self, id_: str, cpu: Cpu) -> Cpu:
        """With the rate since the last look, where the runtime gives none."""
        if cpu.rate is not None or cpu.total is None:
            return cpu
        before = self._before.get(id_)
        if before is None or before.total is None or cpu.total < before.total:
            self._before[id_] = cpu
            return cpu
        span = cpu.time - before.time
        if span >= SHORTEST:
            self._rates[id_] = round((cpu.total - before.total) * 1_000_000_000 / span)
            self._before[id_] = cpu
        return replace(cpu, rate=self._rates.get(id_))

    def _forget(self, pods: Iterable[PodUsage]) -> None:
        alive = {""}
        for pod in pods:
            alive.add(pod.sandbox_id)
            alive.update(c.id for c in pod.containers)
        self._before = {id_: cpu for id_, cpu in self._before.items() if id_ in alive}
        self._rates = {id_: rate for id_, rate in self._rates.items() if id_ in alive}

    def _since(self, pods: Iterable[PodUsage]) -> dict[str, int]:
        found = {}
        for pod in pods:
            status = self._sources.cache.peek(pod.uid)
            if status is not None:
                found.update({box.id: box.created_at for box in status.sandboxes})
                found.update({run.id: run.started_at or run.created_at for run in status.containers})
        return found

    async def _more(self, looked: Looked) -> Looked:
        disks = await self._disks()
        images = await asyncio.to_thread(_placed, disks.images) if self._sources.host is not None else None
        layers = images
        if disks.containers and disks.containers[0].mountpoint != (disks.images or disks.containers)[0].mountpoint:
            layers = await asyncio.to_thread(_placed, disks.containers)
        by_uid = {pod["metadata"]["uid"]: pod for pod in self._sources.pods()}
        folders = {p.uid: self._sources.log_folder(by_uid[p.uid]) for p in looked.pods if p.uid in by_uid}
        logs = await asyncio.to_thread(_logs, looked.pods, folders)
        return replace(looked, volumes=await self.volumes(), logs=logs, images=images, layers=layers)

    async def _disks(self) -> ImageDisks:
        try:
            return await self._sources.runtime.image_disks()
        except CriError as error:
            log.info("what images take is not known: %s", error.message)
            return ImageDisks()


def _sum(amounts: Sequence[Memory]) -> Memory:
    def total(field_name: str) -> int:
        return sum(getattr(m, field_name) or 0 for m in amounts)

    at = max(m.time for m in amounts)
    return Memory(at, total("working_set"), None, total("usage"), total("rss"), total("page_faults"))


def _placed(disks: Sequence[Disk]) -> tuple[FileSystem, int] | None:
    """The file system of the first of these, and what they take."""
    for disk in disks:
        try:
            return file_system(Path(disk.mountpoint)), disk.used or 0
        except OSError:
            continue
    return None


def _logs(pods: Sequence[PodUsage], folders: Mapping[str, Path]) -> dict[str, tuple[int, int]]:
    return {
        container.id: tree(folders[pod.uid] / container.name)
        for pod in pods
        if pod.uid in folders
        for container in pod.containers
    }


def simulated_host(machine: Machine, pods: Sequence[PodUsage], now: int) -> HostUsage:
    """A node that has what `machine` says, and of which its pods use their part."""
    capacity = {"cpu": -(-milli_value(machine.cpu) // 1000), "memory": value(machine.memory)}
    working = sum(p.memory.working_set or 0 for p in pods if p.memory is not None)
    cpus = [p.cpu for p in pods if p.cpu is not None]
    cpu = Cpu(now, sum(c.total or 0 for c in cpus), sum(c.rate or 0 for c in cpus))
    memory = Memory(now, working, capacity["memory"] - working, working, working, 0, 0)
    storage = value(machine.storage)
    return HostUsage(cpu, memory, disk=FileSystem(storage, storage, 0), capacity=capacity)
