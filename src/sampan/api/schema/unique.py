"""Lists of type set have no item twice, lists of type map no keys twice (KEP-555)."""

from typing import Any

from sampan.api import json
from sampan.api.errors import FieldError
from sampan.api.schema.nodes import Node


def check_unique(value: Any, node: Node, path: str = "") -> list[FieldError]:
    """What stands twice, anywhere in a value."""
    found: list[FieldError] = []
    if isinstance(value, dict):
        for key, one in value.items():
            if not isinstance(one, dict | list):
                continue
            known = node.properties.get(key)
            inner = known or node.items
            if inner is not None:
                below = (f"{path}.{key}" if path else key) if known is not None else f"{path}[{key}]"
                found += check_unique(one, inner, below)
    elif isinstance(value, list):
        if node.list_type == "set":
            found += _twice(value, path)
        elif node.list_type == "map":
            found += _keys_twice(value, node, path)
        if node.items is not None:
            for index, one in enumerate(value):
                if isinstance(one, dict | list):
                    found += check_unique(one, node.items, f"{path}[{index}]")
    return found


def has_unique(node: Node) -> bool:
    """Whether a schema has such lists."""
    if node.list_type != "atomic" or (node.items is not None and has_unique(node.items)):
        return True
    return any(has_unique(child) for child in node.properties.values())


def _twice(values: list[Any], path: str) -> list[FieldError]:
    """Each value that is there before, once."""
    seen: dict[str, int] = {}
    found = []
    for index, value in enumerate(values):
        shown = json.dumps(value).decode()
        seen[shown] = count = seen.get(shown, 0) + 1
        if count == 2:
            found.append(FieldError("FieldValueDuplicate", f"{path}[{index}]", f"Duplicate value: {shown}"))
    return found


def _keys_twice(values: list[Any], node: Node, path: str) -> list[FieldError]:
    for index, one in enumerate(values):
        if one is not None and not isinstance(one, dict):
            text = f"Invalid value: {json.dumps(one).decode()}: must be an object for an array of list-type map"
            return [FieldError("FieldValueInvalid", f"{path}[{index}]", text)]
    return _twice([{key: one[key] for key in node.map_keys if key in one} if one else {} for one in values], path)
