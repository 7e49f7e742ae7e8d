"""StorageObjectInUseProtection: claims and volumes carry a finalizer until nobody uses them."""

from sampan.api.json import Obj
from sampan.apiserver.admission.plugin import Base, Facts
from sampan.apiserver.admission.review import Review

FINALIZERS = {
    ("", "persistentvolumeclaims"): "kubernetes.io/pvc-protection",
    ("", "persistentvolumes"): "kubernetes.io/pv-protection",
    ("storage.k8s.io", "volumeattributesclasses"): "kubernetes.io/vac-protection",
}


class StorageObjectInUseProtection(Base):
    """Upstream's plugin of the same name; controllers take the finalizers off."""

    name = "StorageObjectInUseProtection"
    kinds = frozenset(FINALIZERS)
    validates = False

    def handles(self, review: Review) -> bool:
        mapping = review.resource.mapping
        known = (mapping.group, mapping.plural) in FINALIZERS
        return known and review.operation == "CREATE" and not review.subresource

    def mutate(self, review: Review, facts: Facts) -> Obj:
        obj = review.obj or {}
        mapping, meta = review.resource.mapping, obj.get("metadata") or {}
        wanted, have = FINALIZERS[mapping.group, mapping.plural], meta.get("finalizers") or []
        if wanted in have:
            return obj
        return {**obj, "metadata": {**meta, "finalizers": [*have, wanted]}}
