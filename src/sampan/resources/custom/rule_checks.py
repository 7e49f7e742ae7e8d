"""Whether the rules of a CRD's schema can be evaluated: the check at its creation (apiextensions: validation)."""

import re
from typing import Any, NamedTuple

from sampan.api.cel.schema import type_of_node
from sampan.api.cel.shapes import shape_of
from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.api.schema.nodes import Node
from sampan.api.schema.openapi import from_openapi
from sampan.resources.custom.rule_costs import Costs, repeated
from sampan.resources.custom.rules import RULES, compile_rules
from sampan.resources.strategies.checks import Errors, invalid, not_supported, required, shown


class Found(NamedTuple):
    """A schema with rules: the node of its values, its place, and how often its values may occur."""

    schema: Obj
    node: Node
    root: bool
    at: str
    uncorrelated: str
    """The list whose items have no old value."""
    often: int | None
    """Nothing bounds it: None."""


REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
BREAK = re.compile(r"[\n\r]")
STEP = re.compile(r"\.([^.\[\]]+)|\['((?:\\.|[^'\\])*)'\]")
ESCAPED = re.compile(r"\\(.)")
ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
STRUCT = {
    "rule": "", "message": "", "messageExpression": "", "reason": None, "fieldPath": "", "optionalOldSelf": None,
}  # fmt: skip
LATER = "x-kubernetes-validations of a schema without a type that rules can see cannot be evaluated"


def check_rules(schema: Obj, at: str, *, known: bool = False) -> Errors:
    """What is wrong with the rules of a version's openAPIV3Schema: first their form, then expressions and costs.

    `known`: the schema stood before, so the cost of its single rules is borne.
    """
    found: list[Found] = []
    _collect(Found(schema, from_openapi(schema), True, at, "", 1), found)
    errors = [error for place in found for error in _form(place.schema, place.at)]
    if errors:
        return errors
    costs = Costs(not known)
    errors = [error for place in found for error in _expressions(place, costs)]
    return errors + costs.total_errors(at)


def _collect(here: Found, found: list[Found]) -> None:
    """All schemas with rules, from the outside in."""
    schema, node, at = here.schema, here.node, here.at
    if schema.get(RULES):
        found.append(here)
    often = repeated(schema, here.often)

    def below(inner: Obj, part: Node | None, step: str, uncorrelated: str) -> None:
        child = part or from_openapi(inner)
        _collect(Found(inner, child, child.embedded, f"{at}.{step}", uncorrelated, often), found)

    for index, part in enumerate(schema.get("allOf") or ()):
        _collect(here._replace(schema=part, at=f"{at}.allOf[{index}]", often=often), found)
    for key, inner in (schema.get("properties") or {}).items():
        below(inner, node.properties.get(key), f"properties[{key}]", here.uncorrelated)
    items, additional = schema.get("items"), schema.get("additionalProperties")
    if isinstance(items, dict):
        below(items, node.items, "items", here.uncorrelated or ("" if node.list_type == "map" else at))
    if isinstance(additional, dict):
        below(additional, node.items, "additionalProperties", here.uncorrelated)


def _form(schema: Obj, at: str) -> Errors:
    errors: Errors = []
    for index, rule in enumerate(schema[RULES]):
        here = f"{at}.{RULES}[{index}]"
        text, message = str(rule.get("rule") or "").strip(), str(rule.get("message") or "")
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
        if "reason" in rule and rule["reason"] not in REASONS:
            errors.append(not_supported(f"{here}.reason", rule["reason"], REASONS))
        errors += _field_path(schema, rule.get("fieldPath") or "", f"{here}.fieldPath")
    return errors


def _field_path(schema: Obj, path: str, at: str) -> Errors:
    errors: Errors = []
    if path and not path.strip():
        errors.append(invalid(at, path, "must be non-empty if specified"))
    if BREAK.search(path):
        errors.append(invalid(at, path, "must not contain line breaks"))
    if path and not _reaches(schema, path):
        errors.append(invalid(at, path, "must be a valid path"))
    return errors


def _reaches(schema: Any, path: str) -> bool:
    """Whether a path of names leads to a field of a schema."""
    at = 0
    while at < len(path):
        step = STEP.match(path, at)
        if step is None or not isinstance(schema, dict):
            return False
        name = step[1] or ESCAPED.sub(lambda found: ESCAPES.get(found[1], found[1]), step[2] or "")
        if schema.get("properties"):
            schema = schema["properties"].get(name)
        else:
            schema = schema.get("additionalProperties")
        if not isinstance(schema, dict):
            return False
        at = step.end()
    return True


def _expressions(place: Found, costs: Costs) -> Errors:
    type_, shape = type_of_node(place.node, place.root, "selfType"), shape_of(place.schema, place.root)
    if type_ is None:
        return [invalid(f"{place.at}.{RULES}", place.schema[RULES], LATER)]
    errors: Errors = []
    for index, rule in enumerate(compile_rules(place.schema[RULES], type_)):
        here = f"{place.at}.{RULES}[{index}]"
        if shape is not None and rule.program is not None:
            errors += costs.of_rule(f"{here}.rule", rule.program, shape, place.often)
        if rule.wrong:
            errors.append(_struct(f"{here}.rule", rule.spec, rule.wrong))
        if rule.wrong_message:
            errors.append(_struct(f"{here}.messageExpression", rule.spec, rule.wrong_message))
        elif shape is not None and rule.message is not None:
            errors += costs.of_message(f"{here}.messageExpression", rule.message, shape)
        if rule.uses_old and place.uncorrelated:
            detail = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {place.uncorrelated}"
            errors.append(invalid(f"{here}.rule", rule.spec["rule"], detail))
        elif not rule.uses_old and "optionalOldSelf" in rule.spec:
            detail = "may not be set if oldSelf is not used in rule"
            errors.append(invalid(f"{here}.optionalOldSelf", rule.spec["optionalOldSelf"], detail))
    return errors


def _struct(at: str, rule: Obj, detail: str) -> FieldError:
    """An invalid rule, shown as Go's encoder writes the untagged struct."""
    fields = {key[:1].upper() + key[1:]: rule.get(key) or default for key, default in STRUCT.items()}
    text = shown(fields).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return FieldError("FieldValueInvalid", at, f"Invalid value: {text}: {detail}")
