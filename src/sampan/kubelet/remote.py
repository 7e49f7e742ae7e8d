"""What lies behind a runtime's streaming server: exec and attach over SPDY/3.1 for a Console, port-forward as bytes."""

import asyncio
from typing import TYPE_CHECKING

from sampan.kubelet.runtime import Command, Performance
from sampan.kubelet.terminal import STDERR, STDOUT, Console, exit_status, failure
from sampan.net.http_upgrade import Upgraded, first_of, upgrade
from sampan.net.spdy import SpdyError
from sampan.net.spdy_connection import SpdyConnection, Stream

if TYPE_CHECKING:
    from sampan.net.websocket import WebSocket

SPDY = "SPDY/3.1"
VERSION_HEADER = "X-Stream-Protocol-Version"
MOST_STATUS = 1024 * 1024


async def dial(url: str, protocols: tuple[str, ...]) -> Upgraded:
    """Ask a streaming server for SPDY. Raises OSError, also when it refuses."""
    headers = [("Connection", "Upgrade"), ("Upgrade", SPDY), *((VERSION_HEADER, name) for name in protocols)]
    answer = await upgrade("POST", url, headers)
    if answer.status != 101:
        raise ConnectionError(answer.body.decode(errors="replace").strip() or f"answered {answer.status}")
    return answer


async def over_spdy(console: Console, remote: Upgraded, asked: Command) -> bytes:
    """Carry out a Command behind a streaming server; the Status that it ends with."""
    connection = SpdyConnection(remote.reader, remote.writer, server=False)
    status: list[bytes] = []

    async def work() -> None:
        status.append(await _carry(console, connection, asked))

    try:
        await first_of(_until_gone(connection), work())
        return status[0] if status else failure("the container runtime broke off")
    except (ConnectionError, SpdyError) as error:
        return failure(f"the container runtime broke off: {error}")
    finally:
        await connection.close()


async def _until_gone(connection: SpdyConnection) -> None:
    """Serve the connection; its end is that of its streams, whose last bytes are still to be carried."""
    await connection.run()
    await asyncio.get_running_loop().create_future()


async def _carry(console: Console, connection: SpdyConnection, asked: Command) -> bytes:
    async def opened(name: str, wanted: bool) -> Stream | None:
        return await connection.open({"streamType": name}) if wanted else None

    error = await connection.open({"streamType": "error"})
    stdin = await opened("stdin", asked.stdin)
    stdout = await opened("stdout", asked.stdout)
    stderr = await opened("stderr", asked.stderr and not asked.tty)
    resize = await opened("resize", asked.tty)
    inputs = [asyncio.create_task(job) for job in (_feed(console, stdin), _resize(console, resize))]
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_show(console, STDOUT, stdout))
            group.create_task(_show(console, STDERR, stderr))
            ending = group.create_task(_everything(error))
    except* ConnectionError as gone:
        raise ConnectionError(str(gone.exceptions[0])) from gone
    finally:
        for task in inputs:
            task.cancel()
        await asyncio.gather(*inputs, return_exceptions=True)
    return ending.result() or failure("the container runtime broke off")


async def _show(console: Console, number: int, stream: Stream | None) -> None:
    while stream is not None and (data := await stream.read()):
        await console.write(number, data)


async def _feed(console: Console, stream: Stream | None) -> None:
    if stream is not None:
        while data := await console.read():
            await stream.write(data)
        await stream.finish()


async def _resize(console: Console, stream: Stream | None) -> None:
    if stream is not None:
        while data := await console.resized():
            await stream.write(data)


async def _everything(stream: Stream) -> bytes:
    parts, size = [], 0
    while size < MOST_STATUS and (data := await stream.read()):
        parts.append(data)
        size += len(data)
    return b"".join(parts)


async def here(console: Console, performance: Performance) -> bytes:
    """Carry out a Command in this process; the Status that it ends with."""
    return exit_status(await performance(console))


async def tunnel(socket: "WebSocket", remote: Upgraded) -> None:
    """Carry the bytes of one connection in the messages of a WebSocket, until either side has ended."""

    async def out() -> None:
        while (message := await socket.receive()) is not None:
            remote.writer.write(message)
            await remote.writer.drain()

    async def back() -> None:
        while data := await remote.reader.read(32 * 1024):
            await socket.send(data)

    try:
        await first_of(out(), back())
    except ConnectionError:
        pass
    finally:
        remote.writer.close()
    await socket.close()
