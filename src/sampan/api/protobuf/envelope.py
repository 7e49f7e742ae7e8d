"""Whole bodies: the prefix and runtime.Unknown around an object, and the frames of a watch (apimachinery: protobuf)."""

from typing import Final, NamedTuple

from sampan.api.json import Obj
from sampan.api.protobuf.reader import read
from sampan.api.protobuf.special import check_tag, text
from sampan.api.protobuf.wire import BYTES, WireError, delimited, read_length, read_varint, skip
from sampan.api.protobuf.writer import write

PREFIX: Final = b"k8s\x00"


class Unknown(NamedTuple):
    """runtime.Unknown: an object's bytes and what it says it is."""

    api_version: str
    kind: str
    raw: bytes
    content_type: str = ""


def unwrap(body: bytes) -> Unknown:
    """What a body holds. Raises WireError with upstream's words."""
    if not body:
        raise WireError("empty data")
    if not body.startswith(PREFIX):
        raise WireError(
            "provided data does not appear to be a protobuf message, expected prefix "
            f"[{' '.join(str(byte) for byte in PREFIX)}]"
        )
    if len(body) == len(PREFIX):
        raise WireError("empty body")
    found = _strings(body, len(PREFIX), len(body), "Unknown")
    types = found.get(1, b"")
    named = _strings(types, 0, len(types), "TypeMeta")
    return Unknown(text(named.get(1, b"")), text(named.get(2, b"")), found.get(2, b""), text(found.get(4, b"")))


NAMES: Final = {"Unknown": ("TypeMeta", "Raw", "ContentEncoding", "ContentType"), "TypeMeta": ("APIVersion", "Kind")}


def _strings(data: bytes, at: int, end: int, name: str) -> dict[int, bytes]:
    """The length-delimited fields of a message that has no others."""
    found: dict[int, bytes] = {}
    while at < end:
        tag, at = read_varint(data, at, end)
        check_tag(tag, name)
        number, wire = tag >> 3, tag & 7
        if number > len(NAMES[name]):
            at = skip(data, at, end, wire)
            continue
        if wire != BYTES:
            raise WireError(f"proto: wrong wireType = {wire} for field {NAMES[name][number - 1]}")
        start, at = read_length(data, at, end)
        found[number] = data[start:at]
    return found


def wrap(api_version: str, kind: str, raw: bytes) -> bytes:
    """The body of an object: prefix, type and bytes."""
    types = delimited(1, api_version.encode()) + delimited(2, kind.encode())
    return b"%b%b%b\x1a\x00\x22\x00" % (PREFIX, delimited(1, types), delimited(2, raw))


def encode(obj: Obj, message: str) -> bytes:
    """An object as a body. Raises ValueError if it is not of that message."""
    return wrap(obj.get("apiVersion", ""), obj.get("kind", ""), write(message, obj))


def decode(unknown: Unknown, message: str) -> Obj:
    """The object within, without kind and apiVersion. Raises WireError."""
    made: Obj = read(message, unknown.raw)
    return made


def frame(event: str, body: bytes) -> bytes:
    """One event of a watch: a length, and a WatchEvent that holds a whole body."""
    made = delimited(1, event.encode()) + delimited(2, delimited(1, body))
    return len(made).to_bytes(4, "big") + made
