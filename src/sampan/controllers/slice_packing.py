"""Distribute endpoints over EndpointSlices with as few changes as possible (endpointslice: reconcileByPortMapping)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sampan.api.json import Obj, dumps
from sampan.api.meta import labels_of, name_of

MOST = 100
"""Endpoints in a slice (--max-endpoints-per-slice)."""


@dataclass(slots=True)
class Changes:
    """Slices to make (without a name), to write (with one), to delete."""

    create: list[Obj] = field(default_factory=list)
    update: list[Obj] = field(default_factory=list)
    delete: list[Obj] = field(default_factory=list)


def identity(endpoint: Obj) -> str:
    """What makes two endpoints the same one: addresses, host name, and the pod's name."""
    target = endpoint.get("targetRef") or {}
    where = (sorted(endpoint.get("addresses") or ()), endpoint.get("hostname") or "")
    return dumps([*where, target.get("namespace"), target.get("name")]).decode()


def ports_key(ports: Sequence[Obj] | None) -> str:
    """What makes two port lists the same one, in whatever order."""
    return dumps(sorted(dumps({k: p[k] for k in sorted(p)}).decode() for p in ports or ())).decode()


def pack(existing: Sequence[Obj], wanted: Sequence[Obj], blank: Obj, labels: Mapping[str, str]) -> Changes:
    """Make slices of one port list hold exactly the wanted endpoints.

    First, endpoints that are there stay where they are; then slices that change anyway are filled up, the fullest
    first; then what is left goes into one unchanged slice that has room for all of it, or into new slices.
    """
    left = {identity(endpoint): endpoint for endpoint in wanted}
    changed: dict[str, Obj] = {}
    unchanged: dict[str, Obj] = {}
    changes = Changes()
    for old in existing:
        kept = [left.pop(i) for e in old.get("endpoints") or () if (i := identity(e)) in left]
        same = len(kept) == len(old.get("endpoints") or ()) and kept == list(old.get("endpoints") or ())
        if same and dict(labels_of(old)) == dict(labels):
            unchanged[name_of(old)] = old
        elif kept or same:
            changed[name_of(old)] = _with(old, kept, labels)
        else:
            changes.delete.append(old)
    _fill(changed, left)
    while left:
        room = [s for s in unchanged.values() if len(s.get("endpoints") or ()) + len(left) <= MOST]
        target = max(room, key=lambda s: len(s.get("endpoints") or ()), default=None)
        if target is None:
            changes.create.append({**blank, "endpoints": _take(left, MOST)})
            continue
        del unchanged[name_of(target)]
        changed[name_of(target)] = _with(target, [*(target.get("endpoints") or ()), *_take(left, MOST)], labels)
    changes.update = list(changed.values())
    return changes


def _fill(changed: dict[str, Obj], left: dict[str, Obj]) -> None:
    for name in sorted(changed, key=lambda n: (-len(changed[n]["endpoints"]), n)):
        room = MOST - len(changed[name]["endpoints"])
        if left and room > 0:
            changed[name] = {**changed[name], "endpoints": [*changed[name]["endpoints"], *_take(left, room)]}


def _take(left: dict[str, Obj], count: int) -> list[Obj]:
    return [left.pop(key) for key in list(left)[:count]]


def _with(old: Obj, endpoints: list[Obj], labels: Mapping[str, str]) -> Obj:
    return {**old, "metadata": {**old["metadata"], "labels": dict(labels)}, "endpoints": endpoints}
