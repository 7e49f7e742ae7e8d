"""SPDY/3.1: the draft's dictionary, a vector of another implementation, round trips, and connections that misbehave."""

import asyncio
import contextlib
import struct
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.net.spdy import DICTIONARY, LARGEST, Control, Data, Frame, Framer, Kind, SpdyError
from sampan.net.spdy_connection import SpdyConnection, Stream

WITH_HEADERS = [Kind.SYN_STREAM, Kind.SYN_REPLY, Kind.HEADERS]
numbers = st.integers(1, 0x7FFFFFFF)
headers = st.dictionaries(st.text("abcdefghijklmnop-", min_size=1), st.text(), max_size=6)
frames = st.one_of(
    st.builds(Data, numbers, st.binary(max_size=300), st.booleans()),
    st.builds(Control, st.sampled_from(WITH_HEADERS), numbers, headers, st.booleans()),
    st.builds(lambda n: Control(Kind.PING, value=n), st.integers(0, 0xFFFFFFFF)),
    st.builds(
        lambda k, s, v: Control(k, s, value=v),
        st.sampled_from([Kind.RST_STREAM, Kind.GOAWAY, Kind.WINDOW_UPDATE]), numbers, numbers,
    ),
)  # fmt: skip


def test_the_dictionary_is_the_drafts() -> None:
    assert (len(DICTIONARY), zlib.adler32(DICTIONARY)) == (1423, 0xE3C6A7C2)


def test_bytes_on_the_wire() -> None:
    framer = Framer()
    assert framer.encode(Control(Kind.PING, value=7)) == bytes.fromhex("80030006 00000004 00000007")
    assert framer.encode(Control(Kind.RST_STREAM, 5, value=3)) == bytes.fromhex("80030003 00000008 00000005 00000003")
    assert framer.encode(Data(3, b"hi", fin=True)) == bytes.fromhex("00000003 01000002") + b"hi"
    opened = framer.encode(Control(Kind.SYN_STREAM, 1, {"streamType": "error"}))
    assert opened[:8] == struct.pack("!II", 0x80030001, len(opened) - 8)
    assert opened[8:18] == bytes.fromhex("00000001 00000000 0000")
    plain = zlib.decompressobj(zdict=DICTIONARY).decompress(opened[18:])
    assert plain == bytes.fromhex("00000001 0000000a") + b"streamtype" + bytes.fromhex("00000005") + b"error"


@given(st.lists(frames, max_size=8), st.integers(1, 40))
def test_what_is_sent_arrives_however_it_is_cut(sent: list[Frame], cut: int) -> None:
    out, back = Framer(), Framer()
    wire = b"".join(out.encode(frame) for frame in sent)
    came = [frame for at in range(0, len(wire), cut) for frame in back.feed(wire[at : at + cut])]
    assert came == sent


@given(st.binary(max_size=200))
def test_noise_is_refused_or_waited_for(noise: bytes) -> None:
    with contextlib.suppress(SpdyError):
        list(Framer().feed(noise))


@pytest.mark.parametrize(
    "wire",
    [
        struct.pack("!II", 3, LARGEST + 1),
        struct.pack("!II", 0x80020006, 4) + bytes(4),
        struct.pack("!II", 0x80030001, 12) + bytes(10) + b"xx",
        struct.pack("!II", 0x80030003, 3) + bytes(3),
    ],
    ids=["too large", "SPDY/2", "headers not packed", "short"],
)
def test_what_is_not_spdy_is_refused(wire: bytes) -> None:
    with pytest.raises(SpdyError):
        list(Framer().feed(wire))


def test_headers_that_unpack_to_too_much_are_refused() -> None:
    framer = Framer()
    with pytest.raises(SpdyError, match="too large"):
        list(Framer().feed(framer.encode(Control(Kind.SYN_STREAM, 1, {"x": "y" * 100_000}))))


def test_unknown_control_frames_are_read_over() -> None:
    wire = struct.pack("!II", 0x8003000B, 4) + b"what" + Framer().encode(Data(1, b"x"))
    assert list(Framer().feed(wire)) == [Data(1, b"x")]


# -- connections

Serve = Callable[[SpdyConnection], Coroutine[Any, Any, None]]


@contextlib.asynccontextmanager
async def connected(serve: Serve) -> AsyncIterator[tuple[SpdyConnection, asyncio.StreamWriter]]:
    """A client's connection to a server that does `serve`; all ended afterwards."""
    ended = asyncio.Event()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = SpdyConnection(reader, writer, server=True)
        job = asyncio.create_task(serve(connection))
        with contextlib.suppress(SpdyError):
            await connection.run()
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
        writer.close()
        ended.set()

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    connection = SpdyConnection(reader, writer, server=False)
    running = asyncio.create_task(connection.run())
    try:
        yield connection, writer
    finally:
        await connection.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await ended.wait()
        server.close()
        await server.wait_closed()


async def everything(stream: Stream) -> bytes:
    parts = []
    while part := await stream.read():
        parts.append(part)
    return b"".join(parts)


async def echo(connection: SpdyConnection) -> None:
    """Answer what a stream brings once it has ended, with its header in front."""

    async def one(stream: Stream) -> None:
        data = await everything(stream)
        await stream.write(stream.headers["name"].encode() + b":" + data)
        await stream.finish()

    async with asyncio.TaskGroup() as group:
        async for stream in connection.opened():
            group.create_task(one(stream))


async def test_streams_side_by_side_with_half_closes() -> None:
    async with connected(echo) as (connection, _):
        streams = [await connection.open({"name": name}) for name in ("a", "b")]
        await streams[1].write(b"x" * 100_000)
        await streams[1].finish()
        assert await everything(streams[1]) == b"b:" + b"x" * 100_000
        await streams[0].finish()
        assert await everything(streams[0]) == b"a:"
        with pytest.raises(ConnectionError):
            await streams[0].write(b"more")


async def test_pings_are_answered_with_their_id() -> None:
    got: list[Frame] = []

    class Noting(SpdyConnection):
        async def _take(self, frame: Any) -> None:
            got.append(frame)
            answered.set()

    answered = asyncio.Event()

    async with connected(echo) as (connection, _):
        connection.__class__ = Noting
        await connection.send(Control(Kind.PING, value=41))
        await answered.wait()
    assert got[0] == Control(Kind.PING, value=41)


async def test_a_broken_connection_ends_its_streams() -> None:
    async def hang_up(connection: SpdyConnection) -> None:
        async for stream in connection.opened():
            await stream.write(b"half")
            await connection.close()

    async with connected(hang_up) as (connection, _):
        stream = await connection.open({"name": "x"})
        assert await everything(stream) == b"half"
        with pytest.raises(ConnectionError):
            await stream.write(b"x")


async def test_a_server_refuses_streams_that_are_not_the_clients_to_open() -> None:
    async with connected(echo) as (connection, _):
        await connection.send(Control(Kind.SYN_STREAM, 2, {"name": "even"}))
        stream = await connection.open({"name": "odd"})
        assert await everything(stream) == b""
