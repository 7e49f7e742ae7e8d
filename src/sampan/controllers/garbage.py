"""Delete what no owner keeps any more: background, foreground and orphan deletion (upstream: garbagecollector)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sampan.api.json import Obj
from sampan.api.meta import finalizers_of, is_deleting, meta, name_of, namespace_of, uid_of
from sampan.api.names import Key, ObjectRef, RestMapping, parse_api_version
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.plan import NOTHING, Action, Ask, Delete, Emit, Patch, Plan

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
WAITING = {ORPHAN, FOREGROUND}


@dataclass(frozen=True, slots=True)
class Owner:
    """One owner reference, and what it leads to: a live object, nothing, or not known yet."""

    reference: Obj
    ref: ObjectRef | None
    """None: a kind that this server does not have."""
    state: str
    """present, absent, waiting (deleting in the foreground), unknown, invalid (out of reach)"""


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


def changes_of(
    kind: RestMapping, kinds: Sequence[RestMapping], look: Lookup, old: Obj | None, new: Obj | None
) -> Iterator[Key]:
    """A change concerns the object when its owners change or it must be finished; what it owns, when it is gone or
    waits for them; and what waits for it, when it is gone or blocks no more."""
    obj = new or old
    if obj is None:
        return
    was, now = (meta(old) if old else {}), (meta(new) if new else {})
    waits = bool(now.get("deletionTimestamp")) and bool(WAITING & set(now.get("finalizers") or ()))
    references = was.get("ownerReferences") or []
    if new is not None and (old is None or old is new or waits or references != (now.get("ownerReferences") or [])):
        yield _encode(kind, obj)
    if new is None or waits:
        for ref, dependent in _dependents(look, kinds, uid_of(obj)):
            yield _encode(ref.mapping, dependent)
    if new is None or references != (now.get("ownerReferences") or []):
        for reference in references if old is not None else ():
            owner = _find(kinds, reference)
            if owner is not None:
                yield _encode(owner, {"metadata": {"name": reference["name"], "namespace": _space(owner, obj)}})


def _space(kind: RestMapping, obj: Obj) -> str:
    return namespace_of(obj) if kind.namespaced else ""


def _find(kinds: Sequence[RestMapping], reference: Obj) -> RestMapping | None:
    group = parse_api_version(reference.get("apiVersion", ""))[0]
    named = (kind for kind in kinds if kind.group == group and kind.kind == reference.get("kind"))
    return next(filter(is_followed, named), None)


def _dependents(look: Lookup, kinds: Sequence[RestMapping], uid: str) -> list[tuple[ObjectRef, Obj]]:
    return [
        (ObjectRef(kind, namespace_of(obj), name_of(obj)), obj)
        for kind in kinds
        if is_followed(kind)
        for obj in look.indexed(kind, "owners", uid)
    ]


def observe(kinds: Sequence[RestMapping], look: Lookup, key: Key, now: datetime) -> Seen | None:
    """The object, what its owner references lead to, and what depends on it."""
    where, _, namespace = key.namespace.partition("|")
    group, _, plural = where.partition("/")
    kind = next((k for k in kinds if k.group == group and k.plural == plural), None)
    if kind is None or not is_followed(kind):
        return None
    obj = look.get(kind, namespace, key.name)
    if obj is None:
        return None
    owners = tuple(_owner(look, kinds, obj, reference) for reference in meta(obj).get("ownerReferences") or ())
    waits = {ORPHAN, FOREGROUND} & set(finalizers_of(obj)) and is_deleting(obj)
    waits = waits or any(owner.state == "waiting" for owner in owners)
    dependents = tuple(_dependents(look, kinds, uid_of(obj))) if waits else ()
    return Seen(ObjectRef(kind, namespace, key.name), obj, owners, dependents)


def _owner(look: Lookup, kinds: Sequence[RestMapping], obj: Obj, reference: Obj) -> Owner:
    kind = _find(kinds, reference)
    if kind is None:
        return Owner(reference, None, "unknown")
    if kind.namespaced and not namespace_of(obj):
        return Owner(reference, None, "invalid")
    ref = ObjectRef(kind, _space(kind, obj), reference.get("name", ""))
    found = look.live(ref) if look.asked(ref) else look.get(*_place(ref))
    if found is None and not look.asked(ref):
        return Owner(reference, ref, "unknown")
    if found is None or uid_of(found) != reference.get("uid"):
        return Owner(reference, ref, "absent" if look.asked(ref) else "unknown")
    if is_deleting(found) and FOREGROUND in finalizers_of(found):
        return Owner(reference, ref, "waiting")
    return Owner(reference, ref, "present")


def _place(ref: ObjectRef) -> tuple[RestMapping, str, str]:
    return ref.mapping, ref.namespace, ref.name


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
    if any(owner.state == "invalid" for owner in seen.owners):
        return tuple(_complaint(seen, owner) for owner in seen.owners if owner.state == "invalid")
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
        circle = any(is_deleting(one) and FOREGROUND in finalizers_of(one) for _, one in seen.dependents)
        unblock = [{**r, "blockOwnerDeletion": False} for r in meta(obj).get("ownerReferences") or ()]
        if circle and unblock != meta(obj).get("ownerReferences"):
            return (_owners(seen.ref, obj, unblock),)  # its change brings it here again
        return (Delete(seen.ref, uid_of(obj), "Foreground"),)
    finalizers = finalizers_of(obj)
    if ORPHAN in finalizers:
        return (Delete(seen.ref, uid_of(obj), "Orphan"),)
    return (Delete(seen.ref, uid_of(obj), "Foreground" if FOREGROUND in finalizers else "Background"),)


def _complaint(seen: Seen, owner: Owner) -> Action:
    """A cluster-scoped object cannot have an owner in a namespace; nothing is done about it but to say so."""
    mapping, reference = seen.ref.mapping, owner.reference
    about = {"kind": mapping.kind, "apiVersion": mapping.api_version, **seen.obj}
    kind = f"{reference.get('apiVersion')}/{reference.get('kind')}"
    what = f"[{kind}, namespace: , name: {reference.get('name')}, uid: {reference.get('uid')}]"
    return Emit(about, "Warning", "OwnerRefInvalidNamespace", f'ownerRef {what} does not exist in namespace ""')


def _owners(ref: ObjectRef, obj: Obj, references: Sequence[Obj]) -> Action:
    version = meta(obj).get("resourceVersion")
    patch = {"metadata": {"uid": uid_of(obj), "resourceVersion": version, "ownerReferences": list(references) or None}}
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
    """Gone when nothing blocks it any more. The dependents are deleted, or kept, as their own keys are looked at."""
    uid = uid_of(seen.obj)
    for _, obj in seen.dependents:
        if any(r.get("uid") == uid and r.get("blockOwnerDeletion") for r in meta(obj).get("ownerReferences") or ()):
            return NOTHING
    return (_without(seen, FOREGROUND),)


def controller(kinds: Sequence[RestMapping]) -> Controller:
    """The collector over all kinds that can be listed and deleted; the list may change while it runs."""

    def follows(kind: RestMapping) -> Watches:
        return Watches(
            kind, no_keys, indexes={"owners": owner_uids}, keep=keep, changes=partial(changes_of, kind, kinds)
        )

    return Controller(
        "garbage-collector-controller",
        tuple(follows(kind) for kind in kinds if is_followed(kind)),
        partial(observe, kinds),
        decide,
        workers=8,
        follows=follows,
    )


def is_followed(kind: RestMapping) -> bool:
    """Events own nothing, and there are many."""
    return kind.plural != "events"


def no_keys(look: Lookup, obj: Obj) -> Iterable[Key]:
    """`changes_of` says which keys."""
    return ()
