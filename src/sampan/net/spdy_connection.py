"""A SPDY/3.1 connection over asyncio streams: its streams, read and written each by itself."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from sampan.net.spdy import Control, Data, Framer, Kind, SpdyError

CHUNK = 32 * 1024
HIGH_WATER = 256 * 1024
"""Bytes that wait in a stream before the connection is no longer read (there is no flow control by stream)."""
MOST_STREAMS = 1024
INVALID_STREAM, REFUSED, CANCEL = 2, 3, 5


class Stream:
    """One stream. Ends are told apart: `read` gives b"" after the other side's last bytes, `finish` sends ours."""

    def __init__(self, connection: "SpdyConnection", number: int, headers: dict[str, str]) -> None:
        self._connection, self.number, self.headers = connection, number, headers
        self._parts: deque[bytes] = deque()
        self._size = 0
        self._ended = self.finished = False
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def read(self) -> bytes:
        """The next bytes; b"" at the end, also that of a broken connection."""
        while not self._parts:
            if self._ended:
                return b""
            self._news.clear()
            await self._news.wait()
        part = self._parts.popleft()
        self._size -= len(part)
        if self._size < HIGH_WATER:
            self._room.set()
        return part

    async def write(self, data: bytes) -> None:
        """Send bytes. Raises ConnectionError when the connection is gone or our side has finished."""
        if self.finished:
            raise ConnectionError("the stream is finished")
        for at in range(0, len(data), CHUNK):
            await self._connection.send(Data(self.number, data[at : at + CHUNK]))

    async def finish(self) -> None:
        """Say that nothing more comes from here; the other side may go on."""
        if not self.finished:
            self.finished = True
            await self._connection.send(Data(self.number, b"", fin=True))

    # what the connection tells

    async def take(self, data: bytes) -> None:
        """Bytes came; waits while too many are unread."""
        if self._ended:
            return
        if data:
            self._parts.append(data)
            self._size += len(data)
            self._news.set()
        if self._size >= HIGH_WATER:
            self._room.clear()
            await self._room.wait()

    def end(self) -> None:
        """The other side is done."""
        self._ended = True
        self._news.set()
        self._room.set()


class SpdyConnection:
    """`run` must run while streams are used; it returns when the other side has gone. Raises SpdyError."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, server: bool) -> None:
        self._reader, self._writer = reader, writer
        self._framer = Framer()
        self._next = 2 if server else 1
        self._streams: dict[int, Stream] = {}
        self._opened: asyncio.Queue[Stream | None] = asyncio.Queue()
        self._gone = False

    async def open(self, headers: dict[str, str]) -> Stream:
        """Open a stream. Raises ConnectionError."""
        stream = Stream(self, self._next, headers)
        self._next += 2
        self._streams[stream.number] = stream
        await self.send(Control(Kind.SYN_STREAM, stream.number, headers))
        return stream

    async def opened(self) -> AsyncIterator[Stream]:
        """The streams that the other side opens."""
        while (stream := await self._opened.get()) is not None:
            yield stream

    async def send(self, frame: Data | Control) -> None:
        """Send a frame. Raises ConnectionError."""
        if self._gone or self._writer.is_closing():
            raise ConnectionError("the connection is closed")
        self._writer.write(self._framer.encode(frame))
        await self._writer.drain()

    async def run(self) -> None:
        """Read until the connection ends."""
        try:
            while data := await self._reader.read(64 * 1024):
                for frame in self._framer.feed(data):
                    await self._take(frame)
        except ConnectionError:
            pass
        finally:
            self._gone = True
            for stream in self._streams.values():
                stream.end()
            self._opened.put_nowait(None)

    async def _take(self, frame: Data | Control) -> None:
        if isinstance(frame, Data):
            stream = self._streams.get(frame.stream)
            if stream is None:
                await self.send(Control(Kind.RST_STREAM, frame.stream, value=INVALID_STREAM))
                return
            await stream.take(frame.data)
            if frame.fin:
                stream.end()
            return
        stream = self._streams.get(frame.stream)
        match frame.kind:
            case Kind.SYN_STREAM:
                await self._accept(frame)
            case Kind.PING if frame.value % 2 != self._next % 2:
                await self.send(frame)
            case Kind.RST_STREAM:
                if stream is not None:
                    stream.finished = True
                    stream.end()
            case Kind.SYN_REPLY | Kind.HEADERS if stream is not None and frame.fin:
                stream.end()
            case _:
                pass

    async def _accept(self, frame: Control) -> None:
        if frame.stream % 2 == self._next % 2 or frame.stream in self._streams or not frame.stream:
            raise SpdyError(f"stream {frame.stream} is not the other side's to open")
        if len(self._streams) >= MOST_STREAMS:
            await self.send(Control(Kind.RST_STREAM, frame.stream, value=REFUSED))
            return
        stream = self._streams[frame.stream] = Stream(self, frame.stream, frame.headers)
        await self.send(Control(Kind.SYN_REPLY, frame.stream))
        if frame.fin:
            stream.end()
        self._opened.put_nowait(stream)

    async def close(self) -> None:
        """Say goodbye and close."""
        if not self._gone and not self._writer.is_closing():
            self._writer.write(self._framer.encode(Control(Kind.GOAWAY)))
        self._writer.close()
