"""Speaking for others; the answers are a real API server's."""

import pytest

from sampan.api.errors import StatusError
from sampan.apiserver.authz.decision import Decision
from sampan.apiserver.context import RequestInfo, UserInfo
from sampan.apiserver.filters.impersonation import NODE_KEYS, Impersonation, claimed_user
from sampan.apiserver.rbac import Attributes
from sampan.net.http import Request

PODS = RequestInfo(True, "list", "/api/v1/namespaces/ns/pods", "", "v1", "ns", "pods")
JANE = UserInfo("jane", groups=("dev", "system:authenticated"))
AGENT = UserInfo(
    "system:serviceaccount:ns:agent",
    extra={"authentication.kubernetes.io/node-name": ("n1",), "authentication.kubernetes.io/pod-name": ("p",)},
)
GROUP = "authentication.k8s.io"


class World:
    """Impersonation by somebody who is allowed what `allowed` says: pairs of verb and resource."""

    def __init__(self, *allowed: tuple[str, str]) -> None:
        self.asked: list[Attributes] = []
        self.askers: list[UserInfo] = []
        self.allowed = set(allowed)
        self.impersonation = Impersonation(self.may)

    async def may(self, user: UserInfo, wanted: Attributes) -> Decision:
        self.asked.append(wanted)
        self.askers.append(user)
        return Decision((wanted.verb, wanted.resource) in self.allowed, "no rule")

    async def become(self, asker: UserInfo = JANE, /, **headers: str | list[str]) -> UserInfo:
        return await self.impersonation.become(request_with(**headers), asker)

    async def refused(self, asker: UserInfo = JANE, /, **headers: str | list[str]) -> StatusError:
        with pytest.raises(StatusError) as caught:
            await self.become(asker, **headers)
        assert caught.value.code == 403
        return caught.value


def request_with(**headers: str | list[str]) -> Request:
    """A request with the headers Impersonate-..., repeated ones as lists."""
    lists = {f"impersonate-{k.replace('_', '-')}": [v] if isinstance(v, str) else v for k, v in headers.items()}
    joined = {name: ", ".join(values) for name, values in lists.items()}
    repeated = {name: values for name, values in lists.items() if len(values) > 1}
    return Request("GET", PODS.path, headers=joined, context={"info": PODS}, repeated=repeated or None)


LEGACY = tuple(("impersonate", what) for what in ("users", "groups", "uids", "userextras", "serviceaccounts"))


@pytest.mark.parametrize("headers", [{}, {"nonsense": "x"}, {"user": ""}, {"uid": ""}])
async def test_who_names_nobody_stays_who_they_are(headers: dict[str, str]) -> None:
    assert await World().become(**headers) is JANE


async def test_every_value_counts_and_commas_do_not_part_them() -> None:
    claims: dict[str, str | list[str]] = {
        "user": ["joe", "jim"],
        "group": ["a,b", "c"],
        "uid": "7",
        "extra-a%2fb": ["x", "y, z"],
        "extra-%zz": "ä".encode().decode("latin-1"),
    }
    user = await World(*LEGACY).become(**claims)
    assert user == UserInfo("joe", "7", ("a,b", "c", "system:authenticated"), {"a/b": ("x", "y, z"), "%zz": ("ä",)})


@pytest.mark.parametrize(
    ("headers", "printed"),
    [
        ({"group": "a,b"}, 'UID:"", Groups:[]string{"a,b"}, Extra:map[string][]string(nil)'),
        ({"group": ""}, 'UID:"", Groups:[]string{""}, Extra:map[string][]string(nil)'),
        (
            {"uid": "u", "extra-foo": ["x", "y"]},
            'UID:"u", Groups:[]string(nil), Extra:map[string][]string{"foo":[]string{"x", "y"}}',
        ),
    ],
)
def test_claims_without_a_user_are_a_bad_request(headers: dict[str, str | list[str]], printed: str) -> None:
    with pytest.raises(StatusError) as caught:
        claimed_user(request_with(**headers))
    assert caught.value.code == 400
    expected = f'requested &user.DefaultInfo{{Name:"", {printed}}} without impersonating a user name'
    assert caught.value.message == expected


@pytest.mark.parametrize(
    ("user", "given", "groups"),
    [
        ("joe", [], ("system:authenticated",)),
        ("joe", ["a"], ("a", "system:authenticated")),
        ("joe", [""], ("", "system:authenticated")),
        ("joe", ["system:unauthenticated"], ("system:unauthenticated",)),
        ("system:anonymous", [], ("system:unauthenticated",)),
        ("system:anonymous", ["system:authenticated"], ("system:authenticated", "system:unauthenticated")),
        (
            "system:serviceaccount:n:a", [],
            ("system:serviceaccounts", "system:serviceaccounts:n", "system:authenticated"),
        ),
        ("system:serviceaccount:n:a", ["g"], ("g", "system:authenticated")),
        ("system:serviceaccount:n:a:b", [], ("system:authenticated",)),
        ("system:serviceaccount:N:a", [], ("system:authenticated",)),
        ("system:node:n1", [], ("system:authenticated",)),
    ],
)  # fmt: skip
async def test_the_groups_that_come_with_a_name(user: str, given: list[str], groups: tuple[str, ...]) -> None:
    headers: dict[str, str | list[str]] = {"user": user, **({"group": given} if given else {})}
    assert (await World(*LEGACY).become(**headers)).groups == groups


async def test_who_may_nothing_is_told_what_the_first_way_needs() -> None:
    error = await World().refused(user="root")
    assert error.message == (
        'pods is forbidden: User "jane" cannot impersonate-on:user-info:list resource "pods" in API group "" '
        'in the namespace "ns": no rule'
    )
    assert "impersonate-on:serviceaccount:list" in (await World().refused(user="system:serviceaccount:n:a")).message
    assert "impersonate-on:arbitrary-node:list" in (await World().refused(user="system:node:n1")).message
    message = (await World().refused(user="system:serviceaccount:n:a", group="g")).message
    assert message.startswith('serviceaccounts "a" is forbidden: User "jane" cannot impersonate resource')


async def test_constrained_leave_is_for_a_verb_and_for_a_user() -> None:
    world = World(("impersonate-on:user-info:list", "pods"), ("impersonate:user-info", "users"))
    assert (await world.become(user="joe")).groups == ("system:authenticated",)
    assert world.asked == [
        Attributes("impersonate-on:user-info:list", resource="pods", namespace="ns"),
        Attributes("impersonate:user-info", GROUP, "users", name="joe"),
    ]
    assert 'groups.authentication.k8s.io "g" is forbidden' in (await world.refused(user="joe", group="g")).message


async def test_the_way_that_worked_last_is_tried_first() -> None:
    world = World(*LEGACY)
    await world.become(user="joe")
    world.asked.clear()
    await world.become(user="jim")
    assert world.asked == [Attributes("impersonate", resource="users", name="jim")]


async def test_an_agent_may_be_its_own_node() -> None:
    world = World(("impersonate-on:associated-node:list", "pods"), ("impersonate:associated-node", "nodes"))
    user = await world.become(AGENT, user="system:node:n1")
    assert user.groups == ("system:nodes", "system:authenticated")
    assert world.asked[1] == Attributes("impersonate:associated-node", GROUP, "nodes", name="*")
    assert set(world.askers[0].extra) == {NODE_KEYS}
    await world.refused(AGENT, user="system:node:n2")


USER_INFO = tuple(("impersonate:user-info", what) for what in ("users", "groups", "uids", "userextras"))


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"group": ["a", ""]}, "impersonating the empty string group is not allowed"),
        ({"group": "system:masters"}, "impersonating the system:masters group is not allowed"),
        ({"extra-": "x"}, "impersonating the empty string key in extra is not allowed"),
        ({"extra-a%2fb": ""}, "impersonating the empty string value in extra is not allowed"),
        ({"extra-a%2fB": "x"}, 'impersonating a non-lowercase key in extra is not allowed: "a/B"'),
        (
            {"extra-scopes": "x"},
            'impersonating an invalid key in extra is not allowed: extra.key: Invalid value: "scopes": '
            'must be a domain-prefixed path (such as "acme.io/foo")',
        ),
    ],
)
async def test_what_is_not_for_the_constrained_ways(headers: dict[str, str | list[str]], why: str) -> None:
    world = World(("impersonate-on:user-info:list", "pods"), *USER_INFO)
    assert (await world.refused(user="joe", **headers)).message.endswith(f"at the cluster scope: {why}")


async def test_leave_for_all_groups_or_values_is_asked_for_when_there_are_many() -> None:
    world = World(("impersonate-on:user-info:list", "pods"), *USER_INFO)
    await world.become(user="joe", group=["a", "b", "c", "d"], **{"extra-a%2fb": ["1", "2", "3", "4"]})
    assert world.asked[2:] == [
        Attributes("impersonate:user-info", GROUP, "groups", name="*"),
        Attributes("impersonate:user-info", GROUP, "userextras", "*", name="*"),
    ]


async def test_names_are_quoted_as_go_does() -> None:
    error = await World().refused(user="system:serviceaccount:n:a", group='g"')
    assert 'serviceaccounts "a" is forbidden' in error.message
    message = (await World().refused(UserInfo('j"oe'), user="x")).message
    assert 'User "j\\"oe" cannot' in message
