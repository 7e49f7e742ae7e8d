"""NamespaceLifecycle: nothing is created in a namespace that is missing or going, and three namespaces never go."""

from sampan.api.errors import StatusError, not_found
from sampan.api.json import Obj
from sampan.apiserver.admission.plugin import Base, Facts, Need, is_kind, refuse
from sampan.apiserver.admission.review import Review

IMMORTAL = ("default", "kube-system", "kube-public")


class NamespaceLifecycle(Base):
    """Upstream's plugin of the same name."""

    name = "NamespaceLifecycle"
    validates = False

    def handles(self, review: Review) -> bool:
        if is_kind(review, "", "namespaces"):
            return review.operation == "DELETE"
        return (
            bool(review.namespace) and review.resource.mapping.namespaced and review.operation in ("CREATE", "UPDATE")
        )

    def needs(self, review: Review) -> tuple[Need, ...]:
        return () if review.operation == "DELETE" else (Need("", "namespaces", "", review.namespace),)

    def mutate(self, review: Review, facts: Facts) -> Obj:
        """Refuses before others look for what a missing namespace cannot have."""
        self._check(review, facts)
        return super().mutate(review, facts)

    def _check(self, review: Review, facts: Facts) -> None:
        if review.operation == "DELETE":
            if review.name in IMMORTAL:
                raise refuse(review, "this namespace may not be deleted")
            return
        if is_kind(review, "authorization.k8s.io", "localsubjectaccessreviews"):
            return
        namespace = facts.one(Need("", "namespaces", "", review.namespace))
        if namespace is None:
            raise not_found("", "namespaces", review.namespace)
        if review.operation == "CREATE" and (namespace.get("status") or {}).get("phase") == "Terminating":
            raise _terminating(review, namespace["metadata"].get("deletionTimestamp", ""))


def _terminating(review: Review, since: str) -> StatusError:
    why = f"unable to create new content in namespace {review.namespace} because it is being terminated"
    error = refuse(review, why)
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {review.namespace} is being terminated",
        "field": "metadata.namespace",
    }
    return StatusError(403, "Forbidden", error.message, {**(error.details or {}), "causes": [cause]})
