"""Which policies are to be asked about a request: policy, binding and parameter, and those that are misconfigured."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.resource import Resource
from sampan.apiserver.admission.bodies import Bodies
from sampan.apiserver.admission.policy.activation import authorizer_of, variables_of
from sampan.apiserver.admission.policy.authorizing import Asked, Decisions
from sampan.apiserver.admission.policy.matching import Matcher
from sampan.apiserver.admission.policy.params import Misconfigured, Params
from sampan.apiserver.admission.policy.records import Binding, Policy
from sampan.apiserver.admission.policy.source import Bound
from sampan.apiserver.admission.review import Review
from sampan.apiserver.admission.webhook import Target
from sampan.apiserver.live import LiveResources
from sampan.apiserver.objects import StoredObjects


class Call(NamedTuple):
    """One policy to be asked, by one binding, with its parameters in turn."""

    policy: Policy
    binding: Binding
    target: Target
    params: list[Obj | None]


class Trouble(NamedTuple):
    """A policy (by one binding, if it is that binding's fault) that cannot be asked."""

    policy: Policy
    binding: Binding | None
    why: str


@dataclass(frozen=True, slots=True)
class Ground:
    """What policies stand on in one server."""

    matcher: Matcher
    params: Params
    bodies: Bodies
    authorizer: Asked

    @classmethod
    def of(cls, objects: StoredObjects, live: LiveResources, bodies: Bodies, authorizer: Asked) -> "Ground":
        """Over the stored objects and the served resources."""
        return cls(Matcher(objects, bodies), Params(objects, live, bodies), bodies, authorizer)

    async def calls(self, bound: Sequence[Bound], review: Review) -> list[Call | Trouble]:
        """Whom to ask about a request."""
        made: list[Call | Trouble] = []
        for policy, bindings in bound:
            try:
                target = await self.matcher.target(policy.constraints, review)
                if target is None:
                    continue
                kind = self.params.kind(policy.param_kind) if policy.param_kind is not None else None
            except (StatusError, Misconfigured) as error:
                made.append(Trouble(policy, None, f"failed to configure policy: {error}"))
                continue
            for binding in bindings:
                call = await self._call(Call(policy, binding, target, []), kind, review)
                if call is not None:
                    made.append(call)
        return made

    async def _call(self, call: Call, kind: Resource | None, review: Review) -> Call | Trouble | None:
        policy, binding, _, _ = call
        try:
            if binding.constraints is not None and await self.matcher.target(binding.constraints, review) is None:
                return None
            params = await self.params.of(kind, binding.param, review.namespace)
        except (StatusError, Misconfigured) as error:
            return Trouble(policy, binding, f"failed to configure binding: {error}")
        return call._replace(params=params) if params else None

    async def seen(self, review: Review, target: Target, decisions: Decisions) -> dict[str, Any]:
        """The variables of expressions, but for params and namespaceObject."""
        bodies = await self.bodies.converted(review, target)
        return {**variables_of(review, bodies, target), **authorizer_of(review, decisions.decide)}
