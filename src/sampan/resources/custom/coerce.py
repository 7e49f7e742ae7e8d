"""Metadata of resources within custom resources, brought into the form that metadata has everywhere."""

from typing import Any

from sampan.api.json import Obj
from sampan.api.schema.decode import DecodeError, decode
from sampan.api.schema.nodes import Node
from sampan.resources.custom.embedded import BOTH
from sampan.resources.strategies.checks import invalid


def coerce(value: Obj, node: Node, meta: Node, flags: list[bool]) -> Obj:
    """The value with such metadata; `flags` grows if that drops fields. Raises DecodeError."""
    made: Obj = _coerce(value, node, meta, "", flags)
    return made


def unknown_metadata(value: Any, node: Node, meta: Node) -> list[str]:
    """The paths of the fields that are dropped, sorted."""
    found: list[str] = []
    _coerce(value, node, meta, "", found)
    return sorted(found)


def _coerce(value: Any, node: Node, meta: Node, path: str, dropped: list[Any]) -> Any:
    if isinstance(value, list):
        if node.items is None:
            return value
        items = node.items
        return [_coerce(one, items, meta, f"{path}[{index}]", dropped) for index, one in enumerate(value)]
    if not isinstance(value, dict):
        return value
    made: Obj = {}
    for key, child in value.items():
        at = f"{path}.{key}" if path else key
        inner = node.properties.get(key) or node.items
        if node.embedded and key in BOTH and not isinstance(child, str):
            error = invalid(at, child, "must be a string")
            raise DecodeError(f"{error.field}: {error.message}")
        if node.embedded and key == "metadata":
            made[key] = _metadata(child, meta, at, dropped)
        elif inner is not None and isinstance(child, dict | list):
            made[key] = _coerce(child, inner, meta, at, dropped)
        else:
            made[key] = child
    return made


def _metadata(value: Any, meta: Node, at: str, dropped: list[Any]) -> Any:
    try:
        decoded, unknown = decode(value, meta)
    except DecodeError as problem:
        error = invalid(at, value, str(problem))
        raise DecodeError(f"{error.field}: {error.message}") from None
    dropped += [f"{at}.{path}" for path in unknown]
    return decoded
