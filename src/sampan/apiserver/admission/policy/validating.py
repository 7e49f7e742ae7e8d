"""What one ValidatingAdmissionPolicy says of one request with one parameter. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sampan.apiserver.admission.policy.activation import Evaluation, Exhausted, Failed
from sampan.apiserver.admission.policy.conditions import hold
from sampan.apiserver.admission.policy.records import Policy, Validation
from sampan.resources.policies.compile import Expression

LONGEST_MESSAGE = 5 * 1024
AUTHORIZERS = ("authorizer", "authorizer.requestResource")
"""What message expressions and audit annotations do not see, not even in the policy's variables."""


@dataclass(frozen=True, slots=True)
class Denial:
    """A failed validation: its place in the policy, why, and the Status reason."""

    index: int
    message: str
    reason: str = ""


@dataclass(slots=True)
class Verdict:
    """Denials (errors among them when the policy fails closed), and what is to be written to the audit log."""

    denials: list[Denial] = field(default_factory=list)
    audits: list[tuple[str, str]] = field(default_factory=list)
    audit_errors: list[str] = field(default_factory=list)
    """Errors of audit annotations: they refuse whatever the binding's actions are."""


def judge(policy: Policy, seen: Mapping[str, Any], namespace: Any) -> Verdict:
    """The verdict. `seen` are the variables, `namespace` is the namespaceObject that match conditions do not see."""
    try:
        if policy.conditions and not hold(policy.conditions, seen, policy.variables, policy.closed):
            return Verdict()
    except Failed as failed:
        return Verdict([Denial(0, str(failed))])
    seen = {**seen, "namespaceObject": namespace}
    plain = {key: value for key, value in seen.items() if key not in AUTHORIZERS}
    made = Verdict()
    try:
        _validate(policy, Evaluation(seen, policy.variables), plain, made)
        if policy.audits:
            _audit(policy, Evaluation(plain, policy.variables), made)
    except Exhausted as gone:
        return Verdict([Denial(0, str(gone))] if policy.closed else [])
    return made


def _validate(policy: Policy, run: Evaluation, plain: Mapping[str, Any], made: Verdict) -> None:
    failures: list[tuple[int, Validation, str]] = []
    for index, one in enumerate(policy.validations):
        try:
            if run.value(one.expression) is not True:
                failures.append((index, one, ""))
        except Failed as failed:
            if policy.closed:
                failures.append((index, one, str(failed)))
    if not failures:
        return
    texts = Evaluation(plain, policy.variables, run.left)
    for index, one, error in failures:
        if error:
            made.denials.append(Denial(index, error))
            continue
        try:
            made.denials.append(Denial(index, _message(one, texts), one.reason))
        except Exhausted as gone:
            if policy.closed:
                made.denials.append(Denial(index, f"failed messageExpression: {gone}"))


def _message(one: Validation, run: Evaluation) -> str:
    text = _evaluated(one.message, run) if one.message is not None else ""
    return text or one.text or f"failed expression: {one.expression.source.strip()}"


def _evaluated(expression: Expression, run: Evaluation) -> str:
    """What a message expression gives; nothing if it fails, is too long or has several lines."""
    try:
        found = run.value(expression)
    except Failed:
        return ""
    text = found.strip() if isinstance(found, str) else ""
    return "" if "\n" in text or len(text.encode()) > LONGEST_MESSAGE else text


def _audit(policy: Policy, run: Evaluation, made: Verdict) -> None:
    for key, expression in policy.audits:
        try:
            value = run.value(expression)
        except Failed as failed:
            if policy.closed:
                made.audit_errors.append(str(failed))
            continue
        if isinstance(value, str) and value.strip():
            made.audits.append((key, value.strip()))
