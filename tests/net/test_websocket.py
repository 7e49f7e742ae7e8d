"""WebSocket: RFC 6455's own example, messages both ways, limits, pings and close codes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.net.websocket import WebSocket
from sampan.net.websocket_handshake import HandshakeError, accept, accept_key, ask, wants_websocket

ASKED = {name.lower(): value for name, value in ask(bytes(16), ["v5.x", "v4.x"])}


def test_the_example_of_the_rfc() -> None:
    assert accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_a_handshake_takes_the_clients_first_choice_that_is_served() -> None:
    assert wants_websocket(ASKED)
    assert accept(ASKED, ["v4.x", "v5.x"])[0] == "v5.x"
    chosen, headers = accept(ASKED, ["v4.x"])
    assert chosen == "v4.x"
    assert dict(headers)["Sec-WebSocket-Protocol"] == "v4.x"


@pytest.mark.parametrize(
    "change",
    [
        {"sec-websocket-version": "8"},
        {"sec-websocket-key": "c2hvcnQ="},
        {"sec-websocket-key": "%%%"},
        {"sec-websocket-protocol": "v9.x"},
        {"sec-websocket-protocol": ""},
    ],
)
def test_other_handshakes_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(HandshakeError):
        accept({**ASKED, **change}, ["v4.x", "v5.x"])


@pytest.mark.parametrize("headers", [{}, {"upgrade": "websocket"}, {"connection": "Upgrade", "upgrade": "SPDY/3.1"}])
def test_what_does_not_ask_for_a_websocket(headers: dict[str, str]) -> None:
    assert not wants_websocket(headers)


Serve = Callable[[WebSocket], Awaitable[None]]


@contextlib.asynccontextmanager
async def connected(serve: Serve, **options: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A client's streams to a WebSocket server (after the handshake)."""
    ended = asyncio.Event()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(WebSocket(reader, writer, **options))  # type: ignore[arg-type]
        finally:
            writer.close()
            ended.set()

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    try:
        yield reader, writer
    finally:
        writer.close()
        await ended.wait()
        server.close()
        await server.wait_closed()


async def echo(socket: WebSocket) -> None:
    while (message := await socket.receive()) is not None:
        await socket.send(message)


async def test_messages_of_all_sizes_both_ways() -> None:
    async with connected(echo) as ends:
        client = WebSocket(*ends, client=True)
        for size in (0, 1, 125, 126, 65_535, 65_536, 1_000_000):
            await client.send(b"x" * size)
            assert await client.receive() == b"x" * size
        await client.close()
        assert client.close_code == 1000
        with pytest.raises(ConnectionError):
            await client.send(b"late")


async def test_a_ping_is_answered_while_one_reads() -> None:
    async with connected(echo) as (reader, writer):
        writer.write(bytes.fromhex("8982 00000000") + b"hi")
        assert await reader.readexactly(4) == b"\x8a\x02hi"


async def test_fragments_with_a_ping_between_make_one_message() -> None:
    async with connected(echo) as (reader, writer):
        mask = bytes(4)
        writer.write(b"\x02\x82" + mask + b"ab" + b"\x89\x80" + mask + b"\x80\x81" + mask + b"c")
        assert await reader.readexactly(2 + 5) == b"\x8a\x00" + b"\x82\x03abc"


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"\x82\xff" + (200_000).to_bytes(8, "big") + bytes(4) + bytes(200_000), 1009),
        (b"\x82\x01x", 1002),
        (b"\xf2\x80" + bytes(4), 1002),
        (b"\x81\x82" + bytes(4) + b"\xff\xff", 1007),
    ],
    ids=["too big", "not masked", "reserved bits", "not UTF-8"],
)
async def test_what_breaks_the_rules_is_told_why(wire: bytes, code: int) -> None:
    async with connected(echo, largest=100_000) as (reader, writer):
        writer.write(wire)
        head = await reader.readexactly(4)
        assert head[0] == 0x88
        assert int.from_bytes(head[2:], "big") == code


async def test_leaving_without_a_close_is_1006() -> None:
    codes: list[int | None] = []

    async def note(socket: WebSocket) -> None:
        assert await socket.receive() is None
        codes.append(socket.close_code)

    async with connected(note) as (_, writer):
        writer.close()
    assert codes == [1006]


@given(st.lists(st.binary(max_size=200), max_size=5), st.integers(1, 30))
def test_round_trips_however_the_bytes_are_cut(sent: list[bytes], cut: int) -> None:
    async def run() -> None:
        back, out = asyncio.StreamReader(), Buffer()
        client = WebSocket(asyncio.StreamReader(), out, client=True)  # type: ignore[arg-type]
        for message in sent:
            await client.send(message)
        server = WebSocket(back, Buffer())  # type: ignore[arg-type]
        wire = bytes(out.written)
        for at in range(0, len(wire), cut):
            back.feed_data(wire[at : at + cut])
        back.feed_eof()
        for message in sent:
            assert await server.receive() == message
        assert await server.receive() is None

    asyncio.run(run())


class Buffer:
    """What of a StreamWriter is used, into memory."""

    def __init__(self) -> None:
        self.written = bytearray()

    def write(self, data: bytes) -> None:
        self.written += data

    async def drain(self) -> None: ...
    def is_closing(self) -> bool:
        return False

    def close(self) -> None: ...
