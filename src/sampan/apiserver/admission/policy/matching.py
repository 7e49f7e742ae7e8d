"""Which requests a policy or binding is about (apiserver: policy/matching, webhook/predicates)."""

from collections.abc import Callable, Sequence
from functools import partial

from sampan.api.errors import not_found
from sampan.api.json import Obj
from sampan.api.resource import Resource
from sampan.apiserver.admission.bodies import Bodies
from sampan.apiserver.admission.policy.records import Constraints, NamedRule
from sampan.apiserver.admission.review import Review
from sampan.apiserver.admission.webhook import GROUP, Asked, Target, kind_of, matches
from sampan.apiserver.objects import StoredObjects

Equivalents = Callable[[], Sequence[Resource]]
POLICIES = frozenset((
    "validatingadmissionpolicies", "validatingadmissionpolicybindings", "mutatingadmissionpolicies",
    "mutatingadmissionpolicybindings",
))  # fmt: skip
"""Policies never judge these: nobody must lock himself out."""
REVIEWS = frozenset((
    ("authentication.k8s.io", "selfsubjectreviews"), ("authentication.k8s.io", "tokenreviews"),
    ("authorization.k8s.io", "localsubjectaccessreviews"), ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"), ("authorization.k8s.io", "subjectaccessreviews"),
))  # fmt: skip
"""To judge questions about rights could break the cluster."""


def is_exempt(review: Review) -> bool:
    """Whether no policy applies to the resource of a request."""
    mapping = review.resource.mapping
    return (mapping.group == GROUP and mapping.plural in POLICIES) or (mapping.group, mapping.plural) in REVIEWS


def namespace_of(review: Review) -> str:
    """The namespace of a request; of one for a Namespace, that itself."""
    mapping = review.resource.mapping
    if mapping.plural == "namespaces" and not mapping.group:
        return review.name or (((review.obj or {}).get("metadata") or {}).get("name") or "")
    return review.namespace


class Matcher:
    """Decides for one server."""

    def __init__(self, objects: StoredObjects, bodies: Bodies) -> None:
        self._objects, self._bodies = objects, bodies

    async def target(self, wanted: Constraints, review: Review) -> Target | None:
        """As what the request matches, or None. Raises the 404 of a namespace that is selected by and is not there."""
        mapping = review.resource.mapping
        asked = Asked(review.operation, review.resource, review.subresource, namespace_of(review))
        others: Equivalents | None = None
        if wanted.equivalent:
            others = partial(self._bodies.equivalents, review.resource, review.subresource)
        if wanted.excluded and _ruled(wanted.excluded, asked, review.name, others) is not None:
            return None
        found: Target | None = Target(review.resource, kind_of(review.resource, review.subresource))
        if wanted.rules:
            found = _ruled(wanted.rules, asked, review.name, others)
        if found is None or (wanted.objects and not self._bodies.selected(wanted.objects, review)):
            return None
        if wanted.namespaces and (asked.namespace or mapping.plural == "namespaces"):
            labels = await self._namespace_labels(review, asked.namespace)
            if not wanted.namespaces.matches(labels):
                return None
        return found

    async def _namespace_labels(self, review: Review, namespace: str) -> dict[str, str]:
        if review.resource.mapping.plural == "namespaces" and not review.subresource and review.obj is not None:
            return (review.obj.get("metadata") or {}).get("labels") or {}
        return (await self.namespace(namespace))["metadata"].get("labels") or {}

    async def namespace(self, name: str) -> Obj:
        """A Namespace. Raises 404."""
        found = await self._objects.get("namespaces", "", name)
        if found is None:
            raise not_found("", "namespaces", name)
        return found

    async def namespace_object(self, review: Review) -> Obj | None:
        """The namespace that expressions see; none for what is in none. Raises 404."""
        if not review.namespace or (review.resource.mapping.kind, review.resource.mapping.group) == ("Namespace", ""):
            return None
        return await self.namespace(review.namespace)


def _ruled(rules: Sequence[NamedRule], asked: Asked, name: str, others: Equivalents | None) -> Target | None:
    for rule, names in rules:
        if matches(rule, asked) and (not names or name in names):
            return Target(asked.resource, kind_of(asked.resource, asked.subresource))
    if others is None:
        return None
    for rule, names in rules:
        for other in others():
            if matches(rule, asked._replace(resource=other)) and (not names or name in names):
                return Target(other, kind_of(other, asked.subresource))
    return None
