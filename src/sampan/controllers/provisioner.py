"""Provision local volumes: a directory on the node that the scheduler chose, as a PersistentVolume."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sampan.api.json import Obj
from sampan.api.meta import annotations_of, finalizers_of, is_deleting, name_of, namespace_of, uid_of
from sampan.api.names import Key, ObjectRef
from sampan.controllers.names import spec, status
from sampan.controllers.volume_match import class_of, requested
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.plan import NOTHING, Create, Emit, Patch, Plan
from sampan.resources.kinds import NODES, PVCS, PVS, STORAGECLASSES

PROVISIONER = "sampan.dev/local-path"
FINALIZER = "sampan.dev/local-path"
"""On every volume made here: the node agent removes the directory, then this."""
CALLED, SELECTED_NODE = "volume.kubernetes.io/storage-provisioner", "volume.kubernetes.io/selected-node"
HOSTNAME = "kubernetes.io/hostname"
VOLUME = "\0volume"


@dataclass(frozen=True, slots=True)
class SeenClaim:
    """A claim that calls for us, its class and the node it must be on; `made`: the volume is there already."""

    claim: Obj
    storage_class: Obj
    node: Obj | None
    made: bool
    root: str
    now: datetime


@dataclass(frozen=True, slots=True)
class SeenVolume:
    """A volume of ours that is being deleted, and whether its node still exists to clean up."""

    volume: Obj
    node_exists: bool


Seen = SeenClaim | SeenVolume


def volume_name(claim: Obj) -> str:
    return f"pvc-{uid_of(claim)}"


def claim_keys(look: Lookup, claim: Obj) -> Iterable[Key]:
    """Claims that call for this provisioner."""
    if annotations_of(claim).get(CALLED) == PROVISIONER:
        yield Key(namespace_of(claim), name_of(claim))


def volume_keys(look: Lookup, volume: Obj) -> Iterable[Key]:
    """Volumes made here."""
    if FINALIZER in finalizers_of(volume):
        yield Key(VOLUME, name_of(volume))


def node_keys(look: Lookup, node: Obj) -> Iterable[Key]:
    """A node that goes may leave volumes behind."""
    for volume in look.list(PVS):
        if is_deleting(volume):
            yield from volume_keys(look, volume)


def node_of(volume: Obj) -> str:
    """The host name that the volume's node affinity demands."""
    terms = ((spec(volume).get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms") or ()
    for term in terms:
        for expression in term.get("matchExpressions") or ():
            if expression.get("key") == HOSTNAME and expression.get("values"):
                return str(expression["values"][0])
    return ""


def observe(root: str, look: Lookup, key: Key, now: datetime) -> Seen | None:
    if key.namespace == VOLUME:
        volume = look.get(PVS, "", key.name)
        if volume is None or not is_deleting(volume) or FINALIZER not in finalizers_of(volume):
            return None
        host = node_of(volume)
        exists = any((n["metadata"].get("labels") or {}).get(HOSTNAME) == host for n in look.list(NODES))
        return SeenVolume(volume, exists)
    claim = look.get(PVCS, *key)
    if claim is None or is_deleting(claim) or spec(claim).get("volumeName"):
        return None
    storage_class = look.get(STORAGECLASSES, "", class_of(claim))
    if storage_class is None or storage_class.get("provisioner") != PROVISIONER:
        return None
    node = look.get(NODES, "", annotations_of(claim).get(SELECTED_NODE, ""))
    made = look.get(PVS, "", volume_name(claim)) is not None
    return SeenClaim(claim, storage_class, node, made, root, now)


def decide(seen: Seen) -> Plan:
    """Make a volume for a claim; free a volume whose node is gone."""
    if isinstance(seen, SeenVolume):
        if seen.node_exists:
            return NOTHING
        rest = [f for f in finalizers_of(seen.volume) if f != FINALIZER]
        return (Patch(ObjectRef(PVS, "", name_of(seen.volume)), {"metadata": {"finalizers": rest}}, missing_ok=True),)
    claim = seen.claim
    if seen.made or status(claim).get("phase") == "Bound":
        return NOTHING
    if spec(claim).get("volumeMode") == "Block":
        text = "local volumes are file systems: volumeMode Block is not supported"
        return (Emit(claim, "Warning", "ProvisioningFailed", text),)
    if seen.node is None:
        if not annotations_of(claim).get(SELECTED_NODE):
            text = "local volumes need a class with volumeBindingMode WaitForFirstConsumer"
            return (Emit(claim, "Warning", "ProvisioningFailed", text),)
        patch = {"metadata": {"annotations": {SELECTED_NODE: None}}}  # the node is gone: choose another
        return (Patch(ObjectRef(PVCS, namespace_of(claim), name_of(claim)), patch, missing_ok=True),)
    text = f"Successfully provisioned volume {volume_name(claim)}"
    return (
        Create(PVS, _volume(seen, seen.node), exists_ok=True),
        Emit(claim, "Normal", "ProvisioningSucceeded", text),
    )


def _volume(seen: SeenClaim, node: Obj) -> Obj:
    claim, name = seen.claim, volume_name(seen.claim)
    host = (node["metadata"].get("labels") or {}).get(HOSTNAME, name_of(node))
    expression = {"key": HOSTNAME, "operator": "In", "values": [host]}
    return {
        "metadata": {
            "name": name,
            "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER},
            "finalizers": [FINALIZER],
        },
        "spec": {
            "capacity": {"storage": requested(claim)},
            "accessModes": spec(claim).get("accessModes"),
            "claimRef": {
                "kind": "PersistentVolumeClaim",
                "apiVersion": "v1",
                "namespace": namespace_of(claim),
                "name": name_of(claim),
                "uid": uid_of(claim),
            },
            "persistentVolumeReclaimPolicy": seen.storage_class.get("reclaimPolicy") or "Delete",
            "storageClassName": class_of(claim),
            "volumeMode": "Filesystem",
            "hostPath": {"path": f"{seen.root}/{name}", "type": "DirectoryOrCreate"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}},
        },
    }


def controller(root: str) -> Controller:
    """The provisioner whose volumes are directories below `root`."""
    return Controller(
        PROVISIONER,
        watches=(Watches(PVCS, claim_keys), Watches(PVS, volume_keys), Watches(NODES, node_keys)),
        reads=(STORAGECLASSES,),
        observe=partial(observe, root),
        decide=decide,
        workers=1,
    )
