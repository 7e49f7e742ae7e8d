"""Grow volumes whose claims ask for more: ours at once, others wait for their driver's external resizer.

A directory has no size that must be changed, so a step of ours cannot fail; each is one write and can be picked up
where the last one stopped. What the claim's status says on the way is as for every driver (KEP-1790).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sampan.api.json import Obj
from sampan.api.meta import annotations_of, is_deleting, name_of, namespace_of, uid_of
from sampan.api.names import Key
from sampan.api.quantity import compare
from sampan.api.times import format_time
from sampan.controllers.names import spec, status
from sampan.controllers.provisioner import PROVISIONER
from sampan.controllers.pv_volumes import PROVISIONED_BY
from sampan.controllers.volume_match import capacity, requested, storage
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import self_key
from sampan.reconcile.plan import NOTHING, Emit, Plan, Update
from sampan.resources.kinds import PVCS, PVS

RESIZER = "volume.kubernetes.io/storage-resizer"
RESIZING = "Resizing"


@dataclass(frozen=True, slots=True)
class Seen:
    """A bound claim that asks for more than it has, and its volume."""

    claim: Obj
    volume: Obj
    now: datetime


def grows(claim: Obj) -> bool:
    """Whether a bound claim asks for more than it has."""
    bound = status(claim).get("phase") == "Bound" and not is_deleting(claim)
    return bound and compare(requested(claim), storage(status(claim), "capacity")) > 0


def claim_changes(look: Lookup, old: Obj | None, new: Obj | None) -> Iterable[Key]:
    """Claims that ask for more, when that is news or a step of ours has been done."""
    if new is None or not grows(new):
        return
    if old is None or _facts(old) != _facts(new):
        yield from self_key(look, new)


def _facts(claim: Obj) -> tuple[object, ...]:
    return requested(claim), status(claim), annotations_of(claim).get(RESIZER)


def volume_changes(look: Lookup, old: Obj | None, new: Obj | None) -> Iterable[Key]:
    """The claim of a volume whose size has changed."""
    ref = spec(new or {}).get("claimRef") or {}
    if old is not None and new is not None and ref and capacity(old) != capacity(new):
        yield Key(ref.get("namespace", ""), ref.get("name", ""))


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    claim = look.get(PVCS, key.namespace, key.name)
    if claim is None or not grows(claim):
        return None
    volume = look.get(PVS, "", spec(claim).get("volumeName") or "")
    if volume is None or (spec(volume).get("claimRef") or {}).get("uid") != uid_of(claim):
        return None
    return Seen(claim, volume, now)


def decide(seen: Seen) -> Plan:
    """Say that it begins, let the volume grow, say that it is done: one write a turn."""
    claim, volume, size = seen.claim, seen.volume, requested(seen.claim)
    if annotations_of(volume).get(PROVISIONED_BY) != PROVISIONER:
        if status(claim).get("allocatedResourceStatuses") or _condition(claim):
            return NOTHING  # a resizer is at it
        return (Emit(claim, "Normal", "ExternalExpanding", "waiting for an external controller to expand this PVC"),)
    if annotations_of(claim).get(RESIZER) != PROVISIONER:
        marks = {**annotations_of(claim), RESIZER: PROVISIONER}
        return (Update(PVCS, {**claim, "metadata": {**claim["metadata"], "annotations": marks}}),)
    begun = _begun(claim, size, seen.now)
    if begun != status(claim):
        return (Update(PVCS, {**claim, "status": begun}, "status"),)
    if compare(capacity(volume), size) < 0:
        sizes = {**(spec(volume).get("capacity") or {}), "storage": size}
        return (Update(PVS, {**volume, "spec": {**spec(volume), "capacity": sizes}}),)
    text = f"ExpandVolume succeeded for volume {namespace_of(claim)}/{name_of(claim)}"
    done = Update(PVCS, {**claim, "status": _done(claim, size)}, "status")
    return (done, Emit(claim, "Normal", "VolumeResizeSuccessful", text))


def _condition(claim: Obj) -> Obj | None:
    return next((c for c in status(claim).get("conditions") or () if c.get("type") == RESIZING), None)


def _begun(claim: Obj, size: str, now: datetime) -> Obj:
    """The status of a claim that is being expanded to a size."""
    had = status(claim)
    conditions: list[Obj] = list(had.get("conditions") or ())
    if _condition(claim) is None:
        conditions.append({"type": RESIZING, "status": "True", "lastTransitionTime": format_time(now)})
    return {
        **had,
        "conditions": conditions,
        "allocatedResources": {**(had.get("allocatedResources") or {}), "storage": size},
        "allocatedResourceStatuses": {
            **(had.get("allocatedResourceStatuses") or {}),
            "storage": "ControllerResizeInProgress",
        },
    }


def _done(claim: Obj, size: str) -> Obj:
    """The status of a claim that has the size; what was allocated to it stays."""
    had = status(claim)
    conditions = [c for c in had.get("conditions") or () if c.get("type") != RESIZING]
    statuses = {k: v for k, v in (had.get("allocatedResourceStatuses") or {}).items() if k != "storage"}
    rest = {k: v for k, v in had.items() if k not in ("conditions", "allocatedResourceStatuses")}
    return {
        **rest,
        "capacity": {**(had.get("capacity") or {}), "storage": size},
        **({"conditions": conditions} if conditions else {}),
        **({"allocatedResourceStatuses": statuses} if statuses else {}),
    }


CONTROLLER = Controller(
    "persistentvolume-expander-controller",
    watches=(Watches(PVCS, self_key, changes=claim_changes), Watches(PVS, self_key, changes=volume_changes)),
    observe=observe,
    decide=decide,
    component="volume_expand",
)
