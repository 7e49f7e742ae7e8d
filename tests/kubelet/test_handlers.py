"""Handlers against servers on the loopback: what they ask for, and what they make of the answers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError
from grpclib.health.check import ServiceCheck
from grpclib.health.service import Health
from grpclib.health.v1.health_grpc import HealthBase
from grpclib.server import Server

from sampan.api.json import Obj
from sampan.kubelet.handlers import Handlers, Outcome
from sampan.kubelet.simulated import SimulatedRuntime
from sampan.testing.clock import FakeClock

HERE = "127.0.0.1"
Answering = Callable[[str], bytes]


@pytest.fixture
async def handlers(runtime: SimulatedRuntime, clock: FakeClock) -> AsyncIterator[Handlers]:
    made = Handlers(runtime, clock)
    yield made
    await made.close()


@asynccontextmanager
async def serving(answer: Answering, asked: list[str]) -> AsyncIterator[int]:
    """A server that answers every request with some bytes; its port."""
    ended = asyncio.Event()
    alive = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal alive
        alive += 1
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            asked.append(request)
            writer.write(answer(request.split()[1]))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            alive -= 1
            ended.set()

    server = await asyncio.start_server(serve, HERE, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        while alive:
            ended.clear()
            await ended.wait()
        await server.wait_closed()


def http(status: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def probe(handlers: Handlers, handler: Obj, timeout: float = 5.0) -> Outcome:
    container = {"name": "a", "ports": [{"name": "web", "containerPort": 1}]}
    return await handlers.run(container, handler, "id", HERE, timeout)


def get(port: int, **more: object) -> Obj:
    return {"httpGet": {"port": port, **more}}


@pytest.mark.parametrize(
    ("status", "want"),
    [
        ("200 OK", Outcome(True)),
        ("204 No Content", Outcome(True)),
        ("304 Not Modified", Outcome(True)),
        ("404 Not Found", Outcome(False, "HTTP probe failed with statuscode: 404")),
        ("500 No", Outcome(False, "HTTP probe failed with statuscode: 500")),
    ],
)
async def test_by_status(handlers: Handlers, status: str, want: Outcome) -> None:
    async with serving(lambda path: http(status, body=b"" if status.startswith(("204", "304")) else b"x"), []) as port:
        assert await probe(handlers, get(port)) == want


async def test_what_is_asked(handlers: Handlers) -> None:
    asked: list[str] = []
    own = [{"name": "Host", "value": "own.example"}, {"name": "accept", "value": ""}, {"name": "X-A", "value": "1"}]
    async with serving(lambda path: http("200 OK"), asked) as port:
        await probe(handlers, get(port, path="ready?x=1"))
        await probe(handlers, get(port, httpHeaders=own))
        await handlers.run({"name": "a"}, get(port), "id", HERE, 5.0, "lifecycle")
    first, second, third = (request.splitlines() for request in asked)
    assert first[0] == "GET /ready?x=1 HTTP/1.1"
    assert {f"host: {HERE}:{port}", "User-Agent: kube-probe/1.37", "Accept: */*"} <= set(first)
    assert {"Host: own.example", "X-A: 1"} <= set(second)
    assert not any(line.lower().startswith("accept:") for line in second)
    assert "User-Agent: kube-lifecycle/1.37" in third


async def test_redirects_within_the_host_are_followed(handlers: Handlers) -> None:
    def answer(path: str) -> bytes:
        match path:
            case "/":
                return http("302 Found", "Location: /login")
            case "/away":
                return http("302 Found", "Location: http://elsewhere.invalid/")
            case "/round":
                return http("307 Again", "Location: /round")
        return http("503 Not yet")

    async with serving(answer, []) as port:
        assert await probe(handlers, get(port)) == Outcome(False, "HTTP probe failed with statuscode: 503")
        assert await probe(handlers, get(port, path="/away")) == Outcome(True)
        round_ = f'Get "http://{HERE}:{port}/round": stopped after 10 redirects'
        assert await probe(handlers, get(port, path="/round")) == Outcome(False, round_)


async def test_a_body_without_end_is_not_read(handlers: Handlers) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"
    async with serving(lambda path: head + b"x" * 20_000, []) as port:
        assert await probe(handlers, get(port)) == Outcome(True)


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n"])
async def test_what_is_no_answer_is_a_failure(handlers: Handlers, answer: bytes) -> None:
    async with serving(lambda path: answer, []) as port:
        found = await probe(handlers, get(port))
        assert found.ok is False
        assert found.message.startswith(f'Get "http://{HERE}:{port}/": ')


def closed_port() -> int:
    """One on which nobody listens."""
    import socket

    with socket.socket() as found:
        found.bind((HERE, 0))
        port: int = found.getsockname()[1]
    return port


async def test_nobody_listens(handlers: Handlers) -> None:
    port = closed_port()
    refused = f"dial tcp {HERE}:{port}: connect: connection refused"
    assert await probe(handlers, get(port)) == Outcome(False, f'Get "http://{HERE}:{port}/": {refused}')
    assert await probe(handlers, {"tcpSocket": {"port": port}}) == Outcome(False, refused)
    failed = f'error: failed to connect service at "{HERE}:{port}": {refused}'
    assert await probe(handlers, {"grpc": {"port": port}}) == Outcome(False, failed)


async def test_nobody_answers(handlers: Handlers) -> None:
    held: list[asyncio.StreamWriter] = []
    quiet = await asyncio.start_server(lambda reader, writer: held.append(writer), HERE, 0)
    port = quiet.sockets[0].getsockname()[1]
    late = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    assert await probe(handlers, get(port), 0.05) == Outcome(False, f'Get "http://{HERE}:{port}/": {late}')
    assert await probe(handlers, {"tcpSocket": {"port": port}}) == Outcome(True)
    late = "timeout: health rpc did not complete within 50ms"
    assert await probe(handlers, {"grpc": {"port": port}}, 0.05) == Outcome(False, late)
    quiet.close()
    for writer in held:
        writer.close()
        await writer.wait_closed()


async def test_a_port_that_there_is_not(handlers: Handlers) -> None:
    assert await probe(handlers, {"tcpSocket": {"port": "none"}}) == Outcome(None, "couldn't find port: none")
    assert await probe(handlers, get("none")) == Outcome(None, "couldn't find port: none")  # type: ignore[arg-type]


class NoHealth(HealthBase):
    """A server that knows of no health."""

    async def Check(self, stream: Any) -> None:
        raise GRPCError(Status.UNIMPLEMENTED, "unknown service grpc.health.v1.Health")

    async def Watch(self, stream: Any) -> None:
        raise NotImplementedError


@asynccontextmanager
async def grpc_server(service: Any) -> AsyncIterator[int]:
    """Its port."""
    port = closed_port()
    server = Server([service])
    await server.start(HERE, port)
    try:
        yield port
    finally:
        server.close()
        await server.wait_closed()


async def test_grpc(handlers: Handlers) -> None:
    async with grpc_server(Health()) as port:
        assert await probe(handlers, {"grpc": {"port": port}}) == Outcome(True)
        found = await probe(handlers, {"grpc": {"port": port, "service": "none"}})
        assert (found.ok, found.message.startswith("error: health rpc probe failed: NOT_FOUND")) == (False, True)
    check = ServiceCheck(lambda: answer(False))
    async with grpc_server(Health({NoHealth(): [check]})) as port:
        await check.__check__()
        found = await probe(handlers, {"grpc": {"port": port, "service": "grpc.health.v1.Health"}})
        assert found == Outcome(False, 'service unhealthy (responded with "NOT_SERVING")')


async def answer(ok: bool) -> bool:
    return ok


async def test_grpc_of_servers_without_health(handlers: Handlers) -> None:
    async with grpc_server(NoHealth()) as port:
        words = "this server does not implement the grpc health protocol (grpc.health.v1.Health)"
        text = f"error: {words}: unknown service grpc.health.v1.Health"
        assert await probe(handlers, {"grpc": {"port": port}}) == Outcome(False, text)
    async with serving(lambda path: http("400 Bad Request"), []) as port:
        found = await probe(handlers, {"grpc": {"port": port}})
        assert found.ok is False


async def test_a_sleep_ends_with_its_time(handlers: Handlers, clock: FakeClock) -> None:
    task = asyncio.ensure_future(handlers.run({"name": "a"}, {"sleep": {"seconds": 60}}, "id", HERE, 5.0, "lifecycle"))
    await clock.advance(5)
    assert await task == Outcome(True)


async def test_pods_that_cannot_be_reached(runtime: SimulatedRuntime, clock: FakeClock) -> None:
    handlers = Handlers(runtime, clock, reachable=False)
    for handler in (get(80), {"tcpSocket": {"port": 80}}, {"grpc": {"port": 80}}):
        assert await probe(handlers, handler) == Outcome(True)
