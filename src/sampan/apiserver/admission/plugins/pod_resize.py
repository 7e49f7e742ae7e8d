"""PodResizeValidator: a resize that the pod's node can never grant is refused at once (KEP-1287)."""

from sampan.api import quantity
from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.meta import labels_of
from sampan.apiserver.admission.plugin import Base, Facts, Need, is_kind, refuse
from sampan.apiserver.admission.review import Review
from sampan.resources.pod_resources import pod_requests


class PodResizeValidator(Base):
    """Upstream's plugin of the same name."""

    name = "PodResizeValidator"
    kinds = frozenset({("", "pods")})
    mutates = False

    def handles(self, review: Review) -> bool:
        if review.operation != "UPDATE" or not is_kind(review, "", "pods", "resize"):
            return False
        new, old = review.obj or {}, review.old or {}
        return bool(_node(review)) and new["metadata"].get("generation") != old["metadata"].get("generation")

    def needs(self, review: Review) -> tuple[Need, ...]:
        return (Need("", "nodes", "", _node(review)),)

    def validate(self, review: Review, facts: Facts) -> None:
        name = _node(review)
        node = facts.one(Need("", "nodes", "", name))
        if node is None:
            raise refuse(review, f'node "{name}" not found')
        system = labels_of(node).get("kubernetes.io/os", "linux")
        if system != "linux":
            why = f'pod resize is only supported on linux nodes, node "{name}" is "{system}"'
            raise _because(refuse(review, why), "UnsupportedPlatform")
        lacking = _lacking(review.obj or {}, (node.get("status") or {}).get("allocatable") or {})
        if lacking:
            why = f"node didn't have enough allocatable resources: {'; '.join(lacking)}"
            raise _because(refuse(review, why), "NodeCapacity")


def _node(review: Review) -> str:
    return str(((review.obj or {}).get("spec") or {}).get("nodeName") or "")


def _lacking(pod: Obj, allocatable: Obj) -> list[str]:
    wanted = pod_requests(pod)
    found = []
    for name, units in (("cpu", quantity.milli_value), ("memory", quantity.value)):
        asked, has = wanted.get(name, "0"), allocatable.get(name, "0")
        if quantity.compare(asked, has) > 0:
            found.append(f"{name}, requested: {units(asked)}, allocatable: {units(has)}")
    return found


def _because(error: StatusError, reason: str) -> StatusError:
    """The refusal with a cause that clients can tell."""
    details = dict(error.details or {})
    error.details = {**details, "causes": [*(details.get("causes") or ()), {"reason": reason}]}
    return error
