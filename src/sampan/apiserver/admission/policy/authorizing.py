"""The authorizer of expressions: they are evaluated at once, and again when a decision that they need is known."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from sampan.apiserver.authz.decision import Decision
from sampan.apiserver.context import UserInfo
from sampan.apiserver.rbac import Attributes
from sampan.apiserver.selected import selected
from sampan.resources.policies.authz import Query

T = TypeVar("T")


class Asked(Protocol):
    """Who decides (apiserver.authorizer.Authorizer)."""

    async def authorize(self, user: UserInfo, wanted: Attributes) -> Decision: ...


class Undecided(Exception):
    """An expression needs a decision that nobody has asked for yet."""

    def __init__(self, query: Query) -> None:
        super().__init__(query)
        self.query = query


class Decisions:
    """The decisions that the expressions about one request have needed so far."""

    def __init__(self, authorizer: Asked, user: UserInfo) -> None:
        self._authorizer, self._user = authorizer, user
        self._known: dict[Query, tuple[bool, str, str]] = {}

    def decide(self, query: Query) -> tuple[bool, str, str]:
        """Whether it is allowed, why, and what went wrong. Raises Undecided."""
        found = self._known.get(query)
        if found is None:
            raise Undecided(query)
        return found

    async def when_known(self, work: Callable[[], T]) -> T:
        """What `work` gives; it is done again as long as it needs decisions, so it may leave nothing behind."""
        while True:
            try:
                return work()
            except Undecided as needed:
                decision = await self._authorizer.authorize(*_question(needed.query, self._user))
                self._known[needed.query] = decision.allowed, decision.reason, decision.error


def _question(query: Query, user: UserInfo) -> tuple[UserInfo, Attributes]:
    if query.account is not None:
        namespace, name = query.account
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        user = UserInfo(f"system:serviceaccount:{namespace}:{name}", groups=groups)
    if query.path:
        return user, Attributes(query.verb, path=query.path)
    return user, Attributes(
        query.verb, query.group, query.resource, query.subresource, query.namespace, query.name, version="*",
        selected=selected(query.fields, query.labels),
    )  # fmt: skip
