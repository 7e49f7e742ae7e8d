"""PersistentVolumeClaimResize: a claim grows only when it is bound and its class allows it."""

from sampan.api import quantity
from sampan.api.json import Obj
from sampan.api.meta import annotations_of
from sampan.apiserver.admission.plugin import Base, Facts, Need, is_kind, refuse
from sampan.apiserver.admission.plugins.default_storage_class import BETA_CLASS
from sampan.apiserver.admission.review import Review

WHY = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"


class PersistentVolumeClaimResize(Base):
    """Upstream's plugin of the same name."""

    name = "PersistentVolumeClaimResize"
    kinds = frozenset({("", "persistentvolumeclaims")})
    mutates = False

    def handles(self, review: Review) -> bool:
        return review.operation == "UPDATE" and is_kind(review, "", "persistentvolumeclaims")

    def needs(self, review: Review) -> tuple[Need, ...]:
        name = class_of(review.obj or {})
        return (Need("storage.k8s.io", "storageclasses", "", name),) if name and _grows(review) else ()

    def validate(self, review: Review, facts: Facts) -> None:
        if not _grows(review):
            return
        old = review.old or {}
        if (old.get("status") or {}).get("phase") != "Bound":
            raise refuse(review, "Only bound persistent volume claims can be expanded")
        name = class_of(review.obj or {})
        found = facts.one(Need("storage.k8s.io", "storageclasses", "", name)) if name else None
        if found is None or name != class_of(old) or not found.get("allowVolumeExpansion"):
            raise refuse(review, WHY)


def class_of(claim: Obj) -> str:
    """The claim's class, by annotation or field."""
    return str(annotations_of(claim).get(BETA_CLASS) or (claim.get("spec") or {}).get("storageClassName") or "")


def _grows(review: Review) -> bool:
    return quantity.compare(_size(review.obj), _size(review.old)) > 0


def _size(claim: Obj | None) -> str:
    requests = (((claim or {}).get("spec") or {}).get("resources") or {}).get("requests") or {}
    return str(requests.get("storage", "0"))
