"""What messages of OpenAPI documents (gnostic's protobuf packages) are written with."""

import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

from sampan.api.protobuf.wire import delimited, varint

Raw = Mapping[str, Any]
Write = Callable[[Any], bytes]
"""A JSON value as the contents of one length-delimited field."""
Kind = Callable[[int, Any], bytes]
"""A JSON value as a field with its number."""


def message(fields: Mapping[str, tuple[int, Kind]], value: Raw, extensions: int = 0) -> bytes:
    """The fields that the message knows, and the value's `x-...` members as vendor extensions."""
    parts = []
    for key, child in value.items():
        field = fields.get(key)
        if field is not None:
            parts.append(field[1](field[0], child))
        elif extensions and key.startswith("x-"):
            parts.append(delimited(extensions, named(key, anything(child))))
    return b"".join(parts)


def text(number: int, value: Any) -> bytes:
    return delimited(number, str(value).encode())


def boolean(number: int, value: Any) -> bytes:
    return varint(number << 3) + b"\1" if value else b""


def integer(number: int, value: Any) -> bytes:
    return varint(number << 3) + varint(int(value))


def double(number: int, value: Any) -> bytes:
    return varint(number << 3 | 1) + struct.pack("<d", float(value))


def one(write: Write) -> Kind:
    return lambda number, value: delimited(number, write(value))


def each(kind: Kind) -> Kind:
    return lambda number, value: b"".join(kind(number, child) for child in value)


def mapping(write: Write, inner: int = 1) -> Write:
    """An object as a message whose field `inner` is a list of names and values."""
    return lambda value: b"".join(delimited(inner, named(key, write(child))) for key, child in value.items())


def named(name: str, value: bytes) -> bytes:
    return delimited(1, name.encode()) + delimited(2, value)


def anything(value: Any) -> bytes:
    """A message `Any`: YAML text, of which JSON is a part."""
    return delimited(2, json.dumps(value).encode())
