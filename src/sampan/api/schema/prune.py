"""Fields that a schema does not know: find them, or drop them (custom resources)."""

from typing import Any

from sampan.api.json import Obj
from sampan.api.schema.nodes import Node


def unknown_fields(value: Any, node: Node, path: str = "") -> list[str]:
    """Paths of unknown fields in the order in which they stand, as strict decoding names them (`spec.ports[0].x`)."""
    found: list[str] = []
    _collect(value, node, path, found)
    return found


def _collect(value: Any, node: Node, path: str, found: list[str]) -> None:
    if isinstance(value, dict) and node.type == "object":
        properties = node.properties
        for key, child in value.items():
            inner = f"{path}.{key}" if path else key
            known = properties.get(key)
            if known is not None:
                _collect(child, known, inner, found)
            elif node.items is not None:
                _collect(child, node.items, inner, found)
            elif not node.preserve_unknown and not (node.embedded and key in ("apiVersion", "kind", "metadata")):
                found.append(inner)
    elif isinstance(value, dict) and node.type == "map" and node.items is not None:
        for key, child in value.items():
            _collect(child, node.items, f"{path}.{key}" if path else key, found)
    elif isinstance(value, dict) and node.type == "any" and node.items is not None:
        _collect(value, node.items, path, found)
    elif isinstance(value, list) and node.items is not None:
        for index, child in enumerate(value):
            _collect(child, node.items, f"{path}[{index}]", found)


NOTHING = Node("any")
"""The schema of what is not known at all: of such values only scalars and lists of them stay."""
RESOURCE = frozenset(("apiVersion", "kind", "metadata"))


def prune(value: Any, node: Node) -> Any:
    """The value without fields that a structural schema does not know; the very same object when there are none."""
    return _prune(value, node, "", None)


def pruned_fields(value: Any, node: Node) -> list[str]:
    """The paths of the fields that `prune` drops, sorted."""
    found: list[str] = []
    _prune(value, node, "", found)
    return sorted(found)


def _prune(value: Any, node: Node, path: str, dropped: list[str] | None) -> Any:
    if isinstance(value, dict):
        return _prune_object(value, node, path, dropped)
    if not isinstance(value, list) or not value:
        return value
    items = node.items if node.type in ("array", "any") else None
    if items is None:
        if node.preserve_unknown:
            return value
        items = NOTHING
    elif node.preserve_unknown and not items.preserve_unknown and items.items is None and not items.properties:
        return value
    kept = [
        one if not isinstance(one, dict | list) else _prune(one, items, f"{path}[{index}]", dropped)
        for index, one in enumerate(value)
    ]
    return kept if any(new is not old for new, old in zip(kept, value, strict=True)) else value


def _prune_object(value: Obj, node: Node, path: str, dropped: list[str] | None) -> Obj:
    result: Obj = {}
    same = True
    properties = node.properties
    others = node.items if node.type != "array" else None
    for key, child in value.items():
        if node.embedded and key in RESOURCE:
            result[key] = child
            continue
        known = properties.get(key) or others
        if known is not None:
            if isinstance(child, dict | list):
                result[key] = _prune(child, known, f"{path}.{key}" if path else key, dropped)
                same = same and result[key] is child
            else:
                result[key] = child
        elif node.preserve_unknown:
            result[key] = child
        else:
            same = False
            if dropped is not None and (path or key not in RESOURCE):
                dropped.append(f"{path}.{key}" if path else key)
    return value if same else result
