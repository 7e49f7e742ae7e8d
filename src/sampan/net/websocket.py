"""WebSocket (RFC 6455): handshakes as headers, and whole messages over asyncio streams; frames are wsproto's."""

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Message, Ping, TextMessage
from wsproto.utilities import LocalProtocolError

from sampan.net.http import Headers

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
NORMAL, GOING_AWAY, PROTOCOL_ERROR, TOO_BIG, INTERNAL = 1000, 1001, 1002, 1009, 1011
LARGEST = 1024 * 1024
"""Bytes of a message, at most."""
CHUNK = 64 * 1024
GOODBYE = 2.0
"""Seconds that the other side has to answer a close."""


class HandshakeError(ValueError):
    """The request does not ask for a WebSocket as RFC 6455 has it, or for none of our subprotocols."""


def wants_websocket(headers: Mapping[str, str]) -> bool:
    """Whether a request (lower-case header names) asks for a WebSocket."""
    tokens = {token.strip().lower() for token in headers.get("connection", "").split(",")}
    return "upgrade" in tokens and headers.get("upgrade", "").strip().lower() == "websocket"


def accept_key(key: str) -> str:
    """The proof that a key was read (RFC 6455, 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key.encode() + GUID, usedforsecurity=False).digest()).decode()


def offered(headers: Mapping[str, str]) -> list[str]:
    """The subprotocols that a client offers, the one it likes best first."""
    return [name.strip() for name in headers.get("sec-websocket-protocol", "").split(",") if name.strip()]


def accept(headers: Mapping[str, str], protocols: Iterable[str]) -> tuple[str, Headers]:
    """The subprotocol (the client's first that is ours) and the headers of a 101. Raises HandshakeError."""
    if headers.get("sec-websocket-version", "") != "13":
        raise HandshakeError("WebSocket version 13 is the one that is spoken")
    key = headers.get("sec-websocket-key", "")
    try:
        if len(base64.b64decode(key, validate=True)) != 16:
            raise HandshakeError("Sec-WebSocket-Key is not of 16 bytes")
    except binascii.Error as error:
        raise HandshakeError("Sec-WebSocket-Key is not base64") from error
    ours, theirs = list(protocols), offered(headers)
    chosen = next((name for name in theirs if name in ours), None)
    if chosen is None:
        raise HandshakeError(f"unable to negotiate protocol: client supports {theirs}, server accepts {ours}")
    answer = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept_key(key))]
    return chosen, [*answer, ("Sec-WebSocket-Protocol", chosen)]


def ask(nonce: bytes, protocols: Iterable[str]) -> Headers:
    """The headers of a client's request; `nonce` is 16 random bytes, to be proved by `accept_key`."""
    return [
        ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", base64.b64encode(nonce).decode()), ("Sec-WebSocket-Protocol", ", ".join(protocols)),
    ]  # fmt: skip


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

    async def send(self, data: bytes) -> None:
        """Send a binary message. Raises ConnectionError when the connection is closing."""
        if self.close_code is not None or self._writer.is_closing():
            raise ConnectionError("the WebSocket is closed")
        try:
            self._writer.write(self._frames.send(BytesMessage(data=data)))
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
