"""Asking a server for another protocol on the same connection, and joining two connections."""

import asyncio
import contextlib
import ssl as tls
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
LARGEST_HEAD = 64 * 1024
LARGEST_BODY = 64 * 1024
CHUNK = 64 * 1024


@dataclass(slots=True)
class Upgraded:
    """The answer. With status 101 the connection is the caller's to close; else `body` tells why not."""

    status: int
    headers: list[tuple[str, str]]
    """Names are lower-case."""
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    body: bytes = b""
    names: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.names = dict(self.headers)


async def upgrade(
    method: str, url: str, headers: Iterable[tuple[str, str]], *, ssl: tls.SSLContext | None = None,
    timeout: float = 30.0, server_name: str | None = None,
) -> Upgraded:  # fmt: skip
    """Send a request that asks for an upgrade and read the answer's head, within `timeout` seconds. Raises OSError."""
    target = urlsplit(url)
    if target.scheme not in DEFAULT_PORTS or not target.hostname:
        raise ValueError(f"not an http or https URL: {url!r}")
    port = target.port or DEFAULT_PORTS[target.scheme]
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    lines = [f"{method} {path} HTTP/1.1", f"Host: {target.netloc}", *(f"{name}: {value}" for name, value in headers)]
    if method == "POST":
        lines.append("Content-Length: 0")
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a line break in the request line or a header")
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection(
            target.hostname, port, ssl=ssl if target.scheme == "https" else None, limit=LARGEST_HEAD,
            server_hostname=server_name if target.scheme == "https" else None,
        )  # fmt: skip
        try:
            writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
            await writer.drain()
            status, found = _head(await reader.readuntil(b"\r\n\r\n"))
            answer = Upgraded(status, found, reader, writer)
            if status != 101:
                length = answer.names.get("content-length", "")
                most = min(int(length), LARGEST_BODY) if length.isdecimal() else LARGEST_BODY
                answer.body = await _up_to(reader, most)
                writer.close()
            return answer
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            writer.transport.abort()
            raise ConnectionError(f"not an HTTP answer: {error}") from error
        except BaseException:
            writer.transport.abort()
            raise


def _head(data: bytes) -> tuple[int, list[tuple[str, str]]]:
    first, *lines = data.decode("latin-1").split("\r\n")[:-2]
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError(first[:80])
    headers = []
    for line in lines:
        name, _, value = line.partition(":")
        headers.append((name.strip().lower(), value.strip()))
    return int(rest[:3]), headers


async def _up_to(reader: asyncio.StreamReader, most: int) -> bytes:
    parts, size = [], 0
    while size < most and (part := await reader.read(most - size)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def join(one: Ends, other: Ends) -> None:
    """Carry bytes both ways, as they are, until either side has ended; then both are closed."""
    await first_of(_carry(one[0], other[1]), _carry(other[0], one[1]))
    for writer in (one[1], other[1]):
        writer.close()


class Relay:
    """A Response.upgrade that carries bytes between its client and an upgraded connection."""

    def __init__(self, remote: Upgraded) -> None:
        self._remote = remote

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await join((reader, writer), (self._remote.reader, self._remote.writer))
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Hang up on the other side."""
        self._remote.writer.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()


async def first_of(*jobs: Coroutine[Any, Any, None]) -> None:
    """Run all until the first has ended, end the others, and raise what the first raised."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
