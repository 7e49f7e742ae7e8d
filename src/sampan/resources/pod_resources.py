"""What a whole pod asks for: containers, sidecars, pod-level amounts, overhead, resizes (KEP-753, 2837, 1287)."""

from collections.abc import Mapping
from typing import Literal

from sampan.api import quantity
from sampan.api.json import Obj

Amounts = Mapping[str, str]
Which = Literal["requests", "limits"]
NONE: Amounts = {}
POD_LEVEL = ("cpu", "memory")


def is_pod_level(name: str) -> bool:
    """Whether spec.resources of a pod may name the resource."""
    return name in POD_LEVEL or name.startswith("hugepages-")


def has_pod_level(spec: Obj) -> bool:
    """Whether the pod as a whole requests or limits something."""
    own = spec.get("resources") or {}
    return any(is_pod_level(name) for part in ("requests", "limits") for name in (own.get(part) or ()))


def pod_requests(pod: Obj, *, with_status: bool = False) -> dict[str, str]:
    """What the pod requests; `with_status`: or what it has already, if a resize to less is not done yet."""
    totals = _containers(pod, "requests", with_status)
    spec = pod.get("spec") or {}
    _override(totals, spec, "requests")
    for name, amount in (spec.get("overhead") or NONE).items():
        totals[name] = quantity.add(totals[name], amount) if name in totals else amount
    return totals


def pod_limits(pod: Obj, *, with_status: bool = False) -> dict[str, str]:
    """What the pod may use at most, of what is limited."""
    totals = _containers(pod, "limits", with_status)
    spec = pod.get("spec") or {}
    _override(totals, spec, "limits")
    for name, amount in (spec.get("overhead") or NONE).items():
        if name in totals and quantity.number(totals[name]):
            totals[name] = quantity.add(totals[name], amount)
    return totals


def _override(totals: dict[str, str], spec: Obj, which: Which) -> None:
    own: Amounts = (spec.get("resources") or {}).get(which) or NONE
    totals.update({name: amount for name, amount in own.items() if is_pod_level(name)})


def _containers(pod: Obj, which: Which, with_status: bool) -> dict[str, str]:
    """The sum over containers, or the most that init containers need at one time."""
    spec = pod.get("spec") or {}
    statuses = _statuses(pod) if with_status else {}
    infeasible = bool(statuses) and _is_infeasible(pod)
    sums: dict[str, str] = {}
    for container in spec.get("containers") or ():
        _add(sums, _effective(container, statuses, infeasible, which))
    sidecars: dict[str, str] = {}
    most: dict[str, str] = {}
    for container in spec.get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            amounts = _effective(container, statuses, infeasible, which)
            _add(sums, amounts)
            _add(sidecars, amounts)
            _raise(most, sidecars)
        else:
            at_once = dict((container.get("resources") or {}).get(which) or NONE)
            _add(at_once, sidecars)
            _raise(most, at_once)
    _raise(sums, most)
    return sums


def _statuses(pod: Obj) -> dict[str, Obj]:
    status = pod.get("status") or {}
    kinds = ("containerStatuses", "initContainerStatuses")
    return {one["name"]: one for kind in kinds for one in status.get(kind) or () if one.get("resources") is not None}


def _is_infeasible(pod: Obj) -> bool:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "PodResizePending":
            return bool(condition.get("reason") == "Infeasible")
    return False


def _effective(container: Obj, statuses: Mapping[str, Obj], infeasible: bool, which: Which) -> Amounts:
    """The most of what is wanted, granted and in force; a resize that cannot be does not count."""
    wanted: Amounts = (container.get("resources") or {}).get(which) or NONE
    seen = statuses.get(container.get("name", ""))
    if seen is None:
        return wanted
    made = dict((seen.get("resources") or {}).get(which) or NONE)
    if which == "requests":
        _raise(made, seen.get("allocatedResources") or NONE)
    if not infeasible:
        _raise(made, wanted)
    return made


def _add(sums: dict[str, str], amounts: Amounts) -> None:
    for name, amount in amounts.items():
        sums[name] = quantity.add(sums[name], amount) if name in sums else amount


def _raise(sums: dict[str, str], amounts: Amounts) -> None:
    for name, amount in amounts.items():
        if name not in sums or quantity.compare(amount, sums[name]) > 0:
            sums[name] = amount
