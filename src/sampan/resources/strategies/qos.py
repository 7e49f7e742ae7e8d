"""The quality of service class of a pod (upstream: helper/qos)."""

from sampan.api.json import Obj
from sampan.api.quantity import compare

COUNTED = ("cpu", "memory")


def qos_class(spec: Obj) -> str:
    """Guaranteed, Burstable or BestEffort, from the CPU and memory of all containers (or of the pod, KEP-2837)."""
    pod_level = spec.get("resources") or {}
    if any((pod_level.get(part) or {}).get(name) for part in ("requests", "limits") for name in COUNTED):
        holders = [pod_level]
    else:
        holders = [c.get("resources") or {} for key in ("containers", "initContainers") for c in spec.get(key) or ()]
    asked = False
    guaranteed = bool(holders)
    for resources in holders:
        requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
        for name in COUNTED:
            request, limit = requests.get(name, limits.get(name)), limits.get(name)
            asked = asked or not _zero(request) or not _zero(limit)
            if _zero(limit) or limit is None or request is None or compare(str(request), str(limit)) != 0:
                guaranteed = False
    if not asked:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _zero(quantity: object) -> bool:
    return quantity is None or compare(str(quantity), "0") == 0
