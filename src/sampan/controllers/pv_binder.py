"""Bind claims to volumes; give unbound claims without a class the default one as soon as there is one (KEP-3333)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sampan.api.json import Obj
from sampan.api.meta import annotations_of, is_deleting, name_of, namespace_of, uid_of
from sampan.api.names import Key
from sampan.controllers.names import spec, status
from sampan.controllers.pv_volumes import BOUND_BY_CONTROLLER, SeenVolume, decide_volume, volume_phase
from sampan.controllers.volume_match import (
    claimed_by,
    class_of,
    default_class,
    find_match,
    has_class,
    unfit,
)
from sampan.controllers.volume_protection import claim_names
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.plan import NOTHING, Action, Counted, Emit, Plan, Update
from sampan.resources.kinds import PODS, PVCS, PVS, STORAGECLASSES

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
PROVISIONER, BETA_PROVISIONER = (
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
)
SELECTED_NODE = "volume.kubernetes.io/selected-node"
CURRENT_CLASS = "currentVolumeAttributesClassName"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
RETROACTIVE = Counted(
    "retroactive_storageclass",
    "Total number of retroactive StorageClass assignments to persistent volume claim",
    "Total number of failed retroactive StorageClass assignments to persistent volume claim",
)
VOLUME = "\0volume"
"""Namespace part of the keys that are volumes; claims have their own namespace."""


@dataclass(frozen=True, slots=True)
class SeenClaim:
    """A claim, the volumes it could have, its own volume, the classes, and the pods that use it and wait."""

    claim: Obj
    volumes: tuple[Obj, ...]
    classes: tuple[Obj, ...]
    waiting_pods: tuple[str, ...]
    now: datetime


Seen = SeenClaim | SeenVolume


def volume_keys(look: Lookup, volume: Obj) -> Iterable[Key]:
    """A volume concerns itself, its claim, and every claim that waits for one."""
    yield Key(VOLUME, name_of(volume))
    ref = spec(volume).get("claimRef")
    if ref:
        yield Key(ref.get("namespace", ""), ref.get("name", ""))
    else:
        yield from unbound_keys(look, volume)


def unbound_keys(look: Lookup, _: Obj) -> Iterable[Key]:
    """All claims without a volume."""
    for claim in look.list(PVCS):
        if not spec(claim).get("volumeName") or status(claim).get("phase") != "Bound":
            yield Key(namespace_of(claim), name_of(claim))


def claim_keys(look: Lookup, claim: Obj) -> Iterable[Key]:
    """A claim concerns itself and its volume."""
    yield Key(namespace_of(claim), name_of(claim))
    if name := spec(claim).get("volumeName"):
        yield Key(VOLUME, name)
    for volume in look.indexed(PVS, "claims", f"{namespace_of(claim)}/{name_of(claim)}"):
        yield Key(VOLUME, name_of(volume))


def by_claim(volume: Obj) -> Sequence[str]:
    """Index of volumes by the claim that they name."""
    ref = spec(volume).get("claimRef")
    return (f"{ref.get('namespace', '')}/{ref.get('name', '')}",) if ref else ()


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    if key.namespace == VOLUME:
        volume = look.get(PVS, "", key.name)
        if volume is None:
            return None
        ref = spec(volume).get("claimRef") or {}
        claim = look.get(PVCS, ref.get("namespace", ""), ref.get("name", "")) if ref else None
        return SeenVolume(volume, claim, now)
    claim = look.get(PVCS, *key)
    if claim is None:
        return None
    users = look.indexed(PODS, "claims", f"{key.namespace}/{key.name}")
    waiting = tuple(sorted(name_of(pod) for pod in users if not spec(pod).get("nodeName")))
    return SeenClaim(claim, tuple(look.list(PVS)), tuple(look.list(STORAGECLASSES)), waiting, now)


def pod_keys(look: Lookup, pod: Obj) -> Iterable[Key]:
    """A pod concerns the unbound claims that it uses."""
    for name in claim_names(pod):
        claim = look.get(PVCS, *name.split("/"))
        if claim is not None and status(claim).get("phase") != "Bound":
            yield Key(*name.split("/"))


def decide(seen: Seen) -> Plan:
    """One step for a claim or for a volume; every multi-step write can be picked up where it stopped."""
    if isinstance(seen, SeenVolume):
        return decide_volume(seen)
    if BIND_COMPLETED in annotations_of(seen.claim):
        return _bound_claim(seen)
    return _unbound_claim(seen)


# ---- claims


def _volume_named(seen: SeenClaim, name: str) -> Obj | None:
    return next((v for v in seen.volumes if name_of(v) == name), None)


def _phase(claim: Obj, phase: str, **more: object) -> Action:
    fresh: Obj = {"phase": phase, **more}
    kept = {k: v for k, v in status(claim).items() if k not in ("phase", "accessModes", "capacity", CURRENT_CLASS)}
    return Update(PVCS, {**claim, "status": {**kept, **fresh}}, "status")


def _bound_claim(seen: SeenClaim) -> Plan:
    """A claim that was bound: check that its volume is still there and still its own."""
    claim = seen.claim
    name = spec(claim).get("volumeName")
    if not name:
        return _lost(claim, "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!")
    volume = _volume_named(seen, name)
    if volume is None:
        return _lost(claim, "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
    if not spec(volume).get("claimRef") or claimed_by(volume, claim):
        return _bind(seen, volume)
    ref = spec(volume).get("claimRef") or {}
    other = f"{ref.get('namespace')}/{ref.get('name')}"
    text = f"Two claims are bound to the same volume, this one is bound incorrectly: {other}"
    return _lost(claim, text, "ClaimMisbound")


def _lost(claim: Obj, message: str, reason: str = "ClaimLost") -> Plan:
    if status(claim).get("phase") == "Lost":
        return NOTHING
    return (_phase(claim, "Lost"), Emit(claim, "Warning", reason, message))


def _unbound_claim(seen: SeenClaim) -> Plan:
    claim = seen.claim
    name = spec(claim).get("volumeName")
    if name:
        return _named_volume(seen, name)
    storage_class = next((c for c in seen.classes if name_of(c) == class_of(claim)), None)
    late = bool(storage_class) and (storage_class or {}).get("volumeBindingMode") == "WaitForFirstConsumer"
    volume = find_match(claim, seen.volumes, delayed=late)
    if volume is not None:
        return _bind(seen, volume)
    if not has_class(claim):
        default = default_class(seen.classes)
        if default is not None and not is_deleting(claim):
            defaulted = {**claim, "spec": {**spec(claim), "storageClassName": name_of(default)}}
            return (Update(PVCS, defaulted, counted=RETROACTIVE),)
    return (*_why_waiting(seen, storage_class, late), *_pending(claim))


def _pending(claim: Obj) -> Plan:
    return () if status(claim).get("phase") == "Pending" else (_phase(claim, "Pending"),)


def _why_waiting(seen: SeenClaim, storage_class: Obj | None, late: bool) -> tuple[Action, ...]:
    """Events, and for classes with a provisioner the annotation that calls it."""
    claim = seen.claim
    selected = annotations_of(claim).get(SELECTED_NODE)
    if late and not selected:
        if seen.waiting_pods:
            pods = seen.waiting_pods
            text = f"waiting for pod{'s' if len(pods) > 1 else ''} {','.join(pods)} to be scheduled"
            return (Emit(claim, "Normal", "WaitForPodScheduled", text),)
        text = "waiting for first consumer to be created before binding"
        return (Emit(claim, "Normal", "WaitForFirstConsumer", text),)
    if not class_of(claim):
        text = "no persistent volumes available for this claim and no storage class is set"
        return (Emit(claim, "Normal", "FailedBinding", text),)
    if storage_class is None:
        text = f'storageclass.storage.k8s.io "{class_of(claim)}" not found'
        return (Emit(claim, "Warning", "ProvisioningFailed", text),)
    provisioner = storage_class.get("provisioner") or NO_PROVISIONER
    if provisioner == NO_PROVISIONER:
        text = "no volume plugin matched name: kubernetes.io/no-provisioner"
        return (Emit(claim, "Warning", "ProvisioningFailed", text),)
    text = (
        f'Waiting for a volume to be created either by the external provisioner "{provisioner}" or manually by the '
        "system administrator. If volume creation is delayed, please verify that the provisioner is running and "
        "correctly registered."
    )
    event = Emit(claim, "Normal", "ExternalProvisioning", text)
    if annotations_of(claim).get(PROVISIONER) == provisioner:
        return (event,)
    marked = _annotated(claim, {PROVISIONER: provisioner, BETA_PROVISIONER: provisioner})
    return (Update(PVCS, marked), event)


def _named_volume(seen: SeenClaim, name: str) -> Plan:
    """The claim asks for a certain volume."""
    claim = seen.claim
    volume = _volume_named(seen, name)
    if volume is None:
        return _pending(claim)
    if not spec(volume).get("claimRef"):
        why = unfit(volume, claim)
        if why:
            text = f'Cannot bind to requested volume "{name}": {why}'
            return (Emit(claim, "Warning", "VolumeMismatch", text), *_pending(claim))
        return _bind(seen, volume)
    if claimed_by(volume, claim):
        return _bind(seen, volume)
    text = f'volume "{name}" already bound to a different claim.'
    return (Emit(claim, "Warning", "FailedBinding", text), *_pending(claim))


def _annotated(obj: Obj, annotations: dict[str, str]) -> Obj:
    return {**obj, "metadata": {**obj["metadata"], "annotations": {**annotations_of(obj), **annotations}}}


def _bind(seen: SeenClaim, volume: Obj) -> Plan:
    """claimRef of the volume, its phase, the claim's volumeName, its phase: one of these a turn, in that order."""
    claim = seen.claim
    ref = spec(volume).get("claimRef") or {}
    if not claimed_by(volume, claim) or ref.get("uid") != uid_of(claim):
        made = {
            "kind": "PersistentVolumeClaim",
            "namespace": namespace_of(claim),
            "name": name_of(claim),
            "uid": uid_of(claim),
            "apiVersion": "v1",
            "resourceVersion": claim["metadata"].get("resourceVersion", ""),
        }
        bound = {**volume, "spec": {**spec(volume), "claimRef": made}}
        return (Update(PVS, bound if ref else _annotated(bound, {BOUND_BY_CONTROLLER: "yes"})),)
    if status(volume).get("phase") != "Bound":
        return (volume_phase(volume, "Bound", seen.now),)
    wanted = {BIND_COMPLETED: "yes"}
    if not spec(claim).get("volumeName"):
        wanted[BOUND_BY_CONTROLLER] = "yes"
    missing = {k: v for k, v in wanted.items() if annotations_of(claim).get(k) != v}
    if missing:
        return (Update(PVCS, _annotated({**claim, "spec": {**spec(claim), "volumeName": name_of(volume)}}, wanted)),)
    modes, capacity = spec(volume).get("accessModes"), spec(volume).get("capacity")
    have = status(claim)
    if have.get("phase") == "Bound" and have.get("accessModes") == modes and have.get("capacity"):
        return NOTHING
    attributes = (
        have if have.get("phase") != "Pending" else {CURRENT_CLASS: spec(volume).get("volumeAttributesClassName")}
    )
    more = {CURRENT_CLASS: attributes[CURRENT_CLASS]} if attributes.get(CURRENT_CLASS) else {}
    return (_phase(claim, "Bound", accessModes=modes, capacity=have.get("capacity") or capacity, **more),)


CONTROLLER = Controller(
    "persistentvolume-binder-controller",
    watches=(
        Watches(PVCS, claim_keys),
        Watches(PVS, volume_keys, indexes={"claims": by_claim}),
        Watches(STORAGECLASSES, unbound_keys),
        Watches(PODS, pod_keys, indexes={"claims": claim_names}),
    ),
    observe=observe,
    decide=decide,
    workers=1,
    counts=(RETROACTIVE,),
)
