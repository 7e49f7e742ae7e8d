"""The volume's half of binding: Available, Bound, Released, and what becomes of released ones."""

from dataclasses import dataclass
from datetime import datetime

from sampan.api.json import Obj
from sampan.api.meta import annotations_of, is_deleting, name_of, uid_of
from sampan.api.names import ObjectRef
from sampan.api.times import format_time
from sampan.controllers.names import spec, status
from sampan.reconcile.plan import NOTHING, Action, Delete, Emit, Plan, Update
from sampan.resources.kinds import PVS

BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"


@dataclass(frozen=True, slots=True)
class SeenVolume:
    """A volume, and the claim that its claimRef names (None: there is none of that uid)."""

    volume: Obj
    claim: Obj | None
    now: datetime


def volume_phase(volume: Obj, phase: str, now: datetime, message: str = "") -> Action:
    made = {k: v for k, v in status(volume).items() if k not in ("message", "reason")}
    made |= {"phase": phase, "lastPhaseTransitionTime": format_time(now)}
    if message:
        made["message"] = message
    return Update(PVS, {**volume, "status": made}, "status")


def decide_volume(seen: SeenVolume) -> Plan:
    """Available, Bound or Released; a released one is reclaimed."""
    volume, claim = seen.volume, seen.claim
    ref = spec(volume).get("claimRef")
    phase = status(volume).get("phase")
    if not ref:
        return NOTHING if phase == "Available" else (volume_phase(volume, "Available", seen.now),)
    if not ref.get("uid"):
        return NOTHING if phase == "Available" else (volume_phase(volume, "Available", seen.now),)
    if claim is None or uid_of(claim) != ref["uid"]:
        return _released(volume, phase, seen.now)
    if spec(claim).get("volumeName") == name_of(volume) and phase != "Bound":
        return (volume_phase(volume, "Bound", seen.now),)
    taken = spec(claim).get("volumeName")
    if taken and taken != name_of(volume):
        return _not_needed(volume, seen.now)
    return NOTHING


def _not_needed(volume: Obj, now: datetime) -> Plan:
    """The claim took another volume."""
    if annotations_of(volume).get(PROVISIONED_BY) and spec(volume).get("persistentVolumeReclaimPolicy") == "Delete":
        return _released(volume, status(volume).get("phase"), now)
    if annotations_of(volume).get(BOUND_BY_CONTROLLER):
        free = {k: v for k, v in spec(volume).items() if k != "claimRef"}
        kept = {k: v for k, v in annotations_of(volume).items() if k != BOUND_BY_CONTROLLER}
        return (Update(PVS, {**volume, "metadata": {**volume["metadata"], "annotations": kept}, "spec": free}),)
    return NOTHING


def _released(volume: Obj, phase: str | None, now: datetime) -> Plan:
    policy = spec(volume).get("persistentVolumeReclaimPolicy")
    actions: list[Action] = []
    if phase not in ("Released", "Failed"):
        actions.append(volume_phase(volume, "Released", now))
    elif policy == "Delete" and annotations_of(volume).get(PROVISIONED_BY) and not is_deleting(volume):
        actions.append(Delete(ObjectRef(PVS, "", name_of(volume)), uid_of(volume)))
    elif policy == "Recycle" and phase == "Released":
        text = "No recycler plugin found for the volume!"
        actions += [Emit(volume, "Warning", "VolumeFailedRecycle", text), volume_phase(volume, "Failed", now, text)]
    return tuple(actions)
