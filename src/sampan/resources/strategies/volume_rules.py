"""What is wrong with volumes, claims and storage classes, and what of them may change (KEP-3333 for the class)."""

from sampan.api.json import Obj
from sampan.api.meta import annotations_of, is_qualified_name
from sampan.api.quantity import QuantityError, compare, parse
from sampan.resources.strategies.checks import (
    Errors,
    forbidden,
    immutable,
    invalid,
    not_supported,
    one_of,
    required,
    shown,
    spec_of,
)

MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
CLAIM_CHANGES = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
)


def _access_modes(spec: Obj) -> Errors:
    modes = spec.get("accessModes") or ()
    if not modes:
        return [required("spec.accessModes", "at least 1 access mode is required")]
    return [not_supported("spec.accessModes", mode, MODES) for mode in modes if mode not in MODES]


def _positive(at: str, amount: object) -> Errors:
    try:
        if parse(str(amount))[0] <= 0:
            return [invalid(at, amount, "must be greater than zero")]
    except QuantityError as error:
        return [invalid(at, amount, str(error))]
    return []


def check_claim(obj: Obj) -> Errors:
    """Access modes and size."""
    spec = spec_of(obj)
    errors = _access_modes(spec)
    storage = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if storage is None:
        return [*errors, required("spec.resources[storage]")]
    return errors + _positive("spec.resources[storage]", storage)


def check_claim_update(new: Obj, old: Obj) -> Errors:
    """volumeName once, a missing class once, and for bound claims a larger size and another attributes class."""
    after, before = dict(spec_of(new)), dict(spec_of(old))
    errors: Errors = []
    if not before.get("volumeName"):
        before["volumeName"] = after.get("volumeName")
    if "storageClassName" not in before and after.get("storageClassName") is not None:
        beta = annotations_of(old).get(BETA_CLASS)
        if beta is None or beta == after["storageClassName"]:
            before["storageClassName"] = after["storageClassName"]
    bound = (old.get("status") or {}).get("phase") == "Bound"
    if bound:
        before["volumeAttributesClassName"] = after.get("volumeAttributesClassName")
        grown, size = _requests(after), _requests(before)
        if size is not None and grown is not None:
            if compare(grown, size) < 0:
                why = "field can not be less than previous value"
                errors.append(forbidden("spec.resources.requests.storage", why))
            before["resources"] = after.get("resources")
    if _present(after) != _present(before):
        errors.append(forbidden("spec", f"{CLAIM_CHANGES}\n{_difference(before, after)}"))
    errors += immutable(
        f"metadata.annotations[{BETA_CLASS}]", annotations_of(new).get(BETA_CLASS), annotations_of(old).get(BETA_CLASS)
    )
    return errors


def _requests(spec: Obj) -> str | None:
    amount = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    return None if amount is None else str(amount)


def _present(spec: Obj) -> Obj:
    return {key: value for key, value in spec.items() if value is not None}


def _difference(before: Obj, after: Obj) -> str:
    lines = []
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            lines += [f"- {key}: {shown(before.get(key))}", f"+ {key}: {shown(after.get(key))}"]
    return "\n".join(lines)


RECLAIM = ("Delete", "Recycle", "Retain")
SOURCES = (
    "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc", "flexVolume", "flocker",
    "gcePersistentDisk", "glusterfs", "hostPath", "iscsi", "local", "nfs", "photonPersistentDisk", "portworxVolume",
    "quobyte", "rbd", "scaleIO", "storageos", "vsphereVolume",
)  # fmt: skip


def check_volume(obj: Obj) -> Errors:
    """Access modes, capacity, one source, reclaim policy; a local volume says where it is."""
    spec = spec_of(obj)
    errors = _access_modes(spec)
    capacity = (spec.get("capacity") or {}).get("storage")
    if capacity is None:
        errors.append(required("spec.capacity"))
    else:
        errors += _positive("spec.capacity[storage]", capacity)
    if spec.get("persistentVolumeReclaimPolicy") not in RECLAIM:
        errors.append(
            not_supported("spec.persistentVolumeReclaimPolicy", spec.get("persistentVolumeReclaimPolicy"), RECLAIM)
        )
    sources = [name for name in SOURCES if spec.get(name) is not None]
    if not sources:
        errors.append(required("spec", "must specify a volume type"))
    errors += [forbidden(f"spec.{name}", "may not specify more than 1 volume type") for name in sources[1:]]
    if "local" in sources and not (spec.get("nodeAffinity") or {}).get("required"):
        errors.append(required("spec.nodeAffinity", "Local volume requires node affinity"))
    return errors


def check_volume_update(new: Obj, old: Obj) -> Errors:
    """A volume's source and mode stay what they were."""
    after, before = spec_of(new), spec_of(old)
    errors: Errors = []
    if {n: after.get(n) for n in SOURCES} != {n: before.get(n) for n in SOURCES}:
        errors.append(
            forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation")
        )
    errors += immutable("spec.volumeMode", after.get("volumeMode"), before.get("volumeMode"))
    if before.get("nodeAffinity") is not None:
        errors += immutable("spec.nodeAffinity", after.get("nodeAffinity"), before.get("nodeAffinity"))
    return errors


def check_class(obj: Obj) -> Errors:
    """Provisioner and policies."""
    provisioner = obj.get("provisioner") or ""
    errors: Errors = []
    if not provisioner:
        errors.append(required("provisioner"))
    else:
        errors += [invalid("provisioner", provisioner, problem) for problem in is_qualified_name(provisioner.lower())]
    for key in obj.get("parameters") or {}:
        if not key:
            errors.append(invalid("parameters", key, "field can not be empty."))
    if obj.get("reclaimPolicy") not in ("Delete", "Retain"):
        errors.append(not_supported("reclaimPolicy", obj.get("reclaimPolicy"), ("Delete", "Retain")))
    return errors + one_of("volumeBindingMode", obj.get("volumeBindingMode"), ("Immediate", "WaitForFirstConsumer"))


def check_class_update(new: Obj, old: Obj) -> Errors:
    """Nothing of a class changes but its metadata, mount options, expansion and topologies."""
    errors: Errors = []
    if (new.get("parameters") or {}) != (old.get("parameters") or {}):
        errors.append(forbidden("parameters", "updates to parameters are forbidden."))
    if new.get("provisioner") != old.get("provisioner"):
        errors.append(forbidden("provisioner", "updates to provisioner are forbidden."))
    if new.get("reclaimPolicy") != old.get("reclaimPolicy"):
        errors.append(forbidden("reclaimPolicy", "updates to reclaimPolicy are forbidden."))
    return errors + immutable("volumeBindingMode", new.get("volumeBindingMode"), old.get("volumeBindingMode"))
