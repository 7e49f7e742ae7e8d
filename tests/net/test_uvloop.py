"""Server and client on uvloop, which brings its own transports and TLS."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
import uvloop

from sampan.net.http import Request, Response
from sampan.net.http_client import HttpClient
from sampan.net.http_server import Server, serve
from sampan.net.tls import client_context, server_context


class App:
    """Echo, endless streams that are full or silent, and an upgrade."""

    def __init__(self) -> None:
        self.pulled = 0
        self.closed = asyncio.Event()

    async def __call__(self, request: Request) -> Response:
        assert request.peer is not None
        if request.path == "/wait":
            await asyncio.sleep(0)
        if request.path == "/full":
            return Response(200, stream=self.stream(b"x" * 65536))
        if request.path == "/silent":
            return Response(200, stream=self.stream(b""))
        if request.path == "/upgrade":
            return Response(101, [("connection", "upgrade"), ("upgrade", "echo")], upgrade=self.echo)
        said = b"%d %b" % (len(request.peer.certificate or b"") > 100, request.body)
        return Response(200, [], said)

    async def stream(self, chunk: bytes) -> AsyncIterator[bytes]:
        try:
            while True:
                self.pulled += 1
                yield chunk
                if not chunk:
                    await asyncio.get_running_loop().create_future()
        finally:
            self.closed.set()

    async def echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)


async def whole(app: App, server: Server, client: HttpClient, url: str) -> None:
    for path in ("/", "/wait"):
        assert (await client.send("POST", url + path, body=b"abc")).body == b"1 abc"
    big = b"y" * 2_000_000
    assert (await client.send("POST", url + "/", body=big)).body == b"1 " + big
    assert len(server.connections) == 1
    assert (await client.send("POST", url + "/", body=b"y" * 4_000_000)).status == 413


async def leave(app: App, server: Server, client: HttpClient, url: str) -> None:
    async with client.stream("GET", url + "/silent") as streamed:
        assert streamed.status == 200
        assert not app.closed.is_set()
    await app.closed.wait()


async def backpressure(app: App, server: Server, client: HttpClient, url: str) -> None:
    async with client.stream("GET", url + "/full"):
        before = -1
        while before != app.pulled:
            before = app.pulled
            for _ in range(500):
                await asyncio.sleep(0)
        assert app.pulled < 500
    await app.closed.wait()


async def end_of_the_server(app: App, server: Server, client: HttpClient, url: str) -> None:
    async with client.stream("GET", url + "/silent") as streamed:
        await server.close()
        assert [chunk async for chunk in streamed.chunks] == []
    assert app.closed.is_set()


async def upgrade(app: App, server: Server, client: HttpClient, url: str) -> None:
    tls = client._ssl
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=tls)
    writer.write(b"GET /upgrade HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nearly\n")
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    writer.write(b"late\n")
    assert [await reader.readline() for _ in range(2)] == [b"early\n", b"late\n"]
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@pytest.mark.parametrize("scenario", [whole, leave, backpressure, end_of_the_server, upgrade])
def test_on_uvloop(pki: Any, scenario: Any) -> None:
    async def run() -> None:
        app = App()
        server = await serve(app, "127.0.0.1", 0, ssl=server_context(pki.server, pki.server_key, pki.ca))
        async with HttpClient(client_context(pki.ca, pki.client, pki.client_key)) as client, asyncio.timeout(10):
            await scenario(app, server, client, f"https://127.0.0.1:{server.port}")
        await server.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    work: Coroutine[Any, Any, None] = run()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)
