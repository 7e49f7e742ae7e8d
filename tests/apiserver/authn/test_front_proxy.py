"""Proxies that name users by headers."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sampan import Cluster
from sampan.api.errors import StatusError
from sampan.api.names import ObjectRef, RestMapping
from sampan.apiserver.authn.front_proxy import FrontProxy, HeaderNames
from sampan.apiserver.authn.tokens import BearerTokens
from sampan.apiserver.authz.decision import NO_OPINION, Decision
from sampan.apiserver.context import ANONYMOUS, UserInfo
from sampan.apiserver.filters.authn import Authn
from sampan.apiserver.rbac import Attributes
from sampan.cluster.access_options import AuthenticationOptions
from sampan.cluster.pki import Pair, Pki, Subject
from sampan.net.http import Peer, Request, Response
from sampan.net.http_client import HttpClient
from sampan.net.tls import client_context
from sampan.testing.clock import FakeClock

NOW = datetime(2030, 1, 1, tzinfo=UTC)
NAMES = {"x-remote-user": "jane", "x-remote-uid": "7", "x-remote-group": "dev", "x-remote-extra-a%2fb": "c"}
JANE = UserInfo("jane", "7", ("dev", "system:authenticated"), {"a/b": ("c",)})


def der(pair: Pair) -> bytes:
    return x509.load_pem_x509_certificate(pair.certificate).public_bytes(serialization.Encoding.DER)


class World:
    """A filter that trusts one authority for clients and another one for proxies."""

    def __init__(self, directory: Path, names: tuple[str, ...] = ("front",)) -> None:
        self.clients, self.proxies = Pki(directory / "clients", NOW), Pki(directory / "proxies", NOW)
        front = FrontProxy(self.proxies.ca.certificate, self.clients.ca.certificate, names, HeaderNames())
        tokens = BearerTokens({"t": UserInfo("eve")}, None)
        self.filter = Authn(self.app, FakeClock(), tokens=tokens, may=self.may, front=front)
        self.seen: Request | None = None

    async def app(self, request: Request) -> Response:
        self.seen = request
        return Response(200)

    async def may(self, user: UserInfo, wanted: Attributes) -> Decision:
        return NO_OPINION

    async def user(self, pair: Pair | None, **headers: str) -> UserInfo:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        peer = Peer("127.0.0.1", 1, der(pair)) if pair is not None else None
        await self.filter(Request("GET", "/api", headers=named, peer=peer))
        assert self.seen is not None
        user: UserInfo = self.seen.context["user"]
        return user


async def test_a_proxy_names_users(tmp_path: Path) -> None:
    world = World(tmp_path)
    proxy = world.proxies.client("p", Subject("front"))
    request = Request("GET", "/api", headers={**NAMES, "accept": "x"}, peer=Peer("127.0.0.1", 1, der(proxy)))
    request.repeated = {"x-remote-group": ["dev", "ops, too"]}
    await world.filter(request)
    assert request.context["user"] == UserInfo(
        "jane", "7", ("dev", "ops, too", "system:authenticated"), {"a/b": ("c",)}
    )
    assert request.headers == {"accept": "x"}
    assert request.repeated == {}


async def test_who_may_not_name_users(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert await world.user(None, **NAMES) == ANONYMOUS
    admin = world.clients.client("c", Subject("front", ("g",)))
    assert (await world.user(admin, **NAMES)).groups == ("g", "system:authenticated")
    stranger = world.proxies.client("q", Subject("other", ("system:masters",)))
    proxy = world.proxies.client("p", Subject("front", ("system:masters",)))
    for pair, headers in ((stranger, NAMES), (proxy, {})):  # a proxy is nobody by itself
        with pytest.raises(StatusError) as refused:
            await world.user(pair, **headers)
        assert refused.value.code == 401
        assert (await world.user(pair, authorization="Bearer t")).name == "eve"


async def test_any_proxy(tmp_path: Path) -> None:
    world = World(tmp_path, ())
    assert await world.user(world.proxies.client("p", Subject("any")), **NAMES) == JANE


async def test_over_the_wire(tmp_path: Path) -> None:
    other = Pki(tmp_path / "other", datetime.now(UTC))
    (tmp_path / "other.pem").write_bytes(other.ca.certificate)
    options = AuthenticationOptions(
        requestheader_client_ca_file=tmp_path / "other.pem",
        requestheader_allowed_names="a,front-proxy-client",
        requestheader_username_headers="X-Who,X-Remote-User",
    )
    async with Cluster(runtime="simulated", nodes=0, data_dir=tmp_path / "data", authentication=options) as cluster:
        own = Pki(tmp_path / "data" / "pki", datetime.now(UTC))
        pairs = (
            own.front_proxy().client("x", Subject("front-proxy-client")),
            other.client("y", Subject("a")),
            own.client("z", Subject("plain")),
        )
        found = []
        for pair in pairs:
            context = client_context(own.ca.certificate, pair.certificate, pair.key)
            async with HttpClient(context) as http:
                body = json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}).encode()
                headers = (("content-type", "application/json"), ("x-who", "jane"), ("x-remote-group", "dev"))
                url = f"{cluster.server}/apis/authentication.k8s.io/v1/selfsubjectreviews"
                answer = await http.send("POST", url, headers, body)
                found.append(json.loads(answer.body)["status"]["userInfo"]["username"])
        assert found == ["jane", "jane", "plain"]
        mapping = RestMapping("", "v1", "ConfigMap", "configmaps", True)
        told = await cluster.api().get(ObjectRef(mapping, "kube-system", "extension-apiserver-authentication"))
        data = told["data"]
        assert data["requestheader-username-headers"] == '["X-Who","X-Remote-User"]'
        assert data["requestheader-client-ca-file"].count("BEGIN CERTIFICATE") == 2
