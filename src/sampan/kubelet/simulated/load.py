"""What simulated containers use: an annotation of their pod says it, else next to nothing."""

from collections.abc import Mapping, Sequence

from sampan.api.quantity import milli_value, value
from sampan.kubelet.simulated.records import Box, Run
from sampan.kubelet.usage import ContainerUsage, Cpu, Disk, Interface, Memory, Network, PodUsage

CPU, MEMORY = "sampan.dev/usage-cpu", "sampan.dev/usage-memory"
"""Annotations of a pod: what all its containers use together, as quantities."""
DEFAULT_CPU, DEFAULT_MEMORY = 1_000_000, 8 << 20
"""Nano-cores and bytes of one container."""


def asked(annotations: Mapping[str, str], running: int) -> tuple[int, int]:
    """Nano-cores and bytes of each of the running containers. What is no quantity is left aside."""
    return (
        _share(annotations.get(CPU), DEFAULT_CPU, running, 1_000_000),
        _share(annotations.get(MEMORY), DEFAULT_MEMORY, running, 1),
    )


def _share(text: str | None, default: int, running: int, scale: int) -> int:
    if not text:
        return default
    try:
        whole = milli_value(text) * scale if scale > 1 else value(text)
    except ValueError:
        return default
    return max(0, whole) // max(1, running)


def spend(run: Run, rate: int, now: int) -> None:
    """Add what a run has used since it was last looked at, at this rate (nano-cores)."""
    since = max(run.counted_at, run.started_at)
    run.cpu_total += max(0, now - since) * rate // 1_000_000_000
    run.counted_at = now


def pod_usage(box: Box, runs: Sequence[Run], annotations: Mapping[str, str], now: int) -> PodUsage:
    """What a sandbox and its running containers use; counts their CPU time up to now."""
    rate, memory = asked(annotations, len(runs))
    used = []
    for run in runs:
        spend(run, rate, now)
        limit = run.resources.get("memory_bytes", 0)
        available = max(0, limit - memory) if limit else None
        used.append(
            ContainerUsage(
                run.id, run.name, run.attempt, Cpu(now, run.cpu_total, rate),
                Memory(now, memory, available, memory, memory, 0, 0), Disk(now, "/", 4096, 1),
            )
        )  # fmt: skip
    whole = memory * len(runs)
    return PodUsage(
        box.id, box.pod_uid, box.pod_name, box.pod_namespace,
        Cpu(now, sum(run.cpu_total for run in runs), rate * len(runs)),
        Memory(now, whole, None, whole, whole, 0, 0),
        Network(now, (Interface("eth0", 0, 0, 0, 0),)) if box.ip else None, len(runs), tuple(used),
    )  # fmt: skip
