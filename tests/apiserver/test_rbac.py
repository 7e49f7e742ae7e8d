"""Rules, grants and reasons."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.apiserver.context import UserInfo
from sampan.apiserver.rbac import Attributes, Rule, make_book, read_rules

Obj = dict[str, Any]
PODS = {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}


def rule(**fields: Any) -> Rule:
    return read_rules([fields])[0]


@pytest.mark.parametrize(
    ("made", "wanted", "allowed"),
    [
        (rule(**PODS), Attributes("get", "", "pods"), True),
        (rule(**PODS), Attributes("watch", "", "pods"), False),
        (rule(**PODS), Attributes("get", "apps", "pods"), False),
        (rule(**PODS), Attributes("get", "", "pods", "log"), False),
        (rule(verbs=["*"], apiGroups=["*"], resources=["*"]), Attributes("x", "y", "z", "w"), True),
        (rule(verbs=["*"], apiGroups=["*"], resources=["*"]), Attributes("get", path="/metrics"), False),
        (rule(verbs=["get"], apiGroups=[""], resources=["pods/log"]), Attributes("get", "", "pods", "log"), True),
        (rule(verbs=["get"], apiGroups=[""], resources=["*/scale"]), Attributes("get", "", "x", "scale"), True),
        (rule(verbs=["get"], apiGroups=[""], resources=["*/scale"]), Attributes("get", "", "x"), False),
        (rule(**PODS, resourceNames=["a"]), Attributes("get", "", "pods", name="a"), True),
        (rule(**PODS, resourceNames=["a"]), Attributes("get", "", "pods", name="b"), False),
        (rule(**PODS, resourceNames=["a"]), Attributes("list", "", "pods"), False),
        (rule(verbs=["get"], nonResourceURLs=["/a", "/b/*"]), Attributes("get", path="/a"), True),
        (rule(verbs=["get"], nonResourceURLs=["/a", "/b/*"]), Attributes("get", path="/b/c"), True),
        (rule(verbs=["get"], nonResourceURLs=["/a", "/b/*"]), Attributes("get", path="/a/c"), False),
        (rule(verbs=["get"], nonResourceURLs=["/a", "/b/*"]), Attributes("post", path="/a"), False),
        (rule(verbs=["get"], nonResourceURLs=["*"]), Attributes("get", path="/any"), True),
    ],
)
def test_a_rule(made: Rule, wanted: Attributes, allowed: bool) -> None:
    assert made.allows(wanted) is allowed


def role(name: str, *rules: Obj, namespace: str = "") -> Obj:
    meta = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"metadata": meta, "rules": list(rules)}


def binding(name: str, ref: tuple[str, str], *subjects: Obj, namespace: str = "") -> Obj:
    made = role(name, namespace=namespace)
    del made["rules"]
    return {**made, "roleRef": {"kind": ref[0], "name": ref[1]}, "subjects": list(subjects)}


def subject(kind: str, name: str, **more: str) -> Obj:
    return {"kind": kind, "name": name, **more}


BOOK = make_book(
    [role("reader", PODS), role("odd")],
    [binding("all", ("ClusterRole", "reader"), subject("Group", "ops"), subject("ServiceAccount", "r", namespace="x"))],
    [role("own", {"verbs": ["delete"], "apiGroups": [""], "resources": ["pods"]}, namespace="a")],
    [
        binding("here", ("Role", "own"), subject("User", "jane"), subject("ServiceAccount", "bot"), namespace="a"),
        binding("borrowed", ("ClusterRole", "reader"), subject("User", "jane"), namespace="a"),
        binding("broken", ("Role", "gone"), subject("User", "joe"), namespace="a"),
        binding("broken2", ("ClusterRole", "gone"), subject("User", "joe"), namespace="a"),
        binding("wrong", ("Role", "own"), subject("User", "eve"), namespace="b"),
    ],
)
GET, DELETE = Attributes("get", "", "pods", namespace="a"), Attributes("delete", "", "pods", namespace="a")


@pytest.mark.parametrize(
    ("user", "wanted", "source"),
    [
        (UserInfo("x", groups=("ops",)), GET, 'ClusterRoleBinding "all" of ClusterRole "reader" to Group "ops"'),
        (
            UserInfo("system:serviceaccount:x:r"), Attributes("get", "", "pods"),
            'ClusterRoleBinding "all" of ClusterRole "reader" to ServiceAccount "r/x"',
        ),
        (UserInfo("jane"), DELETE, 'RoleBinding "here/a" of Role "own" to User "jane"'),
        (UserInfo("jane"), GET, 'RoleBinding "borrowed/a" of ClusterRole "reader" to User "jane"'),
        (
            UserInfo("system:serviceaccount:a:bot"), DELETE,
            'RoleBinding "here/a" of Role "own" to ServiceAccount "bot/a"',
        ),
    ],
)  # fmt: skip
def test_who_was_given_what_by_which_binding(user: UserInfo, wanted: Attributes, source: str) -> None:
    grant = BOOK.grant(user, wanted)
    assert grant is not None
    assert grant.source == source
    assert BOOK.grant(user, wanted) is grant


@pytest.mark.parametrize(
    ("user", "wanted"),
    [
        (UserInfo("jane"), Attributes("delete", "", "pods", namespace="b")),
        (UserInfo("jane"), Attributes("get", "", "pods")),
        (UserInfo("joe"), GET),
        (UserInfo("eve"), Attributes("delete", "", "pods", namespace="b")),
        (UserInfo("system:serviceaccount:b:bot"), DELETE),
        (UserInfo("ops"), GET),
    ],
)
def test_who_was_not(user: UserInfo, wanted: Attributes) -> None:
    assert BOOK.grant(user, wanted) is None


def test_roles_that_do_not_exist_are_told() -> None:
    text = 'role.rbac.authorization.k8s.io "gone" not found, clusterrole.rbac.authorization.k8s.io "gone" not found'
    assert BOOK.trouble(UserInfo("joe"), "a") == f"RBAC: [{text}]"
    assert BOOK.trouble(UserInfo("eve"), "b") == 'RBAC: role.rbac.authorization.k8s.io "own" not found'
    assert BOOK.trouble(UserInfo("joe"), "b") == ""


def test_masters_hold_everything() -> None:
    held = BOOK.rules(UserInfo("x", groups=("system:masters",)), "a")
    assert any(one.allows(Attributes("x", "y", "z")) for one in held)
    assert any(one.allows(Attributes("x", path="/y")) for one in held)


VERBS, GROUPS, KINDS = st.sampled_from(["get", "list", "*"]), st.sampled_from(["", "apps", "*"]), st.sampled_from("ab*")


@given(st.lists(st.tuples(VERBS, GROUPS, KINDS), max_size=4), st.tuples(VERBS, GROUPS, KINDS))
def test_more_rules_never_allow_less(known: list[tuple[str, str, str]], more: tuple[str, str, str]) -> None:
    def book(triples: list[tuple[str, str, str]]) -> Any:
        rules = [{"verbs": [v], "apiGroups": [g], "resources": [r]} for v, g, r in triples]
        return make_book([role("r", *rules)], [binding("b", ("ClusterRole", "r"), subject("User", "u"))], [], [])

    small, large, user = book(known), book([*known, more]), UserInfo("u")
    for verb in ("get", "list"):
        for group in ("", "apps"):
            wanted = Attributes(verb, group, "a")
            assert small.grant(user, wanted) is None or large.grant(user, wanted) is not None
