"""Printers of the groups storage.k8s.io, storagemigration.k8s.io and resource.k8s.io."""

from sampan.api.json import Obj
from sampan.resources.printers.base import (
    AGE,
    NAME,
    NONE,
    PLAIN,
    UNSET,
    Cells,
    Printer,
    age,
    col,
    condition,
    meta,
    name,
    part,
    since,
    text,
)

_DEFAULTS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


def _storage_class(obj: Obj, now: str) -> Cells:
    annotations = meta(obj).get("annotations") or {}
    default = any(annotations.get(key) == "true" for key in _DEFAULTS)
    return [
        f"{name(obj)} (default)" if default else name(obj),
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy", "Delete"),
        obj.get("volumeBindingMode", "Immediate"),
        bool(obj.get("allowVolumeExpansion")),
        age(obj, now),
    ]


def _driver(obj: Obj, now: str) -> Cells:
    spec = obj.get("spec") or {}
    tokens = spec.get("tokenRequests")
    return [
        name(obj),
        bool(spec.get("attachRequired", True)),
        bool(spec.get("podInfoOnMount")),
        bool(spec.get("storageCapacity")),
        UNSET if tokens is None else ",".join(str(one.get("audience", "")) for one in tokens),
        bool(spec.get("requiresRepublish")),
        ",".join(spec.get("volumeLifecycleModes") or ()) or NONE,
        age(obj, now),
    ]


def _csi_node(obj: Obj, now: str) -> Cells:
    return [name(obj), len(part(obj, "spec", "drivers") or ()), age(obj, now)]


def _attachment(obj: Obj, now: str) -> Cells:
    return [
        name(obj),
        text(part(obj, "spec", "attacher")),
        text(part(obj, "spec", "source", "persistentVolumeName")),
        text(part(obj, "spec", "nodeName")),
        bool(part(obj, "status", "attached")),
        age(obj, now),
    ]


def _attributes_class(obj: Obj, now: str) -> Cells:
    return [name(obj), obj.get("driverName", ""), age(obj, now)]


def _claim_state(obj: Obj) -> str:
    gone = bool(meta(obj).get("deletionTimestamp"))
    words = ["deleted"] if gone else []
    if part(obj, "status", "allocation") is None:
        words += [] if gone else ["pending"]
    else:
        words += ["allocated", "reserved"] if part(obj, "status", "reservedFor") else ["allocated"]
    return ",".join(words)


def _resource_claim(obj: Obj, now: str) -> Cells:
    return [name(obj), _claim_state(obj), age(obj, now)]


def _resource_slice(obj: Obj, now: str) -> Cells:
    spec = obj.get("spec") or {}
    pool = text(part(spec, "pool", "name"))
    return [name(obj), spec.get("nodeName", ""), spec.get("driver", ""), pool, age(obj, now)]


def _taint_rule(obj: Obj, now: str) -> Cells:
    taint = part(obj, "spec", "taint") or {}
    added = since(taint["timeAdded"], now) if taint.get("timeAdded") else ""
    return [name(obj), taint.get("key", ""), taint.get("value", ""), taint.get("effect", ""), added, age(obj, now)]


def _migration(obj: Obj, now: str) -> Cells:
    resource = part(obj, "spec", "resource") or {}
    shown = ".".join(filter(None, (resource.get("resource"), resource.get("group"))))
    conditions = part(obj, "status", "conditions")
    done = (kind for kind in ("Succeeded", "Failed", "Running") if condition(conditions, kind) is not None)
    return [name(obj), shown, next(done, "Pending")]


_DRIVER = "=storage.v1.CSIDriverSpec"
_GROUP = "storage.k8s.io"
PRINTERS: dict[tuple[str, str], Printer] = {
    (_GROUP, "StorageClass"): (
        (
            NAME,
            col("Provisioner", "=storage.v1.StorageClass.provisioner"),
            col("ReclaimPolicy", "=storage.v1.StorageClass.reclaimPolicy"),
            col("VolumeBindingMode", "=storage.v1.StorageClass.volumeBindingMode"),
            col("AllowVolumeExpansion", "=storage.v1.StorageClass.allowVolumeExpansion"),
            AGE,
        ),
        _storage_class,
    ),
    (_GROUP, "CSIDriver"): (
        (
            NAME,
            col("AttachRequired", f"{_DRIVER}.attachRequired", "boolean"),
            col("PodInfoOnMount", f"{_DRIVER}.podInfoOnMount", "boolean"),
            col("StorageCapacity", f"{_DRIVER}.storageCapacity", "boolean"),
            col("TokenRequests", f"{_DRIVER}.tokenRequests"),
            col("RequiresRepublish", f"{_DRIVER}.requiresRepublish", "boolean"),
            col("Modes", f"{_DRIVER}.volumeLifecycleModes"),
            AGE,
        ),
        _driver,
    ),
    (_GROUP, "CSINode"): (
        (NAME, col("Drivers", "Drivers indicates the number of CSI drivers registered on the node", "integer"), AGE),
        _csi_node,
    ),
    (_GROUP, "VolumeAttachment"): (
        (
            NAME,
            NAME.__class__("Attacher", "string", "name", "=io.k8s.api.storage.v1.VolumeAttachmentSpec.attacher"),
            col("PV", "=storage.v1.VolumeAttachmentSource.persistentVolumeName"),
            col("Node", "=storage.v1.VolumeAttachmentSpec.nodeName"),
            col("Attached", "=storage.v1.VolumeAttachmentStatus.attached", "boolean"),
            AGE,
        ),
        _attachment,
    ),
    (_GROUP, "VolumeAttributesClass"): (
        (NAME, col("DriverName", "=storage.v1.VolumeAttributesClass.driverName"), AGE),
        _attributes_class,
    ),
    ("storagemigration.k8s.io", "StorageVersionMigration"): (
        (NAME, col("Resource", "GroupResource to migrate"), col("Status", "Status of the migration")),
        _migration,
    ),
    ("resource.k8s.io", "DeviceClass"): PLAIN,
    ("resource.k8s.io", "ResourceClaim"): (
        (NAME, col("State", "A summary of the current state (allocated, pending, reserved, etc.)."), AGE),
        _resource_claim,
    ),
    ("resource.k8s.io", "ResourceClaimTemplate"): PLAIN,
    ("resource.k8s.io", "ResourceSlice"): (
        (
            NAME,
            col("Node", "=resource.v1.ResourceSliceSpec.nodeName"),
            col("Driver", "=resource.v1.ResourceSliceSpec.driver"),
            col("Pool", "=resource.v1.ResourcePool.name"),
            AGE,
        ),
        _resource_slice,
    ),
    ("resource.k8s.io", "DeviceTaintRule"): (
        (
            NAME,
            col("Key", "=resource.v1.DeviceTaint.key"),
            col("Value", "=resource.v1.DeviceTaint.value"),
            col("Effect", "=resource.v1.DeviceTaint.effect"),
            col("TimeAdded", "=resource.v1.DeviceTaint.timeAdded"),
            AGE,
        ),
        _taint_rule,
    ),
}
