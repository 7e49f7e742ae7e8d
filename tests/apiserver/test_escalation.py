"""What of a role its writer lacks."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.apiserver.context import UserInfo
from sampan.apiserver.escalation import missing, refusal_text
from sampan.apiserver.rbac import EVERYTHING, Attributes, Rule


def rule(verbs: str, resources: str = "", groups: str = "core", names: str = "", paths: str = "") -> Rule:
    def words(text: str) -> tuple[str, ...]:
        return tuple("" if word == "core" else word for word in text.split())

    return Rule(words(verbs), words(groups) if resources else (), words(resources), words(names), words(paths))


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        ([rule("get list", "pods nodes")], [rule("list", "pods")]),
        ([rule("get", "pods"), rule("list", "pods")], [rule("get list", "pods")]),
        ([rule("*", "*", "*")], [rule("x", "y/z", "g", "n")]),
        ([rule("get", "pods")], [rule("get", "pods", names="a b")]),
        ([rule("get", "pods", names="a b c")], [rule("get", "pods", names="a b")]),
        ([rule("get", "*/scale")], [rule("get", "deployments/scale")]),
        ([rule("get", paths="/a/*")], [rule("get", paths="/a/b /a/*")]),
        ([rule("get", paths="*")], [rule("get", paths="/a")]),
        ([], []),
        (list(EVERYTHING), [rule("*", "*", "*"), rule("*", paths="*")]),
    ],
)
def test_covered(held: list[Rule], wanted: list[Rule]) -> None:
    assert missing(held, wanted) == []


@pytest.mark.parametrize(
    ("held", "wanted", "lacking"),
    [
        ([], [rule("get", "pods")], [rule("get", "pods")]),
        ([rule("get", "pods")], [rule("get list", "pods")], [rule("list", "pods")]),
        ([rule("get", "pods", names="a")], [rule("get", "pods")], [rule("get", "pods")]),
        ([rule("get", "pods", names="a")], [rule("get", "pods", names="a b")], [rule("get", "pods", names="b")]),
        ([rule("get", "pods")], [rule("get", "pods/log")], [rule("get", "pods/log")]),
        ([rule("get", "*/scale")], [rule("get", "pods")], [rule("get", "pods")]),
        ([rule("get", "pods")], [rule("get", "*")], [rule("get", "*")]),
        ([rule("*", "*", "*")], [rule("get", paths="/a")], [rule("get", paths="/a")]),
        ([rule("get", paths="/a/*")], [rule("get", paths="/a /b")], [rule("get", paths="/a"), rule("get", paths="/b")]),
    ],
)
def test_missing(held: list[Rule], wanted: list[Rule], lacking: list[Rule]) -> None:
    assert missing(held, wanted) == lacking


def test_the_text_gathers_verbs_and_sorts() -> None:
    lacking = missing([], [rule("get list", "pods secrets"), rule("get", "pods", names="x"), rule("get", paths="/a")])
    text = refusal_text(UserInfo("jane", groups=("a", "b")), lacking, ["role x not found"])
    assert text.splitlines() == [
        'user "jane" (groups=["a" "b"]) is attempting to grant RBAC permissions not currently held:',
        '{APIGroups:[""], Resources:["pods"], ResourceNames:["x"], Verbs:["get"]}',
        '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}',
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}',
        '{NonResourceURLs:["/a"], Verbs:["get"]}; resolution errors: [role x not found]',
    ]


WORDS = {"verbs": ["get", "list", "*"], "groups": ["", "apps", "*"], "resources": ["pods", "pods/log", "*/log", "*"]}


@st.composite
def rules(draw: Any) -> Rule:
    verbs, groups, resources = (tuple(draw(st.lists(st.sampled_from(w), min_size=1))) for w in WORDS.values())
    return Rule(verbs, groups, resources, tuple(draw(st.lists(st.sampled_from(["a", "b"]), max_size=1))))


@given(st.lists(rules(), max_size=3), rules())
def test_what_is_covered_allows_nothing_new(held: list[Rule], wanted: Rule) -> None:
    """The promise behind the check: granting covered rules gives nobody more than the granter may."""
    if missing(held, [wanted]):
        return
    for verb in ("get", "list", "delete"):
        for group in ("", "apps", "x"):
            for resource, subresource in (("pods", ""), ("pods", "log"), ("nodes", "log"), ("nodes", "")):
                for name in ("", "a", "b"):
                    asked = Attributes(verb, group, resource, subresource, "", name)
                    assert not wanted.allows(asked) or any(one.allows(asked) for one in held)
