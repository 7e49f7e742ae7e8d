"""How large each ReplicaSet of a Deployment should be: rolling updates and proportional scaling, as arithmetic."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from sampan.api.json import Obj
from sampan.api.meta import name_of
from sampan.controllers.names import spec, status


def scaled(value: int | str, total: int, *, up: bool) -> int:
    """An IntOrString of a total: `25%` rounded up or down."""
    if isinstance(value, int):
        return value
    share = Fraction(int(value.rstrip("%")) * total, 100)
    return -(-share.numerator // share.denominator) if up else share.numerator // share.denominator


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many pods there should be, may be at most, and must be available at least."""

    wanted: int
    most: int
    unavailable: int

    @classmethod
    def of(cls, wanted: int, strategy: Obj) -> "Bounds":
        """From a Deployment's strategy; if both bounds come out as 0, one pod may be unavailable."""
        if strategy.get("type") == "Recreate":
            return cls(wanted, wanted, 0)
        rolling = strategy.get("rollingUpdate") or {}
        surge = scaled(rolling.get("maxSurge", "25%"), wanted, up=True)
        unavailable = scaled(rolling.get("maxUnavailable", "25%"), wanted, up=False)
        if not surge and not unavailable:
            unavailable = 1
        return cls(wanted, wanted + surge, min(unavailable, wanted))


def size(replica_set: Obj) -> int:
    """What the ReplicaSet is asked to be."""
    return int(spec(replica_set).get("replicas", 0))


def rollout(bounds: Bounds, new: Obj, old: Sequence[Obj]) -> dict[str, int]:
    """Names to sizes after one step of a rolling update: first the new one grows, else the old ones shrink."""
    alive = [rs for rs in old if size(rs)]
    total = size(new) + sum(size(rs) for rs in alive)
    if size(new) > bounds.wanted:
        return {name_of(new): bounds.wanted}
    if size(new) < bounds.wanted and total < bounds.most:
        return {name_of(new): size(new) + min(bounds.most - total, bounds.wanted - size(new))}
    if not alive:
        return {}
    return _shrink(bounds, new, alive, total)


def _shrink(bounds: Bounds, new: Obj, old: Sequence[Obj], total: int) -> dict[str, int]:
    """Old ReplicaSets lose their unhealthy pods first, then as many as may be unavailable."""
    minimum = bounds.wanted - bounds.unavailable
    new_unavailable = size(new) - (status(new).get("availableReplicas") or 0)
    room = total - minimum - new_unavailable
    if room <= 0:
        return {}
    sizes = {name_of(rs): size(rs) for rs in old}
    for rs in old:
        if room <= 0:
            break
        unhealthy = size(rs) - (status(rs).get("availableReplicas") or 0)
        less = min(max(0, unhealthy), room, sizes[name_of(rs)])
        sizes[name_of(rs)] -= less
        room -= less
    healthy = sum(status(rs).get("availableReplicas") or 0 for rs in (*old, new))
    room = healthy - minimum
    for rs in old:
        if room <= 0:
            break
        less = min(sizes[name_of(rs)], room)
        sizes[name_of(rs)] -= less
        room -= less
    return {
        name: count for name, count in sizes.items() if count != next(size(rs) for rs in old if name_of(rs) == name)
    }


def proportional(bounds: Bounds, sets: Sequence[Obj], before: Callable[[Obj], int]) -> dict[str, int]:
    """Resized in the middle of a rollout: each ReplicaSet keeps its share, what rounding leaves goes to the largest.

    `before`: how many pods the Deployment allowed when a ReplicaSet was last sized; 0 if that is not known.
    """
    room = (bounds.most if bounds.wanted else 0) - sum(size(rs) for rs in sets)
    sizes = {name_of(rs): size(rs) for rs in sets}
    if not room:
        return sizes
    given = 0
    ordered = sorted(sets, key=lambda rs: rs["metadata"].get("creationTimestamp") or "", reverse=room > 0)
    ordered.sort(key=size, reverse=True)
    for rs in ordered:
        share = _share(bounds, size(rs), before(rs))
        share = min(share, room - given) if room > 0 else max(share, room - given)
        sizes[name_of(rs)] += share
        given += share
    largest = name_of(ordered[0])
    sizes[largest] = max(0, sizes[largest] + room - given)
    return sizes


def _share(bounds: Bounds, replicas: int, before: int) -> int:
    """By how much a ReplicaSet of that size changes if it keeps its part of the whole."""
    if not bounds.wanted:
        return -replicas
    if not before:
        return 0
    return (2 * replicas * bounds.most + before) // (2 * before) - replicas
