"""exec, attach and port-forward of the node agent: WebSocket and SPDY clients, runtimes with and without a server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from sampan.api.json import Obj, loads
from sampan.kubelet import streams
from sampan.kubelet.runtime import Command, CriError, Performance, Terminal
from sampan.kubelet.streams import TUNNELLED
from sampan.kubelet.terminal import V4, V5
from sampan.net.http import Request, Response
from sampan.net.http_client import HttpClient
from sampan.net.http_server import serve
from sampan.net.http_upgrade import Upgraded
from sampan.net.spdy_connection import SpdyConnection, Stream
from sampan.net.websocket import WebSocket
from sampan.net.websocket_handshake import accept, ask

POD: Obj = {"metadata": {"name": "p", "namespace": "default"}, "spec": {"containers": [{"name": "c"}]}}
ALL = "/exec/default/p/c?command=x&input=1&output=1&error=1"


class Agent:
    """An agent whose runtime answers with `opened`: a URL, a performance or an exception."""

    def __init__(self, opened: str | Performance | Exception) -> None:
        self.opened = opened
        self.asked: list[Command] = []
        self.ports: tuple[int, ...] = ()

    async def open_command(self, pod: Obj, container: str, asked: Command) -> str | Performance:
        self.asked.append(asked)
        return self._answer()

    async def open_ports(self, pod: Obj, ports: tuple[int, ...]) -> str:
        self.ports = ports
        url = self._answer()
        assert isinstance(url, str)
        return url

    def _answer(self) -> str | Performance:
        if isinstance(self.opened, Exception):
            raise self.opened
        return self.opened


class Node:
    """A server in front of an agent, and a client to it."""

    def __init__(self, url: str, client: HttpClient) -> None:
        self.url, self.client = url, client

    async def websocket(self, path: str, *protocols: str) -> WebSocket:
        answer = await self.client.upgrade("GET", self.url + path, ask(bytes(16), protocols))
        assert answer.status == 101, answer.body
        return WebSocket(answer.reader, answer.writer, client=True)

    async def spdy(self, path: str, *protocols: str) -> Upgraded:
        headers = [("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1")]
        versions = [("X-Stream-Protocol-Version", name) for name in protocols]
        return await self.client.upgrade("POST", self.url + path, [*headers, *versions])


@contextlib.asynccontextmanager
async def node(agent: Agent) -> AsyncIterator[Node]:
    async def handle(request: Request) -> Response:
        if request.path.startswith("/portForward/"):
            return await streams.forward(request, agent, POD)
        return await streams.command(request, agent, POD, "c")

    server = await serve(handle, "127.0.0.1", 0)
    async with HttpClient() as client:
        try:
            yield Node(f"http://127.0.0.1:{server.port}", client)
        finally:
            await server.close()


@contextlib.asynccontextmanager
async def runtime(work: Callable[[dict[str, Stream]], Awaitable[None]], streams: int) -> AsyncIterator[str]:
    """A streaming server as runtimes have it: its URL. `work` is given the streams by name once all are open."""

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = SpdyConnection(reader, writer, server=True)
        running = asyncio.create_task(connection.run())
        found: dict[str, Stream] = {}
        async for stream in connection.opened():
            found[stream.headers["streamtype"]] = stream
            if len(found) == streams:
                await work(found)
                break
        await connection.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    async def handle(request: Request) -> Response:
        assert request.method == "POST"
        version = request.headers["x-stream-protocol-version"].split(",")[0]
        headers = [("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1"), ("X-Stream-Protocol-Version", version)]
        return Response(101, headers, upgrade=session)

    server = await serve(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.port}/exec/token"
    finally:
        await server.close()


async def cat(terminal: Terminal) -> int:
    while data := await terminal.read():
        await terminal.write(1, data)
    await terminal.write(2, b"bye")
    return 3


async def everything(socket: WebSocket) -> dict[int, bytes]:
    """What each channel brought until the end."""
    found: dict[int, bytes] = {}
    while (message := await socket.receive()) is not None:
        found[message[0]] = found.get(message[0], b"") + message[1:]
    return found


def exit_code(status: bytes) -> str:
    found = loads(status)
    assert found["reason"] == "NonZeroExitCode"
    return str(found["details"]["causes"][0]["message"])


async def test_websocket_stdin_ends_by_a_close_message_and_the_exit_code_comes_last() -> None:
    async with node(Agent(cat)) as at:
        socket = await at.websocket(ALL, V5, V4)
        await socket.send(b"\x00some ")
        await socket.send(b"\x00text")
        await socket.send(b"\xff\x00")
        found = await everything(socket)
        assert (found[1], found[2]) == (b"some text", b"bye")
        assert exit_code(found[3]) == "3"
        assert socket.close_code == 1000
        await socket.close()


async def test_success_is_a_status_too() -> None:
    async def fine(terminal: Terminal) -> int:
        return 0

    async with node(Agent(fine)) as at:
        socket = await at.websocket(ALL, V4)
        assert loads((await everything(socket))[3])["status"] == "Success"
        await socket.close()


async def test_a_client_that_leaves_ends_the_command() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def endless(terminal: Terminal) -> int:
        begun.set()
        try:
            await asyncio.Event().wait()
            return 0
        finally:
            ended.set()

    agent = Agent(endless)
    async with node(agent) as at:
        socket = await at.websocket(ALL, V5)
        await begun.wait()
        await socket.close()
        await ended.wait()
        begun.clear()
        ended.clear()
        answer = await at.spdy(ALL, V4)
        connection = SpdyConnection(answer.reader, answer.writer, server=False)
        for name in ("error", "stdin", "stdout", "stderr"):
            await connection.open({"streamType": name})
        await begun.wait()
        await connection.close()
        await ended.wait()


async def test_spdy_client_and_a_command_in_this_process() -> None:
    async with node(Agent(cat)) as at:
        answer = await at.spdy(ALL, V4, "v3.channel.k8s.io")
        assert answer.names["x-stream-protocol-version"] == V4
        connection = SpdyConnection(answer.reader, answer.writer, server=False)
        running = asyncio.create_task(connection.run())
        opened = {n: await connection.open({"streamType": n}) for n in ("error", "stdin", "stdout", "stderr")}
        await opened["stdin"].write(b"text")
        await opened["stdin"].finish()
        assert await all_of(opened["stdout"]) == b"text"
        assert await all_of(opened["stderr"]) == b"bye"
        assert exit_code(await all_of(opened["error"])) == "3"
        await connection.close()
        await running


async def all_of(stream: Stream) -> bytes:
    parts = []
    while part := await stream.read():
        parts.append(part)
    return b"".join(parts)


async def test_websocket_client_and_a_runtime_that_speaks_spdy() -> None:
    async def work(found: dict[str, Stream]) -> None:
        await found["stdout"].write(b"got " + await all_of(found["stdin"]))
        await found["error"].write(b'{"status":"Success"}')

    async with runtime(work, 4) as url, node(Agent(url)) as at:
        socket = await at.websocket(ALL, V5)
        await socket.send(b"\x00" + b"x" * 100_000)
        await socket.send(b"\xff\x00")
        found = await everything(socket)
        assert found[1] == b"got " + b"x" * 100_000
        assert found[3] == b'{"status":"Success"}'
        await socket.close()


async def test_a_terminals_sizes_reach_the_runtime() -> None:
    async def work(found: dict[str, Stream]) -> None:
        assert set(found) == {"error", "stdin", "stdout", "resize"}
        await found["stdout"].write(await found["resize"].read())
        await found["error"].write(b"{}")

    agent = Agent("")
    async with runtime(work, 4) as url, node(agent) as at:
        agent.opened = url
        socket = await at.websocket(ALL + "&tty=1", V5)
        await socket.send(b'\x04{"Width":80,"Height":24}')
        assert (await everything(socket))[1] == b'{"Width":80,"Height":24}'
        await socket.close()
    assert agent.asked == [Command("", ("x",), True, True, False, True)]


async def test_a_runtime_that_breaks_off_is_told() -> None:
    async def work(found: dict[str, Stream]) -> None:
        await found["stdout"].write(b"half")

    async with runtime(work, 4) as url, node(Agent(url)) as at:
        socket = await at.websocket(ALL, V5)
        found = await everything(socket)
        assert found[1] == b"half"
        assert "broke off" in loads(found[3])["message"]
        await socket.close()


async def test_a_spdy_client_is_joined_to_the_runtime() -> None:
    async def work(found: dict[str, Stream]) -> None:
        await found["stdout"].write(await all_of(found["stdin"]))
        await found["error"].write(b"{}")

    async with runtime(work, 3) as url, node(Agent(url)) as at:
        answer = await at.spdy("/attach/default/p/c?input=1&output=1", V4)
        connection = SpdyConnection(answer.reader, answer.writer, server=False)
        running = asyncio.create_task(connection.run())
        opened = {n: await connection.open({"streamType": n}) for n in ("error", "stdin", "stdout")}
        await opened["stdin"].write(b"text")
        await opened["stdin"].finish()
        assert await all_of(opened["stdout"]) == b"text"
        await running
        await connection.close()


async def test_port_forward_is_spdy_inside_of_websocket_messages() -> None:
    async def work(found: dict[str, Stream]) -> None:
        assert found["data"].headers["port"] == "80"
        await found["data"].write(b"pong " + await found["data"].read())

    async with runtime(work, 2) as url, node(Agent(url)) as at:
        socket = await at.websocket("/portForward/default/p", TUNNELLED)
        here, there = Pipe(socket), asyncio.StreamReader()
        connection = SpdyConnection(there, here, server=False)  # type: ignore[arg-type]
        running = asyncio.create_task(connection.run())
        await connection.open({"streamType": "error", "port": "80", "requestID": "0"})
        data = await connection.open({"streamType": "data", "port": "80", "requestID": "0"})
        await data.write(b"ping")
        while (message := await socket.receive()) is not None:
            there.feed_data(message)
        there.feed_eof()
        assert await all_of(data) == b"pong ping"
        await running
        await socket.close()


async def test_port_forward_by_channels_is_the_runtimes_own() -> None:
    async def channels(request: Request) -> Response:
        async def work(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            socket = WebSocket(reader, writer)
            message = await socket.receive()
            await socket.send(b"got " + (message or b""))
            await socket.close()

        return Response(101, accept(request.headers, [V4])[1], upgrade=work)

    server = await serve(channels, "127.0.0.1", 0)
    agent = Agent(f"http://127.0.0.1:{server.port}/portforward/token")
    async with node(agent) as at:
        socket = await at.websocket("/portForward/default/p?port=80,81", V4)
        await socket.send(b"\x00ping")
        assert await socket.receive() == b"got \x00ping"
        assert await socket.receive() is None
        assert agent.ports == (80, 81)
        await socket.close()
    await server.close()


class Pipe:
    """A StreamWriter into messages."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket, self._bytes = socket, b""

    def write(self, data: bytes) -> None:
        self._bytes += data

    async def drain(self) -> None:
        data, self._bytes = self._bytes, b""
        await self._socket.send(data)

    def is_closing(self) -> bool:
        return False

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("path", "headers", "status", "words"),
    [
        (ALL, [], 400, "missing upgrade headers"),
        (ALL, ask(bytes(16), ["v9.channel.k8s.io"]), 400, "unable to negotiate"),
        (ALL, [("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1")], 403, "unable to negotiate"),
        ("/exec/default/p/c?command=x", ask(bytes(16), [V5]), 400, "at least 1 of stdin"),
        ("/exec/default/p/c?output=1", ask(bytes(16), [V5]), 400, "at least 1 command"),
        ("/portForward/default/p", ask(bytes(16), [V5]), 400, "unable to negotiate"),
        ("/portForward/default/p", ask(bytes(16), [V4]), 400, "is required"),
        ("/portForward/default/p?port=80,x", ask(bytes(16), [V4]), 400, "as a port"),
    ],
)
async def test_what_cannot_be_upgraded_is_told_why(
    path: str, headers: list[tuple[str, str]], status: int, words: str
) -> None:
    async with node(Agent(cat)) as at:
        answer = await at.client.upgrade("GET", at.url + path, headers or [("Connection", "close")])
        assert answer.status == status
        assert words in answer.body.decode()


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        (LookupError('container not found ("c")'), 404),
        (CriError("FAILED_PRECONDITION", "the container is not running"), 500),
        (CriError("UNIMPLEMENTED", "not here"), 501),
        ("http://127.0.0.1:1/token", 502),
    ],
)
async def test_trouble_before_the_upgrade_is_an_answer(trouble: str | Exception, status: int) -> None:
    async with node(Agent(trouble)) as at:
        answer = await at.client.upgrade("GET", at.url + ALL, ask(bytes(16), [V5]))
        assert answer.status == status
        assert answer.body
