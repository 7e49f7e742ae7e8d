"""DefaultStorageClass: a new claim that says nothing about its class gets the default one."""

from sampan.api.json import Obj
from sampan.api.meta import annotations_of, name_of
from sampan.api.times import parse_time
from sampan.apiserver.admission.plugin import Base, Facts, Need, is_kind
from sampan.apiserver.admission.review import Review

BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
CLASSES = Need("storage.k8s.io", "storageclasses")


def default_class(classes: list[Obj]) -> Obj | None:
    """The class annotated exactly "true"; the newest of several, then the lowest name."""
    found = [c for c in classes if any(annotations_of(c).get(key) == "true" for key in DEFAULT)]

    def rank(item: Obj) -> tuple[float, str]:
        created = item["metadata"].get("creationTimestamp")
        return (-parse_time(created).timestamp() if created else 0.0, name_of(item))

    return min(found, key=rank, default=None)


class DefaultStorageClass(Base):
    """Upstream's plugin of the same name."""

    name = "DefaultStorageClass"
    kinds = frozenset({("", "persistentvolumeclaims")})
    validates = False

    def handles(self, review: Review) -> bool:
        return review.operation == "CREATE" and is_kind(review, "", "persistentvolumeclaims")

    def needs(self, review: Review) -> tuple[Need, ...]:
        return (CLASSES,)

    def mutate(self, review: Review, facts: Facts) -> Obj:
        claim = review.obj or {}
        spec = claim.get("spec") or {}
        if spec.get("storageClassName") is not None or BETA_CLASS in annotations_of(claim):
            return claim
        found = default_class(facts.all(CLASSES))
        return claim if found is None else {**claim, "spec": {**spec, "storageClassName": name_of(found)}}
