"""The protobuf wire format: varints, tags, and what is wrong with malformed data, in gogo's words."""

from typing import Final

VARINT, FIXED64, BYTES, START_GROUP, END_GROUP, FIXED32 = range(6)
DEPTH: Final = 100
"""How deep messages may lie in one another."""


class WireError(ValueError):
    """The data is no message of its type; the text is that of Go's unmarshallers."""


def eof() -> WireError:
    """The data ends too early."""
    return WireError("unexpected EOF")


def overflow() -> WireError:
    """A varint of more than 64 bits."""
    return WireError("proto: integer overflow")


def negative() -> WireError:
    """A length that does not fit."""
    return WireError("proto: negative length found during unmarshaling")


def too_deep() -> WireError:
    """Messages nest beyond DEPTH."""
    return WireError("proto: exceeded max depth")


def read_varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """The unsigned value at `at`, and where it ends. Raises WireError."""
    value = shift = 0
    while True:
        if shift >= 64:
            raise overflow()
        if at >= end:
            raise eof()
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7


def read_length(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Start and end of the length-delimited value whose length is at `at`. Raises WireError."""
    size, at = read_varint(data, at, end)
    stop = at + size
    if stop > end:
        raise negative() if size >= 1 << 63 else eof()
    return at, stop


def skip(data: bytes, at: int, end: int, wire: int, depth: int = 0) -> int:
    """Where the value of a field that nobody knows ends. Raises WireError."""
    if wire == VARINT:
        return read_varint(data, at, end)[1]
    if wire == BYTES:
        return read_length(data, at, end)[1]
    if wire in (FIXED64, FIXED32):
        at += 8 if wire == FIXED64 else 4
        if at > end:
            raise eof()
        return at
    if wire == END_GROUP:
        raise WireError("proto: unexpected end of group")
    if wire != START_GROUP:
        raise WireError(f"proto: illegal wireType {wire}")
    if depth >= DEPTH:
        raise too_deep()
    while True:
        tag, at = read_varint(data, at, end)
        if tag & 7 == END_GROUP:
            return at
        at = skip(data, at, end, tag & 7, depth + 1)


def varint(value: int) -> bytes:
    """A value as a varint; a negative one as 64 bits."""
    if 0 <= value < 0x80:
        return ONE[value]
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


ONE: Final = tuple(bytes((value,)) for value in range(0x80))


def delimited(number: int, data: bytes | bytearray) -> bytes:
    """A length-delimited field."""
    return varint(number << 3 | BYTES) + varint(len(data)) + data
