"""Who asks: certificates, tokens, nobody; and speaking for others."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sampan.api.errors import StatusError
from sampan.apiserver.authn.tokens import BearerTokens
from sampan.apiserver.authorizer import Decision
from sampan.apiserver.context import ANONYMOUS, UserInfo
from sampan.apiserver.filters.authn import Authn, claimed_user, impersonations, with_usual_groups
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


@pytest.mark.parametrize("header", ["", "Basic amFuZTp4", "Bearer", "Bearer  ", "t"])
async def test_without_a_bearer_token_it_is_nobody(header: str) -> None:
    assert await World().user(**({"authorization": header} if header else {})) == ANONYMOUS


@pytest.mark.parametrize("header", ["Bearer t", "bearer t", "BEARER   t "])
async def test_a_token_is_its_user(header: str) -> None:
    assert await World().user(authorization=header) == JANE


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


# ---- impersonation


async def test_who_may_not_is_told_what() -> None:
    world = World()
    with pytest.raises(StatusError) as caught:
        await world.user(authorization="Bearer t", impersonate_user="root")
    text = 'users "root" is forbidden: User "jane" cannot impersonate resource "users" in API group "" at the cluster'
    assert caught.value.message == f"{text} scope: no rule"
    assert caught.value.details == {"name": "root", "kind": "users"}
    assert world.seen is None


async def test_a_service_account_is_asked_about_in_its_namespace() -> None:
    world = World()
    with pytest.raises(StatusError) as caught:
        await world.user(authorization="Bearer t", impersonate_user="system:serviceaccount:ns:robot")
    assert 'serviceaccounts "robot" is forbidden' in caught.value.message
    assert caught.value.message.endswith('in the namespace "ns": no rule')


async def test_every_claim_is_checked() -> None:
    world = World(allowed=("users", "groups", "uids"))
    claims = {"impersonate_user": "joe", "impersonate_group": "a, b", "impersonate_uid": "7"}
    user = await world.user(authorization="Bearer t", **claims)
    assert user == UserInfo("joe", "7", ("a", "b", "system:authenticated"))
    with pytest.raises(StatusError) as caught:
        await world.user(authorization="Bearer t", **claims, **{"impersonate-extra-scopes": "x"})
    assert 'userextras.authentication.k8s.io "x" is forbidden' in caught.value.message
    assert 'resource "userextras/scopes" in API group "authentication.k8s.io"' in caught.value.message


def test_what_a_claim_needs() -> None:
    claimed = claimed_user(
        {
            "impersonate-user": "system:serviceaccount:ns:robot", "impersonate-group": "g", "impersonate-uid": "7",
            "impersonate-extra-a%2fb": "v", "accept": "x",
        }
    )  # fmt: skip
    assert impersonations(claimed) == [
        Attributes("impersonate", resource="serviceaccounts", namespace="ns", name="robot"),
        Attributes("impersonate", resource="groups", name="g"),
        Attributes("impersonate", "authentication.k8s.io", "userextras", "a/b", name="v"),
        Attributes("impersonate", "authentication.k8s.io", "uids", name="7"),
    ]


@pytest.mark.parametrize("headers", [{"impersonate-group": "g"}, {"impersonate-uid": "7"}, {"impersonate-extra-a": ""}])
def test_claims_without_a_user_are_a_bad_request(headers: dict[str, str]) -> None:
    with pytest.raises(StatusError) as caught:
        claimed_user(headers)
    assert caught.value.code == 400
    assert "without impersonating a user" in caught.value.message


@pytest.mark.parametrize(
    ("claimed", "groups"),
    [
        (UserInfo("joe"), ("system:authenticated",)),
        (UserInfo("joe", groups=("a",)), ("a", "system:authenticated")),
        (UserInfo("joe", groups=("system:unauthenticated",)), ("system:unauthenticated",)),
        (UserInfo("system:anonymous"), ("system:unauthenticated",)),
        (UserInfo("system:anonymous", groups=("a",)), ("a", "system:unauthenticated")),
        (
            UserInfo("system:serviceaccount:n:a"),
            ("system:serviceaccounts", "system:serviceaccounts:n", "system:authenticated"),
        ),
        (UserInfo("system:serviceaccount:n:a", groups=("g",)), ("g", "system:authenticated")),
        (UserInfo("system:serviceaccount:n:a:b"), ("system:authenticated",)),
    ],
)
def test_the_groups_that_come_with_a_name(claimed: Any, groups: tuple[str, ...]) -> None:
    assert with_usual_groups(claimed).groups == groups
