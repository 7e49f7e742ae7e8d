"""What is said to CSI drivers and by them, without gRPC; names and paths that other tools rely on. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256

from sampan.api.json import Obj

ESCAPED = "kubernetes.io~csi"
NODE_IDS = "csi.volume.kubernetes.io/nodeid"
"""Annotation of a node: its ids by driver, as JSON."""


class Capability(IntEnum):
    """What a driver's node service can do."""

    STAGE_UNSTAGE_VOLUME = 1
    GET_VOLUME_STATS = 2
    EXPAND_VOLUME = 3
    VOLUME_CONDITION = 4
    SINGLE_NODE_MULTI_WRITER = 5
    VOLUME_MOUNT_GROUP = 6


@dataclass(frozen=True, slots=True)
class DriverInfo:
    """What a plugin says of itself."""

    type: str
    name: str
    endpoint: str
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """What a driver says of this node."""

    id: str
    most: int = 0
    topology: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mounting:
    """A volume as stage and publish have it; `access` is CSI's AccessMode, `group` is for VOLUME_MOUNT_GROUP."""

    volume_id: str
    access: int = 1
    fs_type: str = ""
    flags: tuple[str, ...] = ()
    readonly: bool = False
    context: Mapping[str, str] = field(default_factory=dict)
    publish_context: Mapping[str, str] = field(default_factory=dict)
    group: int | None = None


Part = tuple[int, int, int]
"""Total, available, used."""


@dataclass(frozen=True, slots=True)
class VolumeStats:
    """What a driver says of a volume's use, in bytes and inodes."""

    bytes: Part | None = None
    inodes: Part | None = None
    abnormal: bool | None = None


SINGLE = {"ReadWriteOnce": 1, "ReadOnlyMany": 3, "ReadWriteMany": 5}
WITH_MULTI = {"ReadWriteOnce": 7, "ReadOnlyMany": 3, "ReadWriteMany": 5, "ReadWriteOncePod": 6}


def access_mode(modes: Sequence[str], capabilities: frozenset[Capability]) -> int:
    """CSI's access mode of a PersistentVolume's first one. Raises ValueError for one the driver cannot do."""
    first = modes[0] if modes else "ReadWriteOnce"
    table = WITH_MULTI if Capability.SINGLE_NODE_MULTI_WRITER in capabilities else {**SINGLE, "ReadWriteOncePod": 1}
    if first not in table:
        raise ValueError(f"access mode {first} is not known to CSI")
    return table[first]


def inline_handle(pod_uid: str, name: str) -> str:
    """The id of an inline volume."""
    return "csi-" + sha256(f"{pod_uid}{name}".encode()).hexdigest()


def pod_context(pod: Obj, *, ephemeral: bool) -> dict[str, str]:
    """What podInfoOnMount adds to a volume's context."""
    meta = pod["metadata"]
    return {
        "csi.storage.k8s.io/pod.name": meta["name"],
        "csi.storage.k8s.io/pod.namespace": meta["namespace"],
        "csi.storage.k8s.io/pod.uid": meta["uid"],
        "csi.storage.k8s.io/serviceAccount.name": (pod.get("spec") or {}).get("serviceAccountName") or "",
        "csi.storage.k8s.io/ephemeral": "true" if ephemeral else "false",
    }


def changes_group(policy: str, fs_type: str, modes: Sequence[str]) -> bool:
    """Whether a volume's files are given to the pod's fsGroup, by the driver's fsGroupPolicy."""
    if policy == "None":
        return False
    if policy == "File":
        return True
    return bool(fs_type) and "ReadWriteOnce" in modes


@dataclass(frozen=True, slots=True)
class Wanted:
    """A CSI volume of a pod. `source` is the `csi` of a PersistentVolume or of the pod's own volume."""

    pod: Obj
    name: str
    """The volume's name in the pod."""
    source: Obj
    volume: Obj | None = None
    """The PersistentVolume; None for an inline volume."""
    claim: Obj | None = None
    readonly: bool = False

    @property
    def driver(self) -> str:
        return str(self.source["driver"])

    @property
    def uid(self) -> str:
        return str(self.pod["metadata"]["uid"])

    @property
    def spec_name(self) -> str:
        """What its directory is called."""
        return str(self.volume["metadata"]["name"]) if self.volume is not None else self.name

    @property
    def handle(self) -> str:
        return str(self.source["volumeHandle"]) if self.volume is not None else inline_handle(self.uid, self.name)

    @property
    def modes(self) -> list[str]:
        return list((self.volume["spec"].get("accessModes") or ()) if self.volume is not None else ["ReadWriteOnce"])
