"""What a pod's containers ask for together, as LimitRanger and quotas count it (KEP-753 for sidecars). Pure."""

from collections.abc import Mapping
from typing import Literal

from sampan.api import quantity
from sampan.api.json import Obj

POD_LEVEL = ("cpu", "memory")
"""Resources that spec.resources may name (and huge pages)."""


def totals(spec: Obj, which: Literal["requests", "limits"]) -> dict[str, str]:
    """The sum over containers, or the most that the init containers need at one time; pod-level amounts win."""
    sums: dict[str, str] = {}
    for container in spec.get("containers") or ():
        _add(sums, _amounts(container, which))
    sidecars: dict[str, str] = {}
    most: dict[str, str] = {}
    for container in spec.get("initContainers") or ():
        amounts = _amounts(container, which)
        if container.get("restartPolicy") == "Always":
            _add(sums, amounts)
            _add(sidecars, amounts)
            _raise(most, sidecars)
        else:
            at_once = dict(amounts)
            _add(at_once, sidecars)
            _raise(most, at_once)
    _raise(sums, most)
    own = _amounts(spec, which)
    sums.update({n: amount for n, amount in own.items() if n in POD_LEVEL or n.startswith("hugepages-")})
    return sums


def _amounts(holder: Obj, which: str) -> Mapping[str, str]:
    found: Mapping[str, str] = (holder.get("resources") or {}).get(which) or {}
    return found


def _add(sums: dict[str, str], amounts: Mapping[str, str]) -> None:
    for name, amount in amounts.items():
        sums[name] = quantity.add(sums[name], amount) if name in sums else amount


def _raise(sums: dict[str, str], amounts: Mapping[str, str]) -> None:
    for name, amount in amounts.items():
        if name not in sums or quantity.compare(amount, sums[name]) > 0:
            sums[name] = amount
