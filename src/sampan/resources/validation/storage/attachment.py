"""What is wrong with VolumeAttachments (storage validation: ValidateVolumeAttachment)."""

from typing import Final

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_subdomain
from sampan.resources.strategies.checks import IMMUTABLE, Errors, forbidden, invalid, required, spec_of, too_long
from sampan.resources.validation.core.volume import AFFINITY, check_inline
from sampan.resources.validation.core.volume_shown import REFERENCE, SOURCE
from sampan.resources.validation.go_struct import Pointer, Sorted, Table, shown_struct
from sampan.resources.validation.metadata import check_own_meta
from sampan.resources.validation.pods.volume_sources import check_driver_name

AT, MOST_METADATA, MOST_MESSAGE = "spec.source", 256 * 1024, 1024
ONE = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
VOLUME: Final[Table] = (
    ("Capacity", "capacity", Sorted()), *SOURCE, ("AccessModes", "accessModes", None),
    ("ClaimRef", "claimRef", Pointer(REFERENCE)),
    ("PersistentVolumeReclaimPolicy", "persistentVolumeReclaimPolicy", ""),
    ("StorageClassName", "storageClassName", ""), ("MountOptions", "mountOptions", None),
    ("VolumeMode", "volumeMode", None), ("NodeAffinity", "nodeAffinity", Pointer(AFFINITY)),
    ("VolumeAttributesClassName", "volumeAttributesClassName", None),
)  # fmt: skip
SPEC: Final[Table] = (
    ("Attacher", "attacher", ""),
    ("Source", "source", (
        ("PersistentVolumeName", "persistentVolumeName", None),
        ("InlineVolumeSpec", "inlineVolumeSpec", Pointer(VOLUME)),
    )),
    ("NodeName", "nodeName", ""),
)  # fmt: skip


def check_attachment(obj: Obj) -> Errors:
    """An attachment's spec and status."""
    spec, status = spec_of(obj), obj.get("status") or {}
    source, node = spec.get("source") or {}, spec.get("nodeName") or ""
    errors = check_driver_name(spec.get("attacher") or "", "spec.attacher") + _source(source)
    errors += [invalid("spec.nodeName", node, problem) for problem in is_dns1123_subdomain(node)]
    size = sum(len(k.encode()) + len(v.encode()) for k, v in (status.get("attachmentMetadata") or {}).items())
    if size > MOST_METADATA:
        errors.append(too_long("status.attachmentMetadata", MOST_METADATA))
    for key in ("attachError", "detachError"):
        errors += _failure(status.get(key) or {}, f"status.{key}")
    name = source.get("persistentVolumeName")
    if name is not None:
        errors += [invalid(f"{AT}.persistentVolumeName", name, problem) for problem in is_dns1123_subdomain(name)]
    return errors


def _source(source: Obj) -> Errors:
    inline, name = source.get("inlineVolumeSpec"), source.get("persistentVolumeName")
    if inline is None and name is None:
        return [required(AT, ONE)]
    if inline is not None and name is not None:
        return [forbidden(AT, ONE)]
    if inline is not None:
        return check_inline(inline, f"{AT}.inlineVolumeSpec")
    return [] if name else [required(f"{AT}.persistentVolumeName", "must specify non empty persistentVolumeName")]


def _failure(error: Obj, at: str) -> Errors:
    errors: Errors = []
    if len((error.get("message") or "").encode()) > MOST_MESSAGE:
        errors.append(too_long(f"{at}.message", MOST_METADATA))  # upstream names the other limit
    code = error.get("errorCode")
    if code is not None and code < 0:
        errors.append(invalid(f"{at}.errorCode", code, "must be between 0 and 2147483647, inclusive"))
    return errors


def check_attachment_update(new: Obj, old: Obj) -> Errors:
    """A changed attachment, or its status: what is attached where stays."""
    errors = check_own_meta(new["metadata"], False, is_dns1123_subdomain) + check_attachment(new)
    spec = shown_struct(spec_of(new), SPEC)
    return errors if spec == shown_struct(spec_of(old), SPEC) else [*errors, invalid("spec", spec, IMMUTABLE)]
