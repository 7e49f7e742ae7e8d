"""The handshake of WebSockets (RFC 6455, 4) as headers: asked for, accepted, refused."""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping

from sampan.net.http import Headers

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


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
    """The subprotocol (the client's first that is ours) and the headers of a 101. Raises HandshakeError.

    With "" among ours a client need not offer any.
    """
    if headers.get("sec-websocket-version", "") != "13":
        raise HandshakeError("WebSocket version 13 is the one that is spoken")
    key = headers.get("sec-websocket-key", "")
    try:
        if len(base64.b64decode(key, validate=True)) != 16:
            raise HandshakeError("Sec-WebSocket-Key is not of 16 bytes")
    except binascii.Error as error:
        raise HandshakeError("Sec-WebSocket-Key is not base64") from error
    ours, theirs = list(protocols), offered(headers) or [""]
    chosen = next((name for name in theirs if name in ours), None)
    if chosen is None:
        raise HandshakeError(f"unable to negotiate protocol: client supports {offered(headers)}, server accepts {ours}")
    answer = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept_key(key))]
    return chosen, [*answer, ("Sec-WebSocket-Protocol", chosen)] if chosen else answer


def ask(nonce: bytes, protocols: Iterable[str]) -> Headers:
    """The headers of a client's request; `nonce` is 16 random bytes, to be proved by `accept_key`."""
    return [
        ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", base64.b64encode(nonce).decode()), ("Sec-WebSocket-Protocol", ", ".join(protocols)),
    ]  # fmt: skip
