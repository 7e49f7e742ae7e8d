"""What pods, containers and file systems use, as the runtime says when it is asked; nobody asks it while idle.

`Runtime.usage` gives these records. Times are nanoseconds since the epoch, amounts are bytes, CPU is core-nanoseconds
(`total`, since the start) and nano-cores (`rate`); None is what the runtime did not say.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU time used."""

    time: int
    total: int | None = None
    rate: int | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory used."""

    time: int
    working_set: int | None = None
    available: int | None = None
    usage: int | None = None
    rss: int | None = None
    page_faults: int | None = None
    major_page_faults: int | None = None


@dataclass(frozen=True, slots=True)
class Swap:
    """Swap used."""

    time: int
    available: int | None = None
    used: int | None = None


@dataclass(frozen=True, slots=True)
class Disk:
    """A part of a file system: a container's writable layer, all images."""

    time: int
    mountpoint: str = ""
    used: int | None = None
    inodes: int | None = None


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface since the pod's start."""

    name: str
    rx_bytes: int | None = None
    rx_errors: int | None = None
    tx_bytes: int | None = None
    tx_errors: int | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """A pod's interfaces, that of its default route first."""

    time: int
    interfaces: tuple[Interface, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainerUsage:
    """What one container uses."""

    id: str
    name: str
    attempt: int = 0
    cpu: Cpu | None = None
    memory: Memory | None = None
    disk: Disk | None = None
    swap: Swap | None = None


@dataclass(frozen=True, slots=True)
class PodUsage:
    """What one sandbox and its running containers use."""

    sandbox_id: str
    uid: str
    name: str
    namespace: str
    cpu: Cpu | None = None
    memory: Memory | None = None
    network: Network | None = None
    processes: int | None = None
    containers: tuple[ContainerUsage, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class ImageDisks:
    """Where the runtime keeps images, and containers' writable layers (the same, if it does not say)."""

    images: tuple[Disk, ...] = ()
    containers: tuple[Disk, ...] = ()
