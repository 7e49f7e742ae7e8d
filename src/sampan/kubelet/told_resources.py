"""What a container's status says of its resources and mounts, as upstream's kubelet. Pure."""

from sampan.api.json import Obj
from sampan.api.quantity import milli_value, value
from sampan.kubelet.runtime import Container, Resources

LOWEST_LIMIT, LOWEST_REQUEST = 10, 2
"""Milli-CPUs that cgroups cannot go below: a limit, a request (shares)."""
BINARY = ((1 << 40, "Ti"), (1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki"))


def resources_told(container: Obj, run: Container, old: Obj, *, running: bool) -> Obj:
    """The `resources` of a container's status: those it was granted, and of a running one what the runtime says it has.

    What the runtime does not say stays as it was told before of the same container.
    """
    granted: Obj = container.get("resources") or {}
    if not running:
        return granted
    made = {key: dict(granted[key]) for key in granted if key in ("limits", "requests")}
    rest = {key: part for key, part in granted.items() if key not in made}
    before: Obj = (old.get("resources") or {}) if old.get("containerID", "").endswith(f"//{run.id}") else {}
    has = run.resources
    if "limits" in made:
        limits = made["limits"]
        cpu = cpu_limit(has)
        _put(limits, "cpu", cpu, LOWEST_LIMIT, before.get("limits"))
        if has is not None and has.memory_bytes:
            limits["memory"] = _same_amount(limits.get("memory"), has.memory_bytes)
        elif "memory" in (before.get("limits") or {}) and "memory" in limits:
            limits["memory"] = before["limits"]["memory"]
    if "requests" in made:
        cpu = -(-has.cpu_shares * 1000 // 1024) if has is not None and has.cpu_shares else None
        _put(made["requests"], "cpu", cpu, LOWEST_REQUEST, before.get("requests"))
    return {**made, **rest}


def cpu_limit(has: Resources | None) -> int | None:
    """Milli-CPUs of a quota."""
    if has is None or has.cpu_period <= 0 or has.cpu_quota <= 0:
        return None
    return has.cpu_quota * 1000 // has.cpu_period


def _put(amounts: dict[str, str], name: str, milli: int | None, lowest: int, before: Obj | None) -> None:
    if milli is None:
        if before and name in before:
            amounts[name] = before[name]
        return
    granted = milli_value(amounts.get(name) or 0)
    if (milli > lowest or granted > lowest) and milli != granted:
        amounts[name] = f"{milli // 1000}" if milli % 1000 == 0 else f"{milli}m"


def _same_amount(granted: str | None, actual: int) -> str:
    """The granted amount in its own words if it is the actual one, else that in the largest unit that fits."""
    if granted and value(granted) == actual:
        return granted
    return next((f"{actual // unit}{name}" for unit, name in BINARY if actual % unit == 0), str(actual))


def mount_told(mount: Obj) -> Obj:
    """A volumeMount in a container's status."""
    made: Obj = {"name": mount["name"], "mountPath": mount["mountPath"]}
    if mount.get("readOnly"):
        made.update(readOnly=True, recursiveReadOnly="Disabled")
    return made
