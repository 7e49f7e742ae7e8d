"""pods/proxy, services/proxy, nodes/proxy: where they go, what is handed on, what comes back."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.apiserver.call import Call
from sampan.apiserver.connectors.proxy import Proxy, is_allowed, wanted_of
from sampan.apiserver.objects import StoredObjects
from sampan.apiserver.route import route
from sampan.net.http import Request, Response
from sampan.net.http_client import HttpClient
from sampan.net.http_server import serve

ROOT = "/api/v1/namespaces/default"
WEB = {"name": "c", "ports": [{"containerPort": 80}]}


class Objects:
    """A pod, a Service with one endpoint, and a node; all of them are at `port` of this machine."""

    def __init__(self, port: int) -> None:
        self.pod: Obj = {
            "metadata": {"name": "p"},
            "spec": {"containers": [{"name": "a"}, {**WEB, "ports": [{"containerPort": port}]}]},
            "status": {"podIP": "127.0.0.1"},
        }
        self.service: Obj = {"metadata": {"name": "s"}, "spec": {"ports": [{"name": "web", "port": 8080}]}}
        self.slices: list[Obj] = [{
            "metadata": {"labels": {"kubernetes.io/service-name": "s"}},
            "ports": [{"name": "web", "port": port}],
            "endpoints": [{"addresses": ["127.0.0.1"], "targetRef": {"kind": "Pod", "name": "p"}}],
        }]  # fmt: skip

    async def get(self, plural: str, namespace: str, name: str, group: str = "") -> Obj | None:
        found = {"pods": self.pod, "services": self.service}[plural]
        return found if found["metadata"]["name"] == name else None

    async def list(self, plural: str, namespace: str = "", group: str = "") -> list[Obj]:
        return self.slices


class World:
    """A backend that answers by `answer`, and a proxy to it."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.answer: Callable[[Request], Response] = lambda request: Response(200, [("X-A", "b")], request.body)

    async def backend(self, request: Request) -> Response:
        self.asked.append(request)
        return self.answer(request)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["World"]:
        server = await serve(self.backend, "127.0.0.1", 0)
        agents = HttpClient()
        self.objects = Objects(server.port)
        objects = cast(StoredObjects, self.objects)
        self.proxy = Proxy(objects, agents, random.Random(1), allowed=lambda host: True)
        self.port = server.port
        try:
            yield self
        finally:
            await self.proxy.close()
            await agents.close()
            await server.close()

    async def ask(self, method: str, path: str, query: str = "", headers: Any = None, body: bytes = b"") -> Response:
        request = Request(method, path, query, {"host": "api:6443", **(headers or {})}, body)
        call: Any = Call(cast(Any, None), request, route(method, path), cast(Any, None), cast(Any, None))
        served = {"pods": self.proxy.pod, "services": self.proxy.service}[call.info.resource]
        response = await asyncio.create_task(served(call))
        if response.stream is not None:
            response.body = b"".join([chunk async for chunk in response.stream])
            await cast(Any, response.stream).aclose()
        return response


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World().open() as made:
        yield made


async def test_method_path_query_and_body_arrive(world: World) -> None:
    asked = {
        "authorization": "Bearer secret",
        "impersonate-user": "x",
        "x-mine": "1",
        "connection": "x-hop",
        "x-hop": "2",
    }
    response = await world.ask("POST", f"{ROOT}/pods/p/proxy/a%20b/", "q=1&q=2", asked, b"hello")
    assert (response.status, response.body) == (200, b"hello")
    assert ("x-a", "b") in response.headers
    (request,) = world.asked
    assert (request.method, request.path, request.query) == ("POST", "/a%20b/", "q=1&q=2")
    assert request.headers["x-mine"] == "1"
    assert request.headers["x-forwarded-uri"] == f"{ROOT}/pods/p/proxy/a%20b/"
    assert request.headers["host"] == "api:6443"
    assert not {"authorization", "impersonate-user", "x-hop"} & request.headers.keys()


@pytest.mark.parametrize("name", ["s:web", "s:8080", "http:s:web"])
async def test_a_service_by_name_or_number_of_its_port(world: World, name: str) -> None:
    assert (await world.ask("GET", f"{ROOT}/services/{name}/proxy/x")).status == 200
    assert world.asked[0].path == "/x"


@pytest.mark.parametrize(
    ("path", "code", "message"),
    [
        ("services/s:81/proxy/", 503, 'no service port 81 found for service "s"'),
        ("services/s/proxy/", 503, 'no endpoints available for service "s"'),
        ("services/none:81/proxy/", 404, 'services "none" not found'),
        ("pods/none/proxy/", 404, 'pods "none" not found'),
        ("pods/ftp:p:1/proxy/", 400, 'invalid pod request "ftp:p:1"'),
        ("pods/:/proxy/", 400, 'invalid pod request ":"'),
    ],
)
async def test_what_is_not_there(world: World, path: str, code: int, message: str) -> None:
    with pytest.raises(StatusError) as caught:
        await world.ask("GET", f"{ROOT}/{path}")
    assert (caught.value.code, caught.value.message) == (code, message)


async def test_endpoints_that_are_no_pods_of_that_address_are_left_out(world: World) -> None:
    world.objects.pod["status"]["podIP"] = "192.0.2.9"
    with pytest.raises(StatusError) as caught:
        await world.ask("GET", f"{ROOT}/services/s:web/proxy/")
    assert caught.value.code == 503


async def test_the_root_gets_its_slash(world: World) -> None:
    response = await world.ask("GET", f"{ROOT}/pods/p/proxy", "a=1")
    assert (response.status, response.headers) == (301, [("Location", f"{ROOT}/pods/p/proxy/?a=1")])
    assert (await world.ask("POST", f"{ROOT}/pods/p/proxy")).status == 200
    assert world.asked[0].path == "/"


async def test_redirects_and_links_lead_through_the_proxy(world: World) -> None:
    world.answer = lambda request: Response(302, [("Location", "/login?a=b")])
    response = await world.ask("GET", f"{ROOT}/pods/p/proxy/x")
    assert ("location", f"{ROOT}/pods/p/proxy/login?a=b") in response.headers
    page = "<!DOCTYPE html><a href=\"/x\">&amp;</a><img src=pic.png><a href='http://other/y'>y</a><br/><!-- c -->"
    world.answer = lambda request: Response(200, [("Content-Type", "text/html; charset=utf-8")], page.encode())
    response = await world.ask("GET", f"{ROOT}/pods/p/proxy/index.html")
    prefix = f"{ROOT}/pods/p/proxy"
    assert response.body.decode() == (
        f'<!DOCTYPE html><a href="{prefix}/x">&amp;</a><img src="pic.png"><a href="http://other/y">y</a><br/><!-- c -->'
    )


async def test_several_cookies_stay_several(world: World) -> None:
    world.answer = lambda request: Response(200, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    response = await world.ask("GET", f"{ROOT}/pods/p/proxy/x")
    assert [value for name, value in response.headers if name == "set-cookie"] == ["a=1", "b=2"]


async def test_a_server_that_is_not_there(world: World) -> None:
    with pytest.raises(StatusError) as caught:
        await world.ask("GET", f"{ROOT}/pods/p:1/proxy/x")
    assert caught.value.code == 503
    assert caught.value.message.startswith("error trying to reach service: ")


@pytest.mark.parametrize(
    ("host", "allowed"),
    [("10.0.0.1", True), ("fd00::1", True), ("127.0.0.1", False), ("::1", False), ("169.254.169.254", False),
     ("0.0.0.0", False), ("224.0.0.1", False), ("", False), ("name", False)],
)  # fmt: skip
def test_where_a_proxy_may_go(host: str, allowed: bool) -> None:
    assert is_allowed(host) is allowed


def test_names() -> None:
    assert wanted_of("https:p:443", "pod") == ("https", "p", "443")
    assert wanted_of("p", "pod") == ("", "p", "")
