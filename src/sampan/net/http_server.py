"""The HTTP/1.1 server: listeners, limits, and an orderly end."""

import asyncio
import ssl as tls

from sampan.net.http import ErrorHook, Handler, Limits, Response
from sampan.net.http_connection import Connection


def plain_error(status: int, message: str) -> Response:
    """The answer to what no handler sees, when the caller of `serve` has none of its own."""
    return Response(status, [("content-type", "text/plain; charset=utf-8")], f"{message}\n".encode())


class Server:
    """A listening server. Made by `serve`."""

    def __init__(self, handler: Handler, error: ErrorHook, limits: Limits) -> None:
        self.handler, self.error, self.limits = handler, error, limits
        self.loop = asyncio.get_running_loop()
        self.connections: set[Connection] = set()
        self.closing = False
        self._upgraded: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None
        self._empty: asyncio.Future[None] | None = None

    @property
    def port(self) -> int:
        """The port that is listened on (the chosen one if 0 was asked for)."""
        if self._listener is None or not self._listener.sockets:
            raise RuntimeError("the server does not listen")
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    async def listen(self, host: str, port: int, context: tls.SSLContext | None) -> None:
        """Start to listen. Raises OSError."""
        self._listener = await self.loop.create_server(
            lambda: Connection(self), host, port, ssl=context, backlog=1024, reuse_address=True
        )

    async def close(self, grace: float = 5.0) -> None:
        """Stop accepting, finish what is in flight (at most `grace` seconds), end streams; leaves no task behind."""
        if self.closing:
            return
        self.closing = True
        if self._listener is not None:
            self._listener.close()
        await asyncio.sleep(0)  # a task that is cancelled before its first step would not close its connection
        for task in self._upgraded:
            task.cancel()
        for connection in tuple(self.connections):
            connection.shut()
        if self.connections:
            self._empty = self.loop.create_future()
            await asyncio.wait([self._empty], timeout=grace)
            await asyncio.sleep(0)
        tasks = [c.task for c in self.connections if c.task is not None] + list(self._upgraded)
        for connection in tuple(self.connections):
            connection.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._listener is not None:
            await self._listener.wait_closed()

    def forget(self, connection: Connection) -> None:
        """The connection is gone."""
        self.connections.discard(connection)
        if not self.connections and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)

    def hand_over(self, connection: Connection, transport: asyncio.Transport, response: Response, rest: bytes) -> None:
        """Give the transport of an upgraded connection to `response.upgrade` and close it when that returns."""
        reader = asyncio.StreamReader(loop=self.loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=self.loop)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if rest:
            reader.feed_data(rest)
        writer = asyncio.StreamWriter(transport, protocol, reader, self.loop)
        self.forget(connection)
        task = self.loop.create_task(_upgraded(response, reader, writer))
        self._upgraded.add(task)
        task.add_done_callback(self._upgraded.discard)


async def _upgraded(response: Response, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        if response.upgrade is not None:
            await response.upgrade(reader, writer)
    finally:
        writer.close()


async def serve(
    handler: Handler,
    host: str,
    port: int,
    *,
    ssl: tls.SSLContext | None = None,
    limits: Limits | None = None,
    error: ErrorHook = plain_error,
) -> Server:
    """Serve HTTP/1.1 on a host and port (0: any free one), over TLS if a context is given.

    `handler` is driven without a Task until it first waits: see `sampan.net.drive.resume` for what that forbids.
    `error(status, message)` makes the answers that no handler is asked for (400, 408, 413, 431, 500). Raises OSError
    when the port is taken.
    """
    server = Server(handler, error, limits or Limits())
    _keep_buffers()
    await server.listen(host, port, ssl)
    return server


def _keep_buffers() -> None:
    """Free one large block, from which glibc learns to keep such blocks.

    Until then it maps and unmaps memory for the buffer of every TLS read: 20,000 answers a second instead of 60,000.
    """
    bytearray(4 * 1024 * 1024)
