"""An extension API server over HTTPS on loopback: requests, identity, availability, discovery."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography import x509

from sampan.api.errors import StatusError
from sampan.api.names import ObjectRef
from sampan.apiserver.app import App, Parts
from sampan.apiserver.context import UserInfo
from sampan.client.api import Api
from sampan.client.local import LocalTransport
from sampan.cluster.pki import FRONT_PROXY, Pki
from sampan.net.http import Request, Response
from sampan.net.http_server import serve
from sampan.net.tls import server_context
from sampan.resources.build import builtin_resources
from sampan.resources.kinds import APISERVICES, CRDS, SERVICES
from sampan.store.memory import MemoryStore
from sampan.testing.clock import settle

ADMIN = UserInfo("alice", "u1", ("system:masters", "friends"), {"example.org/team": ("a", "b")})
FISH = {"name": "fishes", "singularName": "fish", "namespaced": True, "kind": "Fish", "verbs": ["get", "list"],
        "shortNames": ["fi"]}  # fmt: skip
LISTED = {
    "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "sea.example.org/v1",
    "resources": [FISH, {"name": "fishes/status", "namespaced": True, "kind": "Fish", "verbs": ["get"]}],
}  # fmt: skip


class Sea:
    """The extension server; an API server in front of it."""

    def __init__(self, folder: Path) -> None:
        now = datetime.now(UTC)
        self.pki = Pki(folder / "sea", now)
        self.front = Pki(folder / "front", now)
        self.asked: list[Request] = []
        self.healthy = True
        self.app: App
        self.api: Api

    async def handle(self, request: Request) -> Response:
        self.asked.append(request)
        assert request.peer is not None
        assert request.peer.certificate is not None, "the front proxy shows who it is"
        if not self.healthy:
            return Response(500)
        body = LISTED if request.path == "/apis/sea.example.org/v1" else {"path": request.path, "query": request.query}
        return Response(200, [("content-type", "application/json")], json.dumps(body).encode())

    def identity(self) -> tuple[bytes, bytes]:
        pair = self.front.client("client", FRONT_PROXY)
        return pair.certificate, pair.key

    async def settle(self, status: str) -> dict[str, Any]:
        """The condition, once it is so."""
        while True:
            conditions = (
                (await self.api.get(ObjectRef(APISERVICES, "", "v1.sea.example.org")))
                .get("status", {})
                .get("conditions")
            )
            if conditions and conditions[0]["status"] == status:
                return dict(conditions[0])
            await asyncio.sleep(0.01)

    async def call(self, method: str, path: str, query: str = "", **headers: str) -> Response:
        context = {"user": ADMIN}
        response = await self.app(Request(method, path, query, headers, context=context))
        if response.stream is not None:
            response.body = b"".join([chunk async for chunk in response.stream])
            await cast(Any, response.stream).aclose()
        return response


@pytest.fixture
async def sea(tmp_path: Path) -> AsyncIterator[Sea]:
    made = Sea(tmp_path)
    pair = made.pki.serving("sea", ["sea.ocean.svc"])
    context = server_context(pair.certificate, pair.key, made.front.ca.certificate)
    server = await serve(made.handle, "127.0.0.1", 0, ssl=context)
    store = MemoryStore()
    made.app = App(Parts(store, builtin_resources("1.36"), version="1.36", identity=made.identity))
    await made.app.start()
    made.api = Api(LocalTransport(made.app, ADMIN, "tests"))
    outside = {"type": "ExternalName", "externalName": "127.0.0.1"}
    await made.api.create(SERVICES, {"metadata": {"name": "sea", "namespace": "ocean"}, "spec": outside})
    spec = {
        "group": "sea.example.org", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10,
        "service": {"namespace": "ocean", "name": "sea", "port": server.port},
        "caBundle": base64.b64encode(made.pki.ca.certificate).decode(),
    }  # fmt: skip
    await made.api.create(APISERVICES, {"metadata": {"name": "v1.sea.example.org"}, "spec": spec})
    yield made
    await made.app.close()
    await server.close()
    await store.close()


async def test_requests_go_there_with_who_asks(sea: Sea) -> None:
    assert (await sea.settle("True"))["reason"] == "Passed"
    headers = {"x-remote-user": "mallory", "authorization": "Bearer x", "accept": "application/json"}
    response = await sea.call("GET", "/apis/sea.example.org/v1/namespaces/a/fishes/nemo", "watch=0", **headers)
    assert json.loads(response.body) == {
        "path": "/apis/sea.example.org/v1/namespaces/a/fishes/nemo",
        "query": "watch=0",
    }
    told = sea.asked[-1].headers
    assert told["x-remote-user"] == "alice"
    assert told["x-remote-uid"] == "u1"
    assert told["x-remote-group"] == "system:masters, friends"
    assert told["x-remote-extra-example.org%2fteam"] == "a, b"
    assert "authorization" not in told
    peer = sea.asked[-1].peer
    assert peer is not None
    assert peer.certificate is not None
    assert x509.load_der_x509_certificate(peer.certificate).subject.rfc4514_string() == "CN=front-proxy-client"


async def test_discovery_lists_what_it_serves(sea: Sea) -> None:
    await sea.settle("True")
    groups = json.loads((await sea.call("GET", "/apis")).body)["groups"]
    assert [group["name"] for group in groups][-1] == "sea.example.org", "its priority is the lowest"
    group = json.loads((await sea.call("GET", "/apis/sea.example.org")).body)
    assert (group["kind"], group["preferredVersion"]["version"]) == ("APIGroup", "v1")
    assert json.loads((await sea.call("GET", "/apis/sea.example.org/v1")).body) == LISTED
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    items = json.loads((await sea.call("GET", "/apis", accept=accept)).body)["items"]
    (version,) = items[-1]["versions"]
    assert version["freshness"] == "Current"
    (fish,) = version["resources"]
    assert (fish["resource"], fish["scope"], fish["shortNames"]) == ("fishes", "Namespaced", ["fi"])
    assert fish["subresources"][0]["subresource"] == "status"
    index = json.loads((await sea.call("GET", "/openapi/v3")).body)["paths"]
    assert index["apis/sea.example.org/v1"]["serverRelativeURL"].startswith("/openapi/v3/apis/sea.example.org/v1?hash=")


async def test_a_server_that_fails_is_not_asked(sea: Sea) -> None:
    await sea.settle("True")
    sea.healthy = False
    await sea.api.patch(ObjectRef(SERVICES, "ocean", "sea"), {"metadata": {"annotations": {"a": "b"}}})
    condition = await sea.settle("False")
    assert condition["reason"] == "FailedDiscoveryCheck"
    assert condition["message"].endswith(": 500")
    response = await sea.call("GET", "/apis/sea.example.org/v1/fishes")
    assert (response.status, response.body) == (503, b"service unavailable\n")


async def test_a_service_that_goes(sea: Sea) -> None:
    await sea.settle("True")
    await sea.api.delete(ObjectRef(SERVICES, "ocean", "sea"))
    assert (await sea.settle("False"))["reason"] == "ServiceNotFound"
    await sea.api.delete(ObjectRef(APISERVICES, "", "v1.sea.example.org"))
    await gone(sea, "v1.sea.example.org")
    assert (await sea.call("GET", "/apis/sea.example.org/v1/fishes")).status == 404


async def test_custom_kinds_have_their_own_while_they_are_there(sea: Sea) -> None:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    names = {"plural": "boats", "kind": "Boat"}
    spec = {"group": "b.example.org", "scope": "Cluster", "names": names, "versions": [version]}
    await sea.api.create(CRDS, {"metadata": {"name": "boats.b.example.org"}, "spec": spec})
    one = await found(sea, "v1.b.example.org")
    assert one["spec"] == {
        "group": "b.example.org", "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 100,
    }  # fmt: skip
    await sea.api.delete(ObjectRef(CRDS, "", "boats.b.example.org"))
    await gone(sea, "v1.b.example.org")


async def found(sea: Sea, name: str) -> dict[str, Any]:
    """An APIService, once it is there."""
    while True:
        try:
            return dict(await sea.api.get(ObjectRef(APISERVICES, "", name)))
        except StatusError:
            await asyncio.sleep(0.01)


async def gone(sea: Sea, name: str) -> None:
    """Until it is not there any more."""
    while True:
        try:
            await sea.api.get(ObjectRef(APISERVICES, "", name))
        except StatusError:
            return await settle()
        await asyncio.sleep(0.01)
