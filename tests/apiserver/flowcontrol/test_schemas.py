"""Which requests a FlowSchema is for."""

from typing import Any

import pytest

from sampan.apiserver.context import UserInfo
from sampan.apiserver.flowcontrol.schemas import in_order, schema_of
from sampan.apiserver.route import route

ALL = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"], "clusterScope": True}
PODS = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "namespaces": ["a"]}
EVERYBODY = {"kind": "Group", "group": {"name": "*"}}
BOB = UserInfo("bob", groups=("friends",))
ACCOUNT = UserInfo("system:serviceaccount:ns:robot")


def schema(name: str = "s", precedence: int = 1, distinguisher: str = "", **rule: Any) -> Any:
    method = {"distinguisherMethod": {"type": distinguisher}} if distinguisher else {}
    spec = {"matchingPrecedence": precedence, "priorityLevelConfiguration": {"name": "l"}, "rules": [rule], **method}
    return schema_of({"metadata": {"name": name, "uid": "u"}, "spec": spec})


@pytest.mark.parametrize(
    ("subject", "user", "matches"),
    [
        ({"kind": "User", "user": {"name": "bob"}}, BOB, True),
        ({"kind": "User", "user": {"name": "*"}}, BOB, True),
        ({"kind": "User", "user": {"name": "eve"}}, BOB, False),
        ({"kind": "Group", "group": {"name": "friends"}}, BOB, True),
        ({"kind": "Group", "group": {"name": "foes"}}, BOB, False),
        ({"kind": "ServiceAccount", "serviceAccount": {"namespace": "ns", "name": "*"}}, ACCOUNT, True),
        ({"kind": "ServiceAccount", "serviceAccount": {"namespace": "ns", "name": "robot"}}, ACCOUNT, True),
        ({"kind": "ServiceAccount", "serviceAccount": {"namespace": "ns", "name": "x"}}, ACCOUNT, False),
        ({"kind": "ServiceAccount", "serviceAccount": {"namespace": "other", "name": "*"}}, ACCOUNT, False),
    ],
)
def test_subjects(subject: Any, user: UserInfo, matches: bool) -> None:
    one = schema(subjects=[subject], resourceRules=[ALL])
    assert one.matches(user, route("GET", "/api/v1/nodes")) is matches


@pytest.mark.parametrize(
    ("rule", "method", "path", "matches"),
    [
        (PODS, "GET", "/api/v1/namespaces/a/pods/p", True),
        (PODS, "GET", "/api/v1/namespaces/a/pods", False),
        (PODS, "GET", "/api/v1/namespaces/b/pods/p", False),
        (PODS, "GET", "/api/v1/namespaces/a/pods/p/status", False),
        (PODS, "GET", "/apis/apps/v1/namespaces/a/pods/p", False),
        ({**PODS, "resources": ["pods/status"]}, "GET", "/api/v1/namespaces/a/pods/p/status", True),
        ({**PODS, "verbs": ["list"]}, "GET", "/api/v1/pods", False),
        ({**PODS, "verbs": ["list"], "clusterScope": True}, "GET", "/api/v1/pods", True),
        (ALL, "DELETE", "/api/v1/nodes/n", True),
        (ALL, "GET", "/healthz", False),
    ],
)
def test_resources(rule: Any, method: str, path: str, matches: bool) -> None:
    assert schema(subjects=[EVERYBODY], resourceRules=[rule]).matches(BOB, route(method, path)) is matches


@pytest.mark.parametrize(
    ("urls", "path", "matches"),
    [(["*"], "/x", True), (["/healthz"], "/healthz", True), (["/logs/*"], "/logs/a", True), (["/a"], "/b", False)],
)
def test_paths(urls: list[str], path: str, matches: bool) -> None:
    rule = {"verbs": ["get"], "nonResourceURLs": urls}
    assert schema(subjects=[EVERYBODY], nonResourceRules=[rule]).matches(BOB, route("GET", path)) is matches


@pytest.mark.parametrize(("by", "flow"), [("", ""), ("ByUser", "bob"), ("ByNamespace", "a")])
def test_flows(by: str, flow: str) -> None:
    assert schema(distinguisher=by).flow(BOB, route("GET", "/api/v1/namespaces/a/pods")) == flow


def test_order() -> None:
    found = in_order([schema("b", 2), schema("z", 1), schema("a", 2)])
    assert [one.name for one in found] == ["z", "a", "b"]
