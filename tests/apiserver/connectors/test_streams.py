"""pods/exec and its kin: who may, which container, what is handed to the node agent."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.apiserver.authorizer import Authorizer
from sampan.apiserver.authz.decision import Decision
from sampan.apiserver.call import Call
from sampan.apiserver.connectors.streams import PodStreams, choose
from sampan.apiserver.context import UserInfo
from sampan.apiserver.objects import StoredObjects
from sampan.apiserver.query import parse_query
from sampan.apiserver.rbac import Attributes
from sampan.apiserver.route import route
from sampan.net.http import Request, Response
from sampan.net.http_client import HttpClient
from sampan.net.http_server import serve

POD: Obj = {
    "metadata": {"name": "p", "namespace": "default"},
    "spec": {"nodeName": "n", "containers": [{"name": "a"}, {"name": "b"}], "initContainers": [{"name": "i"}]},
}
UPGRADE = {"connection": "Upgrade", "upgrade": "SPDY/3.1", "x-stream-protocol-version": "v4.x, v3.x"}


class Objects:
    """One pod and one node, whose agent listens on `port`."""

    def __init__(self, pod: Obj | None, port: int = 1) -> None:
        self._pod = pod
        self._node: Obj = {
            "metadata": {"name": "n"},
            "status": {
                "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
            },
        }

    async def get(self, plural: str, namespace: str, name: str) -> Obj | None:
        return self._pod if plural == "pods" else self._node


class Rules:
    """Allows these verbs."""

    def __init__(self, *verbs: str) -> None:
        self._verbs = verbs

    async def authorize(self, user: UserInfo, wanted: Attributes) -> Decision:
        return Decision(wanted.verb in self._verbs, "no rule")


class Plain(HttpClient):
    """Node agents without TLS."""

    async def upgrade(self, method: str, url: str, *args: Any, **more: Any) -> Any:
        return await super().upgrade(method, url.replace("https:", "http:"), *args, **more)


def call(word: str, query: str, method: str = "POST", headers: dict[str, str] | None = None) -> Call:
    path = f"/api/v1/namespaces/default/pods/p/{word}"
    request = Request(method, path, query, UPGRADE if headers is None else headers)
    asked = SimpleNamespace(request=request, info=route(method, path, query), query=parse_query(query), user=None)
    return cast(Call, asked)


def streams(objects: Objects, client: HttpClient, rules: Rules | None = None, version: str = "1.37") -> PodStreams:
    authorizer = cast(Authorizer, rules or Rules("get", "create"))
    return PodStreams(cast(StoredObjects, objects), authorizer, client, version)


async def test_the_request_is_rewritten_and_the_bytes_are_passed_on() -> None:
    seen: list[Request] = []

    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        await writer.drain()

    async def agent(request: Request) -> Response:
        seen.append(request)
        return Response(101, [("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1")], upgrade=shout)

    node = await serve(agent, "127.0.0.1", 0)
    client = Plain()
    ours = streams(Objects(POD, node.port), client)

    async def api(request: Request) -> Response:
        return await ours.execute(call("exec", request.query))

    front = await serve(api, "127.0.0.1", 0)
    query = "container=b&command=sh&command=-c&command=a+b&stdin=true&stdout=1&stderr=false"
    async with HttpClient() as browser:
        answer = await browser.upgrade("POST", f"http://127.0.0.1:{front.port}/x?{query}", UPGRADE.items())
        assert answer.status == 101
        answer.writer.write(b"quiet\n")
        assert await answer.reader.read() == b"QUIET\n"
        answer.writer.close()
        await answer.writer.wait_closed()
    await front.close()
    await node.close()
    await client.close()
    assert (seen[0].method, seen[0].path) == ("POST", "/exec/default/p/b")
    assert seen[0].query == "input=1&output=1&command=sh&command=-c&command=a+b"
    assert seen[0].headers["x-stream-protocol-version"] == "v4.x, v3.x"


@pytest.mark.parametrize(("status", "code"), [(400, 400), (404, 404), (403, 403), (500, 500), (501, 500)])
async def test_an_agents_no_is_handed_on(status: int, code: int) -> None:
    async def agent(request: Request) -> Response:
        return Response(status, [], b"because\n")

    node = await serve(agent, "127.0.0.1", 0)
    client = Plain()
    with pytest.raises(StatusError, match="because") as caught:
        await streams(Objects(POD, node.port), client).forward(call("portforward", ""))
    assert caught.value.code == code
    await node.close()
    await client.close()


async def test_an_agent_that_is_gone_is_told() -> None:
    with pytest.raises(StatusError, match="error dialing backend") as caught:
        await streams(Objects(POD), Plain()).attach(call("attach", "container=a&stdout=1"))
    assert caught.value.code == 500


@pytest.mark.parametrize(
    ("pod", "headers", "code", "words"),
    [
        (None, None, 404, 'pods "p" not found'),
        ({**POD, "spec": {"containers": [{"name": "a"}]}}, None, 400, "pod p does not have a host assigned"),
        (POD, {}, 400, "Upgrade request required"),
    ],
)
async def test_what_cannot_be_connected(pod: Obj | None, headers: Any, code: int, words: str) -> None:
    with pytest.raises(StatusError, match=words) as caught:
        await streams(Objects(pod), Plain()).forward(call("portforward", "", headers=headers))
    assert caught.value.code == code


async def test_a_get_needs_the_right_to_create_since_1_35() -> None:
    asked = call("exec", "container=a&command=x&stdout=1", "GET", {})
    with pytest.raises(StatusError, match="no rule") as caught:
        await streams(Objects(POD), Plain(), Rules("get")).execute(asked)
    assert caught.value.code == 403
    with pytest.raises(StatusError, match="Upgrade request required"):
        await streams(Objects(POD), Plain(), Rules("get"), "1.34").execute(asked)
    with pytest.raises(StatusError, match="Upgrade request required"):
        await streams(Objects(POD), Plain(), Rules("get", "create")).execute(asked)


def test_containers() -> None:
    assert choose(POD, "i") == "i"
    assert choose({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a"}]}}, "") == "a"
    with pytest.raises(StatusError, match=r"specified for pod p, choose one of: \[i a b\]"):
        choose(POD, "")
    with pytest.raises(StatusError, match="container x is not valid for pod p"):
        choose(POD, "x")
