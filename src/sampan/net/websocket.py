"""WebSocket (RFC 6455) after the handshake: whole messages over asyncio streams; frames are wsproto's.

Imported when a WebSocket is there: wsproto takes 13 ms to load.
"""

import asyncio

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Message, Ping, TextMessage
from wsproto.utilities import LocalProtocolError

NORMAL, GOING_AWAY, PROTOCOL_ERROR, TOO_BIG, INTERNAL = 1000, 1001, 1002, 1009, 1011
LARGEST = 1024 * 1024
"""Bytes of a message, at most."""
CHUNK = 64 * 1024
GOODBYE = 2.0
"""Seconds that the other side has to answer a close."""


class WebSocket:
    """A connection after the handshake. One task reads (pings are answered by it), any may send."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, client: bool = False,
        largest: int = LARGEST,
    ) -> None:  # fmt: skip
        self._reader, self._writer, self._largest = reader, writer, largest
        self._frames = Connection(ConnectionType.CLIENT if client else ConnectionType.SERVER)
        self._waiting: list[bytes] = []
        self._parts: list[bytes] = []
        self._size = 0
        self.close_code: int | None = None
        """The code that the other side closed with; 1006 when it left without one."""

    async def receive(self) -> bytes | None:
        """The next message (text as UTF-8); None when the connection has ended, for whatever reason."""
        while not self._waiting:
            if self.close_code is not None:
                return None
            try:
                data = await self._reader.read(CHUNK)
            except ConnectionError:
                data = b""
            if not data:
                self.close_code = 1006
                return None
            self._frames.receive_data(data)
            for event in self._frames.events():
                if not await self._take(event):
                    break
        return self._waiting.pop(0)

    async def _take(self, event: object) -> bool:
        """Whether more may follow."""
        match event:
            case Message():
                part = event.data.encode() if isinstance(event, TextMessage) else bytes(event.data)
                self._size += len(part)
                if self._size > self._largest:
                    self.close_code = TOO_BIG
                    await self._send_close(TOO_BIG, "message too big")
                    return False
                self._parts.append(part)
                if event.message_finished:
                    self._waiting.append(b"".join(self._parts))
                    self._parts, self._size = [], 0
            case Ping():
                await self._write(event.response())
            case CloseConnection():
                self.close_code = int(event.code)
                await self._write(event.response())
                return False
            case _:
                pass
        return True

    async def send(self, data: bytes, *, text: bool = False) -> None:
        """Send a message, binary or text. Raises ConnectionError when the connection is closing."""
        if self.close_code is not None or self._writer.is_closing():
            raise ConnectionError("the WebSocket is closed")
        try:
            message = TextMessage(data=data.decode()) if text else BytesMessage(data=data)
            self._writer.write(self._frames.send(message))
        except LocalProtocolError as error:
            raise ConnectionError("the WebSocket is closed") from error
        await self._writer.drain()

    async def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close in good order: say so, wait a moment for the answer, hang up."""
        if self.close_code is None:
            await self._send_close(code, reason)
            try:
                async with asyncio.timeout(GOODBYE):
                    while await self.receive() is not None:
                        pass
            except TimeoutError:
                pass
        self._writer.close()

    async def _send_close(self, code: int, reason: str) -> None:
        await self._write(CloseConnection(code=code, reason=reason))

    async def _write(self, event: Event) -> None:
        """Send a control frame, unless nobody is there any more."""
        try:
            self._writer.write(self._frames.send(event))
            await self._writer.drain()
        except (LocalProtocolError, ConnectionError):
            pass
