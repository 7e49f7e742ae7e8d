"""VolumeRestrictions, NodeVolumeLimits, VolumeZone: volumes that only one may use, too many of them, other zones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sampan.api.json import Obj
from sampan.scheduler.events import ATTACHMENT, CLAIM, CLASS, CSI_NODE, VOLUME, Events, on
from sampan.scheduler.framework import FITS, Hopeless, Reasons, Rejected
from sampan.scheduler.plugins.volumes import class_of, is_of_pod
from sampan.scheduler.pod import DISKS, PodInfo, PodKey
from sampan.scheduler.snapshot import NodeInfo, Snapshot, Storage

IN_USE = (
    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod",
)
DISK_CONFLICT = ("node(s) had no available disk",)
TOO_MANY = ("node(s) exceed max volume count",)
OTHER_ZONE = Hopeless(("node(s) had no available volume zone",))
LABELS = (
    "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region",
    "topology.kubernetes.io/zone", "topology.kubernetes.io/region",
)  # fmt: skip
STABLE = dict(zip(LABELS[:2], LABELS[2:], strict=True))


def claims_of(pod: PodInfo, storage: Storage, plugin: str) -> list[Obj]:
    """The pod's claims; raises Rejected if one does not exist."""
    found = []
    for name in pod.claims:
        claim = storage.claim(pod.namespace, name)
        if claim is None:
            raise Rejected(plugin, f'persistentvolumeclaim "{name}" not found')
        found.append(claim)
    return found


def named_claims(pod: PodInfo) -> frozenset[str]:
    """The claims that a waiting pod names itself."""
    volumes = pod.obj["spec"].get("volumes") or ()
    return frozenset(v["persistentVolumeClaim"]["claimName"] for v in volumes if v.get("persistentVolumeClaim"))


def places_of(volume: Obj) -> list[tuple[str, frozenset[str]]]:
    """What a volume's labels say of zones and regions."""
    labels = volume["metadata"].get("labels") or {}
    return [(key, frozenset(labels[key].split("__"))) for key in LABELS if key in labels]


def _limits(csi_node: Obj) -> dict[str, int]:
    drivers = (csi_node.get("spec") or {}).get("drivers") or ()
    return {one["name"]: (one.get("allocatable") or {}).get("count") or 0 for one in drivers}


@dataclass(frozen=True, slots=True, eq=False)
class Exclusive:
    """Claims that one pod alone may use, how many pods use them, and disks that pods cannot share on a node."""

    claims: frozenset[PodKey]
    users: int
    disks: tuple[Obj, ...]


class VolumeRestrictions:
    """Upstream's plugin of the same name: ReadWriteOncePod, and disks of the old kinds."""

    name = "VolumeRestrictions"
    local = False

    @property
    def events(self) -> Events:
        return {
            **on("Pod", ("Delete",), self._freed), **on("Node", ("Add",)), **on(CLAIM, ("Add",), self._claim_came),
        }  # fmt: skip

    @staticmethod
    def _claim_came(pod: PodInfo, old: None, new: Obj, look: Snapshot) -> bool:
        return new["metadata"].get("namespace") == pod.namespace and new["metadata"]["name"] in named_claims(pod)

    @staticmethod
    def _freed(pod: PodInfo, old: PodInfo, new: None, look: Snapshot) -> bool:
        if old.namespace != pod.namespace:
            return False
        theirs = old.obj["spec"].get("volumes") or ()
        clash = any(_same_disk(a, b) for a in pod.obj["spec"].get("volumes") or () for b in theirs)
        return clash or not named_claims(pod).isdisjoint(old.claims)

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> Exclusive | None:
        volumes = pod.obj["spec"].get("volumes") or ()
        disks = tuple(volume for volume in volumes if any(kind in volume for kind in DISKS))
        if not disks and not pod.claims:
            return None
        alone = frozenset(
            (pod.namespace, claim["metadata"]["name"])
            for claim in claims_of(pod, snapshot.storage, self.name)
            if "ReadWriteOncePod" in ((claim.get("spec") or {}).get("accessModes") or ())
        )
        users = sum(len(alone & node.claims) for node in snapshot.nodes.values()) if alone else 0
        return Exclusive(alone, users, disks) if users or disks else None

    def moved(self, state: Exclusive, pod: PodInfo, node: NodeInfo, step: int) -> Exclusive:
        """The number of users after that pod came or went."""
        used = sum((pod.namespace, name) in state.claims for name in pod.claims)
        return replace(state, users=state.users + step * used) if used else state

    def filter(self, state: Exclusive, node: NodeInfo) -> Reasons:
        for pod in node.pods.values() if state.disks else ():
            theirs = pod.obj["spec"].get("volumes") or ()
            if any(_same_disk(a, b) for a in state.disks for b in theirs):
                return DISK_CONFLICT
        return IN_USE if state.users > 0 else FITS


def _same_disk(ours: Obj, theirs: Obj) -> bool:
    """Whether two volumes are one disk that cannot be mounted twice."""
    for kind in DISKS:
        a, b = ours.get(kind), theirs.get(kind)
        if not a or not b:
            continue
        reading = bool(a.get("readOnly") and b.get("readOnly"))
        if kind == "awsElasticBlockStore":
            same, reading = a["volumeID"] == b["volumeID"], False
        elif kind == "gcePersistentDisk":
            same = a["pdName"] == b["pdName"]
        elif kind == "iscsi":
            same = a["iqn"] == b["iqn"]
        else:
            pools = (a.get("pool"), a["image"]) == (b.get("pool"), b["image"])
            same = pools and not set(a["monitors"]).isdisjoint(b["monitors"])
        if same and not reading:
            return True
    return False


@dataclass(frozen=True, slots=True, eq=False)
class Volumes:
    """The pod's CSI volumes by unique name, with their drivers."""

    drivers: Mapping[str, str]
    storage: Storage


class NodeVolumeLimits:
    """Upstream's plugin of the same name: no more volumes of a CSI driver than its CSINode entry allows."""

    name = "NodeVolumeLimits"
    local = False

    @property
    def events(self) -> Events:
        return {
            **on(CSI_NODE, ("Add",)), **on(CSI_NODE, ("Update",), self._raised), **on("Pod", ("Delete",), self._freed),
            **on(CLAIM, ("Add",), is_of_pod), **on(ATTACHMENT, ("Delete",), self._detached),
        }  # fmt: skip

    @staticmethod
    def _raised(pod: PodInfo, old: Obj, new: Obj, look: Snapshot) -> bool:
        before = _limits(old)
        return any(most > before.get(name, 0) for name, most in _limits(new).items())

    @staticmethod
    def _freed(pod: PodInfo, old: PodInfo, new: None, look: Snapshot) -> bool:
        return bool(old.node or old.nominated) and bool(old.claims)

    @staticmethod
    def _detached(pod: PodInfo, old: Obj, new: None, look: Snapshot) -> bool:
        return bool(named_claims(pod))

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> Volumes | None:
        if not pod.claims:
            return None
        claims_of(pod, snapshot.storage, self.name)
        drivers = csi_volumes((pod,), snapshot.storage)
        return Volumes(drivers, snapshot.storage) if drivers else None

    def filter(self, state: Volumes, node: NodeInfo) -> Reasons:
        csi_node = state.storage.csi_node(node.name) or {}
        listed = {d["name"]: d for d in (csi_node.get("spec") or {}).get("drivers") or ()}
        for driver in state.drivers.values():
            wanted = state.storage.csi_driver(driver)
            if driver not in listed and wanted and wanted["spec"].get("preventPodSchedulingIfMissing"):
                return (f"{driver} CSI driver is not installed on the node",)
        limits = {name: (d.get("allocatable") or {}).get("count") for name, d in listed.items()}
        if all(limits.get(driver) is None for driver in state.drivers.values()):
            return FITS
        attached = csi_volumes(node.pods.values(), state.storage)
        for attachment in state.storage.attachments(node.name):
            volume = state.storage.volume((attachment["spec"].get("source") or {}).get("persistentVolumeName") or "")
            attached |= csi_volume(volume)
        for driver in set(state.drivers.values()):
            fresh = sum(d == driver and name not in attached for name, d in state.drivers.items())
            most = limits.get(driver)
            if fresh and most is not None and list(attached.values()).count(driver) + fresh > most:
                return TOO_MANY
        return FITS


def csi_volumes(pods: Iterable[PodInfo], storage: Storage) -> dict[str, str]:
    """The CSI volumes of pods: unique name to driver. A claim that will be provisioned counts under its own name."""
    found: dict[str, str] = {}
    for pod in pods:
        for name in pod.claims:
            claim = storage.claim(pod.namespace, name)
            volume = storage.volume(((claim or {}).get("spec") or {}).get("volumeName") or "")
            if volume is not None:
                found |= csi_volume(volume)
            elif claim is not None and (kind := storage.storage_class(class_of(claim))):
                found[f"{kind.get('provisioner')}/{pod.namespace}/{name}"] = kind.get("provisioner", "")
    return found


def csi_volume(volume: Obj | None) -> dict[str, str]:
    """A volume's unique name and driver, if it is a CSI volume."""
    csi: Mapping[str, Any] | None = ((volume or {}).get("spec") or {}).get("csi")
    return {f"{csi['driver']}/{csi['volumeHandle']}": csi["driver"]} if csi else {}


class VolumeZone:
    """Upstream's plugin of the same name: zone and region labels of bound volumes are those of the node."""

    name = "VolumeZone"
    local = False

    @property
    def events(self) -> Events:
        return {
            **on(CLASS, ("Add",), self._waits), **on("Node", ("Add", "UpdateNodeLabel")),
            **on(CLAIM, ("Add", "Update"), is_of_pod), **on(VOLUME, ("Add", "Update"), self._moved),
        }  # fmt: skip

    @staticmethod
    def _waits(pod: PodInfo, old: None, new: Obj, look: Snapshot) -> bool:
        return new.get("volumeBindingMode") == "WaitForFirstConsumer"

    @staticmethod
    def _moved(pod: PodInfo, old: Obj | None, new: Obj, look: Snapshot) -> bool:
        return old is None or places_of(old) != places_of(new)

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> tuple[tuple[str, frozenset[str]], ...] | None:
        found = []
        for name in pod.claims:
            claim = snapshot.storage.claim(pod.namespace, name)
            volume = snapshot.storage.volume(((claim or {}).get("spec") or {}).get("volumeName") or "")
            found += places_of(volume) if volume is not None else []
        return tuple(found) or None

    def filter(self, state: tuple[tuple[str, frozenset[str]], ...], node: NodeInfo) -> Reasons:
        if not any(key in node.labels for key in LABELS):
            return FITS
        for key, values in state:
            if node.labels.get(key, node.labels.get(STABLE.get(key, key))) not in values:
                return OTHER_ZONE
        return FITS
