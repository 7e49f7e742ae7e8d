"""Messages whose JSON is not an object of their fields: quantities, times, int-or-string, raw JSON, JSON schemas."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sampan.api import json
from sampan.api.protobuf.wire import BYTES, VARINT, WireError, delimited, read_length, read_varint, skip, varint
from sampan.api.times import format_duration, parse_duration

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Codec(NamedTuple):
    """How a value is read from a message's bytes and written as such. `empty` is the value of the empty message."""

    read: Callable[[bytes, int, int], Any]
    write: Callable[[Any], bytes]


def fields(data: bytes, at: int, end: int, name: str) -> dict[int, Any]:
    """The varints and bytes of a small message by field number; others are skipped, the last one wins."""
    found: dict[int, Any] = {}
    while at < end:
        tag, at = read_varint(data, at, end)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            found[number], at = read_varint(data, at, end)
        elif wire == BYTES:
            start, at = read_length(data, at, end)
            found[number] = data[start:at]
        else:
            check_tag(tag, name)
            at = skip(data, at, end, wire)
    return found


def check_tag(tag: int, name: str) -> None:
    """Raise what gogo says about a tag that no field can have."""
    if tag & 7 == 4:
        raise WireError(f"proto: {name}: wiretype end group for non-group")
    if (tag >> 3) & 0x1FFFFFFF == 0:
        raise WireError(f"proto: {name}: illegal tag 0 (wire type {tag})")


def typed(found: Mapping[int, Any], number: int, kind: type, nothing: Any) -> Any:
    """A field's value, which must be of that kind."""
    value = found.get(number, nothing)
    if type(value) is not kind:
        wire = VARINT if type(value) is int else BYTES
        raise WireError(f"proto: wrong wireType = {wire} for field number {number}")
    return value


def signed(value: int, bits: int = 64) -> int:
    """A varint as a signed number of that size."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def text(raw: bytes) -> str:
    """UTF-8; what is none is replaced, as Go's JSON encoder does."""
    return raw.decode(errors="replace")


def read_quantity(data: bytes, at: int, end: int) -> str:
    """resource.Quantity; the empty message is 0."""
    return text(typed(fields(data, at, end, "Quantity"), 1, bytes, b"0"))


@lru_cache(maxsize=4096)
def write_quantity(value: Any) -> bytes:
    """A quantity's text, or a number."""
    return delimited(1, str(value).encode())


def read_int_or_string(data: bytes, at: int, end: int) -> int | str:
    """intstr.IntOrString: the type says which of the two counts."""
    found = fields(data, at, end, "IntOrString")
    if typed(found, 1, int, 0) == 0:
        return signed(typed(found, 2, int, 0), 32)
    return text(typed(found, 3, bytes, b""))


def write_int_or_string(value: Any) -> bytes:
    """Either of the two."""
    if type(value) is int:
        return b"\x08\x00\x10%b\x1a\x00" % varint(value)
    return b"\x08\x01\x10\x00%b" % delimited(3, value.encode())


def read_time(data: bytes, at: int, end: int) -> str | None:
    """metav1.Time: whole seconds; the empty message is no time."""
    if at == end:
        return None
    return _time_text(typed(fields(data, at, end, "Timestamp"), 1, int, 0))


@lru_cache(maxsize=4096)
def _time_text(seconds: int) -> str:
    return f"{_moment(seconds).isoformat()[:19]}Z"


def _moment(seconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=signed(seconds))
    except OverflowError:
        raise WireError("Time.MarshalJSON: year outside of range [0,9999]") from None


@lru_cache(maxsize=4096)
def write_time(value: str) -> bytes:
    """A timestamp without nanoseconds."""
    return b"\x08%b\x10\x00" % varint((datetime.fromisoformat(value) - _EPOCH) // timedelta(seconds=1))


def read_micro_time(data: bytes, at: int, end: int) -> str | None:
    """metav1.MicroTime."""
    if at == end:
        return None
    found = fields(data, at, end, "Timestamp")
    micros = signed(typed(found, 2, int, 0), 32) // 1000
    try:
        moment = _moment(typed(found, 1, int, 0)) + micros * _MICROSECOND
    except OverflowError:
        raise WireError("Time.MarshalJSON: year outside of range [0,9999]") from None
    return f"{moment.isoformat(timespec='microseconds')[:26]}Z"


def write_micro_time(value: str) -> bytes:
    """A timestamp to the microsecond."""
    seconds, rest = divmod(datetime.fromisoformat(value) - _EPOCH, timedelta(seconds=1))
    return b"\x08%b\x10%b" % (varint(seconds), varint(rest // _MICROSECOND * 1000))


def read_duration(data: bytes, at: int, end: int) -> str:
    """metav1.Duration: nanoseconds."""
    return format_duration(signed(typed(fields(data, at, end, "Duration"), 1, int, 0)) / 1e9)


def write_duration(value: str) -> bytes:
    """Go's `1m30s`."""
    return b"\x08%b" % varint(round(parse_duration(value) * 1e9))


def read_raw(data: bytes, at: int, end: int) -> Any:
    """RawExtension, FieldsV1, JSON: JSON's bytes; none is null."""
    raw = typed(fields(data, at, end, "RawExtension"), 1, bytes, b"")
    if not raw:
        return None
    try:
        return json.loads(raw)
    except json.JSONDecodeError:
        raise WireError("raw value is no JSON") from None


def write_raw(value: Any) -> bytes:
    """Any JSON value."""
    return b"" if value is None else delimited(1, json.dumps(value))


SPECIAL: Final[Mapping[str, Codec]] = {
    "api.resource.Quantity": Codec(read_quantity, write_quantity),
    "util.intstr.IntOrString": Codec(read_int_or_string, write_int_or_string),
    "meta.v1.Time": Codec(read_time, write_time),
    "meta.v1.MicroTime": Codec(read_micro_time, write_micro_time),
    "meta.v1.Duration": Codec(read_duration, write_duration),
    "meta.v1.FieldsV1": Codec(read_raw, write_raw),
    "pkg.runtime.RawExtension": Codec(read_raw, write_raw),
    "apiextensions.v1.JSON": Codec(read_raw, write_raw),
}
"""By the message's name."""
