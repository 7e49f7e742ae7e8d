"""PodTopologyLabels: a pod is told the zone and the region of the node that it is put on (KEP-4742)."""

from sampan.api.json import Obj
from sampan.api.meta import labels_of
from sampan.apiserver.admission.plugin import Base, Facts, Need
from sampan.apiserver.admission.review import Review

COPIED = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


class PodTopologyLabels(Base):
    """Upstream's plugin of the same name: labels of Bindings (from there they come to the pod) and of pods."""

    name = "PodTopologyLabels"
    kinds = frozenset({("", "pods")})
    validates = False

    def handles(self, review: Review) -> bool:
        return review.operation == "CREATE" and review.subresource in ("", "binding") and bool(_node(review))

    def needs(self, review: Review) -> tuple[Need, ...]:
        return (Need("", "nodes", "", _node(review)),)

    def mutate(self, review: Review, facts: Facts) -> Obj:
        obj = review.obj or {}
        node = facts.one(Need("", "nodes", "", _node(review)))
        known = labels_of(node) if node is not None else {}
        added = {name: known[name] for name in COPIED if name in known}
        if not added:
            return obj
        meta = obj.get("metadata") or {}
        return {**obj, "metadata": {**meta, "labels": {**(meta.get("labels") or {}), **added}}}


def _node(review: Review) -> str:
    """The node that the pod is put on; empty if it is not."""
    obj = review.obj or {}
    if not review.subresource:
        return str((obj.get("spec") or {}).get("nodeName") or "")
    target = obj.get("target") or {}
    return str(target.get("name") or "") if target.get("kind") == "Node" else ""
