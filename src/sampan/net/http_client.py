"""The HTTP/1.1 client: a pool of kept-alive connections per host, whole and streamed answers."""

import asyncio
import ssl as tls
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from sampan.net.http_exchange import Answering, ClientConnection
from sampan.net.http_upgrade import Upgraded, upgrade
from sampan.net.tls import client_context

RETRIED = ("GET", "HEAD", "OPTIONS")
"""What may be sent again when a kept-alive connection turns out to have been closed (RFC 9112 §9.3.1)."""
DEFAULT_PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int]
Pairs = Iterable[tuple[str, str]]


class Answer(NamedTuple):
    """A whole answer; header names are lower-case, repeated ones joined by ", "."""

    status: int
    headers: dict[str, str]
    body: bytes


class Streamed(NamedTuple):
    """An answer whose body is still coming; `chunks` yields it as it arrives."""

    status: int
    headers: dict[str, str]
    chunks: AsyncIterator[bytes]
    pairs: list[tuple[str, str]]
    """The headers one by one, as they came."""


class HttpClient:
    """Sends requests. All failures are OSErrors (TimeoutError and ssl.SSLError are): refused, cut off, too late.

    `ssl` is the context for https (None: the system's authorities), `server_name` overrides the name that the
    certificate must have, `max_idle` bounds the idle connections kept per host.
    """

    def __init__(
        self,
        ssl: tls.SSLContext | None = None,
        *,
        server_name: str | None = None,
        max_idle: int = 16,
        idle_timeout: float = 60.0,
    ) -> None:
        self._ssl = ssl
        self._server_name = server_name
        self._max_idle, self._idle_timeout = max_idle, idle_timeout
        self._idle: dict[Origin, list[ClientConnection]] = {}
        self._open: set[ClientConnection] = set()
        self._closed = False

    async def __aenter__(self) -> "HttpClient":
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def send(
        self, method: str, url: str, headers: Pairs = (), body: bytes = b"", timeout: float | None = None
    ) -> Answer:
        """One request and its whole answer, within `timeout` seconds altogether."""
        async with asyncio.timeout(timeout):
            async with self.stream(method, url, headers, body) as streamed:
                parts = [chunk async for chunk in streamed.chunks]
        return Answer(streamed.status, streamed.headers, parts[0] if len(parts) == 1 else b"".join(parts))

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, headers: Pairs = (), body: bytes = b"", timeout: float | None = None
    ) -> AsyncIterator[Streamed]:
        """One request; its answer's head within `timeout` seconds, its body as it comes, for as long as it comes.

        Leaving the block before the body's end closes the connection.
        """
        target = urlsplit(url)
        data = _encode(method, target, headers, body)
        async with asyncio.timeout(timeout):
            connection, answering = await self._exchange(method, target, data)
        try:
            yield Streamed(answering.status, answering.headers, answering.chunks(), answering.pairs)
        finally:
            if answering.reusable and not self._closed:
                self._keep(connection)
            else:
                connection.close()

    async def upgrade(self, method: str, url: str, headers: Pairs = (), timeout: float = 30.0) -> Upgraded:
        """Ask for another protocol on a connection of its own, which with status 101 is the caller's to close."""
        if self._ssl is None and url.startswith("https:"):
            self._ssl = client_context()
        return await upgrade(method, url, headers, ssl=self._ssl, timeout=timeout, server_name=self._server_name)

    async def close(self) -> None:
        """Close all connections, busy ones too, and wait until they are closed."""
        self._closed = True
        open_now = tuple(self._open)
        for connection in open_now:
            connection.close()
        for connection in open_now:
            await connection.gone
        self._idle.clear()

    async def _exchange(self, method: str, target: SplitResult, data: bytes) -> tuple[ClientConnection, Answering]:
        """Send on an idle connection or a new one, and wait for the head."""
        origin = _origin(target)
        while True:
            connection = self._take(origin)
            reused = connection is not None
            if connection is None:
                connection = await self._connect(origin)
            try:
                return connection, await connection.request(method, data)
            except ConnectionError:
                connection.close()
                if not reused or connection.answered or method not in RETRIED:
                    raise
            except BaseException:
                connection.close()
                raise

    async def _connect(self, origin: Origin) -> ClientConnection:
        scheme, host, port = origin
        if self._closed:
            raise ConnectionError("the client is closed")
        loop = asyncio.get_running_loop()
        context = self._ssl if scheme == "https" else None
        if scheme == "https" and context is None:
            context = self._ssl = client_context()
        name = (self._server_name or host) if context is not None else None
        _, connection = await loop.create_connection(
            lambda: ClientConnection(self._open), host, port, ssl=context, server_hostname=name
        )
        connection.origin = origin
        return connection

    def _take(self, origin: Origin) -> ClientConnection | None:
        idle = self._idle.get(origin, [])
        now = asyncio.get_running_loop().time()
        while idle:
            connection = idle.pop()
            if connection.usable and now - connection.idle_since < self._idle_timeout:
                return connection
            connection.close()
        return None

    def _keep(self, connection: ClientConnection) -> None:
        idle = self._idle.setdefault(connection.origin, [])
        idle[:] = [other for other in idle if other.usable]
        if len(idle) >= self._max_idle:
            idle.pop(0).close()
        connection.idle_since = asyncio.get_running_loop().time()
        idle.append(connection)


def _origin(target: SplitResult) -> Origin:
    if target.scheme not in DEFAULT_PORTS or not target.hostname:
        raise ValueError(f"not an http or https URL: {target.geturl()!r}")
    return target.scheme, target.hostname, target.port or DEFAULT_PORTS[target.scheme]


def _encode(method: str, target: SplitResult, headers: Pairs, body: bytes) -> bytes:
    path = target.path or "/"
    if target.query:
        path = f"{path}?{target.query}"
    pairs = list(headers)
    names = {name.lower() for name, _ in pairs}
    if "host" not in names:
        pairs.insert(0, ("host", target.netloc.rpartition("@")[2]))
    if body or method in ("POST", "PUT", "PATCH"):
        pairs.append(("content-length", str(len(body))))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in pairs)]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a line break in the request line or a header")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
