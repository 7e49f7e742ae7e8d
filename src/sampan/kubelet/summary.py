"""The Summary of /stats/summary (k8s.io/kubelet's stats/v1alpha1) from what machine, runtime and volumes say. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sampan.api.json import Obj
from sampan.api.times import format_time, from_nanos
from sampan.kubelet.host_usage import FileSystem, HostUsage
from sampan.kubelet.usage import ContainerUsage, Cpu, Disk, Memory, Network, PodUsage, Swap


@dataclass(frozen=True, slots=True)
class VolumeUsage:
    """One volume of a pod. `inodes_used` and the rest are None where nobody knows."""

    name: str
    capacity: int | None = None
    available: int | None = None
    used: int | None = None
    inodes: int | None = None
    inodes_free: int | None = None
    inodes_used: int | None = None
    claim: str = ""
    """The claim it is of, in the pod's namespace."""
    ephemeral: bool = True
    """It is on the node and counts as the pod's ephemeral storage."""
    abnormal: bool | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """All that a Summary is made of; pods by uid, containers by id."""

    node: str
    host: HostUsage
    pods: Sequence[PodUsage]
    since: Mapping[str, int] = field(default_factory=dict)
    """When sandboxes and containers were made or started: nanoseconds by id."""
    volumes: Mapping[str, Sequence[VolumeUsage]] = field(default_factory=dict)
    logs: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Bytes and files of containers' logs."""
    images: tuple[FileSystem, int] | None = None
    """Where images are, and what they take of it."""
    layers: tuple[FileSystem, int] | None = None
    """The same of containers' writable layers."""


def summary(looked: Looked, *, brief: bool = False) -> Obj:
    """The Summary; `brief` is `only_cpu_and_memory`."""
    node = _node(looked, brief=brief)
    return {"node": node, "pods": [pod(looked, p, brief=brief) for p in looked.pods]}


def stamp(nanos: int) -> str:
    """A time as the API writes it."""
    return format_time(from_nanos(nanos))


def _kept(made: Obj) -> Obj:
    return {key: value for key, value in made.items() if value is not None}


def _node(looked: Looked, *, brief: bool) -> Obj:
    host = looked.host
    made: Obj = {
        "nodeName": looked.node,
        "systemContainers": _system(looked),
        "startTime": format_time(datetime.fromtimestamp(host.booted, UTC)),
        **_cpu_memory(host.cpu, host.memory, host.swap),
    }
    if brief:
        return made
    at = host.cpu.time
    if host.network is not None:
        made["network"] = network(host.network, at)
    if host.disk is not None:
        made["fs"] = _fs(at, host.disk)
    runtime = {}
    if looked.images is not None:
        runtime["imageFs"] = {**_fs(at, looked.images[0]), "usedBytes": looked.images[1]}
    if looked.layers is not None:
        runtime["containerFs"] = {**_fs(at, looked.layers[0]), "usedBytes": looked.layers[1]}
    if runtime:
        made["runtime"] = runtime
    if host.most_processes is not None:
        made["rlimit"] = {"time": stamp(at), "maxpid": host.most_processes, "curproc": host.processes}
    return made


def _system(looked: Looked) -> list[Obj]:
    """The agent itself, and all pods together."""
    made = []
    start = format_time(datetime.fromtimestamp(looked.host.booted, UTC))
    if looked.host.agent is not None:
        made.append({"name": "kubelet", "startTime": start, **_cpu_memory(*looked.host.agent, None)})
    cpus = [p.cpu for p in looked.pods if p.cpu is not None]
    memories = [p.memory for p in looked.pods if p.memory is not None]
    at = looked.host.cpu.time
    rates = [c.rate for c in cpus if c.rate is not None]
    cpu = Cpu(at, sum(c.total or 0 for c in cpus), sum(rates) if len(rates) == len(cpus) else None)
    working = sum(m.working_set or 0 for m in memories)
    memory = Memory(at, working, None, sum(m.usage or 0 for m in memories), sum(m.rss or 0 for m in memories))
    made.append({"name": "pods", "startTime": start, **_cpu_memory(cpu, memory, None)})
    return made


def _cpu_memory(cpu: Cpu | None, memory: Memory | None, swap: Swap | None) -> Obj:
    made: Obj = {}
    if cpu is not None:
        made["cpu"] = _kept(
            {"time": stamp(cpu.time), "usageNanoCores": cpu.rate, "usageCoreNanoSeconds": cpu.total}
        )  # fmt: skip
    if memory is not None:
        made["memory"] = _kept(
            {
                "time": stamp(memory.time),
                "availableBytes": memory.available,
                "usageBytes": memory.usage,
                "workingSetBytes": memory.working_set,
                "rssBytes": memory.rss,
                "pageFaults": memory.page_faults,
                "majorPageFaults": memory.major_page_faults,
            }
        )
    if swap is not None:
        made["swap"] = _kept(
            {"time": stamp(swap.time), "swapAvailableBytes": swap.available, "swapUsageBytes": swap.used}
        )  # fmt: skip
    return made


def network(given: Network, now: int) -> Obj:
    """NetworkStats: the default interface in line, all of them below. Runtimes may not say when that was."""
    shown = [
        _kept(
            {
                "name": i.name,
                "rxBytes": i.rx_bytes,
                "rxErrors": i.rx_errors,
                "txBytes": i.tx_bytes,
                "txErrors": i.tx_errors,
            }
        )
        for i in given.interfaces
    ]
    return {"time": stamp(given.time or now), **(shown[0] if shown else {"name": ""}), "interfaces": shown}


def _fs(at: int, disk: FileSystem) -> Obj:
    return {
        "time": stamp(at),
        "availableBytes": disk.available,
        "capacityBytes": disk.capacity,
        "usedBytes": disk.used,
        "inodesFree": disk.inodes_free,
        "inodes": disk.inodes,
        "inodesUsed": disk.inodes - disk.inodes_free,
    }


def pod(looked: Looked, usage: PodUsage, *, brief: bool) -> Obj:
    """PodStats."""
    made: Obj = {
        "podRef": {"name": usage.name, "namespace": usage.namespace, "uid": usage.uid},
        "startTime": stamp(looked.since.get(usage.sandbox_id, 0)),
        "containers": [_container(looked, c, brief=brief) for c in usage.containers],
        **_cpu_memory(usage.cpu, usage.memory, None),
    }
    if brief:
        return made
    if usage.network is not None:
        made["network"] = network(usage.network, looked.host.cpu.time)
    at = looked.host.cpu.time
    volumes = looked.volumes.get(usage.uid, ())
    if volumes:
        made["volume"] = [_volume(at, v, usage.namespace) for v in volumes]
    made["ephemeral-storage"] = _ephemeral(looked, usage, volumes)
    made["process_stats"] = {"process_count": usage.processes or 0}
    return made


def _container(looked: Looked, usage: ContainerUsage, *, brief: bool) -> Obj:
    made: Obj = {
        "name": usage.name,
        "startTime": stamp(looked.since.get(usage.id, 0)),
        **_cpu_memory(usage.cpu, usage.memory, usage.swap),
    }
    if brief:
        return made
    at, host = looked.host.cpu.time, looked.host.disk
    whole = looked.layers or looked.images
    if usage.disk is not None:
        made["rootfs"] = _part(at, whole[0] if whole else host, usage.disk)
    used, files = looked.logs.get(usage.id, (0, 0))
    made["logs"] = _part(at, host, Disk(at, "", used, files))
    return made


def _part(at: int, whole: FileSystem | None, part: Disk) -> Obj:
    made: Obj = {"time": stamp(part.time or at), "usedBytes": part.used, "inodesUsed": part.inodes}
    if whole is not None:
        made.update(
            availableBytes=whole.available, capacityBytes=whole.capacity, inodesFree=whole.inodes_free,
            inodes=whole.inodes,
        )  # fmt: skip
    return _kept(made)


def _volume(at: int, volume: VolumeUsage, namespace: str) -> Obj:
    made: Obj = {
        "time": stamp(at),
        "availableBytes": volume.available,
        "capacityBytes": volume.capacity,
        "usedBytes": volume.used,
        "inodesFree": volume.inodes_free,
        "inodes": volume.inodes,
        "inodesUsed": volume.inodes_used,
        "name": volume.name,
    }
    if volume.claim:
        made["pvcRef"] = {"name": volume.claim, "namespace": namespace}
    if volume.abnormal is not None:
        made["volumeHealthStats"] = {"abnormal": volume.abnormal}
    return _kept(made)


def _ephemeral(looked: Looked, usage: PodUsage, volumes: Sequence[VolumeUsage]) -> Obj:
    """What the pod takes of the node's disk: writable layers, logs and volumes on the node."""
    parts = [(c.disk.used or 0, c.disk.inodes or 0) for c in usage.containers if c.disk is not None]
    parts += [looked.logs.get(c.id, (0, 0)) for c in usage.containers]
    parts += [(v.used or 0, v.inodes_used or 0) for v in volumes if v.ephemeral]
    total = Disk(looked.host.cpu.time, "", sum(used for used, _ in parts), sum(files for _, files in parts))
    return _part(looked.host.cpu.time, looked.host.disk, total)
