"""Who shows a bootstrap token is system:bootstrap:ID, as long as its Secret says so."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from sampan.apiserver.authn.bootstrap_tokens import BootstrapTokens
from sampan.apiserver.authn.jwt import BadToken
from sampan.apiserver.authn.service_accounts import ISSUER
from sampan.apiserver.authn.tokens import BearerTokens
from sampan.apiserver.context import UserInfo

NOW = datetime(2030, 1, 1, tzinfo=UTC)
TOKEN = "abcdef.0123456789abcdef"
Obj = dict[str, Any]


class World:
    """One Secret."""

    def __init__(self) -> None:
        self.values = {
            "token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true",
        }  # fmt: skip
        self.type = "bootstrap.kubernetes.io/token"
        self.meta: Obj = {}

    async def get(self, plural: str, namespace: str, name: str) -> Obj | None:
        assert (plural, namespace) == ("secrets", "kube-system")
        if name != "bootstrap-token-abcdef":
            return None
        data = {key: base64.b64encode(value.encode()).decode() for key, value in self.values.items()}
        return {"metadata": {"name": name, "namespace": namespace, **self.meta}, "type": self.type, "data": data}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def bearer(world: World) -> BearerTokens:
    return BearerTokens({}, None, BootstrapTokens(world))


async def test_the_user(world: World, bearer: BearerTokens) -> None:
    groups = ("system:bootstrappers", "system:authenticated")
    assert await bearer.check(TOKEN, (), NOW) == (UserInfo("system:bootstrap:abcdef", "", groups), [ISSUER])
    world.values["auth-extra-groups"] = "system:bootstrappers:z,system:bootstrappers:a"
    user, _ = await bearer.check(TOKEN, (ISSUER, "x"), NOW)
    assert user.groups == (
        "system:bootstrappers", "system:bootstrappers:a", "system:bootstrappers:z", "system:authenticated",
    )  # fmt: skip


@pytest.mark.parametrize("token", ["abcdef.0123456789abcdee", "ghijkl.0123456789abcdef", "abcdef.", "a.b", "abcdef"])
async def test_other_tokens(bearer: BearerTokens, token: str) -> None:
    with pytest.raises(BadToken):
        await bearer.check(token, (), NOW)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("token-secret", "0123456789abcdeX"),
        ("token-secret", ""),
        ("token-id", "ghijkl"),
        ("usage-bootstrap-authentication", "false"),
        ("usage-bootstrap-authentication", "1"),
        ("expiration", "2030-01-01T00:00:00Z"),
        ("expiration", "tomorrow"),
        ("auth-extra-groups", "system:masters"),
    ],
)
async def test_what_its_secret_says(world: World, bearer: BearerTokens, key: str, value: str) -> None:
    world.values[key] = value
    with pytest.raises(BadToken):
        await bearer.check(TOKEN, (), NOW)


async def test_a_secret_that_goes_or_is_another(world: World, bearer: BearerTokens) -> None:
    world.meta = {"deletionTimestamp": "2030-01-01T00:00:00Z"}
    with pytest.raises(BadToken):
        await bearer.check(TOKEN, (), NOW)
    world.meta, world.type = {}, "Opaque"
    with pytest.raises(BadToken):
        await bearer.check(TOKEN, (), NOW)


async def test_it_is_for_the_server_itself(bearer: BearerTokens) -> None:
    with pytest.raises(BadToken):
        await bearer.check(TOKEN, ("elsewhere",), NOW)


async def test_they_can_be_switched_off() -> None:
    with pytest.raises(BadToken):
        await BearerTokens({}, None).check(TOKEN, (), NOW)
