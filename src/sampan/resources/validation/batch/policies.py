"""What is wrong with the policies of Jobs: when pods' failures count, when a Job has succeeded (batch validation)."""

from collections.abc import Sequence

from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.resources.strategies.checks import (
    Errors,
    Shown,
    duplicate,
    invalid,
    marshalled,
    named,
    not_among,
    not_negative,
    required,
    too_long,
    too_many,
)
from sampan.resources.validation.batch.job_status import BadIndexes, parse_indexes
from sampan.resources.validation.labels import check_label_name

ACTIONS, OPERATORS = ("Count", "FailIndex", "FailJob", "Ignore"), ("In", "NotIn")
STATUSES = ("False", "True", "Unknown")
MOST_RULES, MOST_CODES, MOST_CONDITIONS, MOST_INDEXES = 20, 255, 20, 64 * 1024
FAILURE, SUCCESS = "podFailurePolicy.rules", "successPolicy.rules"


def _valid(values: Sequence[str]) -> str:
    return f"valid values: [{' '.join(marshalled(value) for value in values)}]"


def _bare(at: str, detail: str) -> FieldError:
    """An invalid value that is not shown."""
    return FieldError("FieldValueInvalid", at, f"Invalid value: {detail}")


def check_failure_policy(spec: Obj, at: str) -> Errors:
    """The podFailurePolicy of a Job's spec, which stands at `at`."""
    rules, here = spec["podFailurePolicy"].get("rules") or (), f"{at}.{FAILURE}"
    errors: Errors = [too_many(here, len(rules), MOST_RULES)] if len(rules) > MOST_RULES else []
    pod = (spec.get("template") or {}).get("spec") or {}
    names = {c.get("name") for key in ("containers", "initContainers") for c in pod.get(key) or ()}
    for index, rule in enumerate(rules):
        errors += _rule(rule, f"{here}[{index}]", spec.get("backoffLimitPerIndex") is not None)
        if rule.get("onExitCodes") is not None:
            errors += _codes(rule["onExitCodes"], f"{here}[{index}].onExitCodes", names)
        errors += _conditions(rule.get("onPodConditions") or (), f"{here}[{index}].onPodConditions")
        errors += _either(rule, f"{here}[{index}]")
    return errors


def _rule(rule: Obj, at: str, per_index: bool) -> Errors:
    action, here = rule.get("action") or "", f"{at}.action"
    if not action:
        return [required(here, _valid(ACTIONS))]
    if action == "FailIndex":
        return [] if per_index else [invalid(here, named(action), "requires the backoffLimitPerIndex to be set")]
    return [] if action in ACTIONS else [not_among(here, action, ACTIONS)]


def _either(rule: Obj, at: str) -> Errors:
    codes, conditions = rule.get("onExitCodes") is not None, bool(rule.get("onPodConditions"))
    if codes and conditions:
        return [_bare(at, "specifying both OnExitCodes and OnPodConditions is not supported")]
    return [] if codes or conditions else [_bare(at, "specifying one of OnExitCodes and OnPodConditions is required")]


def _codes(codes: Obj, at: str, names: set[str | None]) -> Errors:
    operator, container, values = codes.get("operator") or "", codes.get("containerName"), codes.get("values") or []
    errors: Errors = []
    if not operator:
        errors.append(required(f"{at}.operator", _valid(OPERATORS)))
    elif operator not in OPERATORS:
        errors.append(not_among(f"{at}.operator", operator, OPERATORS))
    if container is not None and container not in names:
        why = "must be one of the container or initContainer names in the pod template"
        errors.append(invalid(f"{at}.containerName", container, why))
    here, shown = f"{at}.values", Shown(marshalled(codes.get("values")))
    if not values:
        errors.append(invalid(here, shown, "at least one value is required"))
    elif len(values) > MOST_CODES:
        errors.append(too_many(here, len(values), MOST_CODES))
    seen: set[int] = set()
    for index, value in enumerate(values):
        if operator == "In" and value == 0:
            errors.append(invalid(f"{here}[{index}]", value, "must not be 0 for the In operator"))
        if value in seen:
            errors.append(duplicate(f"{here}[{index}]", value))
        seen.add(value)
    return errors if sorted(values) == values else [*errors, invalid(here, shown, "must be ordered")]


def _conditions(conditions: Sequence[Obj], at: str) -> Errors:
    errors: Errors = []
    if len(conditions) > MOST_CONDITIONS:
        errors.append(too_many(at, len(conditions), MOST_CONDITIONS))
    for index, pattern in enumerate(conditions):
        here, status = f"{at}[{index}]", pattern.get("status") or ""
        errors += check_label_name(pattern.get("type") or "", f"{here}.type")
        if not status:
            errors.append(required(f"{here}.status", _valid(STATUSES)))
        elif status not in STATUSES:
            errors.append(not_among(f"{here}.status", status, STATUSES))
    return errors


def check_success_policy(spec: Obj, at: str) -> Errors:
    """The successPolicy of an indexed Job's spec, which stands at `at`."""
    rules, here = spec["successPolicy"].get("rules") or (), f"{at}.{SUCCESS}"
    errors: Errors = []
    if not rules:
        why = "at least one rules must be specified when the successPolicy is specified"
        errors.append(required(here, why))
    if len(rules) > MOST_RULES:
        errors.append(too_many(here, len(rules), MOST_RULES))
    for index, rule in enumerate(rules):
        errors += _success(rule, f"{here}[{index}]", spec.get("completions") or 0)
    return errors


def _success(rule: Obj, at: str, completions: int) -> Errors:
    indexes, count = rule.get("succeededIndexes"), rule.get("succeededCount")
    errors: Errors = []
    if indexes is None and count is None:
        why = "at least one of succeededCount or succeededIndexes must be specified"
        errors.append(required(at, why))
    total = 0
    if indexes is not None:
        here = f"{at}.succeededIndexes"
        if len(indexes.encode()) > MOST_INDEXES:
            errors.append(too_long(here, MOST_INDEXES))
        try:
            total = sum(last - first + 1 for first, last in parse_indexes(indexes, completions))
        except BadIndexes as error:
            errors.append(invalid(here, indexes, f"error parsing succeededIndexes: {error}"))
    if count is None:
        return errors
    here = f"{at}.succeededCount"
    errors += not_negative(here, count)
    if count > completions:
        why = f"must be less than or equal to {completions} (the number of specified completions)"
        errors.append(invalid(here, count, why))
    if indexes is not None and count > total:
        why = f"must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
        errors.append(invalid(here, count, why))
    return errors
