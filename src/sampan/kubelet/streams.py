"""exec, attach and portForward of the node agent: who asks how, and the answer that takes the connection over."""

import asyncio
from collections.abc import Awaitable
from typing import Protocol, TypeVar
from urllib.parse import parse_qs

from sampan.api.json import Obj
from sampan.kubelet.remote import SPDY, VERSION_HEADER, dial, here, over_spdy, tunnel
from sampan.kubelet.runtime import Command, CriError, Performance
from sampan.kubelet.terminal import V4, V5, Console, SpdyConsole, WebSocketConsole
from sampan.net.http import Headers, Request, Response
from sampan.net.http_upgrade import Relay, Upgraded, upgrade
from sampan.net.spdy_connection import SpdyConnection
from sampan.net.websocket_handshake import HandshakeError, accept, wants_websocket

FORWARD = "portforward.k8s.io"
TUNNELLED = f"{SPDY}+{FORWARD}"
WEBSOCKET = ("connection", "upgrade", "sec-websocket-key", "sec-websocket-version", "sec-websocket-protocol")
T = TypeVar("T")


class Agent(Protocol):
    """What streams need of a node agent. Raises LookupError, CriError."""

    async def open_command(self, pod: Obj, container: str, asked: Command) -> str | Performance: ...
    async def open_ports(self, pod: Obj, ports: tuple[int, ...]) -> str: ...


class Refused(Exception):
    """The request cannot be served; `status` says why in HTTP's terms."""

    def __init__(self, status: int, text: str, headers: Headers | None = None) -> None:
        super().__init__(text)
        self.status, self.text, self.headers = status, text, headers or []


async def command(request: Request, agent: Agent, pod: Obj, container: str) -> Response:
    """GET or POST /exec and /attach: the 101, or why not."""
    try:
        return await _command(request, agent, pod, container)
    except Refused as refused:
        return _plain(refused)


async def forward(request: Request, agent: Agent, pod: Obj) -> Response:
    """GET or POST /portForward: the 101, or why not."""
    try:
        return await _forward(request, agent, pod)
    except Refused as refused:
        return _plain(refused)


def _plain(refused: Refused) -> Response:
    headers = [("Content-Type", "text/plain; charset=utf-8"), *refused.headers]
    return Response(refused.status, headers, refused.text.encode())


async def _command(request: Request, agent: Agent, pod: Obj, container: str) -> Response:
    asked = parse_command(request)
    _, headers = _handshake(request, (V5, V4), (V4,))
    await asyncio.sleep(0)  # a handler runs outside of a task until it first waits; time limits need one
    opened = await _opened(agent.open_command(pod, container, asked))
    if wants_websocket(request.headers):
        remote = await _dial(dial(opened, (V4,))) if isinstance(opened, str) else None
        return Response(101, headers, upgrade=Session(asked, remote, opened, websocket=True))
    if isinstance(opened, str):
        return _relayed(await _dial(dial(opened, offered_versions(request))))
    return Response(101, headers, upgrade=Session(asked, None, opened, websocket=False))


async def _forward(request: Request, agent: Agent, pod: Obj) -> Response:
    protocol, headers = _handshake(request, (TUNNELLED, V4), (FORWARD,))
    await asyncio.sleep(0)
    if protocol == V4:  # two channels a port: runtimes speak it themselves
        url = await _opened(agent.open_ports(pod, parse_ports(request)))
        asked = [(name, request.headers[name]) for name in WEBSOCKET if name in request.headers]
        return _relayed(await _dial(upgrade("GET", url, asked)))
    url = await _opened(agent.open_ports(pod, ()))
    remote = await _dial(dial(url, (FORWARD,)))
    if wants_websocket(request.headers):
        return Response(101, headers, upgrade=Tunnel(remote))
    return _relayed(remote)


def parse_command(request: Request) -> Command:
    """What a request's query asks for; the container is still open. Raises Refused."""
    query = parse_qs(request.query, keep_blank_values=True)
    wanted = {name for name in ("input", "output", "error", "tty") if query.get(name, [""])[-1] in ("1", "true")}
    stdin, stdout, stderr, tty = (name in wanted for name in ("input", "output", "error", "tty"))
    if not (stdin or stdout or stderr):
        raise Refused(400, "you must specify at least 1 of stdin, stdout, stderr")
    words = tuple(query.get("command", ())) if request.path.startswith("/exec/") else None
    if words == ():
        raise Refused(400, "you must specify at least 1 command")
    return Command("", words, stdin, stdout, stderr and not tty, tty)


def parse_ports(request: Request) -> tuple[int, ...]:
    """The ports that a WebSocket of channels is to lead to. Raises Refused."""
    given = parse_qs(request.query).get("port", [])
    if not given:
        raise Refused(400, 'query parameter "port" is required')
    ports = tuple(int(text) if text.isdecimal() else 0 for value in given for text in value.split(","))
    if not all(0 < port < 65536 for port in ports):
        raise Refused(400, f"unable to parse {given[0]!r} as a port")
    return ports


def offered_versions(request: Request) -> tuple[str, ...]:
    """The stream protocols that a SPDY client offers."""
    return tuple(v.strip() for v in request.headers.get(VERSION_HEADER.lower(), "").split(",") if v.strip())


def _handshake(request: Request, by_websocket: tuple[str, ...], by_spdy: tuple[str, ...]) -> tuple[str, Headers]:
    """The protocol to speak, and the headers of the 101 that says so. Raises Refused."""
    if wants_websocket(request.headers):
        try:
            return accept(request.headers, by_websocket)
        except HandshakeError as error:
            raise Refused(400, f"unable to upgrade: {error}") from error
    tokens = {token.strip().lower() for token in request.headers.get("connection", "").split(",")}
    if "upgrade" not in tokens or request.headers.get("upgrade", "").lower() != SPDY.lower():
        raise Refused(400, "unable to upgrade: missing upgrade headers in request: SPDY/3.1 or a WebSocket is expected")
    chosen = next((name for name in offered_versions(request) if name in by_spdy), None)
    if chosen is None:
        text = f"unable to upgrade: unable to negotiate protocol: client supports {list(offered_versions(request))}, "
        served = [("X-Accept-Stream-Protocol-Versions", name) for name in by_spdy]
        raise Refused(403, text + f"server accepts {list(by_spdy)}", served)
    return chosen, [("Connection", "Upgrade"), ("Upgrade", SPDY), (VERSION_HEADER, chosen)]


async def _opened(opening: Awaitable[T]) -> T:
    try:
        return await opening
    except LookupError as error:
        raise Refused(404, str(error.args[0])) from error
    except CriError as error:
        raise Refused(501 if error.code == "UNIMPLEMENTED" else 500, error.message) from error


async def _dial(dialing: Awaitable[Upgraded]) -> Upgraded:
    try:
        remote = await dialing
    except (OSError, ValueError) as error:
        raise Refused(502, f"error dialing backend: {error}") from error
    if remote.status != 101:
        raise Refused(502, f"error dialing backend: {remote.body.decode(errors='replace').strip()}")
    return remote


def _relayed(remote: Upgraded) -> Response:
    """The runtime's answer, and from then on its bytes, unchanged."""
    headers = [(name.title(), value) for name, value in remote.headers if name != "date"]
    return Response(101, headers, upgrade=Relay(remote))


class Session:
    """One exec or attach: a client by WebSocket or SPDY, and behind it a streaming server or this process."""

    def __init__(self, asked: Command, remote: Upgraded | None, opened: str | Performance, *, websocket: bool) -> None:
        self._asked, self._remote, self._opened, self._websocket = asked, remote, opened, websocket

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        console: Console
        if self._websocket:
            from sampan.net.websocket import WebSocket

            console = WebSocketConsole(WebSocket(reader, writer))
        else:
            asked = self._asked
            wanted = {"stdin": asked.stdin, "stdout": asked.stdout, "stderr": asked.stderr, "resize": asked.tty}
            expected = frozenset(("error", *(name for name, there in wanted.items() if there)))
            console = SpdyConsole(SpdyConnection(reader, writer, server=True), expected)
        try:
            if self._remote is not None:
                await console.serve(over_spdy(console, self._remote, self._asked))
            elif not isinstance(self._opened, str):
                await console.serve(here(console, self._opened))
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Hang up on the streaming server."""
        if self._remote is not None:
            self._remote.writer.close()


class Tunnel:
    """One port-forward by WebSocket: its messages are the bytes of a SPDY connection."""

    def __init__(self, remote: Upgraded) -> None:
        self._remote = remote

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from sampan.net.websocket import WebSocket

        await tunnel(WebSocket(reader, writer), self._remote)

    async def aclose(self) -> None:
        """Hang up on the streaming server."""
        self._remote.writer.close()
