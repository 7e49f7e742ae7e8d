"""What PersistentVolumeClaims count for in quotas (upstream: evaluator/core/persistent_volume_claims.go)."""

from collections.abc import Collection, Sequence
from decimal import ROUND_CEILING

from sampan.api import quantity
from sampan.api.json import Obj
from sampan.api.meta import annotations_of
from sampan.resources.quota.amounts import Amounts
from sampan.resources.quota.evaluator import Change, World, value_matches

COUNT = "count/persistentvolumeclaims"
CLAIMS, STORAGE = "persistentvolumeclaims", "requests.storage"
BY_CLASS = ".storageclass.storage.k8s.io/"
BETA_CLASS = "volume.beta.kubernetes.io/storage-class"


class Claims:
    """Counts claims and the storage that they ask for, in all and by storage class."""

    def handles(self, change: Change) -> bool:
        return change.subresource in ("", "status")

    def matching(self, names: Collection[str], world: World) -> list[str]:
        suffixes = (f"{BY_CLASS}{CLAIMS}", f"{BY_CLASS}{STORAGE}")
        return [name for name in names if name in (COUNT, CLAIMS, STORAGE) or name.endswith(suffixes)]

    def in_scope(self, requirement: Obj, obj: Obj) -> bool:
        if requirement.get("scopeName") != "VolumeAttributesClass":
            return False
        return any(value_matches(requirement, name) for name in attribute_classes(obj) or {""})

    def lacking(self, required: Sequence[str], obj: Obj) -> str:
        return ""

    def usage(self, obj: Obj, world: World) -> Amounts:
        made = {CLAIMS: "1", COUNT: "1"}
        name = annotations_of(obj).get(BETA_CLASS) or (obj.get("spec") or {}).get("storageClassName") or ""
        if name:
            made[f"{name}{BY_CLASS}{CLAIMS}"] = "1"
        size = _size(obj)
        if size is not None:
            made[STORAGE] = size
            if name:
                made[f"{name}{BY_CLASS}{STORAGE}"] = size
        return made


def _size(claim: Obj) -> str | None:
    """What is asked for, or what is granted already if that is more; whole bytes."""
    asked = (((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}).get("storage")
    if asked is None:
        return None
    granted = ((claim.get("status") or {}).get("allocatedResources") or {}).get("storage")
    if granted is not None and quantity.compare(granted, asked) > 0:
        asked = granted
    number, kind = quantity.parse(str(asked))
    whole = number.to_integral_value(rounding=ROUND_CEILING)
    return str(asked) if whole == number else quantity.render(whole, kind)


def attribute_classes(claim: Obj) -> set[str]:
    """The VolumeAttributesClasses that a claim wants, has, or is on the way to."""
    status = claim.get("status") or {}
    found = (
        (claim.get("spec") or {}).get("volumeAttributesClassName"),
        status.get("currentVolumeAttributesClassName"),
        (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName"),
    )
    return {name for name in found if name}
