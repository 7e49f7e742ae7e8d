"""Heads and chunks as bytes: what HTTP/1.1 puts around a body (RFC 9112)."""

import time
from email.utils import formatdate
from http import HTTPStatus

from sampan.net.http import Headers, Request

STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
NAMES: dict[bytes, str] = {}
"""Header names seen so far, decoded and lower-case."""
MAX_NAMES = 512

_date: tuple[int, bytes] = (0, b"")


def date_line() -> bytes:
    """The Date header of this second."""
    global _date
    now = int(time.time())
    if _date[0] != now:
        _date = (now, f"date: {formatdate(now, usegmt=True)}\r\n".encode())
    return _date[1]


def header_name(raw: bytes) -> str:
    """A header name, decoded and lower-case."""
    name = NAMES.get(raw)
    if name is None:
        name = raw.decode("latin-1").lower()
        if len(NAMES) < MAX_NAMES:
            NAMES[raw] = name
    return name


def head(status: int, headers: Headers, framing: bytes) -> bytes:
    """Status line and headers; `framing` is further header lines and the empty line. Raises ValueError for headers
    that would break out of their line."""
    line = STATUS_LINES.get(status) or f"HTTP/1.1 {status} \r\n".encode()
    if not headers:
        return line + date_line() + framing
    text = "".join([f"{name}: {value}\r\n" for name, value in headers])
    if text.count("\n") != len(headers) or text.count("\r") != len(headers):
        raise ValueError("a header contains a line break")
    return line + date_line() + text.encode("latin-1") + framing


def has_no_body(status: int) -> bool:
    """Answers that end with their head (RFC 9110 §6.4.1)."""
    return status < 200 or status in (204, 304)


def split_target(target: bytes) -> tuple[str, str]:
    """Path and query of a request target in origin or absolute form (RFC 9112 §3.2)."""
    text = target.decode("latin-1")
    if not text.startswith("/") and "://" in text:
        rest = text.partition("://")[2]
        slash = rest.find("/")
        text = rest[slash:] if slash >= 0 else "/"
    path, _, query = text.partition("?")
    return path, query


def wants_close(headers: Headers) -> bool:
    """Whether a handler asked for the connection to end with this answer."""
    return any(name.lower() == "connection" and "close" in value.lower() for name, value in headers)


def wants_continue(request: Request) -> bool:
    """Whether the client waits for leave to send the body (RFC 9110 §10.1.1)."""
    return request.headers.get("expect", "").lower() == "100-continue"
