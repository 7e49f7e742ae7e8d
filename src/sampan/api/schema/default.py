"""Defaults that a schema carries, for custom resources (apiextensions: structural defaulting)."""

from typing import Any

from sampan.api.schema.nodes import Node


def default(value: Any, node: Node) -> Any:
    """The value with missing fields set to their defaults, nulls that may not be null too; the same object if whole.

    Defaults apply below objects that are there: a missing object without a default of its own stays missing.
    """
    if isinstance(value, dict) and node.type in ("object", "map"):
        return _default_object(value, node)
    if isinstance(value, list) and node.items is not None:
        items = node.items
        filled = [default(items.default if _wants_default(one, items) else one, items) for one in value]
        return filled if any(new is not old for new, old in zip(filled, value, strict=True)) else value
    return value


def _default_object(value: dict[str, Any], node: Node) -> dict[str, Any]:
    result = dict(value)
    for key, child in node.properties.items():
        if child.has_default and child.default is not None and (key not in value or _wants_default(value[key], child)):
            result[key] = child.default
    for key, one in result.items():
        inner = node.properties.get(key) or node.items
        if inner is not None:
            known = inner.default if key not in node.properties and _wants_default(one, inner) else one
            result[key] = default(known, inner)
    same = len(result) == len(value) and all(result[key] is value[key] for key in value)
    return value if same else result


def _wants_default(value: Any, node: Node) -> bool:
    return value is None and not node.nullable and node.has_default and node.default is not None


def drop_nulls(value: Any, node: Node) -> Any:
    """The value without nulls of fields that are neither nullable nor have a default; the same object if none."""
    if isinstance(value, dict):
        result: dict[str, Any] = {}
        for key, one in value.items():
            child = node.properties.get(key) or node.items
            if child is None:
                result[key] = one
            elif one is not None or child.nullable or child.has_default:
                result[key] = drop_nulls(one, child)
        same = len(result) == len(value) and all(result[key] is value[key] for key in value)
        return value if same else result
    if isinstance(value, list) and node.items is not None:
        items = node.items
        kept = [drop_nulls(one, items) for one in value]
        return kept if any(new is not old for new, old in zip(kept, value, strict=True)) else value
    return value
