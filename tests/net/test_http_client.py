"""The client against our server, and against servers that misbehave."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from sampan.net.http import Request, Response
from sampan.net.http_client import HttpClient
from sampan.net.http_server import Server
from sampan.net.tls import client_context, server_context

Start = Callable[..., Awaitable[Server]]


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    async with HttpClient() as made:
        yield made


async def echo(request: Request) -> Response:
    """Says what came, and in which request of its connection."""
    assert request.peer is not None
    count = request.peer.state["count"] = request.peer.state.get("count", 0) + 1
    if request.path == "/empty":
        return Response(204)
    if request.path == "/never":
        await asyncio.get_running_loop().create_future()
    if request.path == "/stream":
        return Response(200, stream=parts(int(request.query)))
    headers = [("x-count", str(count)), ("x-method", request.method), ("x-twice", "a"), ("x-twice", "b")]
    return Response(200, headers, request.body or f"{request.path}?{request.query}".encode())


async def parts(count: int) -> AsyncIterator[bytes]:
    for n in range(count):
        yield b"%d," % n
        await asyncio.sleep(0)


def url(server: Server, path: str, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{server.port}{path}"


async def test_whole_answers_on_one_connection(start: Start, client: HttpClient) -> None:
    server = await start(echo)
    first = await client.send("GET", url(server, "/a%20b?x=1"))
    assert (first.status, first.body, first.headers["x-count"]) == (200, b"/a%20b?x=1", "1")
    assert first.headers["x-twice"] == "a, b"
    second = await client.send("POST", url(server, "/"), [("content-type", "text/plain")], b"x" * 1_000_000)
    assert (second.body, second.headers["x-count"]) == (b"x" * 1_000_000, "2")
    third = await client.send("HEAD", url(server, "/"))
    assert (third.status, third.body, third.headers["x-method"], third.headers["x-count"]) == (200, b"", "HEAD", "3")
    assert (await client.send("GET", url(server, "/empty"))).status == 204
    assert (await client.send("GET", url(server, "/"))).headers["x-count"] == "5"
    assert len(server.connections) == 1


async def test_many_at_once_use_many_connections(start: Start) -> None:
    server = await start(echo)
    async with HttpClient(max_idle=3) as client:
        answers = await asyncio.gather(*(client.send("GET", url(server, f"/{n}")) for n in range(10)))
        assert [answer.body for answer in answers] == [b"/%d?" % n for n in range(10)]
        await asyncio.gather(*(client.send("GET", url(server, "/")) for n in range(3)))
    assert not client._open


async def test_a_streamed_answer(start: Start, client: HttpClient) -> None:
    server = await start(echo)
    for _ in range(2):
        async with client.stream("GET", url(server, "/stream?5")) as streamed:
            assert streamed.status == 200
            assert b"".join([chunk async for chunk in streamed.chunks]) == b"0,1,2,3,4,"
    assert len(server.connections) == 1


async def test_leaving_a_stream_early_closes_its_connection(start: Start, client: HttpClient) -> None:
    server = await start(echo)
    async with client.stream("GET", url(server, "/stream?1000000")) as streamed:
        assert (await anext(streamed.chunks)).startswith(b"0,")
    assert (await client.send("GET", url(server, "/"))).headers["x-count"] == "1"


async def test_a_reader_that_is_behind_holds_the_server_back(start: Start, client: HttpClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65536
            yield b"x" * 65536

    async def handler(request: Request) -> Response:
        return Response(200, stream=endless())

    server = await start(handler)
    async with client.stream("GET", url(server, "/")) as streamed:
        before = -1
        while before != sent:
            before = sent
            for _ in range(200):
                await asyncio.sleep(0)
        assert sent < 40_000_000
        got = 0
        async for chunk in streamed.chunks:
            got += len(chunk)
            if got > before:
                break


async def test_timeouts(start: Start, client: HttpClient) -> None:
    server = await start(echo)
    with pytest.raises(TimeoutError):
        await client.send("GET", url(server, "/never"), timeout=0.02)
    with pytest.raises(TimeoutError):
        async with client.stream("GET", url(server, "/never"), timeout=0.02):
            raise AssertionError("no head should have come")
    assert (await client.send("GET", url(server, "/"), timeout=5)).status == 200


async def test_a_server_that_closed_an_idle_connection(start: Start, client: HttpClient) -> None:
    server = await start(echo)
    await client.send("GET", url(server, "/"))
    for connection in tuple(server.connections):
        connection.abort()
    assert (await client.send("GET", url(server, "/"))).headers["x-count"] == "1"
    for connection in tuple(server.connections):
        connection.abort()
    for _ in range(5):
        await asyncio.sleep(0)
    assert (await client.send("POST", url(server, "/"), body=b"x")).status == 200


async def test_refused_connections_and_bad_urls(start: Start, client: HttpClient) -> None:
    server = await start(echo)
    target = url(server, "/")
    await server.close()
    with pytest.raises(ConnectionRefusedError):
        await client.send("GET", target)
    for bad in ("ftp://x/", "/path", "http://"):
        with pytest.raises(ValueError, match="not an http"):
            await client.send("GET", bad)
    with pytest.raises(ValueError, match="line break"):
        await client.send("GET", target, [("x", "a\r\nb: c")])


Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc", None),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", None),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 200 OK\r\ncontent-le", None),
        (b"", None),
        (b"SSH-2.0-OpenSSH_9.2\r\n", None),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", b"ok"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokand more than was asked for", b"ok"),
    ],
)
async def test_answers_that_end_too_early_or_with_the_connection(
    client: HttpClient, answer: bytes, body: bytes | None
) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(script, "127.0.0.1", 0)
    target = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    if body is None:
        with pytest.raises(ConnectionError):
            await client.send("POST", target, body=b"x")
    else:
        assert (await client.send("POST", target, body=b"x")).body == body
    server.close()
    await server.wait_closed()


async def test_tls_with_a_client_certificate(start: Start, pki: Any) -> None:
    async def handler(request: Request) -> Response:
        assert request.peer is not None
        return Response(200, [], b"known" if request.peer.certificate else b"unknown")

    server = await start(handler, ssl=server_context(pki.server, pki.server_key, pki.ca))
    async with HttpClient(client_context(pki.ca, pki.client, pki.client_key)) as client:
        assert (await client.send("GET", url(server, "/", "https"))).body == b"known"
    async with HttpClient(client_context(pki.ca)) as client:
        assert (await client.send("GET", url(server, "/", "https"))).body == b"unknown"
    async with HttpClient(client_context(pki.ca), server_name="elsewhere") as client:
        with pytest.raises(OSError, match="certificate"):
            await client.send("GET", url(server, "/", "https"))
    async with HttpClient(client_context(pki.ca), server_name="localhost") as client:
        assert (await client.send("GET", url(server, "/", "https"))).status == 200


async def test_closing_cuts_off_what_is_in_flight(start: Start) -> None:
    entered = asyncio.Event()

    async def handler(request: Request) -> Response:
        entered.set()
        return await echo(request)

    server = await start(handler)
    client = HttpClient()
    request = asyncio.create_task(client.send("GET", url(server, "/never")))
    await entered.wait()
    await client.close()
    with pytest.raises(ConnectionError):
        await request
    with pytest.raises(ConnectionError, match="closed"):
        await client.send("GET", url(server, "/"))
