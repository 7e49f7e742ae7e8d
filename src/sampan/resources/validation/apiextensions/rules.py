"""x-kubernetes-validations of a schema: their form, whether they compile, and what they may cost."""

import re
from typing import NamedTuple

from sampan.api.cel.schema import type_of_node
from sampan.api.cel.shapes import shape_of
from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.api.schema.openapi import from_openapi
from sampan.resources.custom.field_path import PathError, valid_path
from sampan.resources.custom.rule_costs import Costs
from sampan.resources.custom.rules import RULES, compile_rules
from sampan.resources.strategies.checks import Errors, invalid, not_supported, required
from sampan.resources.validation.apiextensions.printed import shown_rule

__all__ = ["RULES", "Place", "check_expressions", "check_form"]


class Place(NamedTuple):
    """A schema with rules, where it stands, and how often its values may occur."""

    schema: Obj
    at: str
    root: bool
    """The root of a resource, whose kind and name rules always see."""
    uncorrelated: str
    """The list whose items have no old value."""
    often: int | None
    """Nothing bounds it: None."""


REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
BREAK = re.compile(r"[\n\r]")
NO_TYPE = (
    "internal error: failed to construct type information for x-kubernetes-validations rules: unable to convert "
    "structural schema to CEL declarations"
)


def check_form(schema: Obj, at: str) -> Errors:
    """What is wrong with rules before they are compiled."""
    errors: Errors = []
    for index, rule in enumerate(schema[RULES]):
        here = f"{at}.{RULES}[{index}]"
        text, message = (rule.get("rule") or "").strip(), rule.get("message") or ""
        if not text:
            errors.append(required(f"{here}.rule", "rule is not specified"))
        elif message and not message.strip():
            errors.append(invalid(f"{here}.message", message, "must be non-empty if specified"))
        elif BREAK.search(message.strip()):
            errors.append(invalid(f"{here}.message", message, "must not contain line breaks"))
        elif BREAK.search(text) and not message:
            detail = "message must be specified if rule contains line breaks"
            errors.append(required(f"{here}.message", detail))
        expression = rule.get("messageExpression") or ""
        if expression and not expression.strip():
            errors.append(required(f"{here}.messageExpression", "messageExpression must be non-empty if specified"))
        if rule.get("reason") is not None and rule["reason"] not in REASONS:
            errors.append(not_supported(f"{here}.reason", rule["reason"], REASONS))
        errors += _field_path(schema, rule.get("fieldPath") or "", f"{here}.fieldPath")
    return errors


def _field_path(schema: Obj, path: str, at: str) -> Errors:
    errors: Errors = []
    if path and not path.strip():
        errors.append(invalid(at, path, "must be non-empty if specified"))
    if BREAK.search(path):
        errors.append(invalid(at, path, "must not contain line breaks"))
    if path:
        try:
            valid_path(path, schema)
        except PathError:
            errors.append(invalid(at, path, "must be a valid path"))
    return errors


def check_expressions(place: Place, costs: Costs) -> Errors:
    """What is wrong with the expressions of one place."""
    node = from_openapi(place.schema)
    type_, shape = type_of_node(node, place.root, "selfType"), shape_of(place.schema, place.root)
    if type_ is None:
        return [FieldError("InternalError", f"{place.at}.{RULES}", f"Internal error: {NO_TYPE}")]
    errors: Errors = []
    for index, rule in enumerate(compile_rules(place.schema[RULES], type_)):
        here = f"{place.at}.{RULES}[{index}]"
        if shape is not None and rule.program is not None:
            errors += costs.of_rule(f"{here}.rule", rule.program, shape, place.often)
        if rule.wrong:
            errors.append(invalid(f"{here}.rule", shown_rule(rule.spec), rule.wrong))
        if rule.wrong_message:
            errors.append(invalid(f"{here}.messageExpression", shown_rule(rule.spec), rule.wrong_message))
        elif shape is not None and rule.message is not None:
            errors += costs.of_message(f"{here}.messageExpression", rule.message, shape)
        if rule.uses_old and place.uncorrelated:
            detail = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {place.uncorrelated}"
            errors.append(invalid(f"{here}.rule", rule.spec["rule"], detail))
        elif not rule.uses_old and rule.spec.get("optionalOldSelf") is not None:
            detail = "may not be set if oldSelf is not used in rule"
            errors.append(invalid(f"{here}.optionalOldSelf", rule.spec["optionalOldSelf"], detail))
    return errors
