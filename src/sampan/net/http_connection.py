"""One HTTP/1.1 connection of the server: bytes to Requests, in order, and Responses back to bytes.

Requests are read whole, then handled one after the other. A handler that never waits runs inside `data_received`;
its answer leaves in the same turn of the loop, without a Task. The transport's flow control reaches both sides:
streams are pulled only while the transport takes more, and reading stops while too many requests wait.
A client that closes its side is gone, as for Go's server: what still works for it is cancelled.
"""

import asyncio
import logging
import re
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Protocol, cast

import httptools

from sampan.net.drive import resume
from sampan.net.http import ErrorHook, Handler, Limits, Peer, Request, Response
from sampan.net.http_wire import (
    CONTINUE,
    LAST_CHUNK,
    has_no_body,
    head,
    header_name,
    split_target,
    wants_close,
    wants_continue,
)

LOG = logging.getLogger(__name__)
BIG = 64 * 1024
REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ /[^ \r\n]* HTTP/1\.[01]\r\n")
"""The first line of a request as it should be, whatever its method."""
"""Bodies above this are not copied behind their head."""


class Refused(Exception):
    """The request is answered with an error before a handler sees it, and the connection ends."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Owner(Protocol):
    """What a connection needs of its server."""

    handler: Handler
    error: ErrorHook
    limits: Limits
    loop: asyncio.AbstractEventLoop
    closing: bool
    connections: set["Connection"]

    def forget(self, connection: "Connection") -> None:
        """The connection is gone."""

    def hand_over(
        self, connection: "Connection", transport: asyncio.Transport, response: Response, rest: bytes
    ) -> None:
        """The connection changes its protocol."""


class Incoming:
    """A request and what its answer must know about how it was sent."""

    __slots__ = ("keep_alive", "old", "request", "rest", "upgrade")

    def __init__(self, request: Request, keep_alive: bool, old: bool, upgrade: bool) -> None:
        self.request, self.keep_alive, self.old, self.upgrade = request, keep_alive, old, upgrade
        self.rest = b""
        """With `upgrade`: what came behind the head."""


class Connection(asyncio.Protocol):
    """See the module. States: reading a message (`_reading`), answering one (`_current`), ending (`_ending`)."""

    def __init__(self, server: Owner) -> None:
        self._server = server
        self._limits = server.limits
        self._handler = server.handler
        self._loop = server.loop
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Incoming] = deque()
        self._current: Incoming | None = None
        self._task: asyncio.Task[None] | None = None
        self._streaming = False
        self._begun = True
        """Whether the task has taken its first step: cancelled before it, it would not tell what it is to run."""
        self._lost = False
        self._ending = False
        self._completed = False
        self._read_paused = False
        self._drained: asyncio.Future[None] | None = None
        self._write_paused = False
        self._slow: asyncio.TimerHandle | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None
        self._last = self._loop.time()
        self._begin()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        name = transport.get_extra_info("peername")
        host, port = name[:2] if isinstance(name, tuple) else (str(name or ""), 0)
        tls = transport.get_extra_info("ssl_object")
        self._tls = tls is not None
        self._peer = Peer(host, port, tls.getpeercert(binary_form=True) if tls is not None else None)
        self._server.connections.add(self)
        self._idle = self._loop.call_later(self._limits.header_timeout, self._check_idle, self._limits.header_timeout)

    def data_received(self, data: bytes) -> None:
        if self._ending:
            return
        self._completed = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as stop:
            self._hold_rest(data[stop.args[0] :])
        except httptools.HttpParserError as error:
            cause = error.__context__
            refused = cause if isinstance(cause, Refused) else Refused(400, "malformed HTTP request")
            if isinstance(error, httptools.HttpParserInvalidMethodError) and REQUEST_LINE.match(data):
                refused = Refused(405, "Method Not Allowed")
            self._refuse(refused)
            return
        self._watch_progress()
        self._advance()
        if self._reading and self._in_head and not self._completed:
            self._raw_head += len(data)
            if self._raw_head > self._limits.head:
                self._refuse(Refused(431, "Request Header Fields Too Large"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._ending = self._lost = True
        for timer in (self._slow, self._idle, self._stuck):
            if timer is not None:
                timer.cancel()
        self._cancel()
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._waiting.clear()
        self._server.forget(self)

    def pause_writing(self) -> None:
        self._write_paused = True
        self._watch_reader()

    def resume_writing(self) -> None:
        self._write_paused = False
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        if self._waiting and self._current is None:
            self._advance()

    def _watch_reader(self) -> None:
        left = self._transport.get_write_buffer_size()
        self._stuck = self._loop.call_later(self._limits.write_timeout, self._check_reader, left)

    def _check_reader(self, left: int) -> None:
        """Cut the connection if its client has read nothing since; what it lags behind is never kept for it."""
        if self._transport.get_write_buffer_size() >= left:
            self._transport.abort()
        else:
            self._watch_reader()

    # -- httptools

    def _begin(self) -> None:
        self._reading = False
        self._in_head = True
        self._head_bytes = self._raw_head = 0
        self._body_bytes = 0
        self._target = b""
        self._headers: dict[str, str] = {}
        self._repeated: dict[str, list[str]] | None = None
        self._body: list[bytes] = []

    def on_message_begin(self) -> None:
        self._begin()
        self._reading = True

    def on_url(self, url: bytes) -> None:
        self._target += url
        self._count_head(len(url))

    def on_header(self, raw: bytes, value: bytes) -> None:
        self._count_head(len(raw) + len(value) + 4)
        name = header_name(raw)
        text = value.decode("latin-1")
        headers = self._headers
        if name not in headers:
            headers[name] = text
            return
        if self._repeated is None:
            self._repeated = {}
        self._repeated.setdefault(name, [headers[name]]).append(text)
        headers[name] = f"{headers[name]}, {text}"

    def on_headers_complete(self) -> None:
        self._in_head = False
        path, query = split_target(self._target)
        method = self._parser.get_method().decode("latin-1")
        self._request = Request(method, path, query, self._headers, b"", self._peer, repeated=self._repeated)
        length = self._headers.get("content-length")
        if length is not None and length.isdecimal() and int(length) > self._limits.body:
            raise Refused(413, "Request Entity Too Large")
        if "expect" in self._headers and not wants_continue(self._request):
            raise Refused(417, "Expectation Failed")
        if "host" not in self._headers and self._parser.get_http_version() == "1.1":
            raise Refused(400, "missing required Host header")
        if "expect" in self._headers and self._current is None and not self._waiting:
            self._transport.write(CONTINUE)

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > self._limits.body:
            raise Refused(413, "Request Entity Too Large")
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._body:
            self._request.body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            self._body = []
        self._reading = False
        self._completed = True
        parser = self._parser
        old = parser.get_http_version() == "1.0"
        self._waiting.append(Incoming(self._request, parser.should_keep_alive(), old, parser.should_upgrade()))

    def _count_head(self, count: int) -> None:
        self._head_bytes += count
        if self._head_bytes > self._limits.head:
            raise Refused(431, "Request Header Fields Too Large")

    def _hold_rest(self, rest: bytes) -> None:
        """After a request to upgrade nothing more is parsed: the bytes behind it are the new protocol's."""
        self._waiting[-1].rest = rest
        self._transport.pause_reading()
        self._read_paused = True

    # -- time

    def _watch_progress(self) -> None:
        """A request in pieces must go on coming: its head within one timeout, its body steadily."""
        if not self._reading:
            if self._slow is not None:
                self._slow.cancel()
                self._slow = None
            return
        if self._slow is not None:
            if self._in_head:
                return
            self._slow.cancel()
        delay = self._limits.header_timeout if self._in_head else self._limits.body_timeout
        self._slow = self._loop.call_later(delay, self._too_slow)

    def _too_slow(self) -> None:
        self._slow = None
        if self._current is None and not self._ending:
            self._refuse(Refused(408, "Request Timeout"))
        else:
            self._transport.close()

    def _check_idle(self, timeout: float) -> None:
        """One lazy timer per connection: requests only note the time, nothing is re-armed for them."""
        busy = self._current is not None or self._reading
        left = timeout if busy else self._last + timeout - self._loop.time()
        if left <= 0:
            self._transport.close()
            if self._transport.get_write_buffer_size():
                self._transport.abort()  # it would wait for a client that has not read for so long
            return
        self._idle = self._loop.call_later(left, self._check_idle, self._limits.idle_timeout)

    # -- answering

    def _advance(self) -> None:
        """Answer what waits, in order, until a handler has to wait or the client does not read its answers."""
        while self._waiting and self._current is None and not self._ending and not self._write_paused:
            incoming = self._current = self._waiting.popleft()
            try:
                coroutine = cast("Coroutine[Any, Any, Response]", self._handler(incoming.request))
                waits_for = coroutine.send(None)
            except StopIteration as stop:
                self._answer(incoming, stop.value)
            except Exception as error:
                self._answer(incoming, self._failed(error))
            else:
                self._begun = False
                self._task = self._loop.create_task(self._handle(incoming, coroutine, waits_for))
        if self._ending:
            return
        full = len(self._waiting) >= self._limits.pipeline
        if full and not self._read_paused:
            self._read_paused = True
            self._transport.pause_reading()
        elif self._read_paused and not full and not (self._current or self._waiting):
            self._read_paused = False
            self._transport.resume_reading()

    async def _handle(self, incoming: Incoming, coroutine: Coroutine[Any, Any, Response], waits_for: Any) -> None:
        self._begun = True
        if self._lost and self._task is not None:
            self._task.cancel()
        try:
            response = await resume(coroutine, waits_for)
        except Exception as error:
            response = self._failed(error)
        self._task = None
        if not self._transport.is_closing():
            self._answer(incoming, response)
            self._advance()
        elif response.stream is not None:
            await _close_stream(response.stream)
        elif response.upgrade is not None:
            await _close_stream(response.upgrade)

    def _failed(self, error: Exception) -> Response:
        LOG.error("a handler failed", exc_info=error)
        return self._server.error(500, "Internal Server Error")

    def _answer(self, incoming: Incoming, response: Response) -> None:
        try:
            self._write_answer(incoming, response)
        except ValueError as error:
            self._write_answer(incoming, self._failed(error))

    def _write_answer(self, incoming: Incoming, response: Response) -> None:
        if response.upgrade is not None:
            self._hand_over(incoming, response)
            return
        close = not incoming.keep_alive or incoming.upgrade or self._server.closing or wants_close(response.headers)
        connection = b"connection: close\r\n" if close and not wants_close(response.headers) else b""
        if response.stream is not None and not has_no_body(response.status):
            framing = b"" if incoming.old else b"transfer-encoding: chunked\r\n"
            start = head(response.status, response.headers, connection + framing + b"\r\n")
            self._transport.write(start)
            stream = self._stream(incoming, response.stream, close or incoming.old)
            self._streaming = True
            self._begun = False
            self._task = self._loop.create_task(stream)
            return
        body = response.body
        framing = b"\r\n" if has_no_body(response.status) else b"content-length: %d\r\n\r\n" % len(body)
        start = head(response.status, response.headers, connection + framing)
        if incoming.request.method == "HEAD" or has_no_body(response.status):
            self._transport.write(start)
        elif len(body) > BIG:
            self._transport.writelines((start, body))
        else:
            self._transport.write(start + body)
        self._done(close)

    def _done(self, close: bool) -> None:
        self._current = None
        self._last = self._loop.time()
        if close:
            self._end()

    async def _stream(self, incoming: Incoming, stream: AsyncIterator[bytes], close: bool) -> None:
        """Pull the producer whenever the transport takes more, until it ends or the client is gone."""
        transport, old = self._transport, incoming.old
        whole = False
        self._begun = True
        try:
            if incoming.request.method != "HEAD" and not transport.is_closing() and not self._server.closing:
                async for chunk in stream:
                    if chunk:
                        transport.write(chunk if old else b"%x\r\n%b\r\n" % (len(chunk), chunk))
                    if self._write_paused:
                        await self._drain()
            whole = True
        except asyncio.CancelledError:
            whole = self._server.closing
            if not whole:
                raise
        except Exception as error:
            LOG.error("a stream failed", exc_info=error)
        finally:
            self._task = None
            self._streaming = False
            await _close_stream(stream)
            if not whole:
                transport.abort()
        if whole and not transport.is_closing():
            if not old and incoming.request.method != "HEAD":
                transport.write(LAST_CHUNK)
            self._done(close or self._server.closing)
            self._advance()

    async def _drain(self) -> None:
        self._drained = self._loop.create_future()
        try:
            await self._drained
        finally:
            self._drained = None

    def _refuse(self, refused: Refused) -> None:
        """Answer with an error and end; for a moment what the client still sends is thrown away, so that it reads."""
        if self._current is not None:
            self._transport.close()
            return
        response = self._server.error(refused.status, refused.message)
        framing = b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(response.body)
        self._transport.write(head(response.status, response.headers, framing) + response.body)
        self._ending = True
        self._waiting.clear()
        if self._slow is not None:
            self._slow.cancel()
        self._slow = self._loop.call_later(self._limits.linger, self._transport.close)

    def _end(self) -> None:
        self._ending = True
        self._waiting.clear()
        self._transport.close()

    # -- leaving

    def shut(self) -> None:
        """The server is closing: end when nothing is in flight; streams end now, whole."""
        if self._streaming:
            self._cancel()
        elif self._current is None and not self._waiting:
            self._end()

    def _cancel(self) -> None:
        if self._task is not None and self._begun:
            self._task.cancel()

    def abort(self) -> None:
        """End now, whatever is in flight."""
        self._transport.abort()

    @property
    def task(self) -> asyncio.Task[None] | None:
        """What answers the current request, if it waits."""
        return self._task

    def _hand_over(self, incoming: Incoming, response: Response) -> None:
        self._transport.write(head(response.status, response.headers, b"\r\n"))
        for timer in (self._slow, self._idle, self._stuck):
            if timer is not None:
                timer.cancel()
        self._server.hand_over(self, self._transport, response, incoming.rest)
        if self._read_paused:
            self._transport.resume_reading()


async def _close_stream(stream: object) -> None:
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()
