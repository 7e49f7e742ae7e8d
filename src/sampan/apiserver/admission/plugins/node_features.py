"""NodeDeclaredFeatureValidator: a pod on a node is not changed in ways that the node does not know (KEP-5328)."""

from collections.abc import Callable

from sampan.api.json import Obj
from sampan.apiserver.admission.plugin import Base, Facts, Need, refuse
from sampan.apiserver.admission.review import Review

Asks = Callable[[Obj, Obj], bool]


def resizes_pod(new: Obj, old: Obj) -> bool:
    """Whether the resources of the pod as a whole change."""
    return (new.get("resources") or {}) != (old.get("resources") or {})


def resizes_init_container(new: Obj, old: Obj) -> bool:
    """Whether the resources of an init container change that is no sidecar."""
    pairs = zip(new.get("initContainers") or (), old.get("initContainers") or (), strict=False)
    return any(
        was.get("restartPolicy") != "Always" and (now.get("resources") or {}) != (was.get("resources") or {})
        for now, was in pairs
    )


FEATURES: tuple[tuple[str, Asks], ...] = (
    ("InPlacePodLevelResourcesVerticalScaling", resizes_pod),
    ("InPlacePodVerticalScalingInitContainers", resizes_init_container),
)
"""What an update may ask of a node, in upstream's order."""


class NodeDeclaredFeatureValidator(Base):
    """Upstream's plugin of the same name."""

    name = "NodeDeclaredFeatureValidator"
    kinds = frozenset({("", "pods")})
    mutates = False

    def handles(self, review: Review) -> bool:
        return review.operation == "UPDATE" and review.subresource in ("", "resize") and bool(_wanted(review))

    def needs(self, review: Review) -> tuple[Need, ...]:
        return (Need("", "nodes", "", _node(review)),)

    def validate(self, review: Review, facts: Facts) -> None:
        name = _node(review)
        node = facts.one(Need("", "nodes", "", name))
        if node is None:
            raise refuse(review, f'node "{name}" not found')
        declared = (node.get("status") or {}).get("declaredFeatures") or ()
        lacking = [feature for feature in _wanted(review) if feature not in declared]
        if lacking:
            names = ", ".join(lacking)
            raise refuse(review, f'pod update requires features {names} which are not available on node "{name}"')


def _node(review: Review) -> str:
    return str(((review.obj or {}).get("spec") or {}).get("nodeName") or "")


def _wanted(review: Review) -> list[str]:
    """What the update asks of the pod's node: nothing, if there is none or the spec is as before."""
    new, old = review.obj or {}, review.old or {}
    if not _node(review) or new["metadata"].get("generation") == old["metadata"].get("generation"):
        return []
    return [feature for feature, asks in FEATURES if asks(new["spec"], old.get("spec") or {})]
