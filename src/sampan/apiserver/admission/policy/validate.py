"""ValidatingAdmissionPolicy: asks the policies of a request and refuses, warns and audits as their bindings say."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from sampan.api.errors import StatusError, forbidden
from sampan.api.json import Obj
from sampan.api.quote import go_json
from sampan.apiserver.admission.policy.activation import seen_namespace
from sampan.apiserver.admission.policy.authorizing import Decisions
from sampan.apiserver.admission.policy.calls import Call, Ground, Trouble
from sampan.apiserver.admission.policy.records import Binding
from sampan.apiserver.admission.policy.source import Bound
from sampan.apiserver.admission.policy.validating import Denial, Verdict, judge
from sampan.apiserver.admission.review import Review

FAILURE = "validation.policy.admission.k8s.io/validation_failure"
LONGEST_ANNOTATION = 10 * 1024
CODES = {"Forbidden": 403, "Unauthorized": 401, "RequestEntityTooLarge": 413}
"""HTTP codes of the reasons that a validation may name; of all others 422."""


class Refused(NamedTuple):
    """Why a request is refused."""

    message: str
    reason: str


async def validate(ground: Ground, bound: Sequence[Bound], review: Review) -> None:
    """Raises the first refusal."""
    calls = await ground.calls(bound, review)
    if not calls:
        return
    refusals: list[Refused] = []
    audits: dict[str, list[str]] = {}
    decisions = Decisions(ground.authorizer, review.user)
    namespace = await _namespace(ground, calls, review)
    seen: tuple[object, dict[str, Any]] | None = None
    for call in calls:
        if isinstance(call, Trouble):
            if call.policy.closed:
                refusals.append(Refused(_said(call, call.why), "Invalid"))
            continue
        if seen is None or seen[0] != call.target:
            seen = call.target, await ground.seen(review, call.target, decisions)
        for param in call.params:
            work = partial(judge, call.policy, {**seen[1], "params": param}, namespace)
            verdict = await decisions.when_known(work)
            _enforce(call, verdict, review, refusals)
            for key, value in verdict.audits:
                known = audits.setdefault(f"{call.policy.name}/{key}", [])
                if (kept := _cut(value)) not in known:
                    known.append(kept)
    for name, values in audits.items():
        review.annotations.setdefault(name, ", ".join(values))
    if refusals:
        raise _refusal(review, refusals[0])


async def _namespace(ground: Ground, calls: Sequence[Call | Trouble], review: Review) -> Obj | None:
    if all(isinstance(call, Trouble) for call in calls):
        return None
    return seen_namespace(await ground.matcher.namespace_object(review))


def _said(call: Call | Trouble, why: str) -> str:
    by = f" with binding '{call.binding.name}'" if call.binding is not None else ""
    return f"ValidatingAdmissionPolicy '{call.policy.name}'{by} denied request: {why}"


def _enforce(call: Call, verdict: Verdict, review: Review, refusals: list[Refused]) -> None:
    for denial in verdict.denials:
        for action in call.binding.actions:
            match action:
                case "Deny":
                    refusals.append(Refused(_said(call, denial.message), denial.reason or "Invalid"))
                case "Warn":
                    by = f"ValidatingAdmissionPolicy '{call.policy.name}' with binding '{call.binding.name}'"
                    review.warnings.append(f"Validation failed for {by}: {denial.message}")
                case "Audit":
                    review.annotations.setdefault(FAILURE, _failure(call.binding, denial))
    refusals += [Refused(_said(call, why), "Invalid") for why in verdict.audit_errors]


def _failure(binding: Binding, denial: Denial) -> str:
    value = {
        "message": denial.message, "policy": binding.policy, "binding": binding.name,
        "expressionIndex": denial.index, "validationActions": list(binding.actions),
    }  # fmt: skip
    return go_json([value])


def _cut(value: str) -> str:
    """Not longer than an annotation may be, in bytes; half a character at the end is none."""
    if len(value) * 4 <= LONGEST_ANNOTATION:
        return value
    return value.encode()[:LONGEST_ANNOTATION].decode(errors="replace")


def _refusal(review: Review, first: Refused) -> StatusError:
    found = forbidden_for(review, first.message)
    details = {**(found.details or {}), "causes": [{"message": first.message}]}
    return StatusError(CODES.get(first.reason, 422), first.reason, found.message, details)


def forbidden_for(review: Review, why: str) -> StatusError:
    """403 for the object of a request."""
    mapping = review.resource.mapping
    meta = (review.obj or {}).get("metadata") or {}
    name = review.name or meta.get("name") or meta.get("generateName") or "Unknown"
    return forbidden(mapping.group, mapping.plural, name, why)
