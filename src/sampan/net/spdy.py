"""SPDY/3.1 frames to and from bytes: what Kubernetes' streams need of it, without sockets.

Source: the SPDY Protocol draft 3.1. Flow control is not spoken: see docs/decisions/007.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

VERSION = 3
FIN = 1
LARGEST = 4 * 1024 * 1024
"""Bytes of a frame, at most; senders of Kubernetes stay below 64 KiB."""
LARGEST_HEADERS = 64 * 1024
WORDS = (
    "options", "head", "post", "put", "delete", "trace", "accept", "accept-charset", "accept-encoding",
    "accept-language", "accept-ranges", "age", "allow", "authorization", "cache-control", "connection",
    "content-base", "content-encoding", "content-language", "content-length", "content-location", "content-md5",
    "content-range", "content-type", "date", "etag", "expect", "expires", "from", "host", "if-match",
    "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "last-modified", "location",
    "max-forwards", "pragma", "proxy-authenticate", "proxy-authorization", "range", "referer", "retry-after",
    "server", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "vary", "via", "warning",
    "www-authenticate", "method", "get", "status", "200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie",
    "keep-alive", "origin",
)  # fmt: skip
TAIL = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative "
    "Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 "
    "Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec "
    "00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,"
    "application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8"
    "charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY = b"".join(struct.pack("!I", len(text)) + text.encode() for text in WORDS) + TAIL.encode()
"""What headers are compressed against (draft 3, section 2.6.10.1)."""


class Kind(IntEnum):
    """Types of control frames."""

    SYN_STREAM = 1
    SYN_REPLY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    HEADERS = 8
    WINDOW_UPDATE = 9


class SpdyError(Exception):
    """The other side does not keep to the protocol."""


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of a stream; with `fin`, its sender's last."""

    stream: int
    data: bytes
    fin: bool = False


@dataclass(frozen=True, slots=True)
class Control:
    """A control frame. `value` is a RST_STREAM's or GOAWAY's status, a PING's id, a WINDOW_UPDATE's delta.

    `stream` is a GOAWAY's last good stream. SETTINGS are read over.
    """

    kind: Kind
    stream: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    fin: bool = False
    value: int = 0


Frame = Data | Control
WITH_HEADERS = frozenset((Kind.SYN_STREAM, Kind.SYN_REPLY, Kind.HEADERS))
MASK = 0x7FFFFFFF


class Framer:
    """One side of a connection: `encode` frames to send, `feed` it what came. Headers' compression has a state."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj(zdict=DICTIONARY)
        self._unpacker = zlib.decompressobj(zdict=DICTIONARY)
        self._buffer = bytearray()

    def encode(self, frame: Frame) -> bytes:
        """A frame's bytes."""
        if isinstance(frame, Data):
            head = struct.pack("!II", frame.stream & MASK, len(frame.data) | (FIN << 24 if frame.fin else 0))
            return head + frame.data
        kind = frame.kind
        stream = struct.pack("!I", frame.stream)
        if kind is Kind.SYN_STREAM:
            body = stream + bytes(6) + self._pack(frame.headers)
        elif kind in WITH_HEADERS:
            body = stream + self._pack(frame.headers)
        elif kind is Kind.PING:
            body = struct.pack("!I", frame.value)
        elif kind is Kind.SETTINGS:
            body = bytes(4)
        else:
            body = stream + struct.pack("!I", frame.value)
        first = 0x80000000 | VERSION << 16 | kind
        return struct.pack("!II", first, len(body) | (FIN << 24 if frame.fin else 0)) + body

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole now. Raises SpdyError."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= 8:
            first, second = struct.unpack_from("!II", buffer)
            length, flags = second & 0xFFFFFF, second >> 24
            if length > LARGEST:
                raise SpdyError(f"a frame of {length} bytes is too large")
            if len(buffer) < 8 + length:
                return
            body = bytes(buffer[8 : 8 + length])
            del buffer[: 8 + length]
            if not first & 0x80000000:
                yield Data(first, body, bool(flags & FIN))
                continue
            if first >> 16 & 0x7FFF != VERSION:
                raise SpdyError(f"SPDY of version {first >> 16 & 0x7FFF}")
            frame = self._control(first & 0xFFFF, body, bool(flags & FIN))
            if frame is not None:
                yield frame

    def _control(self, number: int, body: bytes, fin: bool) -> Control | None:
        try:
            kind = Kind(number)
        except ValueError:
            return None  # to be read over, says the draft
        try:
            if kind is Kind.SYN_STREAM:
                return Control(kind, _number(body, 0) & MASK, self._unpack(body[10:]), fin)
            if kind in WITH_HEADERS:
                return Control(kind, _number(body, 0) & MASK, self._unpack(body[4:]), fin)
            if kind is Kind.PING:
                return Control(kind, value=_number(body, 0))
            if kind is Kind.SETTINGS:
                return Control(kind)
            return Control(kind, _number(body, 0) & MASK, value=_number(body, 4))
        except (struct.error, zlib.error, UnicodeDecodeError) as error:
            raise SpdyError(f"a damaged {kind.name} frame: {error}") from error

    def _pack(self, headers: dict[str, str]) -> bytes:
        parts = [struct.pack("!I", len(headers))]
        for name, value in headers.items():
            parts += [struct.pack("!I", len(text)) + text for text in (name.lower().encode(), value.encode())]
        return self._packer.compress(b"".join(parts)) + self._packer.flush(zlib.Z_SYNC_FLUSH)

    def _unpack(self, data: bytes) -> dict[str, str]:
        block = self._unpacker.decompress(data, LARGEST_HEADERS)
        if self._unpacker.unconsumed_tail:
            raise SpdyError("headers are too large")
        at, texts = 4, []
        for _ in range(2 * _number(block, 0)):
            length = _number(block, at)
            at += 4
            if at + length > len(block):
                raise SpdyError("headers end in the middle")
            texts.append(block[at : at + length].decode())
            at += length
        return dict(zip(texts[::2], texts[1::2], strict=True))


def _number(data: bytes, at: int) -> int:
    number: int = struct.unpack_from("!I", data, at)[0]
    return number
