"""What this machine uses as a whole, read from /proc when asked. Blocks a little: call it in a thread."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from sampan.kubelet.usage import Cpu, Interface, Memory, Network, Swap

PROC = Path("/proc")
BUSY = (0, 1, 2, 5, 6, 7)
"""user, nice, system, irq, softirq, steal in the columns of /proc/stat; guest time is within user."""


@dataclass(frozen=True, slots=True)
class FileSystem:
    """A whole file system, bytes and inodes."""

    capacity: int
    available: int
    used: int
    inodes: int = 0
    inodes_free: int = 0


@dataclass(frozen=True, slots=True)
class HostUsage:
    """A node as a whole. `booted` is in seconds since the epoch."""

    cpu: Cpu
    memory: Memory
    swap: Swap | None = None
    network: Network | None = None
    disk: FileSystem | None = None
    booted: float = 0.0
    most_processes: int | None = None
    processes: int | None = None
    agent: tuple[Cpu, Memory] | None = None
    """What the node agent's own process uses."""
    capacity: dict[str, int] = field(default_factory=dict)
    """cpu and memory that there are."""


def file_system(path: Path) -> FileSystem:
    """The file system that a path is on. Raises OSError."""
    found = os.statvfs(path)
    size = found.f_frsize
    return FileSystem(
        found.f_blocks * size, found.f_bavail * size, (found.f_blocks - found.f_bfree) * size, found.f_files,
        found.f_ffree,
    )  # fmt: skip


def host_usage(root: Path, now: int) -> HostUsage:
    """This machine now; `root` is where pods' data is. Raises OSError."""
    kinds = _memory_lines()
    total, free = kinds["MemTotal"], kinds["MemFree"]
    working = max(0, total - free - kinds.get("Inactive(file)", 0))
    usage = total - free
    faults, major = _faults()
    memory = Memory(now, working, total - working, usage, kinds.get("AnonPages"), faults, major)
    swap = Swap(now, kinds.get("SwapFree", 0), kinds.get("SwapTotal", 0) - kinds.get("SwapFree", 0))
    stat = (PROC / "stat").read_text().splitlines()
    booted = next((float(line.split()[1]) for line in stat if line.startswith("btime")), 0.0)
    most = int((PROC / "sys/kernel/pid_max").read_text())
    count = int((PROC / "loadavg").read_text().split()[3].partition("/")[2])
    return HostUsage(
        Cpu(now, _busy(stat[0])), memory, swap, _network(now), file_system(root), booted, most, count, _agent(now),
        {"cpu": os.cpu_count() or 1, "memory": total},
    )  # fmt: skip


def _ticks(number: int) -> int:
    return number * (1_000_000_000 // os.sysconf("SC_CLK_TCK"))


def _busy(line: str) -> int:
    numbers = [int(word) for word in line.split()[1:]]
    return _ticks(sum(numbers[i] for i in BUSY if i < len(numbers)))


def _memory_lines() -> dict[str, int]:
    lines = (PROC / "meminfo").read_text().splitlines()
    parts = (line.split() for line in lines)
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in parts if len(words) >= 2}


def _faults() -> tuple[int | None, int | None]:
    found: dict[str, int] = {}
    for line in (PROC / "vmstat").read_text().splitlines():
        name, _, number = line.partition(" ")
        if name in ("pgfault", "pgmajfault"):
            found[name] = int(number)
    return found.get("pgfault"), found.get("pgmajfault")


def _network(now: int) -> Network | None:
    """All interfaces; that of the default route first."""
    first = ""
    for line in (PROC / "net/route").read_text().splitlines()[1:]:
        words = line.split()
        if len(words) > 1 and words[1] == "00000000":
            first = words[0]
            break
    found = []
    for line in (PROC / "net/dev").read_text().splitlines()[2:]:
        name, _, numbers = line.partition(":")
        words = numbers.split()
        if name.strip() != "lo" and len(words) >= 16:
            found.append(Interface(name.strip(), int(words[0]), int(words[2]), int(words[8]), int(words[10])))
    found.sort(key=lambda interface: interface.name != first)
    return Network(now, tuple(found)) if found else None


def _agent(now: int) -> tuple[Cpu, Memory]:
    times = os.times()
    resident = int((PROC / "self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return Cpu(now, int((times.user + times.system) * 1e9)), Memory(now, resident, None, resident, resident)
