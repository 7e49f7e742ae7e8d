"""Who owns what: controller references, selection, adoption and release (upstream: ControllerRefManager)."""

from collections.abc import Iterable
from dataclasses import dataclass

from sampan.api.json import Obj
from sampan.api.meta import controller_of, is_deleting, labels_of, name_of, namespace_of, uid_of
from sampan.api.names import GVK, Key, ObjectRef, RestMapping, parse_api_version
from sampan.api.selectors import LabelSelector
from sampan.reconcile.controller import Lookup, Map
from sampan.reconcile.plan import Action, Patch


def self_key(look: Lookup, obj: Obj) -> Iterable[Key]:
    """The object's own key."""
    yield Key(namespace_of(obj), name_of(obj))


def namespace_key(look: Lookup, obj: Obj) -> Iterable[Key]:
    """The key of the namespace that an object is in."""
    yield Key("", namespace_of(obj))


def owner_key(group: str, kind: str) -> Map:
    """The key of the controller owner, if it is of that kind."""

    def keys(look: Lookup, obj: Obj) -> Iterable[Key]:
        owner = controller_of(obj)
        if owner and owner["kind"] == kind and parse_api_version(owner["apiVersion"])[0] == group:
            yield Key(namespace_of(obj), owner["name"])

    return keys


def reference_to(owner: Obj, gvk: GVK) -> Obj:
    """A controller reference to `owner`."""
    return {
        "apiVersion": gvk.api_version,
        "kind": gvk.kind,
        "name": name_of(owner),
        "uid": uid_of(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


@dataclass(frozen=True, slots=True)
class Claimed:
    """The objects that are the owner's from now on, and the patches that make it so."""

    objects: tuple[Obj, ...]
    actions: tuple[Action, ...]


def claim(owner: Obj, gvk: GVK, selector: LabelSelector, mapping: RestMapping, candidates: Iterable[Obj]) -> Claimed:
    """Adopt matching orphans, release owned objects that match no more, keep the rest.

    Candidates: everything in the namespace that is owned by this owner or matches its selector.
    """
    kept: list[Obj] = []
    actions: list[Action] = []
    uid = uid_of(owner)
    for obj in candidates:
        controller = controller_of(obj)
        if controller is not None and controller["uid"] != uid:
            continue
        matches = selector.matches(labels_of(obj))
        if controller is not None and matches:
            kept.append(obj)
            continue
        ref = ObjectRef(mapping, namespace_of(obj), name_of(obj))
        if controller is not None:
            if not is_deleting(owner):
                rest = [r for r in obj["metadata"].get("ownerReferences") or () if r.get("uid") != uid]
                patch = {"metadata": {"uid": uid_of(obj), "ownerReferences": rest}}
                actions.append(Patch(ref, patch, missing_ok=True))
        elif matches and not is_deleting(owner) and not is_deleting(obj):
            refs = [*(obj["metadata"].get("ownerReferences") or ()), reference_to(owner, gvk)]
            actions.append(Patch(ref, {"metadata": {"uid": uid_of(obj), "ownerReferences": refs}}, missing_ok=True))
            kept.append(obj)
    return Claimed(tuple(kept), tuple(actions))
