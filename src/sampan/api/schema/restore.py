"""Values as Go's unstructured converter takes them, which strategic merge patches go through instead of JSON decoding.

It knows other rules and other errors: numbers are cut to their type's size, whole fractions are integers
(k8s.io/apimachinery, runtime.FromUnstructured).
"""

import math
from typing import Any, Final

from sampan.api.schema.decode import DecodeError, decode_alone, go_type
from sampan.api.schema.nodes import Node, NodeType

_KINDS: Final = {str: "string", bool: "bool", int: "int64", float: "float64", dict: "map", list: "slice"}
_OWN_DECODERS: Final[frozenset[NodeType]] = frozenset(("quantity", "int-or-string", "time", "microtime", "any"))
_SCALARS: Final[frozenset[NodeType]] = frozenset(("string", "boolean", "integer", "number"))


def restored(value: Any, node: Node) -> Any:
    """The value with numbers made to fit; raises DecodeError with the converter's message."""
    if value is None:
        return None
    if node.type in _SCALARS:
        return _scalar(value, node)
    if node.type in _OWN_DECODERS:
        decode_alone(value, node)
        return value
    if node.type == "bytes":
        return _bytes(value, node)
    if node.type == "object":
        return _struct(value, node)
    element = node.items or Node("any")
    if node.type == "map":
        if type(value) is not dict:
            raise DecodeError(f"cannot restore map from {_KINDS[type(value)]}")
        return {key: restored(one, element) for key, one in value.items()}
    if type(value) is not list:
        raise DecodeError(f"cannot restore slice from {_KINDS[type(value)]}")
    return [restored(one, element) for one in value]


def _struct(value: Any, node: Node) -> Any:
    if type(value) is not dict:
        raise DecodeError(f"cannot restore struct from: {_KINDS[type(value)]}")
    made = {key: restored(value[key], child) for key, child in node.properties.items() if key in value}
    return {**value, **made}


def _bytes(value: Any, node: Node) -> Any:
    if type(value) is not str:
        raise DecodeError(f"cannot restore slice from {_KINDS[type(value)]}")
    try:
        decode_alone(value, node)
    except DecodeError as error:
        raise DecodeError(f"error decoding from json: {error}") from None
    return value


def _scalar(value: Any, node: Node) -> Any:
    kind = type(value)
    if node.type == "string":
        if kind is str:
            return value
        if kind is int:  # Go converts integers to strings, of a rune, which the converter then refuses
            raise DecodeError(f"cannot convert int64 to {go_type(node)}")
        raise DecodeError("unrecognized type: string")
    if node.type == "boolean":
        if kind is bool:
            return value
        raise DecodeError("unrecognized type: bool")
    size = "float64" if node.type == "number" else node.format or "int64"
    if kind is float and node.type == "integer":
        if not math.isfinite(value) or value != math.trunc(value):
            raise DecodeError(f"cannot convert float64 to {go_type(node)}")
        return _wrapped(int(value), size)
    if kind not in (int, float):
        raise DecodeError(f"unrecognized type: {size}")
    return value if node.type == "number" else _wrapped(value, size)


def _wrapped(value: int, size: str) -> int:
    bits = 32 if size == "int32" else 64
    half = 1 << (bits - 1)
    return (value + half) % (2 * half) - half
