"""What is wrong with tolerations (core validation: ValidateTolerations)."""

import re
from collections.abc import Iterable

from sampan.api.json import Obj
from sampan.api.meta import is_label_value
from sampan.resources.strategies.checks import Errors, invalid, named, not_among
from sampan.resources.validation.labels import check_label_name
from sampan.resources.validation.pods.options import Options

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
MATCH_ALL = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
OPERATORS, COMPARING = ("Equal", "Exists"), ("Lt", "Gt")
INTEGER = re.compile("0|-?[1-9][0-9]*")
INTEGER_TEXT = "must be a valid decimal integer in canonical form"


def check_tolerations(tolerations: Iterable[Obj], at: str, options: Options) -> Errors:
    """All tolerations of a pod."""
    errors: Errors = []
    for index, toleration in enumerate(tolerations):
        errors += _toleration(toleration, f"{at}[{index}]", options)
    return errors


def _toleration(toleration: Obj, at: str, options: Options) -> Errors:
    key, operator = toleration.get("key") or "", toleration.get("operator") or ""
    effect = toleration.get("effect") or ""
    errors = check_label_name(key, f"{at}.key") if key else []
    if not key and operator != "Exists":
        errors.append(invalid(f"{at}.operator", named(operator), MATCH_ALL))
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        why = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        errors.append(invalid(f"{at}.effect", named(effect), why))
    errors += _operator(operator, toleration.get("value") or "", at, options)
    if effect and effect not in EFFECTS:
        errors.append(not_among(f"{at}.effect", effect, EFFECTS))
    return errors


def _operator(operator: str, value: str, at: str, options: Options) -> Errors:
    here = f"{at}.operator"
    match operator:
        case "" | "Equal":
            problems = is_label_value(value)
            return [invalid(here, value, ";".join(problems))] if problems else []
        case "Exists":
            return [invalid(here, value, "value must be empty when `operator` is 'Exists'")] if value else []
        case "Lt" | "Gt" if options.comparing_tolerations:
            return _number(value, f"{at}.value")
        case "Lt" | "Gt":
            return [not_among(here, operator, (*OPERATORS, *COMPARING))]
    return [not_among(here, operator, OPERATORS)]


def _number(value: str, at: str) -> Errors:
    errors: Errors = []
    if not INTEGER.fullmatch(value):
        errors.append(invalid(at, value, INTEGER_TEXT if value else "must be non-empty"))
    if not re.fullmatch("[+-]?[0-9]+", value):
        errors.append(invalid(at, value, f'strconv.ParseInt: parsing "{value}": invalid syntax'))
    elif not -(2**63) <= int(value) < 2**63:
        errors.append(invalid(at, value, f'strconv.ParseInt: parsing "{value}": value out of range'))
    return errors
