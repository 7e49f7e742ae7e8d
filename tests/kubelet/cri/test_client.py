"""CriRuntime where there is no runtime, or another one than it takes for: what it says."""

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest

from sampan.kubelet.cri.client import CriRuntime, Deadlines, looks_like_socket, socket_path
from sampan.kubelet.runtime import CriError


async def refused(endpoint: Path | str, deadlines: Deadlines | None = None) -> tuple[str, str]:
    """How a call fails."""
    runtime = CriRuntime(str(endpoint), deadlines)
    try:
        with pytest.raises(CriError) as error:
            await runtime.list_sandboxes()
    finally:
        await runtime.close()
    return error.value.code, error.value.message


async def test_no_socket(tmp_path: Path) -> None:
    path = tmp_path / "none.sock"
    code, message = await refused(f"unix://{path}")
    assert (code, message) == ("UNAVAILABLE", f"no container runtime: there is no socket {path}")
    assert not looks_like_socket(f"unix://{path}")


async def test_a_socket_that_nobody_listens_on(tmp_path: Path) -> None:
    path = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
    assert looks_like_socket(str(path))
    assert await refused(path) == ("UNAVAILABLE", f"no container runtime listens on {path}")


@pytest.mark.parametrize(
    ("says", "code"), [(b"HTTP/1.1 400 Bad Request\r\n\r\n", "UNAVAILABLE"), (None, "DEADLINE_EXCEEDED")]
)
async def test_a_peer_that_is_no_runtime(tmp_path: Path, says: bytes | None, code: str) -> None:
    done, ended = asyncio.Event(), asyncio.Event()

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if says is not None:
            await reader.read(1)
            writer.write(says)
            await writer.drain()
        else:
            await done.wait()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        ended.set()

    path = tmp_path / "other.sock"
    server = await asyncio.start_unix_server(peer, path)
    try:
        async with asyncio.timeout(10):
            assert (await refused(path, Deadlines(ask=0.2)))[0] == code
    finally:
        done.set()
        await ended.wait()
        server.close()
        await server.wait_closed()


def test_endpoints() -> None:
    assert socket_path("unix:///run/x.sock") == socket_path("/run/x.sock") == "/run/x.sock"
