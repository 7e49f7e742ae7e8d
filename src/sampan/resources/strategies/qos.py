"""The quality of service class of a pod (upstream: helper/qos)."""

from functools import lru_cache

from sampan.api.json import Obj
from sampan.api.quantity import EXACT, number

COUNTED = ("cpu", "memory")


def qos_class(spec: Obj) -> str:
    """Guaranteed, Burstable or BestEffort, from the CPU and memory of all containers (or of the pod, KEP-2837)."""
    pod_level = spec.get("resources")
    if pod_level is not None:
        holders = [pod_level]
    else:
        holders = [c.get("resources") or {} for key in ("containers", "initContainers") for c in spec.get(key) or ()]
    asked = False
    guaranteed = True
    sums = {part: dict.fromkeys(COUNTED, 0) for part in ("requests", "limits")}
    for resources in holders:
        limits = resources.get("limits") or {}
        if pod_level is None or limits:
            guaranteed = guaranteed and all(_units(limits.get(name)) for name in COUNTED)
        for part, totals in sums.items():
            for name in COUNTED:
                units = _units((resources.get(part) or {}).get(name))
                totals[name] += units
                asked = asked or bool(units)
    if not asked:
        return "BestEffort"
    return "Guaranteed" if guaranteed and sums["requests"] == sums["limits"] else "Burstable"


@lru_cache(maxsize=4096)
def _units(amount: str | None) -> int:
    """Billionths; what is not positive does not count."""
    return 0 if amount is None else max(0, int(EXACT.scaleb(number(amount), 9)))
