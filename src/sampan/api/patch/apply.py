"""Server-side apply (KEP-555): merge an applied configuration into the live object, prune, find conflicts."""

from dataclasses import dataclass
from typing import Final

from sampan.api.errors import StatusError, bad_request
from sampan.api.json import Obj
from sampan.api.names import parse_api_version
from sampan.api.patch.compare import compare
from sampan.api.patch.fields import LEAF, FieldSet, difference, intersection, ordered, union, without
from sampan.api.patch.json import equal
from sampan.api.patch.last_applied import annotated, last_applied_fields
from sampan.api.patch.managed import APPLY, MalformedManagers, Managed, Owned, decode_managed, manager_id, with_managed
from sampan.api.patch.merging import merge, named, remove
from sampan.api.patch.places import Place, field_set
from sampan.api.patch.track import NEVER_OWNED, ApplyConflict, Scope, bare, created_by, reconcile, settle
from sampan.api.patch.typed import Unfit, check

BEFORE_FIRST: Final = "before-first-apply"


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply makes of an object: the object, not yet decoded, and its managers."""

    obj: Obj
    managed: Managed
    changed: bool


def apply(scope: Scope, live: Obj, config: Obj, manager: str, force: bool) -> Obj:
    """The live object (Go's zero value, if there is none) with a configuration applied.

    Raises StatusError 400, 409, 500, as upstream's field manager does.
    """
    check_type(scope, config)
    try:
        managed = decode_managed((live.get("metadata") or {}).get("managedFields"), trusted=True)
    except MalformedManagers as error:
        raise StatusError(500, "", f"failed to decode managed fields: {error}") from None
    before = bare(live)
    if not managed:
        managed = created_by(scope, before, {}, BEFORE_FIRST)
    meta = config.get("metadata")
    if isinstance(meta, dict) and meta.get("managedFields") is not None:
        raise bad_request("metadata.managedFields must be nil")
    try:
        check(scope.place, config)
    except Unfit as error:
        raise StatusError(500, "", f"failed to create typed patch object ({_shown(config)}): {error}") from None
    try:
        done = _apply_kubectl if manager == "kubectl" else _apply
        applied = done(scope, before, config, (managed, manager, force))
    except ApplyConflict as conflict:
        raise conflict.to_error() from None
    except ValueError as error:
        raise StatusError(500, "", f"failed to merge config: {error}") from None
    return with_managed(applied.obj, applied.managed)


def check_type(scope: Scope, config: Obj) -> None:
    """The configuration must say its exact type; raises 400."""
    version, kind = config.get("apiVersion", ""), config.get("kind", "")
    if (version, kind) != (scope.api_version, scope.kind):
        version, kind = (version if isinstance(version, str) else "", kind if isinstance(kind, str) else "")
        raise bad_request(f"invalid object type: {_kind(version, kind)}")


def _kind(api_version: str, kind: str) -> str:
    group, version = parse_api_version(api_version) if api_version else ("", "")
    return f"{group}/{version}, Kind={kind}"


def _shown(config: Obj) -> str:
    metadata = config.get("metadata")
    said = metadata if isinstance(metadata, dict) else {}
    name, namespace = (text if isinstance(text := said.get(key), str) else "" for key in ("name", "namespace"))
    return f"{namespace}/{name}; {_kind(config.get('apiVersion', ''), config.get('kind', ''))}"


def _apply(scope: Scope, live: Obj, config: Obj, how: tuple[Managed, str, bool]) -> Applied:
    managed, manager, force = how
    managed = reconcile(scope, managed)
    key = manager_id(manager, APPLY, scope.api_version, scope.subresource)
    last = managed.get(key)
    merged = merge(scope.place, live, config)
    fields = without(field_set(scope.place, config), scope.reset)
    mine = Owned(fields, scope.api_version, last.time if last is not None else None)
    managed = {**managed, key: mine}
    kept = last is None or (last.api_version == scope.api_version and not difference(last.fields, fields))
    new = merged if kept else prune(scope, merged, managed, last)
    found = compare(scope.place, live, new).less(scope.reset)
    managed = settle(scope, managed, (live, new, found), key, force)
    changed = not equal(live, new)
    owned = ordered(difference(fields, NEVER_OWNED))
    if key in managed:
        managed = {**managed, key: Owned(owned, scope.api_version, scope.now if changed else mine.time)}
        if not owned:
            del managed[key]
    return Applied(new if changed else live, managed, changed)


def prune(scope: Scope, merged: Obj, managed: Managed, last: Owned | None) -> Obj:
    """Without what the applier named the last time, names no more, and nobody else owns."""
    if last is None or not last.fields:
        return merged
    version = last.api_version
    place = _place_at(scope, version)
    if place is None:
        return merged
    there = _at(scope, merged, version)
    had = named(place, last.fields)
    left = remove(place, there, had) or {}
    left = _owned_back(scope, there, left, (version, managed))
    left = _at(scope, left, version)
    dangling = difference(named(place, field_set(place, there)), named(place, field_set(place, left)))
    left = remove(place, there, intersection(dangling, had)) or {}
    return _at(scope, left, scope.api_version)


def _owned_back(scope: Scope, merged: Obj, left: Obj, owners: tuple[str, Managed]) -> Obj:
    """With what was taken out though some manager owns it."""
    first, managed = owners
    sets: dict[str, FieldSet] = {}
    for owned in managed.values():
        sets[owned.api_version] = union(sets.get(owned.api_version, LEAF), owned.fields)
    for version in sorted(sets, key=lambda one: (one != first, one)):
        place = _place_at(scope, version)
        if place is None:
            continue
        merged, left = _at(scope, merged, version), _at(scope, left, version)
        keep = union(named(place, field_set(place, left)), named(place, sets[version]))
        left = remove(place, merged, difference(named(place, field_set(place, merged)), keep)) or {}
    return left


def _place_at(scope: Scope, version: str) -> Place | None:
    return scope.place if version == scope.api_version else scope.place_at(version)


def _at(scope: Scope, obj: Obj, version: str) -> Obj:
    return obj if obj.get("apiVersion") == version else scope.convert(obj, version)


def _apply_kubectl(scope: Scope, live: Obj, config: Obj, how: tuple[Managed, str, bool]) -> Applied:
    """As `_apply`; fields that client-side apply set may change, and its annotation follows."""
    managed, manager, _ = how
    try:
        applied = _apply(scope, live, config, how)
    except ApplyConflict as conflict:
        allowed = last_applied_fields(scope, live)
        if allowed is None:
            raise
        left = {key: difference(fields, allowed) for key, fields in conflict.fields.items()}
        left = {key: fields for key, fields in left.items() if fields}
        if left:
            raise ApplyConflict(left) from None
        applied = _apply(scope, live, config, (managed, manager, True))
    return Applied(annotated(applied.obj, config), applied.managed, applied.changed)
