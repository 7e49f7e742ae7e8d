"""HTTP messages as records: what the server hands to a handler, and what it takes back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

Headers = list[tuple[str, str]]


@dataclass(slots=True)
class Request:
    """One request, body read whole (the server enforces the size limit before a handler sees it)."""

    method: str
    path: str
    """Percent-encoded path as sent, without the query."""
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    """Lower-case names; repeated headers are joined by ", "."""
    body: bytes = b""
    peer: "Peer | None" = None
    context: dict[str, Any] = field(default_factory=dict)
    """What filters found out on the way (user, request info): keys are the filters' business."""
    repeated: dict[str, list[str]] | None = None
    """The values one by one of headers that came more than once."""

    def values(self, name: str) -> list[str]:
        """The values of a header, in the order in which they came; a comma does not part them."""
        if self.repeated is not None and name in self.repeated:
            return self.repeated[name]
        return [self.headers[name]] if name in self.headers else []


@dataclass(slots=True)
class Peer:
    """The other side of a connection; `state` lives as long as the connection (cached authentication)."""

    host: str
    port: int
    certificate: bytes | None = None
    """The verified client certificate, DER, if one was presented."""
    state: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Response:
    """An answer. With `stream`, the body is sent in chunks as they come and `body` is ignored.

    If the stream has an `aclose`, it is always called, even when nothing was ever pulled. (The `finally` of an async
    generator that was never begun does not run: who holds something open before the first pull passes an object.)

    With `upgrade` (status 101), the connection is handed over after the head; it is closed when `upgrade` returns.
    If the client has gone before it, `upgrade` is not called; its `aclose`, if it has one, is.
    """

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    stream: AsyncIterator[bytes] | None = None
    upgrade: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]] | None = None


Handler = Callable[[Request], Awaitable[Response]]
"""A handler, and a filter around one. A handler that never awaits costs no task: see http_server."""

ErrorHook = Callable[[int, str], Response]
"""Makes the answers that no handler is asked for, from a status and a message."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may ask of the server; sizes in bytes, times in seconds."""

    body: int = 3 * 1024 * 1024 + 64 * 1024
    """Upstream's limit for a resource request is 3 MiB; the handler answers precisely for what is a little above."""
    head: int = 64 * 1024
    header_timeout: float = 32.0
    """Upstream's ReadHeaderTimeout."""
    body_timeout: float = 60.0
    idle_timeout: float = 90.0
    """Upstream's IdleTimeout."""
    write_timeout: float = 60.0
    """How long a client may read nothing of what waits for it before it is cut off."""
    linger: float = 0.5
    pipeline: int = 16
