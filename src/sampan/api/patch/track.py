"""Keep the books of who owns which field, for every write (KEP-555; structured-merge-diff: merge/update.go).

`track_create` and `track_update` are for all writes but apply. Objects come in and new ones go out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.patch.compare import Comparison, compare
from sampan.api.patch.fields import (
    LEAF,
    FieldSet,
    difference,
    intersection,
    members,
    ordered,
    paths_set,
    shown,
    union,
    without,
)  # fmt: skip
from sampan.api.patch.managed import (
    UPDATE,
    Managed,
    Manager,
    Owned,
    capped,
    live_or_new,
    manager_id,
    names_of,
    with_managed,
)  # fmt: skip
from sampan.api.patch.merging import reconciled
from sampan.api.patch.places import Place, created

NEVER_OWNED: Final = paths_set(
    "apiVersion", "kind", "metadata", "metadata.name", "metadata.namespace", "metadata.creationTimestamp",
    "metadata.selfLink", "metadata.uid", "metadata.clusterName", "metadata.generation", "metadata.managedFields",
    "metadata.resourceVersion",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scope:
    """What is written to: a served version of a kind, or a subresource of it."""

    api_version: str
    kind: str
    place: Place
    now: str
    subresource: str = ""
    reset: FieldSet = field(default_factory=lambda: LEAF)
    """Fields that the endpoint never writes: nobody comes to own them by it."""
    place_at: Callable[[str], Place | None] = lambda version: None
    """The place of another version of the kind; None if it is not served any more."""
    convert: Callable[[Obj, str], Obj] = lambda obj, version: obj


class ApplyConflict(Exception):
    """Other managers own what the applied object changes."""

    def __init__(self, fields: Mapping[Manager, FieldSet]) -> None:
        super().__init__("conflict")
        self.fields = fields

    def to_error(self) -> StatusError:
        """The 409."""
        found = [(key, path) for key in names_of(list(self.fields)) for path in members(self.fields[key])]
        causes = [
            {"reason": "FieldManagerConflict", "message": f"conflict with {key}", "field": shown(path)}
            for key, path in found
        ]
        if len(found) == 1:
            message = f"Apply failed with 1 conflict: conflict with {found[0][0]}: {shown(found[0][1])}"
        else:
            message = f"Apply failed with {len(found)} conflicts: {self._lines()}"
        return StatusError(409, "Conflict", message, {"causes": causes})

    def _lines(self) -> str:
        lines = []
        for key in names_of(list(self.fields)):
            lines.append(f"conflicts with {key}:")
            lines += [f"- {shown(path)}" for path in members(self.fields[key])]
        return "\n".join(lines)


def bare(obj: Obj) -> Obj:
    """The object without managedFields."""
    metadata = obj.get("metadata")
    if not metadata or "managedFields" not in metadata:
        return obj
    return {**obj, "metadata": {key: value for key, value in metadata.items() if key != "managedFields"}}


# ---- writes that are no apply


def track_create(scope: Scope, obj: Obj, manager: str, more: FieldSet = LEAF) -> Obj:
    """A new object with its maker as the owner of what it says, and of `more` fields that decoding did not keep.

    Nobody owns anything of an object whose lists have items without a key (upstream: FieldManager.UpdateNoErrors).
    """
    managed = live_or_new({}, obj, scope.subresource)
    plain = bare(obj)
    try:
        if not managed and not more:
            mine = difference(without(created(scope.place, plain), scope.reset), NEVER_OWNED)
            key = manager_id(manager, UPDATE, scope.api_version, scope.subresource)
            return with_managed(plain, {key: Owned(mine, scope.api_version, scope.now)} if mine else {})
        found = Comparison(LEAF, LEAF, union(created(scope.place, plain), more)).less(scope.reset)
        managed = settle(scope, managed, ({}, plain, found), None, True)
    except ValueError:
        return with_managed(plain, {})
    return with_managed(plain, _updated(scope, managed, found, manager))


def created_by(scope: Scope, obj: Obj, managed: Managed, manager: str) -> Managed:
    """The managers of an object as if one of them had just made it."""
    found = Comparison(LEAF, LEAF, created(scope.place, obj)).less(scope.reset)
    return _updated(scope, managed, found, manager)


def track_update(scope: Scope, old: Obj, new: Obj, manager: str) -> Obj:
    """The new object with its writer as the owner of what it changed.

    Objects that nobody tracks stay so, and those whose lists have items without a key become so.
    """
    managed = live_or_new(old, new, scope.subresource)
    if not managed and (old.get("metadata") or {}).get("uid"):
        return with_managed(new, {})
    before, after = bare(old), bare(new)
    if not scope.place.exact:  # schemas of built-in kinds do not change
        managed = reconcile(scope, managed)
    try:
        found = compare(scope.place, before, after).less(scope.reset)
        managed = settle(scope, managed, (before, after, found), None, True)
    except ValueError:
        return with_managed(new, {})
    return with_managed(new, _updated(scope, managed, found, manager))


def _updated(scope: Scope, managed: Managed, found: Comparison, manager: str) -> Managed:
    """With what an update took, put to what the same manager has had."""
    mine = difference(without(found.taken(), scope.reset), NEVER_OWNED)
    if not mine:
        return capped(managed)
    key = manager_id(manager, UPDATE, scope.api_version, scope.subresource)
    had = managed.get(key)
    fields = ordered(mine if had is None else union(mine, had.fields))
    return capped({**managed, key: Owned(fields, scope.api_version, scope.now)})


# ---- what every write does to other managers


def reconcile(scope: Scope, managed: Managed) -> Managed:
    """With the sets as today's schema would have them."""
    result = managed
    for key, owned in managed.items():
        place = scope.place if owned.api_version == scope.api_version else scope.place_at(owned.api_version)
        fields = owned.fields if place is None else reconciled(place, owned.fields)
        if fields is not owned.fields:
            result = {**result, key: Owned(fields, owned.api_version, owned.time)}
    return result


def settle(
    scope: Scope, managed: Managed, change: tuple[Obj, Obj, Comparison], mine: Manager | None, force: bool
) -> Managed:
    """What managers own after a change; raises ApplyConflict unless forced."""
    old, new, found = change
    seen: dict[str, Comparison | None] = {scope.api_version: found}
    conflicts: dict[Manager, FieldSet] = {}
    result: Managed = {}
    for key, owned in managed.items():
        if key == mine:
            result[key] = owned
            continue
        version = owned.api_version
        if version not in seen:
            seen[version] = _compare_at(scope, version, old, new)
        there = seen[version]
        if there is None:
            continue
        taken = there.taken()
        clash = intersection(owned.fields, taken) if taken else LEAF
        if clash:
            conflicts[key] = clash
        fields = difference(owned.fields, clash)
        fields = difference(fields, there.removed)
        result[key] = owned if fields is owned.fields else Owned(fields, version, owned.time)
    if conflicts and not force:
        raise ApplyConflict(conflicts)
    return {key: owned for key, owned in result.items() if owned.fields}


def _compare_at(scope: Scope, version: str, old: Obj, new: Obj) -> Comparison | None:
    """The same change, seen through another version; None if nobody serves it any more."""
    place = scope.place_at(version)
    if place is None:
        return None
    return compare(place, scope.convert(old, version), scope.convert(new, version)).less(scope.reset)
