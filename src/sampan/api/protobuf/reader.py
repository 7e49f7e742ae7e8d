"""Messages to JSON objects. A message's table is compiled when the first one comes; a field costs one look-up.

The result is what Go's fields would say, zero values and all: the schema's decoder makes of it what is stored.
Fields that nobody knows are skipped; a message that comes twice is merged, as protobuf wants it.
"""

from base64 import b64encode
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from sampan.api.json import Obj
from sampan.api.protobuf.messages import Field, fields_of
from sampan.api.protobuf.rare import SCALARS, unknown_reader
from sampan.api.protobuf.special import SPECIAL, signed, text
from sampan.api.protobuf.wire import BYTES, DEPTH, VARINT, eof, negative, read_length, read_varint, skip, too_deep

Read = Callable[[bytes, int, int, Obj, int], None]
Value = Callable[[bytes, int, int, int], Any]
STRING, MESSAGE, INTEGER, BOOLEAN, INLINE, VALUE, LIST, MAP, PACKED = range(9)
Entry = tuple[int, str, Any]
_BITS: Final = {"int32": 32, "int64": 64}


def read(name: str, data: bytes) -> Any:
    """The JSON value of a message's bytes. Raises WireError; KeyError for a message that is not known."""
    return read_value(target(name), data, 0, len(data), 0)


class Target:
    """A message type; compiled on first use, since types are recursive."""

    __slots__ = ("name", "read", "wraps")

    def __init__(self, name: str) -> None:
        self.name = name
        self.read: Read = self._first
        fields = fields_of(name)
        self.wraps = len(fields) == 1 and fields[0].name == "[]"
        """Its JSON is the list in its only field."""

    def _first(self, data: bytes, at: int, end: int, obj: Obj, depth: int) -> None:
        self.read = _compile(self.name, fields_of(self.name))
        self.read(data, at, end, obj, depth)


@cache
def target(name: str) -> Target:
    """The one Target of a message."""
    return Target(name)


def read_value(one: Target, data: bytes, at: int, end: int, depth: int) -> Any:
    """A message as its JSON value."""
    obj: Obj = {}
    one.read(data, at, end, obj, depth)
    return obj.get("[]", []) if one.wraps else obj


def _compile(name: str, fields: tuple[Field, ...]) -> Read:
    entries: dict[int, Entry] = {}
    for field in fields:
        entries.update(_entries(field))
    get = entries.get
    unknown = unknown_reader(name.rpartition(".")[2], fields)

    def read_message(data: bytes, at: int, end: int, obj: Obj, depth: int) -> None:
        if depth > DEPTH:
            raise too_deep()
        while at < end:
            tag = data[at]
            at += 1
            if tag >= 0x80:
                tag, at = read_varint(data, at - 1, end)
            entry = get(tag)
            if entry is None:
                at = unknown(data, at, end, tag, obj)
                continue
            if at >= end:
                raise eof()
            size = data[at]
            at += 1
            if size >= 0x80:
                size, at = read_varint(data, at - 1, end)
            kind, key, how = entry
            if kind == INTEGER:
                obj[key] = size if size < 0x80 else signed(size, how)
                continue
            if kind == BOOLEAN:
                obj[key] = size != 0
                continue
            start = at
            at += size
            if at > end:
                raise negative() if size >= 1 << 63 else eof()
            if kind == STRING:
                try:
                    obj[key] = data[start:at].decode()
                except UnicodeDecodeError:
                    obj[key] = text(data[start:at])
            elif kind == MESSAGE:
                inner = obj.get(key)
                if inner is None:
                    inner = obj[key] = {}
                how.read(data, start, at, inner, depth + 1)
            elif kind == INLINE:
                how.read(data, start, at, obj, depth + 1)
            elif kind == VALUE:
                obj[key] = how(data, start, at, depth + 1)
            else:
                _collect(obj, kind, key, how(data, start, at, depth + 1))

    return read_message


def _collect(obj: Obj, kind: int, key: str, value: Any) -> None:
    """Add to a map or a list."""
    held = obj.get(key)
    if kind == MAP:
        if held is None:
            held = obj[key] = {}
        held[value[0]] = value[1]
        return
    if held is None:
        held = obj[key] = []
    if kind == PACKED:
        held.extend(value)
    else:
        held.append(value)


def _entries(field: Field) -> dict[int, Entry]:
    """How the field is read, by tag; what is rare is not here."""
    tag, name = field.number << 3 | BYTES, field.name
    kind = field.type
    if field.shape == "map":
        return {tag: (MAP, name, _map_entry(kind))}
    if field.shape == "inline":
        return {tag: (INLINE, name, target(kind))}
    if field.shape == "many":
        if kind in SCALARS:
            return {tag: (PACKED, name, _packed(kind))}
        return {tag: (LIST, name, value_of(kind))}
    if kind in _BITS:
        return {field.number << 3 | VARINT: (INTEGER, name, _BITS[kind])}
    if kind == "bool":
        return {field.number << 3 | VARINT: (BOOLEAN, name, None)}
    if kind == "string":
        return {tag: (STRING, name, None)}
    if kind == "double":
        return {}
    if kind in SPECIAL or kind in UNIONS or kind == "bytes" or target(kind).wraps:
        return {tag: (VALUE, name, value_of(kind))}
    return {tag: (MESSAGE, name, target(kind))}


def _packed(kind: str) -> Value:
    one = SCALARS[kind]

    def read_packed(data: bytes, at: int, end: int, depth: int) -> Any:
        found = []
        while at < end:
            value, at = one(data, at, end)
            found.append(value)
        return found

    return read_packed


def value_of(kind: str) -> Value:
    """What reads the bytes of one value: an element, or a map's."""
    if kind == "string":
        return lambda data, at, end, depth: text(data[at:end])
    if kind == "bytes":
        return lambda data, at, end, depth: b64encode(data[at:end]).decode()
    if kind in SPECIAL:
        special = SPECIAL[kind].read
        return lambda data, at, end, depth: special(data, at, end)
    if kind in UNIONS:
        return UNIONS[kind]
    one = target(kind)
    return lambda data, at, end, depth: read_value(one, data, at, end, depth)


def _map_entry(kind: str) -> Value:
    """One entry of a map: its key and value."""
    value_at = value_of(kind)

    def read_entry(data: bytes, at: int, end: int, depth: int) -> tuple[str, Any]:
        key, start, stop = "", end, end
        while at < end:
            tag, at = read_varint(data, at, end)
            if tag == 0x0A:
                begin, at = read_length(data, at, end)
                key = text(data[begin:at])
            elif tag == 0x12:
                start, at = read_length(data, at, end)
                stop = at
            else:
                at = skip(data, at, end, tag & 7)
        return key, value_at(data, start, stop, depth)

    return read_entry


def _union(name: str, other: str, kind: str) -> Value:
    """A schema, or something else: a list of schemas or strings, or whether anything is allowed."""
    schema = Field("schema", 2 if kind == "bool" else 1, "one", f"{_CRD}JSONSchemaProps")
    second = Field(other, 1 if kind == "bool" else 2, "one" if kind == "bool" else "many", kind)

    def read_union(data: bytes, at: int, end: int, depth: int) -> Any:
        obj: Obj = {}
        one = _unions.get(name)
        if one is None:
            one = _unions[name] = _compile(name, (schema, second))
        one(data, at, end, obj, depth)
        if obj.get(other) and kind != "bool":
            return obj[other]
        return obj.get("schema", obj.get(other, False) if kind == "bool" else None)

    return read_union


_unions: dict[str, Read] = {}
_CRD: Final = "apiextensions.v1."
UNIONS: Final = {
    f"{_CRD}JSONSchemaPropsOrArray": _union("JSONSchemaPropsOrArray", "jSONSchemas", f"{_CRD}JSONSchemaProps"),
    f"{_CRD}JSONSchemaPropsOrBool": _union("JSONSchemaPropsOrBool", "allows", "bool"),
    f"{_CRD}JSONSchemaPropsOrStringArray": _union("JSONSchemaPropsOrStringArray", "property", "string"),
}
