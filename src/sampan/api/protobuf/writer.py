"""JSON objects to messages. Keys that the message does not have are left out, as are nulls.

Fields come in the object's order, which protobuf leaves open. Fields that Go writes though they are empty are only
written when the object has them: to a reader it is the same.
"""

import struct
from base64 import b64decode
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from sampan.api.json import Obj
from sampan.api.protobuf.messages import Field, fields_of
from sampan.api.protobuf.special import SPECIAL
from sampan.api.protobuf.wire import BYTES, FIXED64, ONE, VARINT, delimited, varint

Write = Callable[[Obj], bytes | bytearray]
Element = Callable[[Any], bytes | bytearray]
Append = Callable[[bytearray, bytes, Any], None]
STRING, MESSAGE, INTEGER, BOOLEAN, VALUE, OTHER = range(6)
Entry = tuple[int, bytes, Any]
_CRD: Final = "apiextensions.v1."


def write(name: str, value: Any) -> bytes:
    """A JSON value as a message's bytes. Raises KeyError for a message that is not known, ValueError if it misfits."""
    try:
        return bytes(element_of(name)(value))
    except (AttributeError, TypeError, OverflowError) as error:
        raise ValueError(f"the object is no {name}: {error}") from error


class Target:
    """A message type; compiled on first use, since types are recursive."""

    __slots__ = ("name", "wraps", "write")

    def __init__(self, name: str) -> None:
        self.name = name
        self.write: Write = self._first
        fields = fields_of(name)
        self.wraps = len(fields) == 1 and fields[0].name == "[]"

    def _first(self, obj: Obj) -> bytes | bytearray:
        self.write = _compile(fields_of(self.name))
        return self.write(obj)


@cache
def target(name: str) -> Target:
    """The one Target of a message."""
    return Target(name)


def _compile(fields: tuple[Field, ...]) -> Write:
    entries = {field.name: _entry(field) for field in fields if field.shape != "inline"}
    inlined = tuple((tag_of(field), target(field.type)) for field in fields if field.shape == "inline")
    get = entries.get

    def write_message(obj: Obj) -> bytearray:
        out = bytearray()
        for key, value in obj.items():
            entry = get(key)
            if entry is None or value is None:
                continue
            kind, tag, how = entry
            if kind == STRING:
                data = value.encode()
            elif kind == MESSAGE:
                data = how.write(value)
            elif kind == VALUE:
                data = how(value)
            elif kind == OTHER:
                how(out, tag, value)
                continue
            else:
                out += tag
                out += ONE[value] if 0 <= value < 0x80 else varint(value)
                continue
            out += tag
            size = len(data)
            out += ONE[size] if size < 0x80 else varint(size)
            out += data
        for tag, inner in inlined:
            data = inner.write(obj)
            if data:
                out += tag + varint(len(data)) + data
        return out

    return write_message


def tag_of(field: Field, wire: int = BYTES) -> bytes:
    """The bytes before a field's value."""
    return varint(field.number << 3 | wire)


def _entry(field: Field) -> Entry:
    kind = field.type
    if field.shape == "map":
        return OTHER, tag_of(field), _map(kind)
    if field.shape == "many":
        if kind in _SCALAR:
            wire, one = _SCALAR[kind]
            return OTHER, tag_of(field, wire), _each_scalar(one)
        return OTHER, tag_of(field), _each(element_of(kind))
    if kind == "string":
        return STRING, tag_of(field), None
    if kind == "double":
        return OTHER, tag_of(field, FIXED64), _each_scalar(_double, many=False)
    if kind in _SCALAR:
        return INTEGER, tag_of(field, VARINT), None
    if kind in SPECIAL or kind in UNIONS or kind == "bytes" or target(kind).wraps:
        return VALUE, tag_of(field), element_of(kind)
    return MESSAGE, tag_of(field), target(kind)


def _double(value: Any) -> bytes:
    return struct.pack("<d", value)


_SCALAR: Final[dict[str, tuple[int, Callable[[Any], bytes]]]] = {
    "int32": (VARINT, varint), "int64": (VARINT, varint), "bool": (VARINT, varint), "double": (FIXED64, _double),
}  # fmt: skip


def _each_scalar(one: Callable[[Any], bytes], many: bool = True) -> Append:
    """Numbers are not packed, as proto2 has it."""

    def append_scalars(out: bytearray, tag: bytes, value: Any) -> None:
        for each in value if many else (value,):
            out += tag + one(each)

    return append_scalars


def _each(element: Element) -> Append:
    def append_all(out: bytearray, tag: bytes, value: Any) -> None:
        for each in value:
            data = element(each)
            size = len(data)
            out += tag
            out += ONE[size] if size < 0x80 else varint(size)
            out += data

    return append_all


def _map(kind: str) -> Append:
    """Entries are messages of key and value."""
    element = element_of(kind)

    def append_map(out: bytearray, tag: bytes, value: Any) -> None:
        for key, each in value.items():
            name, data = key.encode(), element(each)
            entry = b"\x0a%b%b\x12%b" % (varint(len(name)), name, varint(len(data))) + data
            out += tag
            out += varint(len(entry))
            out += entry

    return append_map


def element_of(kind: str) -> Element:
    """What makes the bytes of one value: an element, or a map's."""
    if kind == "string":
        return _text
    if kind == "bytes":
        return b64decode
    if kind in SPECIAL:
        return _or_nothing(SPECIAL[kind].write)
    if kind in UNIONS:
        return UNIONS[kind]
    one = target(kind)
    if one.wraps:
        return lambda value: one.write({"[]": value})
    return lambda value: one.write(value)


def _text(value: str) -> bytes:
    return value.encode()


def _or_nothing(one: Element) -> Element:
    """Null elements are empty messages."""
    return lambda value: b"" if value is None else one(value)


def _schema_or_array(value: Any) -> bytes:
    schema = element_of(f"{_CRD}JSONSchemaProps")
    if isinstance(value, list):
        return b"".join(delimited(2, schema(each)) for each in value)
    return delimited(1, schema(value))


def _schema_or_bool(value: Any) -> bytes:
    if isinstance(value, bool):
        return b"\x08" + varint(value)
    return b"\x08\x01" + delimited(2, element_of(f"{_CRD}JSONSchemaProps")(value))


def _schema_or_strings(value: Any) -> bytes:
    if isinstance(value, list):
        return b"".join(delimited(2, each.encode()) for each in value)
    return delimited(1, element_of(f"{_CRD}JSONSchemaProps")(value))


UNIONS: Final[dict[str, Element]] = {
    f"{_CRD}JSONSchemaPropsOrArray": _schema_or_array,
    f"{_CRD}JSONSchemaPropsOrBool": _schema_or_bool,
    f"{_CRD}JSONSchemaPropsOrStringArray": _schema_or_strings,
}
