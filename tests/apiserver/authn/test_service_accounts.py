"""Service account tokens live as long as what they are bound to."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sampan.apiserver.authn.jwt import BadToken, InvalidToken, Signer
from sampan.apiserver.authn.service_accounts import ISSUER, ServiceAccountTokens, TokenSettings
from sampan.apiserver.authn.tokens import BearerTokens
from sampan.apiserver.context import UserInfo

PEM = ec.generate_private_key(ec.SECP256R1()).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
NOW = datetime(2030, 1, 1, tzinfo=UTC)
Obj = dict[str, Any]


def obj(kind: str, name: str, uid: str, **meta: Any) -> Obj:
    return {"kind": kind, "metadata": {"name": name, "namespace": "ns", "uid": uid, **meta}}


ACCOUNT, POD, SECRET, NODE = (
    obj("ServiceAccount", "robot", "u1"), obj("Pod", "p", "u2"), obj("Secret", "s", "u3"), obj("Node", "n", "u4"),
)  # fmt: skip


class World:
    """What is stored, by plural and name."""

    def __init__(self) -> None:
        self.objects = {
            ("serviceaccounts", "robot"): ACCOUNT, ("pods", "p"): POD, ("secrets", "s"): SECRET, ("nodes", "n"): NODE,
        }  # fmt: skip

    async def get(self, plural: str, namespace: str, name: str) -> Obj | None:
        assert namespace == ("" if plural == "nodes" else "ns")
        return self.objects.get((plural, name))


@pytest.fixture
def world() -> World:
    """With an account, a pod, a secret and a node."""
    return World()


@pytest.fixture
def tokens(world: World) -> ServiceAccountTokens:
    """Over that world."""
    return ServiceAccountTokens(lambda: Signer(PEM), world)


def issue(tokens: ServiceAccountTokens, bound: Obj | None = None, *audiences: str, node: Obj | None = None) -> str:
    return tokens.issue(ACCOUNT, audiences, 3600, NOW, bound=bound, id_="j1", node=node)


async def test_the_user_is_the_account(tokens: ServiceAccountTokens) -> None:
    user, audiences = await tokens.check(issue(tokens), (), NOW)
    assert (user.name, user.uid) == ("system:serviceaccount:ns:robot", "u1")
    assert user.groups == ("system:serviceaccounts", "system:serviceaccounts:ns", "system:authenticated")
    assert user.extra == {"authentication.kubernetes.io/credential-id": ("JTI=j1",)}
    assert audiences == [ISSUER]


async def test_a_pod_s_token_tells_of_pod_and_node(tokens: ServiceAccountTokens) -> None:
    user, _ = await tokens.check(issue(tokens, POD, node=NODE), (), NOW)
    told = {key.rpartition("/")[2]: values for key, values in user.extra.items()}
    del told["credential-id"]
    assert told == {"pod-name": ("p",), "pod-uid": ("u2",), "node-name": ("n",), "node-uid": ("u4",)}


@pytest.mark.parametrize(
    ("after", "why"),
    [(-61, "service account token is not valid yet"), (3661, "service account token has expired")],
)
async def test_a_token_has_its_time(tokens: ServiceAccountTokens, after: int, why: str) -> None:
    token = issue(tokens)
    for fine in (-60, 0, 3660):
        await tokens.check(token, (), NOW + timedelta(seconds=fine))
    with pytest.raises(InvalidToken, match=why):
        await tokens.check(token, (), NOW + timedelta(seconds=after))


async def test_a_token_is_for_its_audience(tokens: ServiceAccountTokens) -> None:
    token = issue(tokens, None, "vault", "db")
    assert (await tokens.check(token, ("x", "db", "vault"), NOW))[1] == ["db", "vault"]
    text = f'token audiences ["vault" "db"] is invalid for the target audiences ["{ISSUER}"]'
    with pytest.raises(InvalidToken) as caught:
        await tokens.check(token, (), NOW)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("bound", "plural", "name"),
    [(None, "serviceaccounts", "robot"), (POD, "pods", "p"), (SECRET, "secrets", "s"), (NODE, "nodes", "n")],
)
@pytest.mark.parametrize("how", ["gone", "a namesake", "deleted"])
async def test_a_token_ends_with_what_it_is_bound_to(
    tokens: ServiceAccountTokens, world: World, bound: Obj | None, plural: str, name: str, how: str
) -> None:
    token = issue(tokens, bound)
    await tokens.check(token, (), NOW)
    stored = world.objects.pop((plural, name))
    if how == "a namesake":
        world.objects[plural, name] = {"metadata": {**stored["metadata"], "uid": "other"}}
    elif how == "deleted":
        stamp = {"deletionTimestamp": "2030-01-01T00:00:00Z"}
        world.objects[plural, name] = {"metadata": {**stored["metadata"], **stamp}}
        await tokens.check(token, (), NOW + timedelta(seconds=60))
    with pytest.raises(InvalidToken, match="has been invalidated"):
        await tokens.check(token, (), NOW + timedelta(seconds=61))


async def test_the_node_of_a_bound_pod_may_go(tokens: ServiceAccountTokens, world: World) -> None:
    token = issue(tokens, POD, node=NODE)
    del world.objects["nodes", "n"]
    await tokens.check(token, (), NOW)


async def test_another_issuer_s_token_is_nobody_s(tokens: ServiceAccountTokens, world: World) -> None:
    other = ServiceAccountTokens(lambda: Signer(PEM), world, TokenSettings(("https://elsewhere",)))
    with pytest.raises(BadToken, match="another issuer"):
        await tokens.check(issue(other), (), NOW)


async def test_static_tokens_come_first(tokens: ServiceAccountTokens) -> None:
    jane = UserInfo("jane")
    bearer = BearerTokens({"t": jane}, tokens)
    assert await bearer.check("t", (), NOW) == (jane, [ISSUER])
    assert await bearer.check("t", ("x", ISSUER), NOW) == (jane, [ISSUER])
    with pytest.raises(BadToken):
        await bearer.check("t", ("x",), NOW)
    assert (await bearer.check(issue(tokens), (), NOW))[0].name == "system:serviceaccount:ns:robot"
    with pytest.raises(BadToken):
        await BearerTokens({}, None).check("t", (), NOW)
