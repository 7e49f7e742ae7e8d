"""pods/log by WebSocket: the node agent's chunks as messages, binary or base64."""

import base64
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.apiserver.call import Call
from sampan.apiserver.connectors.logs import PodLogs
from sampan.apiserver.objects import StoredObjects
from sampan.apiserver.query import parse_query
from sampan.apiserver.route import route
from sampan.net.http import Request, Response
from sampan.net.http_client import HttpClient
from sampan.net.http_server import serve
from sampan.net.http_upgrade import Upgraded
from sampan.net.websocket import WebSocket
from sampan.net.websocket_handshake import ask

PATH = "/api/v1/namespaces/default/pods/p/log"
POD: Obj = {"metadata": {"name": "p", "namespace": "default"}, "spec": {"nodeName": "n", "containers": [{"name": "a"}]}}


class Objects:
    """A pod, and the node whose agent listens on `port`."""

    def __init__(self, port: int, pod: Obj = POD) -> None:
        self._port, self._pod = port, pod

    async def get(self, plural: str, namespace: str, name: str) -> Obj | None:
        if plural == "pods":
            return self._pod
        endpoint = {"kubeletEndpoint": {"Port": self._port}}
        addresses = [{"type": "InternalIP", "address": "127.0.0.1"}]
        return {"metadata": {"name": "n"}, "status": {"addresses": addresses, "daemonEndpoints": endpoint}}


class Plain(HttpClient):
    """Node agents without TLS."""

    @asynccontextmanager
    async def stream(self, method: str, url: str, *args: Any, **more: Any) -> Any:
        async with super().stream(method, url.replace("https:", "http:"), *args, **more) as answer:
            yield answer


async def agent(request: Request) -> Response:
    """A node agent with two lines to tell."""
    assert request.path == "/containerLogs/default/p/a"

    async def lines() -> Any:
        yield b"one\n"
        yield b"tw\xff\n"

    return Response(200, [], stream=lines())


async def read(protocols: tuple[str, ...], pod: Obj = POD) -> tuple[Upgraded, list[bytes]]:
    """The answer to a handshake, and the messages that follow."""
    node = await serve(agent, "127.0.0.1", 0)
    nodes, client = Plain(), HttpClient()
    logs = PodLogs(cast(StoredObjects, Objects(node.port, pod)), nodes)

    async def api(request: Request) -> Response:
        found = SimpleNamespace(request=request, info=route("GET", PATH, ""), query=parse_query(""), user=None)
        try:
            return await logs.read(cast(Call, found))
        except StatusError as error:
            return Response(error.code, [], error.message.encode())

    front = await serve(api, "127.0.0.1", 0)
    try:
        headers = [pair for pair in ask(b"0123456789abcdef", protocols) if pair[1]]
        answer = await client.upgrade("GET", f"http://127.0.0.1:{front.port}{PATH}", headers)
        if answer.status != 101:
            return answer, []
        socket = WebSocket(answer.reader, answer.writer, client=True)
        messages = []
        while (message := await socket.receive()) is not None:
            messages.append(message)
        answer.writer.close()
        return answer, messages
    finally:
        for end in (client, nodes, front, node):
            await end.close()


@pytest.mark.parametrize("protocols", [(), ("binary.k8s.io",), ("nope", "binary.k8s.io")])
async def test_binary_messages(protocols: tuple[str, ...]) -> None:
    answer, messages = await read(protocols)
    assert answer.status == 101
    assert messages[0] == b""
    assert b"".join(messages) == b"one\ntw\xff\n"
    assert answer.names.get("sec-websocket-protocol") == ("binary.k8s.io" if protocols else None)


async def test_base64_messages() -> None:
    _, messages = await read(("base64.binary.k8s.io",))
    assert b"".join(base64.b64decode(one) for one in messages) == b"one\ntw\xff\n"


async def test_a_pod_that_is_nowhere_has_an_empty_log() -> None:
    answer, messages = await read((), {**POD, "spec": {"containers": [{"name": "a"}]}})
    assert (answer.status, messages) == (101, [b""])


async def test_another_protocol_is_refused() -> None:
    answer, _ = await read(("nope",))
    assert answer.status == 400
    assert b"unable to negotiate protocol" in answer.body
