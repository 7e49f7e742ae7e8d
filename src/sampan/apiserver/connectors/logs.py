"""pods/log: handed on to the node agent that has the pod."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from sampan.aio.tasks import Tasks
from sampan.api.errors import StatusError, bad_request, internal, not_found
from sampan.api.json import Obj
from sampan.apiserver.call import Call
from sampan.apiserver.objects import StoredObjects
from sampan.net.http import Headers, Response
from sampan.net.http_client import HttpClient
from sampan.net.websocket_handshake import HandshakeError, accept, wants_websocket

if TYPE_CHECKING:
    from sampan.net.websocket import WebSocket

PASSED_ON = (
    "follow", "previous", "sinceSeconds", "sinceTime", "timestamps", "tailLines", "limitBytes", "stream",
)  # fmt: skip
BASE64 = "base64.binary.k8s.io"
SOCKETS = ("", "binary.k8s.io", BASE64)
"""Subprotocols of a log by WebSocket: binary messages, or text ones in base64."""
CONTAINERS = ("containers", "initContainers", "ephemeralContainers")


class PodLogs:
    """Reads logs from node agents with the API server's own client certificate."""

    def __init__(self, objects: StoredObjects, kubelets: HttpClient) -> None:
        self._objects, self._kubelets = objects, kubelets

    async def read(self, call: Call) -> Response:
        """GET pods/NAME/log."""
        info = call.info
        pod = await self._objects.get("pods", info.namespace, info.name)
        if pod is None:
            raise not_found("", "pods", info.name)
        socket = _handshake(call) if wants_websocket(call.request.headers) else None
        container = choose(pod, call.query.get("container"))
        node_name = (pod.get("spec") or {}).get("nodeName")
        if not node_name:
            if socket is not None:
                return Response(101, socket[1], upgrade=_Socket(_Stream(AsyncExitStack(), _nothing()), socket[0]))
            return Response(200, [("Content-Type", "text/plain")], b"")
        node = await self._objects.get("nodes", "", node_name)
        if node is None:
            raise not_found("", "pods", node_name)  # upstream says so
        query = {name: call.query.get(name) for name in PASSED_ON if name in call.query}
        tail = f"?{urlencode(query)}" if query else ""
        url = f"{address(node)}/containerLogs/{info.namespace}/{info.name}/{container}{tail}"
        stack = AsyncExitStack()
        await asyncio.sleep(0)  # a handler runs outside of a task until it first waits; time limits need one
        try:
            answer = await stack.enter_async_context(self._kubelets.stream("GET", url))
        except OSError as error:
            await stack.aclose()
            raise internal(f'Get "{url}": {error}') from error
        if answer.status != 200:
            body = b"".join([chunk async for chunk in answer.chunks])
            await stack.aclose()
            raise _failure(answer.status, body)
        stream = _Stream(stack, answer.chunks)
        if socket is not None:
            return Response(101, socket[1], upgrade=_Socket(stream, socket[0]))
        return Response(200, [("Content-Type", "text/plain")], stream=stream)


class _Stream:
    """The node agent's answer, chunk by chunk; closing it hangs up."""

    def __init__(self, stack: AsyncExitStack, chunks: AsyncIterator[bytes]) -> None:
        self._stack, self._chunks = stack, chunks

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except OSError as error:
            raise StopAsyncIteration from error

    async def aclose(self) -> None:
        await self._stack.aclose()


async def _nothing() -> AsyncIterator[bytes]:
    for chunk in list[bytes]():
        yield chunk


def _handshake(call: Call) -> tuple[str, Headers]:
    try:
        return accept(call.request.headers, SOCKETS)
    except HandshakeError as error:
        raise bad_request(str(error)) from None


class _Socket:
    """A log as the messages of a WebSocket, an empty one first (upstream: wsstream's Reader)."""

    def __init__(self, stream: _Stream, protocol: str) -> None:
        self._stream, self._text = stream, protocol == BASE64

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from sampan.net.websocket import WebSocket

        socket = WebSocket(reader, writer)
        try:
            async with Tasks() as tasks:
                sending = tasks.start(self._send(socket), "log to a WebSocket")
                listening = tasks.start(self._listen(socket), "WebSocket of a log")
                await asyncio.wait((sending, listening), return_when=asyncio.FIRST_COMPLETED)
            await socket.close()
        finally:
            await self.aclose()

    async def _send(self, socket: "WebSocket") -> None:
        try:
            await socket.send(b"", text=self._text)
            async for chunk in self._stream:
                await socket.send(b64encode(chunk) if self._text else chunk, text=self._text)
        except ConnectionError:
            pass

    async def _listen(self, socket: "WebSocket") -> None:
        """What the client says does not matter; that it leaves does."""
        while await socket.receive() is not None:
            pass

    async def aclose(self) -> None:
        """Hang up on the node agent."""
        await self._stream.aclose()


def choose(pod: Obj, wanted: str) -> str:
    """The container to read: the one that is named, or the only one. Raises 400."""
    spec, name = pod.get("spec") or {}, pod["metadata"]["name"]
    listed = {key: [c["name"] for c in spec.get(key) or ()] for key in CONTAINERS}
    if wanted:
        if not any(wanted in names for names in listed.values()):
            raise bad_request(f"container {wanted} is not valid for pod {name}")
        return wanted
    main = listed["containers"]
    if len(main) == 1:
        return str(main[0])
    default = (pod["metadata"].get("annotations") or {}).get("kubectl.kubernetes.io/default-container")
    if default in main:
        return str(default)
    choices = f"choose one of: [{' '.join(main)}]"
    if listed["initContainers"]:
        choices += f" or one of the init containers: [{' '.join(listed['initContainers'])}]"
    raise bad_request(f"a container name must be specified for pod {name}, {choices}")


def address(node: Obj) -> str:
    """The URL of a node's agent."""
    status = node.get("status") or {}
    port = ((status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port")
    addresses = {a.get("type"): a.get("address") for a in status.get("addresses") or ()}
    host = addresses.get("InternalIP") or addresses.get("Hostname")
    if not port or not host:
        raise internal(f"node {node['metadata']['name']} does not say where its agent listens")
    return f"https://{host}:{port}"


def _failure(status: int, body: bytes) -> StatusError:
    text = body.decode(errors="replace").strip()
    if status == 404:
        return StatusError(404, "NotFound", text, {})
    if status == 400:
        return bad_request(text)
    return internal(text or f"the node agent answered {status}")
