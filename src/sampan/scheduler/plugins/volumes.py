"""VolumeBinding: bound claims' volumes reach the node, and unbound ones of late-binding classes can be had there.

Behaviour of upstream's volumebinding plugin: claims of an Immediate class must be bound before; for the others a
fitting volume is chosen, or, if the class has a provisioner, the claim is provisioned for the node.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sampan.api.json import Obj
from sampan.api.meta import annotations_of
from sampan.api.selectors import LabelSelector
from sampan.scheduler.events import CAPACITY, CLAIM, CLASS, CSI_DRIVER, CSI_NODE, VOLUME, Events, on
from sampan.scheduler.framework import FITS, ClaimPlan, Hopeless, Reasons, Rejected
from sampan.scheduler.plugins.node_affinity import selector_matches, term_matches
from sampan.scheduler.pod import PodInfo, amount
from sampan.scheduler.snapshot import NodeInfo, Snapshot, Storage
from sampan.scheduler.terms import selector_of

MIGRATED = "storage.alpha.kubernetes.io/migrated-plugins"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
BIND_COMPLETED = "pv.kubernetes.io/bind-completed"

CONFLICT = "node(s) didn't match PersistentVolume's node affinity"
NONE_FITS = "node(s) didn't find available persistent volumes to bind"
NO_ROOM = "node(s) did not have enough free storage"
VOLUME_GONE = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"


@dataclass(frozen=True, slots=True, eq=False)
class Unbound:
    """A claim to be bound late: the volumes that would do anywhere, smallest first, and its class."""

    claim: Obj
    candidates: tuple[Obj, ...]
    storage_class: Obj
    room: tuple[LabelSelector, ...] | None = None
    """The nodes for which there is capacity enough; None: the driver does not say."""


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What one pod's claims need. `gone`: a bound claim's volume does not exist."""

    bound: tuple[Obj, ...]
    unbound: tuple[Unbound, ...]
    gone: bool


def class_of(claim: Obj) -> str:
    """The claim's (or volume's) class name; empty for none."""
    annotations = claim["metadata"].get("annotations") or {}
    beta = annotations.get(BETA_CLASS)
    return beta if beta is not None else (claim.get("spec") or {}).get("storageClassName") or ""


def volume_limit(capacity: Obj) -> int | None:
    """The largest volume that a CSIStorageCapacity allows, in bytes; None: it does not say."""
    most = capacity.get("maximumVolumeSize") or capacity.get("capacity")
    return amount("storage", most) if most is not None else None


def room_for(claim: Obj, storage_class: Obj, storage: Storage) -> tuple[LabelSelector, ...] | None:
    """Which nodes a new volume of that claim would have room for, by the CSIStorageCapacities of its class.

    None where nobody says: no size is asked for, or the class is not of a CSI driver that tells its capacities.
    """
    size = (((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}).get("storage")
    driver = storage.csi_driver(storage_class.get("provisioner") or NO_PROVISIONER)
    if size is None or driver is None or not (driver.get("spec") or {}).get("storageCapacity"):
        return None
    wanted = amount("storage", size)
    found = []
    for capacity in storage.capacities(storage_class["metadata"]["name"]):
        most = volume_limit(capacity)
        if most is not None and most >= wanted and capacity.get("nodeTopology") is not None:
            found.append(selector_of(capacity["nodeTopology"]))
    return tuple(found)


def is_of_pod(pod: PodInfo, old: Obj | None, new: Obj, look: Snapshot) -> bool:
    """Whether a claim is one of the pod's."""
    return new["metadata"].get("namespace") == pod.namespace and new["metadata"]["name"] in pod.claims


def reaches(volume: Obj, node: NodeInfo) -> bool:
    """Whether the volume's node affinity admits the node."""
    required = ((volume.get("spec") or {}).get("nodeAffinity") or {}).get("required")
    return required is None or selector_matches(required, node)


def would_do(volume: Obj, claim: Obj) -> bool:
    """Whether an unclaimed volume satisfies a claim, its class aside: size, modes, selector (FACTS: static binding)."""
    have, want = volume.get("spec") or {}, claim.get("spec") or {}
    ref = have.get("claimRef")
    meta = claim["metadata"]
    if ref:
        ours = ref.get("namespace") == meta.get("namespace") and ref.get("name") == meta["name"]
        if not ours or ref.get("uid") not in (None, "", meta.get("uid")):
            return False
    elif (volume.get("status") or {}).get("phase") != "Available":
        return False
    size = ((want.get("resources") or {}).get("requests") or {}).get("storage", "0")
    capacity = (have.get("capacity") or {}).get("storage", "0")
    return (
        not volume["metadata"].get("deletionTimestamp")
        and (have.get("volumeMode") or "Filesystem") == (want.get("volumeMode") or "Filesystem")
        and set(want.get("accessModes") or ()) <= set(have.get("accessModes") or ())
        and (have.get("volumeAttributesClassName") or "") == (want.get("volumeAttributesClassName") or "")
        and amount("storage", capacity) >= amount("storage", size)
        and _labels_match(want.get("selector"), volume["metadata"].get("labels") or {})
    )


def _labels_match(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    if not selector:
        return True
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for expression in selector.get("matchExpressions") or ():
        key, values = expression["key"], expression.get("values") or ()
        fits = {
            "In": labels.get(key) in values,
            "NotIn": labels.get(key) not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }
        if not fits.get(expression["operator"], False):
            return False
    return True


class VolumeBinding:
    """Upstream's plugin of the same name."""

    name = "VolumeBinding"
    local = False

    @property
    def events(self) -> Events:
        return {
            **on(CLASS, ("Add", "Update"), self._class_changed), **on(CLAIM, ("Add", "Update"), is_of_pod),
            **on(VOLUME, ("Add", "Update")), **on("Node", ("Add", "UpdateNodeLabel")), **on(CSI_NODE, ("Add",)),
            **on(CSI_NODE, ("Update",), self._migrated), **on(CSI_DRIVER, ("Update",), self._unlimited),
            **on(CAPACITY, ("Add", "Update"), self._more_capacity),
        }  # fmt: skip

    @staticmethod
    def _class_changed(pod: PodInfo, old: Obj | None, new: Obj, look: Snapshot) -> bool:
        return old is None or (old.get("allowedTopologies") or []) != (new.get("allowedTopologies") or [])

    @staticmethod
    def _migrated(pod: PodInfo, old: Obj, new: Obj, look: Snapshot) -> bool:
        return annotations_of(old).get(MIGRATED) != annotations_of(new).get(MIGRATED)

    @staticmethod
    def _unlimited(pod: PodInfo, old: Obj, new: Obj, look: Snapshot) -> bool:
        name = new["metadata"]["name"]
        uses = any((v.get("csi") or {}).get("driver") == name for v in pod.obj["spec"].get("volumes") or ())
        return uses and bool(old["spec"].get("storageCapacity")) and not new["spec"].get("storageCapacity")

    @staticmethod
    def _more_capacity(pod: PodInfo, old: Obj | None, new: Obj, look: Snapshot) -> bool:
        before, after = volume_limit(old) if old is not None else None, volume_limit(new)
        return old is None or (after is not None and (before is None or after > before))

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> State | None:
        if not pod.claims:
            return None
        storage = snapshot.storage
        bound: list[Obj] = []
        unbound: list[Unbound] = []
        immediate = gone = False
        for name in pod.claims:
            claim = self._claim(pod, name, storage)
            volume_name = (claim.get("spec") or {}).get("volumeName")
            annotations = claim["metadata"].get("annotations") or {}
            if volume_name and BIND_COMPLETED in annotations:
                volume = storage.volume(volume_name)
                gone = gone or volume is None
                bound += [volume] if volume else []
                continue
            found = storage.storage_class(class_of(claim)) if class_of(claim) else None
            if volume_name or not found or found.get("volumeBindingMode") != "WaitForFirstConsumer":
                immediate = True
                continue
            fitting = [v for v in storage.volumes_of_class(class_of(claim)) if would_do(v, claim)]
            fitting.sort(key=lambda v: amount("storage", v["spec"]["capacity"]["storage"]))
            unbound.append(Unbound(claim, tuple(fitting), found, room_for(claim, found, storage)))
        if immediate:
            raise Rejected(self.name, "pod has unbound immediate PersistentVolumeClaims")
        return State(tuple(bound), tuple(unbound), gone)

    def _claim(self, pod: PodInfo, name: str, storage: Storage) -> Obj:
        claim = storage.claim(pod.namespace, name)
        if claim is None:
            raise Rejected(self.name, f'persistentvolumeclaim "{name}" not found')
        if (claim.get("status") or {}).get("phase") == "Lost":
            volume = (claim.get("spec") or {}).get("volumeName", "")
            raise Rejected(
                self.name, f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{volume}"'
            )
        if claim["metadata"].get("deletionTimestamp"):
            raise Rejected(self.name, f'persistentvolumeclaim "{name}" is being deleted')
        return claim

    def filter(self, state: State, node: NodeInfo) -> Reasons:
        reasons = []
        if state.gone:
            reasons.append(VOLUME_GONE)
        if not all(reaches(volume, node) for volume in state.bound):
            reasons.append(CONFLICT)
        served = self._served(state, node)
        if isinstance(served, str):
            reasons.append(served)
        return Hopeless(reasons) if reasons else FITS

    def plan(self, state: State, node: NodeInfo) -> tuple[ClaimPlan, ...] | None:
        """How each unbound claim is served on this node; None if one cannot be."""
        served = self._served(state, node)
        return None if isinstance(served, str) else served

    def _served(self, state: State, node: NodeInfo) -> tuple[ClaimPlan, ...] | str:
        """The same, or why one cannot be."""
        plans: list[ClaimPlan] = []
        taken: set[str] = set()
        for item in sorted(state.unbound, key=lambda u: len(u.candidates)):
            meta = item.claim["metadata"]
            volume = self._choose(item.candidates, node, taken)
            selected = (meta.get("annotations") or {}).get(SELECTED_NODE)
            if volume is not None and not selected:
                taken.add(volume["metadata"]["name"])
                plans.append(ClaimPlan(meta["namespace"], meta["name"], volume["metadata"]["name"]))
            elif selected not in (None, "", node.name) or not _provisions(item.storage_class, node):
                return NONE_FITS
            elif item.room is not None and not any(selector.matches(node.labels) for selector in item.room):
                return NO_ROOM
            else:
                plans.append(ClaimPlan(meta["namespace"], meta["name"]))
        return tuple(plans)

    @staticmethod
    def _choose(candidates: Iterable[Obj], node: NodeInfo, taken: set[str]) -> Obj | None:
        return next((v for v in candidates if v["metadata"]["name"] not in taken and reaches(v, node)), None)


def _provisions(storage_class: Obj, node: NodeInfo) -> bool:
    """Whether the class makes volumes for that node (provisioner, allowedTopologies)."""
    provisioner = storage_class.get("provisioner") or NO_PROVISIONER
    if provisioner == NO_PROVISIONER:
        return False
    allowed = storage_class.get("allowedTopologies") or ()
    if not allowed:
        return True
    terms = [
        {"matchExpressions": [{**e, "operator": "In"} for e in term.get("matchLabelExpressions") or ()]}
        for term in allowed
    ]
    return any(term_matches(term, node) for term in terms)
