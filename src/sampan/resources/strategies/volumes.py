"""Persistent volumes, claims, storage classes and CSI drivers."""

from sampan.api.json import Obj
from sampan.resources.strategies.pod_spec import VOLUME_SOURCES
from sampan.resources.strategies.rules import Rules, fill, within
from sampan.resources.strategies.volume_rules import (
    check_claim,
    check_claim_update,
    check_class,
    check_class_update,
    check_volume,
    check_volume_update,
)


def _status(phase: str) -> Obj:
    return {"phase": phase}


def _volume(obj: Obj) -> Obj:
    def spec(value: Obj) -> Obj:
        value = fill(value, persistentVolumeReclaimPolicy="Retain", volumeMode="Filesystem")
        for source in ("hostPath", "iscsi", "rbd", "scaleIO", "azureDisk"):
            if source in value:
                return within(value, source, VOLUME_SOURCES[source])
        return value

    return within(within(obj, "spec", spec, absent={}), "status", lambda s: fill(s, phase="Pending"), absent={})


DEPRECATED = {
    "cephfs": ("1.28", "1.31"), "photonPersistentDisk": ("1.11", "1.16"), "scaleIO": ("1.16", "1.22"),
    "storageos": ("1.22", "1.25"), "glusterfs": ("1.25", "1.26"), "rbd": ("1.28", "1.31"),
}  # fmt: skip
"""Sources of volumes that nothing serves any more: since when deprecated, since when without function."""


def _volume_warnings(obj: Obj) -> list[str]:
    spec = obj.get("spec") or {}
    found = []
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        found.append(
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended "
            "approach is to use dynamic provisioning."
        )
    for source, (since, gone) in DEPRECATED.items():
        if source in spec:
            shown = "storageOS" if source == "storageos" else source
            found.append(f"spec.{shown}: deprecated in v{since}, non-functional in v{gone}+")
    return found


def _claim(obj: Obj) -> Obj:
    obj = within(obj, "spec", lambda s: fill(s, volumeMode="Filesystem"), absent={})
    return within(obj, "status", lambda s: fill(s, phase="Pending"), absent={})


def _class(obj: Obj) -> Obj:
    return fill(obj, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def _driver(obj: Obj) -> Obj:
    def spec(value: Obj) -> Obj:
        return fill(
            {**value, "volumeLifecycleModes": value.get("volumeLifecycleModes") or ["Persistent"]},
            attachRequired=True,
            podInfoOnMount=False,
            storageCapacity=False,
            fsGroupPolicy="ReadWriteOnceWithFSType",
            requiresRepublish=False,
            seLinuxMount=False,
        )

    return within(obj, "spec", spec, absent={})


PERSISTENT_VOLUMES = Rules(
    True,
    defaults=_volume,
    on_create=lambda obj: {**obj, "status": _status("Pending")},
    check=check_volume,
    warn=_volume_warnings,
    check_update=check_volume_update,
)
CLAIMS = Rules(
    True,
    defaults=_claim,
    on_create=lambda obj: {**obj, "status": _status("Pending")},
    check=check_claim,
    check_update=check_claim_update,
)
STORAGE_CLASSES = Rules(defaults=_class, check=check_class, check_update=check_class_update)
CSI_DRIVERS = Rules(defaults=_driver)
