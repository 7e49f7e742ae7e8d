"""What is wrong with a PersistentVolume (core validation: ValidatePersistentVolume)."""

import posixpath
from collections.abc import Callable, Mapping
from typing import Any

from sampan.api.json import Obj
from sampan.api.meta import annotations_of, is_dns1123_subdomain, name_of
from sampan.api.quantity import canonical, number, value
from sampan.resources.strategies.checks import (
    IMMUTABLE,
    Errors,
    Shown,
    forbidden,
    invalid,
    marshalled,
    not_among,
    not_supported,
    required,
    spec_of,
)
from sampan.resources.validation.core import volume_spec_sources as own
from sampan.resources.validation.core.claim_spec import ACCESS_MODES, ALONE, VOLUME_MODES
from sampan.resources.validation.core.volume_shown import SOURCE, difference
from sampan.resources.validation.go_struct import Each, Pointer, shown_struct
from sampan.resources.validation.node_selector import check_node_selector
from sampan.resources.validation.pods import volume_sources as of

RECLAIM = ("Delete", "Recycle", "Retain")
MOUNT_OPTIONS = "volume.beta.kubernetes.io/mount-options"
MORE = "may not specify more than 1 volume type"
SOURCES: Mapping[str, Callable[[Obj, str], Errors] | None] = {
    "hostPath": of.check_host_path, "gcePersistentDisk": of.check_gce_disk, "awsElasticBlockStore": of.check_aws_disk,
    "glusterfs": own.check_glusterfs, "flocker": of.check_flocker, "nfs": of.check_nfs, "rbd": of.check_rbd,
    "quobyte": of.check_quobyte, "cephfs": of.check_cephfs, "iscsi": None, "cinder": own.check_cinder,
    "fc": of.check_fc, "flexVolume": of.check_flex, "azureFile": own.check_azure_file,
    "vsphereVolume": of.check_vsphere, "photonPersistentDisk": of.check_photon, "portworxVolume": of.check_portworx,
    "azureDisk": of.check_azure_disk, "scaleIO": of.check_scale_io, "local": own.check_local,
    "storageos": own.check_storageos, "csi": own.check_csi,
}  # fmt: skip
"""In upstream's order. iscsi is checked apart: it needs the volume's name."""
MOUNTABLE = frozenset(
    (
        "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "nfs", "rbd", "quobyte", "iscsi", "cinder", "cephfs",
        "azureFile", "vsphereVolume", "azureDisk", "photonPersistentDisk",
    )
)  # fmt: skip
"""Sources whose mounts take options."""
INLINE_FREE = ("claimRef", "capacity")
"""What volumes that stand in attachments do not have."""
BETA_TO_GA = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
}
"""Labels of nodes, and those that took their place."""
_REQUIREMENTS = Each((("Key", "key", ""), ("Operator", "operator", ""), ("Values", "values", None)))
_TERMS = Each((
    ("MatchExpressions", "matchExpressions", _REQUIREMENTS), ("MatchFields", "matchFields", _REQUIREMENTS),
))  # fmt: skip
AFFINITY = (("Required", "required", Pointer((("NodeSelectorTerms", "nodeSelectorTerms", _TERMS),))),)


def check_volume(obj: Obj) -> Errors:
    """A new volume."""
    return _spec(obj, False) + check_mount_options(obj)


def check_volume_again(new: Obj, old: Obj) -> Errors:
    """A changed volume as if it were new; its node affinity may keep values that no label can have."""
    selector = (spec_of(old).get("nodeAffinity") or {}).get("required")
    any_value = False
    if selector is not None:
        any_value = check_node_selector(selector, "") != check_node_selector(selector, "", any_value=True)
    return _spec(new, any_value)


def check_mount_options(obj: Obj) -> Errors:
    """The annotation that came before spec.mountOptions is only for volumes that are mounted so."""
    spec = spec_of(obj)
    if MOUNT_OPTIONS not in annotations_of(obj) or any(spec.get(source) is not None for source in MOUNTABLE):
        return []
    return [forbidden(f"metadata.annotations.{MOUNT_OPTIONS}", "may not specify mount options for this volume type")]


def _spec(obj: Obj, any_value: bool) -> Errors:
    spec = spec_of(obj)
    errors = _modes(spec) + _capacity(spec)
    policy = spec.get("persistentVolumeReclaimPolicy")
    if policy and policy not in RECLAIM:
        errors.append(not_supported("spec.persistentVolumeReclaimPolicy", policy, RECLAIM))
    affinity = spec.get("nodeAffinity")
    if affinity is not None:
        if affinity.get("required") is None:
            why = "must specify required node constraints"
            errors.append(required("spec.nodeAffinity.required", why))
        else:
            at = "spec.nodeAffinity.required"
            errors += check_node_selector(affinity["required"], at, any_value=any_value)
    return errors + _sources(spec, name_of(obj)) + _recycled(spec) + _rest(spec)


def _recycled(spec: Obj) -> Errors:
    path = (spec.get("hostPath") or {}).get("path") or "."
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle" and posixpath.normpath(path).replace("//", "/") == "/":
        why = "may not be 'recycle' for a hostPath mount of '/'"
        return [forbidden("spec.persistentVolumeReclaimPolicy", why)]
    return []


INLINE = "in the context of inline volumes"


def check_inline(spec: Obj, at: str) -> Errors:
    """The spec of a volume that stands in a VolumeAttachment, at `at`; upstream takes no name for it."""
    here, errors = "spec", Errors()
    errors += [forbidden(f"{here}.{key}", f"may not be specified {INLINE}") for key in INLINE_FREE if spec.get(key)]
    if spec.get("csi") is None:
        errors.append(required(f"{here}.csi", f"has to be specified {INLINE}"))
    errors += _modes(spec)
    if spec.get("persistentVolumeReclaimPolicy") not in (None, "", "Retain"):
        errors.append(forbidden(f"{here}.persistentVolumeReclaimPolicy", f"may only be Retain {INLINE}"))
    if spec.get("nodeAffinity") is not None:
        errors.append(forbidden(f"{here}.nodeAffinity", f"may not be specified {INLINE}"))
    errors += _sources(spec, "") + _recycled(spec)
    if spec.get("storageClassName"):
        errors.append(forbidden(f"{here}.storageClassName", f"may not be specified {INLINE}"))
    if spec.get("volumeMode") not in (None, "Filesystem"):
        errors.append(forbidden(f"{here}.volumeMode", f"may not specify volumeMode other than Filesystem {INLINE}"))
    return [error._replace(field=at + error.field.removeprefix(here)) for error in errors]


def _modes(spec: Obj) -> Errors:
    modes, at = spec.get("accessModes") or (), "spec.accessModes"
    errors: Errors = [] if modes else [required(at)]
    errors += [not_supported(at, mode, ACCESS_MODES) for mode in modes if mode not in ACCESS_MODES]
    if ALONE in modes and any(mode != ALONE and mode in ACCESS_MODES for mode in modes):
        errors.append(forbidden(at, "may not use ReadWriteOncePod with other access modes"))
    return errors


def _capacity(spec: Obj) -> Errors:
    capacity, at = spec.get("capacity") or {}, "spec.capacity"
    errors: Errors = [] if capacity else [required(at)]
    if "storage" not in capacity or len(capacity) > 1:
        shown = None if spec.get("capacity") is None else {k: canonical(str(v)) for k, v in sorted(capacity.items())}
        errors.append(not_among(at, shown, ("storage",)))
    for name, amount in capacity.items():
        if value(amount) < 0:
            errors.append(invalid(f"{at}[{name}]", value(amount), "must be a valid resource quantity"))
        if number(amount) <= 0:
            errors.append(invalid(f"{at}[{name}]", canonical(str(amount)), "must be greater than zero"))
    return errors


def _sources(spec: Obj, name: str) -> Errors:
    errors: Errors = []
    first = True
    for source, check in SOURCES.items():
        given = spec.get(source)
        if given is None:
            continue
        at = f"spec.{source}"
        if not first and source != "flexVolume":
            errors.append(forbidden("spec.cephFS" if source == "cephfs" else at, MORE))
            continue
        first = False
        if check is None:
            errors += own.check_iscsi(given, at, name)
        else:
            errors += check(given, "spec.persistentDisk" if source == "gcePersistentDisk" else at)
        if source == "local" and spec.get("nodeAffinity") is None:
            errors.append(required("spec.nodeAffinity", "Local volume requires node affinity"))
    return [*errors, required("spec", "must specify a volume type")] if first else errors


def _rest(spec: Obj) -> Errors:
    """Class, mode and attributes class."""
    kind, mode, attributes = spec.get("storageClassName"), spec.get("volumeMode"), spec.get("volumeAttributesClassName")
    errors: Errors = []
    if kind:
        errors += [invalid("spec.storageClassName", kind, text) for text in is_dns1123_subdomain(kind)]
    if mode is not None and mode not in VOLUME_MODES:
        errors.append(not_supported("spec.volumeMode", mode, VOLUME_MODES))
    if attributes is None:
        return errors
    at = "spec.volumeAttributesClassName"
    if not attributes:
        errors.append(required(at, "an empty string is disallowed"))
    else:
        errors += [invalid(at, attributes, text) for text in is_dns1123_subdomain(attributes)]
    if spec.get("csi") is None:
        errors.append(required("spec.csi", "has to be specified when using volumeAttributesClassName"))
    return errors


def check_volume_kept(new: Obj, old: Obj) -> Errors:
    """A volume's source and mode stay what they were, and where it can be reached once that is said."""
    after, before = dict(spec_of(new)), spec_of(old)
    csi, had = after.get("csi") or {}, before.get("csi")
    if had and had.get("controllerExpandSecretRef") is None and csi.get("controllerExpandSecretRef") is not None:
        after["csi"] = {key: part for key, part in csi.items() if key != "controllerExpandSecretRef"}
    errors: Errors = []
    if any(after.get(source) != before.get(source) for source in SOURCES):
        why = f"spec.persistentvolumesource is immutable after creation\n{difference(before, after, SOURCE)}"
        errors.append(forbidden("spec.persistentvolumesource", why))
    if after.get("volumeMode") != before.get("volumeMode"):
        errors.append(invalid("volumeMode", Shown(marshalled(after.get("volumeMode"))), IMMUTABLE))
    affinity, old_affinity = after.get("nodeAffinity"), before.get("nodeAffinity")
    if old_affinity is not None and not _same_affinity(affinity, old_affinity):
        why = f"{IMMUTABLE}, except for updating from beta label to GA"
        errors.append(invalid("nodeAffinity", shown_struct(affinity, AFFINITY, pointer=True), why))
    name = "volumeAttributesClassName"
    if before.get(name) is not None and after.get(name) is None:
        errors.append(forbidden(f"spec.{name}", "update from non-nil value to nil is forbidden"))
    return errors


def _same_affinity(new: Obj | None, old: Obj) -> bool:
    """Whether nothing but keys of beta labels changed, to those that took their place."""
    return new is not None and _renamed(new, old)


def _renamed(new: Any, old: Any) -> bool:
    if isinstance(new, dict) and isinstance(old, dict) and new.keys() == old.keys():
        return all(
            (key == "key" and BETA_TO_GA.get(old[key]) == part) or _renamed(part, old[key]) for key, part in new.items()
        )
    if isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
        return all(map(_renamed, new, old))
    return bool(new == old)
