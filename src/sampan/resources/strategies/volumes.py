"""Persistent volumes, claims, storage classes and CSI drivers."""

from sampan.api.json import Obj
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
        host_path = value.get("hostPath")
        if host_path is not None and host_path.get("type") is None:
            value = {**value, "hostPath": {**host_path, "type": ""}}
        return value

    return within(within(obj, "spec", spec, absent={}), "status", lambda s: fill(s, phase="Pending"), absent={})


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
