"""What is wrong with NodeAffinityArgs.addedAffinity: the errors of the parser of selectors (component-helpers)."""

import re

from sampan.api.json import Obj
from sampan.api.meta import is_label_value, is_qualified_name
from sampan.resources.strategies.checks import Errors, invalid, not_among

OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
REQUIRED, PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
NUMBER = re.compile(r"[+-]?\d+")


def check_affinity(args: Obj, at: str) -> Errors:
    """NodeAffinityArgs; empty terms and terms without weight are not read at all."""
    affinity = args.get("addedAffinity") or {}
    errors: Errors = []
    for index, term in enumerate((affinity.get(REQUIRED) or {}).get("nodeSelectorTerms") or ()):
        errors += _term(term, f"{at}addedAffinity.{REQUIRED}.nodeSelectorTerms[{index}]")
    for index, term in enumerate(affinity.get(PREFERRED) or ()):
        if term.get("weight"):
            errors += _term(term.get("preference") or {}, f"{at}addedAffinity.{PREFERRED}[{index}]")
    return errors


def _term(term: Obj, at: str) -> Errors:
    errors: Errors = []
    for index, expression in enumerate(term.get("matchExpressions") or ()):
        errors += _expression(expression, f"{at}.matchExpressions[{index}]")
    for index, expression in enumerate(term.get("matchFields") or ()):
        here, operator = f"{at}.matchFields[{index}]", expression.get("operator", "")
        if operator not in OPERATORS[:2]:
            errors.append(not_among(f"{here}.operator", operator, OPERATORS[:2]))
        elif len(expression.get("values") or ()) != 1:
            errors.append(invalid(f"{here}.values", expression.get("values"), "must have one element"))
    return errors


def _expression(expression: Obj, at: str) -> Errors:
    key, operator = expression.get("key", ""), expression.get("operator", "")
    values: list[str] = expression.get("values") or []
    if operator not in OPERATORS:
        return [not_among(f"{at}.operator", operator, OPERATORS)]
    errors: Errors = []
    if problems := is_qualified_name(key):
        errors.append(invalid(f"{at}.key", key, "; ".join(problems)))
    shown = values or None
    if operator in ("In", "NotIn") and not values:
        errors.append(invalid(f"{at}.values", shown, "for 'in', 'notin' operators, values set can't be empty"))
    elif operator in ("Exists", "DoesNotExist") and values:
        errors.append(invalid(f"{at}.values", shown, "values set must be empty for exists and does not exist"))
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            why = "for 'Gt', 'Lt' operators, exactly one value is required"
            errors.append(invalid(f"{at}.values", shown, why))
        for index, value in enumerate(values):
            if not NUMBER.fullmatch(value):
                why = "for 'Gt', 'Lt' operators, the value must be an integer"
                errors.append(invalid(f"{at}.values[{index}]", value, why))
    for index, value in enumerate(values):
        if problems := is_label_value(value):
            errors.append(invalid(f"{at}.values[{index}][{key}]", value, "; ".join(problems)))
    return errors
