"""What all containers of a pod ask for together (component-helpers: resource.AggregateContainerRequests; KEP-753)."""

from collections.abc import Mapping

from sampan.api.json import Obj
from sampan.api.quantity import add, compare

Amounts = Mapping[str, str]


def container_totals(spec: Obj, part: str) -> dict[str, str]:
    """`requests` or `limits` of a pod's containers: the sum of those that run together, at the time of the most.

    Init containers run one by one, next to the sidecars started before them.
    """
    totals: dict[str, str] = {}
    for container in spec.get("containers") or ():
        _add(totals, _amounts(container, part))
    sidecars: dict[str, str] = {}
    most: dict[str, str] = {}
    for container in spec.get("initContainers") or ():
        own = _amounts(container, part)
        if container.get("restartPolicy") == "Always":
            _add(totals, own)
            _add(sidecars, own)
            _raise(most, sidecars)
        else:
            then = dict(own)
            _add(then, sidecars)
            _raise(most, then)
    _raise(totals, most)
    return totals


def _amounts(container: Obj, part: str) -> Amounts:
    return (container.get("resources") or {}).get(part) or {}


def _add(totals: dict[str, str], more: Amounts) -> None:
    for name, amount in more.items():
        totals[name] = add(totals[name], amount) if name in totals else amount


def _raise(totals: dict[str, str], other: Amounts) -> None:
    for name, amount in other.items():
        if name not in totals or compare(amount, totals[name]) > 0:
            totals[name] = amount
