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


def prune(value: Any, node: Node) -> Any:
    """The value without fields that the schema does not know; the very same object when there are none."""
    if isinstance(value, dict) and node.type == "object":
        return _prune_object(value, node)
    if isinstance(value, dict) and node.type == "map" and node.items is not None:
        changed = {key: prune(child, node.items) for key, child in value.items()}
        return changed if any(changed[key] is not value[key] for key in value) else value
    if isinstance(value, list) and node.items is not None:
        items = node.items
        pruned = [prune(child, items) for child in value]
        return pruned if any(new is not old for new, old in zip(pruned, value, strict=True)) else value
    return value


def _prune_object(value: Obj, node: Node) -> Obj:
    result: Obj = {}
    same = True
    properties = node.properties
    for key, child in value.items():
        known = properties.get(key) or node.items
        if known is not None:
            result[key] = prune(child, known)
            same = same and result[key] is child
        elif node.preserve_unknown or (node.embedded and key in ("apiVersion", "kind", "metadata")):
            result[key] = child
        else:
            same = False
    return value if same else result
