"""Delete what no owner keeps any more: background, foreground and orphan deletion (upstream: garbagecollector)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sampan.api.json import Obj
from sampan.api.meta import finalizers_of, is_deleting, meta, name_of, namespace_of, uid_of
from sampan.api.names import Key, ObjectRef, RestMapping, parse_api_version
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.plan import NOTHING, Action, Ask, Delete, Patch, Plan

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"


@dataclass(frozen=True, slots=True)
class Owner:
    """One owner reference, and what it leads to: a live object, nothing, or not known yet."""

    reference: Obj
    ref: ObjectRef | None
    """None: a kind that this server does not have."""
    state: str
    """present, absent, waiting (deleting in the foreground), unknown"""


@dataclass(frozen=True, slots=True)
class Seen:
    """An object with owners, or one that waits for its dependents."""

    ref: ObjectRef
    obj: Obj
    owners: tuple[Owner, ...]
    dependents: tuple[tuple[ObjectRef, Obj], ...]


def keep(obj: Obj) -> Obj | None:
    """The part of an object's metadata that matters here; nothing for objects that neither own nor are owned."""
    data = meta(obj)
    if not data.get("ownerReferences") and not {ORPHAN, FOREGROUND} & set(data.get("finalizers") or ()):
        return None
    names = ("name", "namespace", "uid", "resourceVersion", "deletionTimestamp", "finalizers", "ownerReferences")
    return {"metadata": {name: data[name] for name in names if name in data}}


def owner_uids(obj: Obj) -> Iterable[str]:
    """Index of the uids of all owners."""
    return [ref.get("uid", "") for ref in meta(obj).get("ownerReferences") or ()]


def _encode(kind: RestMapping, obj: Obj) -> Key:
    return Key(f"{kind.group}/{kind.plural}|{namespace_of(obj)}", name_of(obj))


def keys_of(kind: RestMapping, kinds: Sequence[RestMapping], look: Lookup, obj: Obj) -> Iterable[Key]:
    """The object itself, everything that it owns, and its owners (which may wait for it)."""
    yield _encode(kind, obj)
    for ref, dependent in _dependents(look, kinds, uid_of(obj)):
        yield _encode(ref.mapping, dependent)
    for reference in meta(obj).get("ownerReferences") or ():
        owner = _find(kinds, reference)
        if owner is not None:
            yield _encode(owner, {"metadata": {"name": reference["name"], "namespace": _space(owner, obj)}})


def _space(kind: RestMapping, obj: Obj) -> str:
    return namespace_of(obj) if kind.namespaced else ""


def _find(kinds: Sequence[RestMapping], reference: Obj) -> RestMapping | None:
    group = parse_api_version(reference.get("apiVersion", ""))[0]
    return next((kind for kind in kinds if kind.group == group and kind.kind == reference.get("kind")), None)


def _dependents(look: Lookup, kinds: Sequence[RestMapping], uid: str) -> list[tuple[ObjectRef, Obj]]:
    return [
        (ObjectRef(kind, namespace_of(obj), name_of(obj)), obj)
        for kind in kinds
        for obj in look.indexed(kind, "owners", uid)
    ]


def observe(kinds: Sequence[RestMapping], look: Lookup, key: Key, now: datetime) -> Seen | None:
    """The object, what its owner references lead to, and what depends on it."""
    where, _, namespace = key.namespace.partition("|")
    group, _, plural = where.partition("/")
    kind = next((k for k in kinds if k.group == group and k.plural == plural), None)
    if kind is None:
        return None
    obj = look.get(kind, namespace, key.name)
    if obj is None:
        return None
    owners = tuple(_owner(look, kinds, obj, reference) for reference in meta(obj).get("ownerReferences") or ())
    waits = {ORPHAN, FOREGROUND} & set(finalizers_of(obj)) and is_deleting(obj)
    dependents = tuple(_dependents(look, kinds, uid_of(obj))) if waits or owners else ()
    return Seen(ObjectRef(kind, namespace, key.name), obj, owners, dependents)


def _owner(look: Lookup, kinds: Sequence[RestMapping], obj: Obj, reference: Obj) -> Owner:
    kind = _find(kinds, reference)
    if kind is None:
        return Owner(reference, None, "unknown")
    ref = ObjectRef(kind, _space(kind, obj), reference.get("name", ""))
    if not look.asked(ref):
        return Owner(reference, ref, "unknown")
    live = look.live(ref)
    if live is None or uid_of(live) != reference.get("uid"):
        return Owner(reference, ref, "absent")
    if is_deleting(live) and FOREGROUND in finalizers_of(live):
        return Owner(reference, ref, "waiting")
    return Owner(reference, ref, "present")


def decide(seen: Seen) -> Plan:
    """Orphan or delete the dependents of what is being deleted; delete what has lost its last owner."""
    obj = seen.obj
    if is_deleting(obj):
        if ORPHAN in finalizers_of(obj):
            return _orphan(seen)
        if FOREGROUND in finalizers_of(obj):
            return _foreground(seen)
        return NOTHING
    if not seen.owners:
        return NOTHING
    ask = tuple(Ask(owner.ref) for owner in seen.owners if owner.state == "unknown" and owner.ref is not None)
    if ask:
        return ask
    if any(owner.ref is None for owner in seen.owners):
        return NOTHING  # an owner of a kind that nobody knows may exist: leave it be
    present = [owner for owner in seen.owners if owner.state == "present"]
    waiting = [owner for owner in seen.owners if owner.state == "waiting"]
    absent = [owner for owner in seen.owners if owner.state == "absent"]
    if present:
        if not absent and not waiting:
            return NOTHING
        return (_owners(seen.ref, obj, [owner.reference for owner in present]),)
    if waiting and seen.dependents:
        return (Delete(seen.ref, uid_of(obj), "Foreground"),)
    return (Delete(seen.ref, uid_of(obj), "Background"),)


def _owners(ref: ObjectRef, obj: Obj, references: Sequence[Obj]) -> Action:
    patch = {"metadata": {"uid": uid_of(obj), "ownerReferences": list(references) or None}}
    return Patch(ref, patch, missing_ok=True)


def _without(seen: Seen, finalizer: str) -> Action:
    rest = [name for name in finalizers_of(seen.obj) if name != finalizer]
    version = meta(seen.obj).get("resourceVersion")
    patch = {"metadata": {"uid": uid_of(seen.obj), "resourceVersion": version, "finalizers": rest or None}}
    return Patch(seen.ref, patch, missing_ok=True)


def _orphan(seen: Seen) -> Plan:
    uid = uid_of(seen.obj)
    actions = [
        _owners(ref, obj, [r for r in meta(obj).get("ownerReferences") or () if r.get("uid") != uid])
        for ref, obj in seen.dependents
    ]
    return (*actions, _without(seen, ORPHAN))


def _foreground(seen: Seen) -> Plan:
    uid = uid_of(seen.obj)
    blocking = [
        (ref, obj)
        for ref, obj in seen.dependents
        if any(r.get("uid") == uid and r.get("blockOwnerDeletion") for r in meta(obj).get("ownerReferences") or ())
    ]
    if not blocking:
        return (_without(seen, FOREGROUND),)
    return tuple(Delete(ref, uid_of(obj), "Foreground") for ref, obj in blocking if not is_deleting(obj))


def controller(kinds: Sequence[RestMapping]) -> Controller:
    """The collector over all kinds that can be listed and deleted."""
    indexes = {"owners": owner_uids}
    watches = tuple(Watches(kind, partial(keys_of, kind, kinds), indexes=indexes, keep=keep) for kind in kinds)

    return Controller("garbage-collector-controller", watches, partial(observe, kinds), decide, workers=8)
