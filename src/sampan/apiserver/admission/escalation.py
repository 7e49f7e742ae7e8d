"""Nobody grants what he does not hold: the check around the admission of roles and bindings.

Upstream: pkg/registry/rbac. Exempt are system:masters and who may `escalate` the role or `bind` the role.
"""

from sampan.api.errors import forbidden, not_found
from sampan.api.json import Obj
from sampan.apiserver.admission.review import Admission, Review
from sampan.apiserver.authorizer import GROUP, Authorizer
from sampan.apiserver.escalation import missing, refusal_text
from sampan.apiserver.rbac import EVERYTHING, MASTERS, Attributes, Book, Rule, read_rules

ROLES = ("roles", "clusterroles")
BINDINGS = ("rolebindings", "clusterrolebindings")
COLLECTED = ("ownerReferences", "finalizers", "managedFields", "selfLink")
AGGREGATION = "must have cluster-admin privileges to use the aggregationRule"


class NoEscalation:
    """An Admission that asks another one first, then checks roles and bindings as they would be stored."""

    def __init__(self, inner: Admission, authorizer: Authorizer) -> None:
        self._inner, self._authorizer = inner, authorizer

    async def mutate(self, review: Review) -> Obj:
        """As the inner admission leaves it. Raises 403."""
        obj = await self._inner.mutate(review)
        if review.resource.mapping.group == GROUP and review.obj is not None and not review.subresource:
            await self._check(review, obj)
        return obj

    async def validate(self, review: Review) -> None:
        """As the inner admission does."""
        await self._inner.validate(review)

    async def _check(self, review: Review, obj: Obj) -> None:
        if MASTERS in review.user.groups or (review.old is not None and only_collected(obj, review.old)):
            return
        plural = review.resource.mapping.plural
        name = "" if review.operation == "CREATE" else review.name
        if plural in ROLES:
            wanted = Attributes("escalate", GROUP, plural, "", review.namespace, name)
            if not await self._authorizer.allows(review.user, wanted):
                await self._check_role(review, obj)
        elif plural in BINDINGS:
            await self._check_binding(review, obj)

    async def _check_role(self, review: Review, obj: Obj) -> None:
        book = await self._authorizer.book()
        _confirm(book, review, obj, read_rules(obj.get("rules")))
        if _aggregates(obj) or (review.old is not None and _aggregates(review.old)):
            held = book.rules(review.user, review.namespace)
            if missing(held, EVERYTHING):
                raise forbidden(GROUP, review.resource.mapping.plural, obj["metadata"].get("name", ""), AGGREGATION)

    async def _check_binding(self, review: Review, obj: Obj) -> None:
        ref = obj.get("roleRef") or {}
        kind, name = ref.get("kind", ""), ref.get("name", "")
        plural = {"ClusterRole": "clusterroles", "Role": "roles"}.get(kind)
        if plural is None or ref.get("apiGroup") != GROUP:
            return  # validation refuses it
        wanted = Attributes("bind", GROUP, plural, "", review.namespace, name)
        if await self._authorizer.allows(review.user, wanted):
            return
        book = await self._authorizer.book()
        rules = book.roles.get((kind, "" if kind == "ClusterRole" else review.namespace, name))
        if rules is None:
            raise not_found(GROUP, review.resource.mapping.plural, name)
        _confirm(book, review, obj, rules)


def _confirm(book: Book, review: Review, obj: Obj, rules: tuple[Rule, ...]) -> None:
    user, namespace = review.user, review.namespace
    lacking = missing(book.rules(user, namespace), rules)
    if lacking:
        text = refusal_text(user, lacking, book.unresolved(user, namespace))
        raise forbidden(GROUP, review.resource.mapping.plural, obj["metadata"].get("name", ""), text)


def _aggregates(role: Obj) -> bool:
    return bool((role.get("aggregationRule") or {}).get("clusterRoleSelectors"))


def only_collected(obj: Obj, old: Obj) -> bool:
    """Whether only what garbage collection needs would change."""

    def rest(one: Obj) -> Obj:
        return {**one, "metadata": {k: v for k, v in one["metadata"].items() if k not in COLLECTED}}

    return rest(obj) == rest(old)
