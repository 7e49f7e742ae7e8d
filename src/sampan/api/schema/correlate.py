"""Which old value stands for a new one, so that what was wrong before may stay (KEP-4008, ratcheting)."""

from typing import Any, Final

from sampan.api.schema.nodes import Node

GONE: Final[Any] = type("Gone", (), {"__repr__": lambda self: "GONE"})()
"""There was no such value."""


def value_before(key: str, old: Any) -> Any:
    """The old value of a field of an object, or GONE."""
    return old.get(key, GONE) if isinstance(old, dict) else GONE


def item_before(item: Any, old: Any, node: Node) -> Any:
    """The old item with the same keys, or GONE; only lists of type map have keys."""
    if node.list_type != "map" or not isinstance(old, list) or not isinstance(item, dict):
        return GONE
    keys = [item.get(key) for key in node.map_keys]
    if None in keys:
        return GONE
    return next((one for one in old if isinstance(one, dict) and [one.get(key) for key in node.map_keys] == keys), GONE)


def is_same(new: Any, old: Any, node: Node) -> bool:
    """Whether nothing changed; the order of lists of type map does not count."""
    if isinstance(new, list) and isinstance(old, list):
        return len(new) == len(old) and _same_list(new, old, node)
    if isinstance(new, dict) and isinstance(old, dict):
        if len(new) != len(old):
            return False
        for key, one in new.items():
            below = node.properties.get(key) or node.items
            # Of what the schema does not know upstream can tell nothing.
            if key not in old or below is None or not is_same(one, old[key], below):
                return False
        return True
    return type(new) is type(old) and bool(new == old)


def _same_list(new: list[Any], old: list[Any], node: Node) -> bool:
    if node.list_type != "map" or node.items is None:
        return new == old
    for one in new:
        before = item_before(one, old, node)
        if before is GONE or not is_same(one, before, node.items):
            return False
    return True
