"""Who asks: certificates, tokens, nobody; and speaking for others."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sampan.api.errors import StatusError, not_found_path
from sampan.apiserver.authn.notes import Notes
from sampan.apiserver.authn.tokens import BearerTokens
from sampan.apiserver.authz.decision import Decision
from sampan.apiserver.context import ANONYMOUS, UserInfo
from sampan.apiserver.filters.authn import Authn
from sampan.apiserver.rbac import Attributes
from sampan.cluster.pki import Pki, Subject
from sampan.net.http import Peer, Request, Response
from sampan.testing.clock import FakeClock

JANE = UserInfo("jane", groups=("dev", "system:authenticated"))


class World:
    """A filter over a handler that remembers its user."""

    def __init__(self, allowed: tuple[str, ...] = ()) -> None:
        self.asked: list[Attributes] = []
        self.seen: UserInfo | None = None
        self.allowed = allowed
        self.filter = Authn(self.app, FakeClock(), tokens=BearerTokens({"t": JANE}, None), may=self.may)

    async def app(self, request: Request) -> Response:
        self.seen = request.context["user"]
        return Response(200)

    async def may(self, user: UserInfo, wanted: Attributes) -> Decision:
        self.asked.append(wanted)
        return Decision(wanted.resource in self.allowed, "" if wanted.resource in self.allowed else "no rule")

    async def user(self, peer: Peer | None = None, /, **headers: str) -> UserInfo:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        await self.filter(Request("GET", "/api", headers=named, peer=peer))
        assert self.seen is not None
        return self.seen


def certificate(tmp_path: Path) -> bytes:
    pair = Pki(tmp_path, datetime(2030, 1, 1, tzinfo=UTC)).client("c", Subject("admin", ("system:masters",)))
    return x509.load_pem_x509_certificate(pair.certificate).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("header", ["", "Basic amFuZTp4", "Bearer", "Bearer  ", "t", "Bearer   t"])
async def test_without_a_bearer_token_it_is_nobody(header: str) -> None:
    assert await World().user(**({"authorization": header} if header else {})) == ANONYMOUS


@pytest.mark.parametrize("header", ["Bearer t", "bearer t", "BEARER t ", " Bearer t x"])
async def test_a_token_is_its_user(header: str) -> None:
    assert await World().user(authorization=header) == JANE


async def test_a_space_too_many_is_told() -> None:
    world = World()
    response = await world.filter(Request("GET", "/api", headers={"authorization": "Bearer  t"}))
    assert world.seen == ANONYMOUS
    text = "the provided Authorization header contains extra space before the bearer token, and is ignored"
    assert response.headers == [("Warning", f'299 - "{text}"')]


UPGRADE = {"connection": "Upgrade", "upgrade": "websocket"}
IN_PROTOCOL = "base64url.bearer.authorization.k8s.io."


async def test_a_websocket_brings_its_token_as_a_subprotocol() -> None:
    world = World()
    offers = {"sec-websocket-protocol": f"{IN_PROTOCOL}dA, v5.channel.k8s.io,v4.channel.k8s.io"}
    request = Request("GET", "/api", headers={**UPGRADE, **offers}, repeated={"sec-websocket-protocol": ["x", "y"]})
    await world.filter(request)
    assert world.seen == JANE
    assert request.headers["sec-websocket-protocol"] == "v5.channel.k8s.io, v4.channel.k8s.io"
    assert request.values("sec-websocket-protocol") == ["v5.channel.k8s.io, v4.channel.k8s.io"]
    assert await world.user(None, **offers) == ANONYMOUS  # no WebSocket is asked for


@pytest.mark.parametrize(
    "protocols",
    [
        f"{IN_PROTOCOL}dA",
        f"{IN_PROTOCOL}dA==, v5.channel.k8s.io",
        f"{IN_PROTOCOL}_w, v5.channel.k8s.io",
        f"{IN_PROTOCOL}!, v5.channel.k8s.io",
        f"{IN_PROTOCOL}dA, {IN_PROTOCOL}dA, v5.channel.k8s.io",
        f"{IN_PROTOCOL}d3Jvbmc, v5.channel.k8s.io",
    ],
)
async def test_subprotocols_that_are_refused(protocols: str) -> None:
    with pytest.raises(StatusError) as caught:
        await World().filter(Request("GET", "/api", headers={**UPGRADE, "sec-websocket-protocol": protocols}))
    assert caught.value.code == 401


async def test_a_wrong_token_is_refused_without_a_word_about_it() -> None:
    with pytest.raises(StatusError) as caught:
        await World().user(authorization="Bearer wrong")
    assert (caught.value.code, caught.value.message) == (401, "Unauthorized")


async def test_a_certificate_comes_before_a_token_and_is_read_once(tmp_path: Path) -> None:
    world, peer = World(), Peer("127.0.0.1", 1, certificate(tmp_path))
    first = await world.user(peer, authorization="Bearer wrong")
    assert (first.name, first.groups) == ("admin", ("system:masters", "system:authenticated"))
    assert await world.user(peer) is first


async def test_a_user_from_inside_the_process_is_not_asked(tmp_path: Path) -> None:
    world = World()
    await world.filter(Request("GET", "/", headers={"authorization": "Bearer wrong"}, context={"user": JANE}))
    assert world.seen == JANE


class Teller(BearerTokens):
    """Has something to say of every token."""

    def __init__(self) -> None:
        super().__init__({}, None)
        self.asked = 0

    async def check(
        self, token: str, audiences: Sequence[str], now: datetime, notes: Notes | None = None
    ) -> tuple[UserInfo, list[str]]:
        self.asked += 1
        assert notes is not None
        notes.warnings.append("use another")
        notes.annotations["said"] = "this"
        return JANE, []


async def test_what_is_to_be_said_of_a_token_is_said_every_time() -> None:
    async def app(request: Request) -> Response:
        if request.path == "/gone":
            raise not_found_path()
        return Response(200)

    async def may(user: UserInfo, wanted: Attributes) -> Decision:
        return Decision(True, "")

    teller = Teller()
    authn = Authn(app, FakeClock(), tokens=teller, may=may)
    for path in ("/api", "/gone"):
        response = await authn(Request("GET", path, headers={"authorization": "Bearer x"}))
        assert ("Warning", '299 - "use another"') in response.headers
    assert teller.asked == 1
