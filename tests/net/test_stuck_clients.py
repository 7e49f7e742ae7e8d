"""Clients that send and do not read: what they lag behind is bounded, and they are cut off."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from sampan.net.http import Limits, Request, Response
from sampan.net.http_connection import Connection

Start = Callable[..., Awaitable[Any]]
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
LARGE = b"x" * (1024 * 1024)


class Client:
    """A socket with a small buffer that nobody reads from."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setblocking(False)
        self.port = port

    async def send(self, data: bytes) -> None:
        """Connect and send."""
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self.socket, ("127.0.0.1", self.port))
        await loop.sock_sendall(self.socket, data)

    async def rest(self) -> bytes:
        """Everything until the server ends the connection; also when it does so rudely."""
        loop, parts = asyncio.get_running_loop(), []
        try:
            while part := await loop.sock_recv(self.socket, 1 << 20):
                parts.append(part)
        except ConnectionResetError:
            pass
        return b"".join(parts)


@pytest.fixture
async def client() -> AsyncIterator[Callable[[int], Client]]:
    """Makes clients, closed after the test."""
    made: list[Client] = []

    def make(port: int) -> Client:
        made.append(Client(port))
        return made[-1]

    yield make
    for one in made:
        one.socket.close()


async def until(true: Callable[[], bool]) -> None:
    """Wait for what must come to be."""
    async with asyncio.timeout(15):
        while not true():
            for _ in range(50):
                await asyncio.sleep(0)


async def test_pipelined_requests_wait_while_answers_are_not_read(
    start: Start, client: Callable[[int], Client]
) -> None:
    handled = 0

    async def handler(request: Request) -> Response:
        nonlocal handled
        handled += 1
        return Response(200, [], LARGE)

    server = await start(handler, limits=Limits(pipeline=10_000))
    one = client(server.port)
    await one.send(GET * 500)
    await until(lambda: handled > 0)
    for _ in range(200):
        await asyncio.sleep(0)
    assert handled < 20, "500 MB for a client that does not read"
    reading = asyncio.create_task(one.rest())
    await until(lambda: handled == 500)
    await server.close()
    assert len(await reading) > 400 * len(LARGE)


async def test_a_client_that_does_not_read_an_answer_is_cut_off(start: Start, client: Callable[[int], Client]) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, [], LARGE * 16)

    server = await start(handler, limits=Limits(write_timeout=0.05))
    one = client(server.port)
    await one.send(GET)
    await until(lambda: len(server.connections) == 1)
    await until(lambda: not server.connections)
    assert len(await one.rest()) < 16 * len(LARGE)


async def test_a_client_that_does_not_read_a_stream_is_cut_off_and_the_stream_closed(
    start: Start, client: Callable[[int], Client]
) -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield LARGE
        finally:
            ended.set()

    async def handler(request: Request) -> Response:
        return Response(200, [], stream=endless())

    server = await start(handler, limits=Limits(write_timeout=0.05))
    await client(server.port).send(GET)
    async with asyncio.timeout(15):
        await ended.wait()
    await until(lambda: not server.connections)


class Draining(asyncio.Transport):
    """A transport whose client reads a little between any two looks, until it stops."""

    def __init__(self, sizes: list[int]) -> None:
        super().__init__()
        self.sizes = sizes
        self.aborted = asyncio.Event()

    def get_write_buffer_size(self) -> int:
        return self.sizes.pop(0) if len(self.sizes) > 1 else self.sizes[0]

    def abort(self) -> None:
        self.aborted.set()


async def test_a_slow_client_that_goes_on_reading_is_left_alone(start: Start) -> None:
    async def handler(request: Request) -> Response:
        return Response(200)

    connection = Connection(await start(handler, limits=Limits(write_timeout=0.001)))
    transport = Draining([90, 80, 70, 60, 50])
    connection.connection_made(transport)
    connection.pause_writing()
    async with asyncio.timeout(15):
        await transport.aborted.wait()
    assert transport.sizes == [50], "it was cut off while it read"
    connection.connection_lost(None)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.0\r\n\r\n", b"200"),
        (b"GET / HTTP/1.1\r\nhost: x\r\nexpect: tea\r\n\r\n", b"417"),
        (b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", b"400"),
        (b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
        (b"G@T / HTTP/1.1\r\nhost: x\r\n\r\n", b"400"),
        (b"\x00\x01\r\n\r\n", b"400"),
    ],
)
async def test_misuse(start: Start, client: Callable[[int], Client], data: bytes, status: bytes) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, [("connection", "close")])

    server = await start(handler)
    one = client(server.port)
    await one.send(data)
    assert (await one.rest())[9:12] == status
