"""DefaultIngressClass: a new Ingress that says nothing about its class gets the default one."""

from sampan.api.json import Obj
from sampan.api.meta import annotations_of, name_of
from sampan.api.times import parse_time
from sampan.apiserver.admission.plugin import Base, Facts, Need, is_kind
from sampan.apiserver.admission.review import Review

OLD_CLASS, DEFAULT = "kubernetes.io/ingress.class", "ingressclass.kubernetes.io/is-default-class"
CLASSES = Need("networking.k8s.io", "ingressclasses")


class DefaultIngressClass(Base):
    """Upstream's plugin of the same name: of several default classes the newest, then the lowest name."""

    name = "DefaultIngressClass"
    kinds = frozenset({("networking.k8s.io", "ingresses")})
    validates = False

    def handles(self, review: Review) -> bool:
        return review.operation == "CREATE" and is_kind(review, "networking.k8s.io", "ingresses")

    def needs(self, review: Review) -> tuple[Need, ...]:
        return (CLASSES,)

    def mutate(self, review: Review, facts: Facts) -> Obj:
        ingress = review.obj or {}
        spec = ingress.get("spec") or {}
        if spec.get("ingressClassName") is not None or OLD_CLASS in annotations_of(ingress):
            return ingress
        found = [c for c in facts.all(CLASSES) if annotations_of(c).get(DEFAULT) == "true"]
        if not found:
            return ingress
        chosen = min(found, key=lambda c: (-parse_time(c["metadata"]["creationTimestamp"]).timestamp(), name_of(c)))
        return {**ingress, "spec": {**spec, "ingressClassName": name_of(chosen)}}
