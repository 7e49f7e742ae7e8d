"""TaintNodesByCondition: a new node takes no pods until it is known to be ready."""

from sampan.api.json import Obj
from sampan.apiserver.admission.plugin import Base, Facts, is_kind
from sampan.apiserver.admission.review import Review

TAINT = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


class TaintNodesByCondition(Base):
    """Upstream's plugin of the same name."""

    name = "TaintNodesByCondition"
    kinds = frozenset({("", "nodes")})
    validates = False

    def handles(self, review: Review) -> bool:
        return review.operation == "CREATE" and is_kind(review, "", "nodes")

    def mutate(self, review: Review, facts: Facts) -> Obj:
        node = review.obj or {}
        spec = node.get("spec") or {}
        taints = spec.get("taints") or []
        if any(t.get("key") == TAINT["key"] and t.get("effect") == TAINT["effect"] for t in taints):
            return node
        return {**node, "spec": {**spec, "taints": [*taints, TAINT]}}
