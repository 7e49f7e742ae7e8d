"""Terminals of exec and attach: how clients speak WebSocket channels or SPDY streams, as one interface."""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from sampan.api.json import Obj, dumps
from sampan.net.http_upgrade import first_of
from sampan.net.spdy import SpdyError
from sampan.net.spdy_connection import SpdyConnection, Stream

if TYPE_CHECKING:
    from sampan.net.websocket import WebSocket

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
"""Channels of v4.channel.k8s.io; v5 adds CLOSE, whose one byte of data names the channel that ends."""
V4, V5 = "v4.channel.k8s.io", "v5.channel.k8s.io"
NAMES = {"stdin": STDIN, "stdout": STDOUT, "stderr": STDERR, "error": ERROR, "resize": RESIZE}
WAITING = 16
"""Pieces of stdin that may wait for their reader."""
PATIENCE = 30.0
"""Seconds that a client has to open its streams."""


class Console(Protocol):
    """A client's side of exec or attach (a runtime.Terminal that can do more)."""

    async def read(self) -> bytes: ...
    async def write(self, stream: int, data: bytes) -> None: ...
    async def resized(self) -> bytes:
        """The next size of the terminal, as JSON; b"" when nothing more comes."""

    async def serve(self, job: Coroutine[Any, Any, bytes]) -> None:
        """Run `job` while the client is there, send it the Status that it returns, and say goodbye."""


def exit_status(code: int) -> bytes:
    """What the error channel says of an exit code (v4 and v5)."""
    if code == 0:
        return dumps({"metadata": {}, "status": "Success"})
    causes: list[Obj] = [{"reason": "ExitCode", "message": str(code)}]
    message = f"command terminated with non-zero exit code: exit status {code}"
    return _failed(message, "NonZeroExitCode", causes)


def failure(message: str) -> bytes:
    """What the error channel says when the command could not be carried out."""
    causes: list[Obj] = [{"message": message}]
    return _failed(f"Internal error occurred: {message}", "InternalError", causes, code=500)


def _failed(message: str, reason: str, causes: list[Obj], **more: int) -> bytes:
    details = {"causes": causes}
    return dumps(
        {"metadata": {}, "status": "Failure", "message": message, "reason": reason, "details": details, **more}
    )


class WebSocketConsole:
    """Messages whose first byte is the channel."""

    def __init__(self, socket: "WebSocket") -> None:
        self._socket = socket
        self._stdin: asyncio.Queue[bytes] = asyncio.Queue(WAITING)
        self._sizes: asyncio.Queue[bytes] = asyncio.Queue(WAITING)
        self._closed = False

    async def read(self) -> bytes:
        if self._closed and self._stdin.empty():
            return b""
        return await self._stdin.get()

    async def write(self, stream: int, data: bytes) -> None:
        await self._socket.send(bytes((stream,)) + data)

    async def resized(self) -> bytes:
        return await self._sizes.get()

    async def serve(self, job: Coroutine[Any, Any, bytes]) -> None:
        async def work() -> None:
            await self.write(STDOUT, b"")  # tells clients that the connection stands
            await self.write(ERROR, await job)

        try:
            await first_of(self._receive(), work())
        except ConnectionError:
            pass
        finally:
            job.close()
        await self._socket.close()

    async def _receive(self) -> None:
        """Sort what comes until the client leaves."""
        while (message := await self._socket.receive()) is not None:
            channel, data = (message[0], message[1:]) if message else (-1, b"")
            if channel == STDIN and data and not self._closed:
                await self._stdin.put(data)
            elif channel == RESIZE:
                if self._sizes.full():
                    self._sizes.get_nowait()  # only the last size matters
                self._sizes.put_nowait(data)
            elif channel == CLOSE and data == bytes((STDIN,)) and not self._closed:
                self._closed = True
                await self._stdin.put(b"")


class SpdyConsole:
    """Streams whose header `streamType` names them. `expected` are those that the client is to open."""

    def __init__(self, connection: SpdyConnection, expected: frozenset[str]) -> None:
        self._connection, self._expected = connection, expected
        self._streams: dict[str, Stream] = {}

    async def read(self) -> bytes:
        return await self._streams["stdin"].read() if "stdin" in self._streams else b""

    async def write(self, stream: int, data: bytes) -> None:
        name = "stdout" if stream == STDOUT else "stderr"
        found = self._streams.get(name)
        if found is not None:
            await found.write(data)

    async def resized(self) -> bytes:
        return await self._streams["resize"].read() if "resize" in self._streams else b""

    async def serve(self, job: Coroutine[Any, Any, bytes]) -> None:
        async def work() -> None:
            await self._gather()
            status = await job
            await self._streams["error"].write(status)
            for stream in self._streams.values():
                await stream.finish()

        try:
            await first_of(self._connection.run(), work())
        except (ConnectionError, SpdyError, TimeoutError):
            pass
        finally:
            job.close()
        await self._connection.close()

    async def _gather(self) -> None:
        async with asyncio.timeout(PATIENCE):
            async for stream in self._connection.opened():
                self._streams[stream.headers.get("streamtype", "")] = stream
                if self._expected <= self._streams.keys():
                    return
        raise ConnectionError("the client left before its streams were open")
