"""DefaultTolerationSeconds: pods stay five minutes on a node that is not ready or not reachable."""

from sampan.api.json import Obj
from sampan.apiserver.admission.plugin import Base, Facts, is_kind
from sampan.apiserver.admission.review import Review

SECONDS = 300
TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


class DefaultTolerationSeconds(Base):
    """Upstream's plugin of the same name."""

    name = "DefaultTolerationSeconds"
    kinds = frozenset({("", "pods")})
    validates = False

    def handles(self, review: Review) -> bool:
        return review.operation in ("CREATE", "UPDATE") and is_kind(review, "", "pods")

    def mutate(self, review: Review, facts: Facts) -> Obj:
        pod = review.obj or {}
        spec = pod.get("spec") or {}
        have = spec.get("tolerations") or []
        added = [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": SECONDS}
            for key in TAINTS
            if not any(t.get("key") in (None, "", key) and t.get("effect") in (None, "", "NoExecute") for t in have)
        ]
        return {**pod, "spec": {**spec, "tolerations": [*have, *added]}} if added else pod
