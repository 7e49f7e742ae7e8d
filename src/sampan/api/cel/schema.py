"""Structural schemas as CEL types, and JSON values as the CEL values that their schema makes of them."""

from collections.abc import Callable, Mapping
from typing import Any

from sampan.api.cel import times
from sampan.api.cel.escaping import escape
from sampan.api.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    Field,
    Type,
    list_of,
    map_of,
)
from sampan.api.cel.values import EvalError, MapList, SetList
from sampan.api.schema.nodes import Node
from sampan.api.schema.scalars import canonical_base64

Convert = Callable[[Any], Any]
FORMATS = {
    "byte": BYTES, "duration": DURATION, "date": TIMESTAMP, "date-time": TIMESTAMP,
}  # fmt: skip
SIMPLE = {"integer": INT, "number": DOUBLE, "boolean": BOOL}
META = Node("object")
META._properties = {"name": Node("string"), "generateName": Node("string")}


def properties(node: Node, is_root: bool) -> Mapping[str, Node]:
    """Fields that rules may see: at the root of a resource always its kind and name."""
    if not is_root:
        return node.properties
    own = {**node.properties, "apiVersion": Node("string"), "kind": Node("string")}
    given = node.properties.get("metadata")
    if given is None or not given.properties:
        own["metadata"] = META
    return own


def type_of_node(node: Node, is_root: bool = False, name: str = "object") -> Type | None:
    """The type of values of a schema; None for what rules cannot see (no known structure)."""
    match node.type:
        case "int-or-string":
            return DYN
        case "array":
            item = type_of_node(node.items, node.items.embedded, f"{name}.@idx") if node.items else None
            return None if item is None else list_of(item)
        case "map":
            value = type_of_node(node.items, node.items.embedded, f"{name}.@elem") if node.items else None
            return None if value is None else map_of(STRING, value)
        case "object":
            return Type("object", (), name, _fields(node, is_root, name))
        case "string":
            return FORMATS.get(node.format, STRING)
    if is_root or node.embedded:
        return Type("object", (), name, _fields(node, True, name))
    return SIMPLE.get(node.type)


def _fields(node: Node, is_root: bool, name: str) -> dict[str, Field]:
    made = {}
    for key, child in properties(node, is_root).items():
        type_ = type_of_node(child, child.embedded, f"{name}.{key}")
        spelled = escape(key)
        if type_ is not None and spelled is not None:
            made[spelled] = Field(key, type_)
    return made


# --- values


def converter(node: Node) -> Convert | None:
    """What makes CEL values of JSON values; None if they are the same."""
    match node.type:
        case "array":
            return _list(node)
        case "map":
            inner = converter(node.items) if node.items is not None else None
            return None if inner is None else lambda value: _mapped(value, inner)
        case "object":
            found = {key: one for key, child in node.properties.items() if (one := converter(child)) is not None}
            return (lambda value: _object(value, found)) if found else None
        case "number":
            return lambda value: float(value) if type(value) is int else value
        case "string":
            return READERS.get(node.format)
    return None


def _mapped(value: Any, inner: Convert) -> Any:
    return {key: inner(one) for key, one in value.items()} if isinstance(value, dict) else value


def _object(value: Any, fields: Mapping[str, Convert]) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: fields[key](one) if key in fields else one for key, one in value.items()}


def _list(node: Node) -> Convert | None:
    inner = converter(node.items) if node.items is not None else None
    if node.list_type == "set":
        return lambda value: (
            SetList(value if inner is None else map(inner, value)) if isinstance(value, list) else value
        )
    if node.list_type == "map":
        keys = node.map_keys

        def keyed(value: Any) -> Any:
            if not isinstance(value, list):
                return value
            made = MapList(value if inner is None else map(inner, value))
            made.keys = keys
            return made

        return keyed
    if inner is None:
        return None
    return lambda value: [inner(one) for one in value] if isinstance(value, list) else value


def _read(parse: Callable[[str], Any]) -> Convert:
    def run(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return parse(value)
        except (EvalError, ValueError):
            return value  # the schema refuses it

    return run


def _date(text: str) -> Any:
    return times.parse_timestamp(text if "T" in text.upper() else f"{text}T00:00:00Z")


def _bytes(text: str) -> bytes:
    from base64 import b64decode

    return b64decode(canonical_base64(text))


READERS: dict[str, Convert] = {
    "byte": _read(_bytes),
    "duration": _read(times.parse_duration),
    "date": _read(_date),
    "date-time": _read(_date),
}
