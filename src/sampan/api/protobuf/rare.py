"""The scalars that are read one by one: unpacked and packed numbers, doubles; and fields that nobody knows."""

import struct
from collections.abc import Callable
from typing import Any, Final

from sampan.api.json import Obj
from sampan.api.protobuf.messages import Field
from sampan.api.protobuf.special import check_tag, signed
from sampan.api.protobuf.wire import FIXED64, VARINT, WireError, eof, read_varint, skip

Rare = tuple[str, bool, Callable[[bytes, int, int], tuple[Any, int]]]
"""Key, whether it repeats, and what reads the value and says where it ends."""
_DOUBLE: Final = struct.Struct("<d")


def _number(bits: int) -> Callable[[bytes, int, int], tuple[Any, int]]:
    def read_number(data: bytes, at: int, end: int) -> tuple[Any, int]:
        value, at = read_varint(data, at, end)
        return signed(value, bits), at

    return read_number


def _boolean(data: bytes, at: int, end: int) -> tuple[Any, int]:
    value, at = read_varint(data, at, end)
    return value != 0, at


def _double(data: bytes, at: int, end: int) -> tuple[Any, int]:
    """Go's encoder writes a whole number without a point."""
    if at + 8 > end:
        raise eof()
    value: float = _DOUBLE.unpack_from(data, at)[0]
    if value != value or value in (float("inf"), float("-inf")):
        raise WireError(f"json: unsupported value: {value}")
    return int(value) if value.is_integer() and abs(value) < 1e21 else value, at + 8


SCALARS: Final = {"int32": _number(32), "int64": _number(64), "bool": _boolean, "double": _double}


def unknown_reader(short: str, fields: tuple[Field, ...]) -> Callable[[bytes, int, int, int, Obj], int]:
    """What to do with a tag that is in no table: doubles, unpacked numbers, fields that are not known."""
    rare: dict[int, Rare] = {}
    known: dict[int, str] = {}
    for field in fields:
        known[field.number] = field.name or field.type.rpartition(".")[2]
        if field.type in SCALARS and (field.shape == "many" or field.type == "double"):
            wire = FIXED64 if field.type == "double" else VARINT
            rare[field.number << 3 | wire] = (field.name, field.shape == "many", SCALARS[field.type])

    def read_unknown(data: bytes, at: int, end: int, tag: int, obj: Obj) -> int:
        found = rare.get(tag)
        if found is not None:
            key, many, how = found
            value, at = how(data, at, end)
            if many:
                obj.setdefault(key, []).append(value)
            else:
                obj[key] = value
            return at
        check_tag(tag, short)
        number, wire = (tag >> 3) & 0x1FFFFFFF, tag & 7
        if number in known:
            field = known[number]
            raise WireError(f"proto: wrong wireType = {wire} for field {field[:1].upper()}{field[1:]}")
        return skip(data, at, end, wire)

    return read_unknown
