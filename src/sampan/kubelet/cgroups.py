"""The cgroups of QoS classes and pods, v1 and v2: kubepods/[burstable|besteffort/]podUID, as upstream lays them out."""

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from sampan.api.json import Obj
from sampan.api.quantity import milli_value, value
from sampan.kubelet.container_config import MIN_QUOTA, MIN_SHARES, PERIOD, qos_class, shares
from sampan.kubelet.podspec import containers, init_containers, spec
from sampan.resources.pod_resources import pod_limits, pod_requests

log = logging.getLogger("sampan.kubelet")
MOUNT = Path("/sys/fs/cgroup")
ROOT = "kubepods"
QOS = {"Guaranteed": "", "Burstable": "burstable", "BestEffort": "besteffort"}
CONTROLLERS = "+cpu +memory +pids"
Driver = Literal["cgroupfs", "systemd"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Of a pod's cgroup; None is left as it is, `quota` in microseconds per 100 ms."""

    shares: int = MIN_SHARES
    quota: int | None = None
    memory: int | None = None


def limits_of(pod: Obj) -> Limits:
    """Upstream's ResourceConfigForPod: quota and memory only when every container, or the whole pod, is limited."""
    kind = qos_class(pod)
    if kind == "BestEffort":
        return Limits()
    requests, most = pod_requests(pod), pod_limits(pod)
    made = Limits(shares(milli_value(requests.get("cpu") or 0)))
    if _limited(pod, "cpu"):
        made = replace(made, quota=max(MIN_QUOTA, milli_value(most.get("cpu") or 0) * PERIOD // 1000))
    if _limited(pod, "memory"):
        made = replace(made, memory=value(most.get("memory") or 0))
    return made


def _limited(pod: Obj, name: str) -> bool:
    def has(holder: Obj) -> bool:
        amount = ((holder.get("resources") or {}).get("limits") or {}).get(name)
        return milli_value(amount or 0) > 0

    return has(spec(pod)) or all(has(c) for c in (*containers(pod), *init_containers(pod)))


def widest(a: Limits, b: Limits) -> Limits:
    """What holds for both: while containers are resized one after another."""

    def most(x: int | None, y: int | None) -> int | None:
        return None if x is None or y is None else max(x, y)

    return Limits(max(a.shares, b.shares), most(a.quota, b.quota), most(a.memory, b.memory))


def parent_of(pod: Obj, driver: Driver) -> str:
    """The cgroup_parent of a pod's sandbox."""
    uid, kind = str(pod["metadata"]["uid"]), QOS[qos_class(pod)]
    if driver == "systemd":
        name = "-".join(part for part in (ROOT, kind, f"pod{uid.replace('-', '_')}") if part)
        return f"{name}.slice"
    return "/" + "/".join(part for part in (ROOT, kind, f"pod{uid}") if part)


class PodCgroups:
    """Makes, changes and removes them. All of it blocks a little: call it in a thread.

    With the systemd driver systemd makes the slices, by the runtime; only their limits are set here.
    """

    def __init__(self, driver: Driver = "cgroupfs", mount: Path = MOUNT) -> None:
        self.driver, self._mount = driver, mount
        self.unified = (mount / "cgroup.controllers").exists()

    @property
    def usable(self) -> bool:
        """Whether cgroups may be made here."""
        above = self._mount if self.unified else self._mount / "cpu"
        return (self.unified or (self._mount / "memory").is_dir()) and os.access(above, os.W_OK)

    def parent(self, pod: Obj) -> str:
        """The cgroup_parent of a pod's sandbox."""
        return parent_of(pod, self.driver)

    def set_up(self, pod: Obj, limits: Limits | None = None) -> None:
        """Make a pod's cgroup, or set its limits anew. Raises OSError."""
        path = self._path(pod)
        if self.unified:
            self._enable(path)
        for hierarchy in self._written():
            (self._mount / hierarchy / path).mkdir(parents=True, exist_ok=True)
        self._set_qos(pod)
        self._set(path, limits if limits is not None else limits_of(pod))

    def remove(self, uid: str) -> None:
        """Remove a pod's cgroup; what still has processes stays. QoS cgroups go with the last pod."""
        if self.driver == "systemd":
            return  # its slices go with the last of their scopes
        for hierarchy in self._all():
            root = self._mount / hierarchy / ROOT
            for kind in QOS.values():
                _remove(root / kind / f"pod{uid}", deep=True)
                _remove(root / kind, deep=False)
            _remove(root, deep=False)

    def _path(self, pod: Obj) -> Path:
        parent = self.parent(pod)
        if self.driver == "cgroupfs":
            return Path(parent.lstrip("/"))
        parts = parent.removesuffix(".slice").split("-")
        return Path(*("-".join(parts[: n + 1]) + ".slice" for n in range(len(parts))))

    def _written(self) -> Iterable[str]:
        return ("",) if self.unified else ("cpu", "memory")

    def _all(self) -> list[str]:
        if self.unified:
            return [""]
        return sorted(entry.name for entry in self._mount.iterdir() if (entry / ROOT).is_dir())

    def _enable(self, path: Path) -> None:
        """v2: controllers for everything above the pod's cgroup."""
        above = self._mount
        for part in ("", *path.parts[:-1]):
            above = above / part
            above.mkdir(exist_ok=True)
            try:
                (above / "cgroup.subtree_control").write_text(CONTROLLERS)
            except OSError as error:
                log.info("controllers of %s: %s", above, error)

    def _set_qos(self, pod: Obj) -> None:
        """BestEffort pods share the least there is."""
        if qos_class(pod) == "BestEffort" and self.driver == "cgroupfs":
            self._set(Path(ROOT) / "besteffort", Limits())

    def _set(self, path: Path, limits: Limits) -> None:
        if self.unified:
            folder = self._mount / path
            weight = 1 + (limits.shares - MIN_SHARES) * 9999 // 262142
            (folder / "cpu.weight").write_text(str(weight))
            (folder / "cpu.max").write_text(f"{limits.quota if limits.quota else 'max'} {PERIOD}")
            (folder / "memory.max").write_text(str(limits.memory) if limits.memory else "max")
            return
        cpu, memory = self._mount / "cpu" / path, self._mount / "memory" / path
        (cpu / "cpu.shares").write_text(str(limits.shares))
        (cpu / "cpu.cfs_period_us").write_text(str(PERIOD))
        (cpu / "cpu.cfs_quota_us").write_text(str(limits.quota) if limits.quota else "-1")
        (memory / "memory.limit_in_bytes").write_text(str(limits.memory) if limits.memory else "-1")


def _remove(folder: Path, *, deep: bool) -> None:
    """Remove a cgroup that has no processes, with those below it; one that is in use, or gone, is left."""
    try:
        if deep:
            for below in list(folder.iterdir()):
                if below.is_dir():
                    _remove(below, deep=True)
        folder.rmdir()
    except OSError:
        return
