"""CRI's stats messages to and from the records of kubelet.usage; both ways, for the client and for our own server."""

from sampan.kubelet.cri import messages_pb2 as pb
from sampan.kubelet.usage import ContainerUsage, Cpu, Disk, ImageDisks, Interface, Memory, Network, PodUsage, Swap


def _got(message: pb.UInt64Value, there: bool) -> int | None:
    return message.value if there else None


def _put(value: int | None) -> pb.UInt64Value | None:
    return None if value is None else pb.UInt64Value(value=value)


# --- what the runtime said


def pod(message: pb.PodSandboxStats) -> PodUsage:
    """An item of ListPodSandboxStats."""
    meta, linux = message.attributes.metadata, message.linux
    return PodUsage(
        sandbox_id=message.attributes.id,
        uid=meta.uid,
        name=meta.name,
        namespace=meta.namespace,
        cpu=_cpu(linux.cpu) if linux.HasField("cpu") else None,
        memory=_memory(linux.memory) if linux.HasField("memory") else None,
        network=_network(linux.network) if linux.HasField("network") else None,
        processes=linux.process.process_count.value if linux.process.HasField("process_count") else None,
        containers=tuple(container(c) for c in linux.containers),
    )


def container(message: pb.ContainerStats) -> ContainerUsage:
    """An item of ListContainerStats."""
    meta = message.attributes.metadata
    return ContainerUsage(
        id=message.attributes.id,
        name=meta.name,
        attempt=meta.attempt,
        cpu=_cpu(message.cpu) if message.HasField("cpu") else None,
        memory=_memory(message.memory) if message.HasField("memory") else None,
        disk=disk(message.writable_layer) if message.HasField("writable_layer") else None,
        swap=_swap(message.swap) if message.HasField("swap") else None,
    )


def _cpu(m: pb.CpuUsage) -> Cpu:
    return Cpu(
        m.timestamp,
        _got(m.usage_core_nano_seconds, m.HasField("usage_core_nano_seconds")),
        _got(m.usage_nano_cores, m.HasField("usage_nano_cores")),
    )


def _memory(m: pb.MemoryUsage) -> Memory:
    return Memory(
        m.timestamp,
        _got(m.working_set_bytes, m.HasField("working_set_bytes")),
        m.available_bytes.value or None,  # containerd says 0 where there is no limit
        _got(m.usage_bytes, m.HasField("usage_bytes")),
        _got(m.rss_bytes, m.HasField("rss_bytes")),
        _got(m.page_faults, m.HasField("page_faults")),
        _got(m.major_page_faults, m.HasField("major_page_faults")),
    )


def _swap(m: pb.SwapUsage) -> Swap:
    return Swap(
        m.timestamp,
        _got(m.swap_available_bytes, m.HasField("swap_available_bytes")),
        _got(m.swap_usage_bytes, m.HasField("swap_usage_bytes")),
    )


def disk(m: pb.FilesystemUsage) -> Disk:
    """A file system's part."""
    return Disk(
        m.timestamp,
        m.fs_id.mountpoint,
        _got(m.used_bytes, m.HasField("used_bytes")),
        _got(m.inodes_used, m.HasField("inodes_used")),
    )


def _network(m: pb.NetworkUsage) -> Network:
    first = (m.default_interface,) if m.HasField("default_interface") else ()
    shown = {i.name: _interface(i) for i in (*first, *m.interfaces)}
    return Network(m.timestamp, tuple(shown.values()))


def _interface(m: pb.NetworkInterfaceUsage) -> Interface:
    return Interface(
        m.name,
        _got(m.rx_bytes, m.HasField("rx_bytes")),
        _got(m.rx_errors, m.HasField("rx_errors")),
        _got(m.tx_bytes, m.HasField("tx_bytes")),
        _got(m.tx_errors, m.HasField("tx_errors")),
    )


def image_disks(message: pb.ImageFsInfoResponse) -> ImageDisks:
    """The answer of ImageFsInfo."""
    return ImageDisks(
        tuple(disk(m) for m in message.image_filesystems), tuple(disk(m) for m in message.container_filesystems)
    )


# --- what a runtime of ours says


def pod_message(usage: PodUsage) -> pb.PodSandboxStats:
    """A PodUsage for the wire."""
    meta = pb.PodSandboxMetadata(name=usage.name, uid=usage.uid, namespace=usage.namespace)
    return pb.PodSandboxStats(
        attributes=pb.PodSandboxAttributes(id=usage.sandbox_id, metadata=meta),
        linux=pb.LinuxPodSandboxStats(
            cpu=_cpu_message(usage.cpu),
            memory=_memory_message(usage.memory),
            network=_network_message(usage.network),
            process=None if usage.processes is None else pb.ProcessUsage(process_count=_put(usage.processes)),
            containers=[_container_message(c) for c in usage.containers],
        ),
    )


def _container_message(usage: ContainerUsage) -> pb.ContainerStats:
    meta = pb.ContainerMetadata(name=usage.name, attempt=usage.attempt)
    swap = usage.swap
    return pb.ContainerStats(
        attributes=pb.ContainerAttributes(id=usage.id, metadata=meta),
        cpu=_cpu_message(usage.cpu),
        memory=_memory_message(usage.memory),
        writable_layer=None if usage.disk is None else disk_message(usage.disk),
        swap=None
        if swap is None
        else pb.SwapUsage(
            timestamp=swap.time, swap_available_bytes=_put(swap.available), swap_usage_bytes=_put(swap.used)
        ),
    )


def _cpu_message(cpu: Cpu | None) -> pb.CpuUsage | None:
    if cpu is None:
        return None
    return pb.CpuUsage(
        timestamp=cpu.time, usage_core_nano_seconds=_put(cpu.total), usage_nano_cores=_put(cpu.rate)
    )  # fmt: skip


def _memory_message(memory: Memory | None) -> pb.MemoryUsage | None:
    if memory is None:
        return None
    return pb.MemoryUsage(
        timestamp=memory.time, working_set_bytes=_put(memory.working_set), available_bytes=_put(memory.available),
        usage_bytes=_put(memory.usage), rss_bytes=_put(memory.rss), page_faults=_put(memory.page_faults),
        major_page_faults=_put(memory.major_page_faults),
    )  # fmt: skip


def _network_message(network: Network | None) -> pb.NetworkUsage | None:
    if network is None or not network.interfaces:
        return None
    made = [
        pb.NetworkInterfaceUsage(
            name=i.name, rx_bytes=_put(i.rx_bytes), rx_errors=_put(i.rx_errors), tx_bytes=_put(i.tx_bytes),
            tx_errors=_put(i.tx_errors),
        )
        for i in network.interfaces
    ]  # fmt: skip
    return pb.NetworkUsage(timestamp=network.time, default_interface=made[0], interfaces=made[1:])


def disk_message(given: Disk) -> pb.FilesystemUsage:
    """A file system's part for the wire."""
    return pb.FilesystemUsage(
        timestamp=given.time, fs_id=pb.FilesystemIdentifier(mountpoint=given.mountpoint), used_bytes=_put(given.used),
        inodes_used=_put(given.inodes),
    )  # fmt: skip
