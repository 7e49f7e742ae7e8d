"""The server as a socket sees it."""

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from sampan.net.http import Limits, Request, Response
from sampan.net.http_server import Server
from sampan.net.tls import client_context, server_context

Start = Callable[..., Awaitable[Server]]


class Wire:
    """A raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @staticmethod
    async def open(server: Server, context: ssl.SSLContext | None = None) -> "Wire":
        wire = Wire(*await asyncio.open_connection("127.0.0.1", server.port, ssl=context))
        OPENED.append(wire)
        return wire

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self, head_only: bool = False) -> tuple[int, dict[str, str], bytes]:
        """The next answer."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")[:-2]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        body = b""
        if headers.get("transfer-encoding") == "chunked" and not head_only:
            while size := int(await self.reader.readline(), 16):
                body += (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readexactly(2)
        elif not head_only:
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return int(lines[0].split()[1]), headers, body

    async def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.send(f"{method} {path} HTTP/1.1\r\nhost: x\r\n{lines}\r\n".encode())
        return await self.answer(method == "HEAD")

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


OPENED: list[Wire] = []


@pytest.fixture(autouse=True)
async def wires_closed() -> AsyncIterator[None]:
    """A failing test leaves no connection behind either."""
    yield
    while OPENED:
        await OPENED.pop().close()


X64 = b"x" * 64


async def hello(request: Request) -> Response:
    """Says what it saw; waits first when asked to."""
    if request.query == "wait":
        await asyncio.sleep(0)
    if request.path == "/fail":
        raise OSError("secret detail")
    said = f"{request.method} {request.path} {request.query} {len(request.body)}"
    return Response(200, [("content-type", "text/plain")], said.encode())


@pytest.mark.parametrize("query", ["", "?wait"])
async def test_one_answer_after_another_on_one_connection(start: Start, query: str) -> None:
    wire = await Wire.open(await start(hello))
    for n in range(3):
        status, headers, body = await wire.get(f"/{n}{query}")
        assert (status, body) == (200, f"GET /{n} {query[1:]} 0".encode())
        assert headers["content-length"] == str(len(body))
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", headers["date"])
    await wire.close()


async def test_pipelined_answers_keep_their_order(start: Start) -> None:
    gate = asyncio.Event()

    async def handler(request: Request) -> Response:
        if request.path == "/first":
            await gate.wait()
        return Response(200, [], request.path.encode())

    wire = await Wire.open(await start(handler, limits=Limits(pipeline=3)))
    paths = ["/first", *(f"/{n}" for n in range(40))]
    wire.send(b"".join(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode() for path in paths))
    await wire.writer.drain()
    gate.set()
    assert [(await wire.answer())[2].decode() for _ in paths] == paths
    status, _, body = await wire.get("/later")
    assert (status, body) == (200, b"/later")
    await wire.close()


async def test_a_request_byte_by_byte(start: Start) -> None:
    wire = await Wire.open(await start(hello))
    for byte in b"POST /a%20b?x=1&y=%2F HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc":
        wire.send(bytes([byte]))
        await wire.writer.drain()
        await asyncio.sleep(0)
    assert (await wire.answer())[2] == b"POST /a%20b x=1&y=%2F 3"
    await wire.close()


async def test_headers_are_lower_case_and_joined(start: Start) -> None:
    seen: list[dict[str, str]] = []

    async def handler(request: Request) -> Response:
        seen.append(request.headers)
        return Response(204)

    wire = await Wire.open(await start(handler))
    wire.send(b"GET / HTTP/1.1\r\nHost: x\r\nAccept: a\r\nX-Thing: \xe4\r\nACCEPT: b\r\n\r\n")
    status, headers, _ = await wire.answer()
    assert status == 204
    assert "content-length" not in headers
    assert seen == [{"host": "x", "accept": "a, b", "x-thing": "ä"}]
    await wire.close()


async def test_the_values_of_repeated_headers_are_kept_apart(start: Start) -> None:
    async def values(request: Request) -> Response:
        return Response(200, [], repr([request.values("x-a"), request.values("x-b"), request.values("x-c")]).encode())

    wire = await Wire.open(await start(values))
    wire.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: 1,2\r\nX-B: 4\r\nx-a: 3\r\nX-A:\r\n\r\n")
    assert (await wire.answer())[2] == b"[['1,2', '3', ''], ['4'], []]"
    wire.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n\r\n")
    assert (await wire.answer())[2] == b"[['1'], [], []]"
    await wire.close()


async def test_chunked_request_body(start: Start) -> None:
    wire = await Wire.open(await start(hello))
    wire.send(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
    assert (await wire.answer())[2] == b"POST /  7"
    await wire.close()


async def test_head_has_the_length_and_no_body(start: Start) -> None:
    wire = await Wire.open(await start(hello))
    status, headers, _ = await wire.get("/", "HEAD")
    assert (status, headers["content-length"]) == (200, str(len(b"HEAD /  0")))
    assert (await wire.get("/"))[2] == b"GET /  0"
    await wire.close()


async def test_expect_continue(start: Start) -> None:
    wire = await Wire.open(await start(hello))
    wire.send(b"PUT / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
    assert await wire.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.send(b"ok")
    assert (await wire.answer())[2] == b"PUT /  2"
    await wire.close()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 101\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 101\r\n\r\n", 413),
        (
            b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n40\r\n%b\r\n40\r\n%b\r\n" % (X64, X64),
            413,
        ),
        (b"GET / HTTP/1.1\r\nhost: x\r\n" + b"x-y: abcdefghij\r\n" * 100 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nhost: " + b"x" * 2000, 431),
        (b"GET /" + b"x" * 2000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n", 400),
    ],
)  # fmt: skip
async def test_what_is_refused_is_answered_by_the_hook(start: Start, request_bytes: bytes, status: int) -> None:
    called: list[Request] = []

    async def handler(request: Request) -> Response:
        called.append(request)
        return Response(200)

    def error(code: int, message: str) -> Response:
        return Response(code, [("content-type", "application/json")], b'{"code":%d}' % code)

    server = await start(handler, limits=Limits(body=100, head=1024, linger=0.01), error=error)
    wire = await Wire.open(server)
    wire.send(request_bytes)
    got, headers, body = await wire.answer()
    assert (got, body) == (status, b'{"code":%d}' % status)
    assert headers["connection"] == "close"
    assert await wire.reader.read() == b""
    assert called == []
    await wire.close()


async def test_a_body_at_the_limit_is_taken(start: Start) -> None:
    wire = await Wire.open(await start(hello, limits=Limits(body=100)))
    wire.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n" + b"x" * 100)
    assert (await wire.answer())[2] == b"POST /  100"
    await wire.close()


@pytest.mark.parametrize("query", ["", "?wait"])
async def test_a_failing_handler_is_a_500_without_details(
    start: Start, query: str, caplog: pytest.LogCaptureFixture
) -> None:
    wire = await Wire.open(await start(hello))
    status, _, body = await wire.get(f"/fail{query}")
    assert (status, body) == (500, b"Internal Server Error\n")
    assert "secret detail" in caplog.text
    assert (await wire.get("/"))[0] == 200
    await wire.close()


async def test_a_header_cannot_break_out_of_its_line(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, [("x", "a\r\nset-cookie: b")])

    wire = await Wire.open(await start(handler))
    status, headers, _ = await wire.get("/")
    assert status == 500
    assert "set-cookie" not in headers
    assert "line break" in caplog.text
    await wire.close()


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"])
async def test_connections_end_when_the_client_wants_it(start: Start, head: bytes) -> None:
    wire = await Wire.open(await start(hello))
    wire.send(head)
    assert (await wire.answer())[1]["connection"] == "close"
    assert await wire.reader.read() == b""
    await wire.close()


async def test_a_slow_head_is_cut_off(start: Start) -> None:
    wire = await Wire.open(await start(hello, limits=Limits(header_timeout=0.02, linger=0.01)))
    wire.send(b"GET / HTTP/1.1\r\nhost:")
    assert (await wire.answer())[0] == 408
    assert await wire.reader.read() == b""
    await wire.close()


async def test_a_slow_body_is_cut_off(start: Start) -> None:
    wire = await Wire.open(await start(hello, limits=Limits(body_timeout=0.02, linger=0.01)))
    wire.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nab")
    assert (await wire.answer())[0] == 408
    await wire.close()


async def test_silent_and_idle_connections_are_closed(start: Start) -> None:
    server = await start(hello, limits=Limits(header_timeout=0.02, idle_timeout=0.02))
    silent, idle = await Wire.open(server), await Wire.open(server)
    assert (await idle.get("/"))[0] == 200
    assert await silent.reader.read() == b""
    assert await idle.reader.read() == b""
    await silent.close()
    await idle.close()


# -- streams


class Source:
    """A producer that says how far it was pulled and whether it was closed."""

    def __init__(self, chunks: list[bytes], endless: bool = False) -> None:
        self.chunks, self.endless = chunks, endless
        self.pulled = 0
        self.closed = asyncio.Event()

    async def __call__(self, request: Request) -> Response:
        return Response(200, [("content-type", "text/plain")], stream=self.run())

    async def run(self) -> AsyncIterator[bytes]:
        try:
            while True:
                for chunk in self.chunks:
                    self.pulled += 1
                    yield chunk
                if not self.endless:
                    return
                if not self.chunks:
                    await asyncio.get_running_loop().create_future()
        finally:
            self.closed.set()


async def test_a_stream_is_sent_in_chunks_and_the_connection_goes_on(start: Start) -> None:
    source = Source([b"one ", b"", b"two"])
    wire = await Wire.open(await start(source))
    for _ in range(2):
        status, headers, body = await wire.get("/")
        assert (status, headers["transfer-encoding"], body) == (200, "chunked", b"one two")
    await wire.close()


async def test_a_stream_to_an_old_client_ends_with_the_connection(start: Start) -> None:
    wire = await Wire.open(await start(Source([b"one ", b"two"])))
    wire.send(b"GET / HTTP/1.0\r\n\r\n")
    data = await wire.reader.read()
    assert data.endswith(b"\r\n\r\none two")
    assert b"chunked" not in data
    await wire.close()


async def test_head_of_a_stream_closes_the_producer(start: Start) -> None:
    source = Source([b"x"], endless=True)
    wire = await Wire.open(await start(source))
    assert (await wire.get("/", "HEAD"))[0] == 200
    assert source.pulled == 0
    assert (await wire.get("/", "HEAD"))[0] == 200
    await wire.close()


async def test_the_head_of_a_stream_does_not_wait_for_its_first_chunk(start: Start) -> None:
    source = Source([], endless=True)
    wire = await Wire.open(await start(source))
    wire.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    assert (await wire.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    await wire.close()
    await source.closed.wait()


class Held:
    """A stream that holds something open before it is first pulled."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    def __aiter__(self) -> "Held":
        return self

    async def __anext__(self) -> bytes:
        await asyncio.get_running_loop().create_future()
        return b""

    async def aclose(self) -> None:
        self.closed.set()


@pytest.mark.parametrize("late", [False, True])
async def test_a_producer_is_closed_even_if_the_client_left_before_the_first_pull(start: Start, late: bool) -> None:
    held = Held()
    servers: list[Server] = []

    async def handler(request: Request) -> Response:
        for connection in servers[0].connections:
            connection.abort()
        if late:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.get_running_loop().create_future()
        return Response(200, stream=held)

    servers.append(await start(handler))
    wire = await Wire.open(servers[0])
    wire.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    async with asyncio.timeout(5):
        await held.closed.wait()
    await wire.close()


@pytest.mark.parametrize("secure", [False, True])
async def test_a_client_that_leaves_cancels_the_producer(start: Start, pki: Any, secure: bool) -> None:
    source = Source([], endless=True)
    context = server_context(pki.server, pki.server_key) if secure else None
    server = await start(source, ssl=context)
    wire = await Wire.open(server, client_context(pki.ca) if secure else None)
    wire.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await wire.reader.readuntil(b"\r\n\r\n")
    await wire.close()
    async with asyncio.timeout(5):
        await source.closed.wait()


async def test_a_producer_is_pulled_only_while_the_transport_takes_more(start: Start) -> None:
    source = Source([b"x" * 65536], endless=True)
    wire = await Wire.open(await start(source))
    wire.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    pulled = -1
    async with asyncio.timeout(10):
        while pulled != source.pulled or pulled < 1:
            pulled = source.pulled
            for _ in range(200):
                await asyncio.sleep(0)
    assert source.pulled < 500, "32 MB into a socket that nobody reads"
    await wire.reader.readexactly(8 * 65536)
    async with asyncio.timeout(10):
        while source.pulled == pulled:
            await wire.reader.readexactly(65536)
    wire.writer.transport.abort()
    await source.closed.wait()
    await wire.close()


async def test_a_stream_that_fails_is_cut_off_unfinished(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise OSError("broken")

    async def handler(request: Request) -> Response:
        return Response(200, stream=broken())

    wire = await Wire.open(await start(handler))
    wire.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    try:
        data = await wire.reader.read()
    except ConnectionResetError:
        data = b""
    assert not data.endswith(b"0\r\n\r\n")
    assert "a stream failed" in caplog.text
    await wire.close()


async def test_a_client_that_leaves_cancels_the_handler(start: Start) -> None:
    entered, cancelled = asyncio.Event(), asyncio.Event()

    async def handler(request: Request) -> Response:
        entered.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            cancelled.set()
        return Response(200)

    wire = await Wire.open(await start(handler))
    wire.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await entered.wait()
    wire.writer.transport.abort()
    await cancelled.wait()
    await wire.close()


async def test_a_client_that_closes_its_side_gets_what_is_ready(start: Start) -> None:
    wire = await Wire.open(await start(hello))
    wire.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    wire.writer.write_eof()
    assert (await wire.answer())[2] == b"GET /  0"
    assert await wire.reader.read() == b""
    await wire.close()


# -- upgrade


async def test_upgrade_hands_the_connection_over(start: Start) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line.upper())

    async def handler(request: Request) -> Response:
        return Response(101, [("connection", "upgrade"), ("upgrade", "echo")], upgrade=echo)

    server = await start(handler)
    wire = await Wire.open(server)
    wire.send(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nearly\n")
    head = await wire.reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert await wire.reader.readline() == b"EARLY\n"
    wire.send(b"late\n")
    assert await wire.reader.readline() == b"LATE\n"
    await wire.close()


async def test_a_refused_upgrade_is_an_ordinary_answer(start: Start) -> None:
    wire = await Wire.open(await start(hello))
    status, headers, _ = await wire.get("/", connection="upgrade", upgrade="h2c")
    assert (status, headers["connection"]) == (200, "close")
    await wire.close()


async def test_closing_the_server_ends_upgraded_connections(start: Start) -> None:
    ended = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        finally:
            ended.set()

    async def handler(request: Request) -> Response:
        return Response(101, [("upgrade", "x")], upgrade=wait)

    server = await start(handler)
    wire = await Wire.open(server)
    wire.send(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n")
    await wire.reader.readuntil(b"\r\n\r\n")
    await server.close()
    assert ended.is_set()
    assert await wire.reader.read() == b""
    await wire.close()


async def test_an_upgrade_whose_client_has_gone_is_told(start: Start) -> None:
    begun, told = asyncio.Event(), asyncio.Event()

    class Upgrade:
        async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            raise AssertionError("nobody is there")

        async def aclose(self) -> None:
            told.set()

    async def handler(request: Request) -> Response:
        begun.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return Response(101, [("upgrade", "x")], upgrade=Upgrade())

    wire = await Wire.open(await start(handler))
    wire.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await begun.wait()
    await wire.close()
    await told.wait()


async def test_an_upgrade_that_has_only_just_begun_is_ended_with_the_server(start: Start) -> None:
    ended = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        finally:
            ended.set()

    closing: list[asyncio.Task[None]] = []

    async def handler(request: Request) -> Response:
        closing.append(asyncio.create_task(server.close()))
        return Response(101, [("upgrade", "x")], upgrade=wait)

    server = await start(handler)
    wire = await Wire.open(server)
    wire.send(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n")
    await wire.reader.read()
    await closing[0]
    assert ended.is_set()
    await wire.close()


# -- closing


async def test_close_finishes_what_is_in_flight(start: Start) -> None:
    gate, entered = asyncio.Event(), asyncio.Event()

    async def handler(request: Request) -> Response:
        entered.set()
        await gate.wait()
        return Response(200, [], b"done")

    server = await start(handler)
    busy, idle = await Wire.open(server), await Wire.open(server)
    busy.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await entered.wait()
    closing = asyncio.create_task(server.close())
    assert await idle.reader.read() == b""
    assert not closing.done()
    gate.set()
    status, headers, body = await busy.answer()
    assert (status, body, headers["connection"]) == (200, b"done", "close")
    await closing
    await busy.close()
    await idle.close()


async def test_close_ends_streams_whole_and_at_once(start: Start) -> None:
    source = Source([], endless=True)
    server = await start(source)
    wire = await Wire.open(server)
    wire.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await wire.reader.readuntil(b"\r\n\r\n")
    await server.close()
    assert source.closed.is_set()
    assert await wire.reader.read() == b"0\r\n\r\n"
    await wire.close()


async def test_close_does_not_wait_for_ever(start: Start) -> None:
    entered = asyncio.Event()

    async def handler(request: Request) -> Response:
        entered.set()
        await asyncio.get_running_loop().create_future()
        return Response(200)

    server = await start(handler)
    wire = await Wire.open(server)
    wire.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await entered.wait()
    await server.close(grace=0.01)
    await wire.close()


async def test_a_taken_port_is_an_oserror(start: Start) -> None:
    from sampan.net.http_server import serve

    server = await start(hello)
    with pytest.raises(OSError, match="in use"):
        await serve(hello, "127.0.0.1", server.port)


# -- TLS


@pytest.fixture
def subject(pki: Any) -> Callable[[Request], Awaitable[Response]]:
    async def handler(request: Request) -> Response:
        assert request.peer is not None
        count = request.peer.state["count"] = request.peer.state.get("count", 0) + 1
        return Response(200, [], b"%d %d" % (count, len(request.peer.certificate or b"")))

    return handler


async def test_client_certificates(start: Start, pki: Any, subject: Any) -> None:
    server = await start(subject, ssl=server_context(pki.server, pki.server_key, pki.ca))
    with_one = await Wire.open(server, client_context(pki.ca, pki.client, pki.client_key))
    _, _, body = await with_one.get("/")
    assert int(body.split()[1]) > 100
    assert (await with_one.get("/"))[2].split()[0] == b"2"
    without = await Wire.open(server, client_context(pki.ca))
    assert (await without.get("/"))[2] == b"1 0"
    await with_one.close()
    await without.close()


async def test_an_unverified_client_certificate_ends_the_handshake(
    start: Start, pki: Any, other_pki: Any, subject: Any
) -> None:
    server = await start(subject, ssl=server_context(pki.server, pki.server_key, pki.ca))
    wire = await Wire.open(server, client_context(pki.ca, other_pki.client, other_pki.client_key))
    with pytest.raises((OSError, asyncio.IncompleteReadError)):
        await wire.get("/")


async def test_protocol_versions_and_alpn(start: Start, pki: Any, subject: Any) -> None:
    server = await start(subject, ssl=server_context(pki.server, pki.server_key))
    wire = await Wire.open(server, client_context(pki.ca))
    tls = wire.writer.get_extra_info("ssl_object")
    assert (tls.version(), tls.selected_alpn_protocol()) == ("TLSv1.3", "http/1.1")
    await wire.close()
    with pytest.raises(ssl.SSLCertVerificationError):
        await Wire.open(server, client_context())
    insecure = await Wire.open(server, client_context(verify=False))
    assert (await insecure.get("/"))[0] == 200
    await insecure.close()
