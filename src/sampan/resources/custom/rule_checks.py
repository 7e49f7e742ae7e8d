"""Whether the rules of a CRD's schema can be evaluated: the check at its creation (apiextensions: validation)."""

import re
from typing import Any

from sampan.api.cel.schema import type_of_node
from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.api.schema.nodes import Node
from sampan.api.schema.openapi import from_openapi
from sampan.resources.custom.rules import RULES, compile_rules
from sampan.resources.strategies.checks import Errors, invalid, not_supported, required, shown

Found = tuple[Obj, Node, bool, str, str]
REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
BREAK = re.compile(r"[\n\r]")
STEP = re.compile(r"\.([^.\[\]]+)|\['((?:\\.|[^'\\])*)'\]")
ESCAPED = re.compile(r"\\(.)")
ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
STRUCT = {
    "rule": "", "message": "", "messageExpression": "", "reason": None, "fieldPath": "", "optionalOldSelf": None,
}  # fmt: skip
LATER = "x-kubernetes-validations of a schema without a type that rules can see cannot be evaluated"


def check_rules(schema: Obj, at: str) -> Errors:
    """What is wrong with the rules of a version's openAPIV3Schema: first their form, then their expressions."""
    found: list[Found] = []
    node = from_openapi(schema)
    _collect(schema, node, True, at, "", found)
    errors = [error for raw, _, _, path, _ in found for error in _form(raw, path)]
    if errors:
        return errors
    return [error for place in found for error in _expressions(*place)]


def _collect(schema: Obj, node: Node, root: bool, at: str, uncorrelated: str, found: list[Found]) -> None:
    """All schemas with rules, each with the node of its values, and the list whose items have no old value."""
    if schema.get(RULES):
        found.append((schema, node, root, at, uncorrelated))
    for index, part in enumerate(schema.get("allOf") or ()):
        _collect(part, node, root, f"{at}.allOf[{index}]", uncorrelated, found)
    for key, child in (schema.get("properties") or {}).items():
        inner = node.properties.get(key) or from_openapi(child)
        _collect(child, inner, inner.embedded, f"{at}.properties[{key}]", uncorrelated, found)
    items, additional = schema.get("items"), schema.get("additionalProperties")
    if isinstance(items, dict):
        below = uncorrelated or ("" if node.list_type == "map" else at)
        inner = node.items or from_openapi(items)
        _collect(items, inner, inner.embedded, f"{at}.items", below, found)
    if isinstance(additional, dict):
        inner = node.items or from_openapi(additional)
        _collect(additional, inner, inner.embedded, f"{at}.additionalProperties", uncorrelated, found)


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


def _expressions(schema: Obj, node: Node, root: bool, at: str, uncorrelated: str) -> Errors:
    type_ = type_of_node(node, root, "selfType")
    if type_ is None:
        return [invalid(f"{at}.{RULES}", schema[RULES], LATER)]
    errors: Errors = []
    for index, rule in enumerate(compile_rules(schema[RULES], type_)):
        here = f"{at}.{RULES}[{index}]"
        if rule.wrong:
            errors.append(_struct(f"{here}.rule", rule.spec, rule.wrong))
        if rule.wrong_message:
            errors.append(_struct(f"{here}.messageExpression", rule.spec, rule.wrong_message))
        if rule.uses_old and uncorrelated:
            detail = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {uncorrelated}"
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
