"""ControllerRevisions: the templates that a StatefulSet or DaemonSet had (upstream: controller/history)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sampan.api.json import Obj
from sampan.api.meta import annotations_of, controller_of, is_deleting, labels_of, name_of, namespace_of, uid_of
from sampan.api.names import GVK, Key, ObjectRef
from sampan.api.selectors import LabelSelector
from sampan.controllers.names import short_hash, spec, status
from sampan.reconcile.controller import Lookup
from sampan.reconcile.owners import reference_to
from sampan.reconcile.plan import Action, Create, Delete, Patch
from sampan.resources.kinds import CONTROLLERREVISIONS

HASH = "controller.kubernetes.io/hash"
POD_LABEL = "controller-revision-hash"
"""What pods carry: the revision's name (StatefulSet) or its hash (DaemonSet)."""


def data_of(owner: Obj) -> Obj:
    """The template as a patch that puts it back."""
    return {"spec": {"template": {**(spec(owner).get("template") or {}), "$patch": "replace"}}}


def template_of(revision: Obj) -> Obj:
    """The template that a revision keeps."""
    template = ((revision.get("data") or {}).get("spec") or {}).get("template") or {}
    return {key: value for key, value in template.items() if key != "$patch"}


def _code(owner: Obj) -> str:
    collisions = status(owner).get("collisionCount") or 0
    data = data_of(owner)
    return short_hash([data, collisions] if collisions else data)


def new_name(owner: Obj) -> str:
    """The name of a revision for the newest template."""
    return f"{name_of(owner)[:223]}-{_code(owner)}"


def orphans(revision: Obj) -> Sequence[str]:
    """Index of revisions without a controller, by namespace."""
    return () if controller_of(revision) else (namespace_of(revision),)


def observe(look: Lookup, owner: Obj, selector: LabelSelector) -> tuple[tuple[Obj, ...], Obj | None]:
    """The owner's revisions with those it may adopt, and whatever has the name that a new one would get."""
    loose = look.indexed(CONTROLLERREVISIONS, "orphans", namespace_of(owner))
    found = (*look.owned(CONTROLLERREVISIONS, uid_of(owner)), *loose)
    own = tuple(revision for revision in found if selector.matches(labels_of(revision)))
    return own, look.get(CONTROLLERREVISIONS, *Key(namespace_of(owner), new_name(owner)))


def ordered(revisions: Sequence[Obj]) -> list[Obj]:
    """Oldest first."""
    return sorted(
        revisions,
        key=lambda one: (one.get("revision") or 0, one["metadata"].get("creationTimestamp") or "", name_of(one)),
    )


@dataclass(frozen=True, slots=True)
class Newest:
    """The revision of the template as it is now, and what makes it so; None if its name is taken by another."""

    revision: Obj | None
    actions: tuple[Action, ...]


def newest(owner: Obj, gvk: GVK, revisions: Sequence[Obj], namesake: Obj | None, label: str = HASH) -> Newest:
    """Find, renew or make the revision of the newest template; adopt those without a controller.

    `label` is the one that holds the hash on a new revision.
    """
    actions: list[Action] = []
    if not is_deleting(owner):
        actions += [_adopt(owner, gvk, revision) for revision in revisions if controller_of(revision) is None]
    data = data_of(owner)
    number = max((one.get("revision") or 0 for one in revisions), default=0)
    equal = [one for one in ordered(revisions) if one.get("data") == data]
    if equal:
        found = equal[-1]
        if (found.get("revision") or 0) < number:
            found = {**found, "revision": number + 1}
            ref = ObjectRef(CONTROLLERREVISIONS, namespace_of(found), name_of(found))
            actions.append(Patch(ref, {"metadata": {"uid": uid_of(found)}, "revision": number + 1}))
        return Newest(found, tuple(actions))
    if namesake is not None:
        return Newest(namesake if namesake.get("data") == data else None, tuple(actions))
    made = _make(owner, gvk, number + 1, label)
    return Newest(made, (*actions, Create(CONTROLLERREVISIONS, made, exists_ok=True)))


def _adopt(owner: Obj, gvk: GVK, revision: Obj) -> Action:
    ref = ObjectRef(CONTROLLERREVISIONS, namespace_of(revision), name_of(revision))
    refs = [*(revision["metadata"].get("ownerReferences") or ()), reference_to(owner, gvk)]
    return Patch(ref, {"metadata": {"uid": uid_of(revision), "ownerReferences": refs}}, missing_ok=True)


def _make(owner: Obj, gvk: GVK, number: int, label: str) -> Obj:
    labels = ((spec(owner).get("template") or {}).get("metadata") or {}).get("labels") or {}
    notes = dict(annotations_of(owner))
    meta = {
        "name": new_name(owner),
        "namespace": namespace_of(owner),
        "labels": {**labels, label: _code(owner)},
        "ownerReferences": [reference_to(owner, gvk)],
        **({"annotations": notes} if notes else {}),
    }
    return {"metadata": meta, "data": data_of(owner), "revision": number}


def forget(owner: Obj, revisions: Sequence[Obj], live: Collection[str]) -> list[Action]:
    """Delete the oldest of those that nobody uses (names not in `live`), but as many as the owner keeps."""
    unused = [one for one in ordered(revisions) if name_of(one) not in live]
    limit = spec(owner).get("revisionHistoryLimit", 10)
    return [delete(one) for one in unused[: max(0, len(unused) - limit)]]


def delete(revision: Obj) -> Action:
    """Delete one."""
    return Delete(ObjectRef(CONTROLLERREVISIONS, namespace_of(revision), name_of(revision)), uid_of(revision))
