"""Which pod goes first: whoever uses more than it asked for, by priority, by how much. Pure."""

from collections.abc import Callable, Mapping, Sequence

from sampan.api.json import Obj
from sampan.api.quantity import value
from sampan.kubelet.eviction.thresholds import DISK, INODES
from sampan.kubelet.podspec import spec
from sampan.resources.pod_resources import pod_requests

Stats = Mapping[str, Obj]
"""PodStats of the Summary by UID."""
Parts = frozenset[str]
EVERYTHING: Parts = frozenset(("rootfs", "logs", "volumes"))
BYTES = {DISK: "usedBytes", INODES: "inodesUsed"}


def ranked(signal: str, resource: str, pods: Sequence[Obj], stats: Stats, *, dedicated: bool) -> list[Obj]:
    """The pods, the first to go first. `dedicated`: images and writable layers have a file system of their own."""
    if resource == "pids":
        return sorted(pods, key=lambda pod: (_priority(pod), _by_processes(pod, stats)))
    used = _memory if resource == "memory" else _disk(parts_of(signal, dedicated=dedicated), resource)
    asked = "memory" if resource == "memory" else DISK

    def key(pod: Obj) -> tuple[bool, bool, int, int]:
        found = stats.get(pod["metadata"]["uid"])
        if found is None:
            return False, False, _priority(pod), 0
        requests = pod_requests(pod)
        usage = used(pod, found)
        own = 0 if resource == INODES else value(requests.get(asked) or 0)
        return True, usage <= own, _priority(pod), value(requests.get(asked) or 0) - usage

    return sorted(pods, key=key)


def parts_of(signal: str, *, dedicated: bool) -> Parts:
    """What of a pod counts for a signal of a file system."""
    if not dedicated:
        return EVERYTHING
    return frozenset(("logs", "volumes")) if signal.startswith("nodefs.") else frozenset(("rootfs",))


def _priority(pod: Obj) -> int:
    return int(spec(pod).get("priority") or 0)


def _by_processes(pod: Obj, stats: Stats) -> tuple[bool, int]:
    found = stats.get(pod["metadata"]["uid"])
    return found is not None, -int(((found or {}).get("process_stats") or {}).get("process_count") or 0)


def _memory(pod: Obj, stats: Obj) -> int:
    return int((stats.get("memory") or {}).get("workingSetBytes") or 0)


def _disk(parts: Parts, resource: str) -> Callable[[Obj, Obj], int]:
    key = BYTES[resource]

    def used(pod: Obj, stats: Obj) -> int:
        total = 0
        for container in stats.get("containers") or ():
            total += sum(int((container.get(p) or {}).get(key) or 0) for p in ("rootfs", "logs") if p in parts)
        if "volumes" in parts:
            names = {v["name"] for v in spec(pod).get("volumes") or () if is_local(v)}
            total += sum(int(v.get(key) or 0) for v in stats.get("volume") or () if v["name"] in names)
        return total

    return used


def is_local(volume: Obj) -> bool:
    """Whether a volume takes of the node's own disk."""
    empty = volume.get("emptyDir")
    if any(volume.get(kind) is not None for kind in ("hostPath", "gitRepo", "configMap")):
        return True
    return empty is not None and not (empty.get("medium") or "")
