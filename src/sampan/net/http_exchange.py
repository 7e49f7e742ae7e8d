"""One connection of the HTTP client: a request's bytes out, an answer's head and chunks in."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import cast

import httptools

from sampan.net.http_wire import header_name

HIGH_WATER = 256 * 1024
"""Bytes that wait for their reader before the socket is no longer read."""


class Answering:
    """An answer that is coming in."""

    def __init__(self, connection: "ClientConnection", method: str) -> None:
        self._connection = connection
        self.method = method
        self.status = 0
        self.headers: dict[str, str] = {}
        self.pairs: list[tuple[str, str]] = []
        """The headers as they came, one by one; names are lower-case."""
        self.in_body = False
        self.until_close = False
        """The body ends with the connection (neither a length nor chunks were announced)."""
        self.done = False
        self.keep_alive = False
        self.error: Exception | None = None
        self._parts: deque[bytes] = deque()
        self._size = 0
        self._waiter: asyncio.Future[None] | None = None

    @property
    def reusable(self) -> bool:
        """Whether the whole answer has been read and the connection can carry the next request."""
        return self.done and not self._parts and self.keep_alive and self.error is None and self._connection.usable

    async def head(self) -> None:
        """Wait for status and headers. Raises ConnectionError."""
        while not self.in_body and not self.done:
            if self.error is not None:
                raise self.error
            await self._wait()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises ConnectionError when it is cut off."""
        while True:
            while self._parts:
                part = self._parts.popleft()
                self._size -= len(part)
                if self._size < HIGH_WATER // 2:
                    self._connection.read_on()
                yield part
            if self.done:
                return
            if self.error is not None:
                raise self.error
            await self._wait()

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def wake(self) -> None:
        """Something came in, or the end."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def feed(self, part: bytes) -> None:
        """A piece of the body."""
        self._parts.append(part)
        self._size += len(part)
        if self._size > HIGH_WATER:
            self._connection.read_no_further()

    def fail(self, error: Exception) -> None:
        """The answer will not come to its end."""
        if self.done:
            return
        self.error = error
        self.wake()

    def end(self) -> None:
        """The other side closed the connection in good order."""
        if self.until_close and self.in_body:
            self.done = True
            self.wake()
        else:
            self.fail(ConnectionAbortedError("the connection was closed before the answer's end"))


class ClientConnection(asyncio.Protocol):
    """See the module. Carries one exchange at a time; `registry` is where open connections are listed."""

    def __init__(self, registry: set["ClientConnection"]) -> None:
        self._registry = registry
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._answering: Answering | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._paused = False
        self.gone: asyncio.Future[None] = self._loop.create_future()
        self.origin = ("", "", 0)
        self.idle_since = 0.0
        self.answered = False
        """Whether a byte of the current answer has come."""

    @property
    def usable(self) -> bool:
        """Whether a request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    async def request(self, method: str, data: bytes) -> Answering:
        """Send a request's bytes and wait for the answer's head. Raises ConnectionError."""
        if self._transport is None:
            raise ConnectionError("not connected")
        self._answering = answering = Answering(self, method)
        self.answered = False
        self._transport.write(data)
        await answering.head()
        return answering

    def close(self) -> None:
        """Close at once; `gone` resolves when the socket is closed."""
        if self._transport is not None:
            self._transport.abort()

    def read_no_further(self) -> None:
        """The reader is behind."""
        if not self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def read_on(self) -> None:
        """The reader has caught up."""
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._registry.add(self)

    def data_received(self, data: bytes) -> None:
        answering = self._answering
        if answering is None or answering.done:
            self.close()
            return
        self.answered = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            answering.fail(ConnectionError(f"not an HTTP answer: {error}"))
            self.close()
        if answering.method == "HEAD" and answering.status:
            # The parser waits for a body that the head announced and that does not come: start over with a new one.
            self._parser = httptools.HttpResponseParser(self)
        answering.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._registry.discard(self)
        if self._answering is not None:
            if exc is None:
                self._answering.end()
            else:
                self._answering.fail(exc)
        if not self.gone.done():
            self.gone.set_result(None)

    # -- httptools

    def on_message_begin(self) -> None:
        if self._answering is not None:
            self._answering.headers, self._answering.pairs = {}, []

    def on_header(self, raw: bytes, value: bytes) -> None:
        if self._answering is not None:
            name, text = header_name(raw), value.decode("latin-1")
            headers = self._answering.headers
            headers[name] = f"{headers[name]}, {text}" if name in headers else text
            self._answering.pairs.append((name, text))

    def on_headers_complete(self) -> None:
        answering = self._answering
        status = self._parser.get_status_code()
        if answering is None or (status < 200 and status != 101):
            return
        answering.status = status
        answering.in_body = True
        framed = "content-length" in answering.headers or "transfer-encoding" in answering.headers
        answering.until_close = not framed
        if answering.method == "HEAD":
            answering.keep_alive = answering.headers.get("connection", "").lower() != "close"
            answering.done = True

    def on_body(self, body: bytes) -> None:
        if self._answering is not None and not self._answering.done:
            self._answering.feed(body)

    def on_message_complete(self) -> None:
        answering = self._answering
        if answering is not None and answering.in_body:
            answering.done = True
            answering.keep_alive = self._parser.should_keep_alive()
