"""MutatingAdmissionPolicy: the policies of a request change its object, one after the other."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.apiserver.admission.policy.activation import Evaluation, Exhausted, Failed
from sampan.apiserver.admission.policy.authorizing import Decisions
from sampan.apiserver.admission.policy.calls import Call, Ground, Trouble
from sampan.apiserver.admission.policy.conditions import hold
from sampan.apiserver.admission.policy.mutating import mutated
from sampan.apiserver.admission.policy.records import Mutation
from sampan.apiserver.admission.policy.source import Bound
from sampan.apiserver.admission.policy.validate import forbidden_for
from sampan.apiserver.admission.review import Review
from sampan.apiserver.admission.turns import Turns


async def mutate(ground: Ground, bound: Sequence[Bound], review: Review, turns: Turns[tuple[str, ...]]) -> Review:
    """The review with the object as the policies leave it. Raises StatusError."""
    calls = await ground.calls(bound, review)
    refusals: list[tuple[str, str]] = []
    namespace = None
    if any(isinstance(call, Call) for call in calls):
        namespace = await ground.matcher.namespace_object(review)
        turns.begin(review.obj)
    decisions = Decisions(ground.authorizer, review.user)
    for call in calls:
        if isinstance(call, Trouble):
            continue
        for param in call.params:
            step = _Step(ground, call, param, namespace)
            before = review.obj
            review, failures, skipped = await step.run(review, decisions, turns)
            if call.policy.closed:
                refusals += [(_said(call, why), "Invalid") for why in failures]
            if skipped:
                continue
            if review.obj != before:
                turns.require_all()
            if call.policy.again:
                turns.asked.append(step.key)
    turns.last = review.obj
    refusals = [(_said(c, c.why), "Forbidden") for c in calls if isinstance(c, Trouble) and c.policy.closed] + refusals
    if refusals:
        raise _refusal(review, refusals)
    return review


class _Step:
    """One policy with one binding and parameter."""

    def __init__(self, ground: Ground, call: Call, param: Obj | None, namespace: Obj | None) -> None:
        self._ground, self._call, self._param, self._namespace = ground, call, param, namespace
        meta = (param or {}).get("metadata") or {}
        self.key = (call.policy.name, call.binding.name, meta.get("namespace", ""), meta.get("name", ""))

    async def run(
        self, review: Review, decisions: Decisions, turns: Turns[tuple[str, ...]]
    ) -> tuple[Review, list[str], bool]:
        """The review after the mutations, what failed, and whether the policy was not to be asked."""
        policy = self._call.policy
        seen = await self._seen(review, decisions)
        if policy.conditions:
            try:
                met = await decisions.when_known(lambda: hold(policy.conditions, seen, policy.variables, policy.closed))
            except Failed as failed:
                return review, [str(failed)], True
            if not met:
                return review, [], True
        if turns.second and self.key not in turns.wanted:
            return review, [], True
        failures: list[str] = []
        for mutation in policy.mutations:
            if review.obj is None:
                continue
            try:
                review = await self._changed(review, mutation, decisions)
                turns.changed = True
            except (Failed, Exhausted) as failed:
                failures.append(str(failed))
        return review, failures, False

    async def _seen(self, review: Review, decisions: Decisions) -> dict[str, Any]:
        return {**await self._ground.seen(review, self._call.target, decisions), "params": self._param}

    async def _changed(self, review: Review, mutation: Mutation, decisions: Decisions) -> Review:
        call, bodies = self._call, self._ground.bodies
        seen = {**await self._seen(review, decisions), "namespaceObject": self._namespace}
        obj: Obj = seen["object"]
        place = bodies.place(call.target, review)

        def work() -> Obj:
            return mutated(mutation, Evaluation(seen, call.policy.variables), obj, place)

        made = await decisions.when_known(work)
        if made is obj:
            return review
        strict = not mutation.applies
        return replace(review, obj=await bodies.back(made, review, call.target, strict))


def _said(call: Call | Trouble, why: str) -> str:
    if call.binding is None:
        return f'policy "{call.policy.name}" denied request: {why}'
    return f"policy '{call.policy.name}' with binding '{call.binding.name}' denied request: {why}"


def _refusal(review: Review, refusals: list[tuple[str, str]]) -> StatusError:
    details = {
        **(forbidden_for(review, "").details or {}),
        "causes": [{"message": message} for message, _ in refusals],
    }
    message, reason = refusals[0]
    return StatusError(403, reason, message, details)
