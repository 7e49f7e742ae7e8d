"""Defaults of a schema: pruned, valid by their schema, and with valid metadata where they are resources."""

from collections.abc import Callable
from typing import Any

from sampan.api.json import Obj
from sampan.api.schema.nodes import Node
from sampan.api.schema.openapi import from_openapi
from sampan.api.schema.prune import prune
from sampan.api.schema.validate import validate
from sampan.resources.custom.embedded import coercion_errors, embedded_errors
from sampan.resources.strategies.checks import Errors, invalid
from sampan.resources.validation.apiextensions.structural import EMBEDDED, INT_OR_STRING, is_plain

META = ("metadata", "apiVersion", "kind")
TYPE_META = {"apiVersion": "validation/v1", "kind": "Validation"}
Around = Callable[[Any], Any]


def check_defaults(schema: Obj, at: str) -> Errors:
    """What is wrong with the defaults anywhere in an openAPIV3Schema that is structural."""
    return _walk({**schema, EMBEDDED: True}, at, (from_openapi(schema), _with_type), False)


def _with_type(value: Any) -> Any:
    return {**TYPE_META, **value} if isinstance(value, dict) else value


def _walk(schema: Obj, at: str, around: tuple[Node, Around], in_meta: bool) -> Errors:
    """`around`: the resource that the default would stand in, and what puts it there."""
    embedded = bool(schema.get(EMBEDDED))
    if embedded:
        in_meta, around = False, (from_openapi(schema), _with_type)
    errors: Errors = []
    if schema.get("default") is not None:
        errors += _default(schema, f"{at}.default", around, in_meta)
    resource, wrap = around
    items = schema.get("items")
    if isinstance(items, dict):
        errors += _walk(items, f"{at}.items", (resource, lambda value: wrap([value])), in_meta)
    for key, child in (schema.get("properties") or {}).items():
        if is_plain(child):
            continue
        inside = in_meta or (embedded and key in META)
        errors += _walk(child, f"{at}.properties[{key}]", (resource, _put(wrap, key)), inside)
    return errors


def _put(wrap: Around, key: str) -> Around:
    return lambda value: wrap({key: value})


def _default(schema: Obj, at: str, around: tuple[Node, Around], in_meta: bool) -> Errors:
    value, node = schema["default"], from_openapi(schema)
    errors: Errors = []
    if in_meta:
        whole = around[1](value)
        found = coercion_errors(whole, around[0], "", root=True) or embedded_errors(whole, around[0], "", root=True)
        if found:
            texts = [f"{error.field}: {error.message}" for error in found]
            text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
            return [invalid(at, value, f"must result in valid metadata: {text}")]
    else:
        if prune(value, node) != value:
            errors.append(invalid(at, value, "must not have unknown fields"))
        found = coercion_errors(value, node, at) or embedded_errors(value, node, at)
        if found:
            return errors + found
    found = validate(value, from_openapi(_as_told(schema)), at)
    return errors + (found or _rules(value, node, at, bool(schema.get(EMBEDDED))))


def _as_told(schema: Any) -> Any:
    """The schema by which defaults are checked: x-kubernetes-int-or-string says nothing about their type."""
    if isinstance(schema, dict):
        return {key: _as_told(value) for key, value in schema.items() if key != INT_OR_STRING}
    return [_as_told(one) for one in schema] if isinstance(schema, list) else schema


def _rules(value: Any, node: Node, at: str, is_root: bool) -> Errors:
    from sampan.resources.custom.rules import compile_schema, rule_errors

    place = compile_schema(node, is_root=is_root)
    if place is None:
        return []
    return rule_errors(place, value, value, at, ratchet=False) or rule_errors(place, value, None, at)
