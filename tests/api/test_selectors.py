"""Label and field selectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.api.selectors import SelectorError, label_selector, parse_fields, parse_labels

LABELS = {"app": "web", "tier": "front", "n": "5"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True), ("app=web", True), ("app==web", True), ("app=db", False), ("app!=db", True), ("app!=web", False),
        ("none!=x", True), ("app", True), ("none", False), ("!none", True), ("!app", False), ("app in (db, web)", True),
        ("app in (db)", False), ("app notin (db)", True), ("app notin (web)", False), ("none notin (x)", True),
        ("n>4", True), ("n>5", False), ("n<6", True), ("app>1", False), ("app=web,tier=front", True),
        ("app=web,tier=back", False), (" app = web , tier ", True),
    ],
)  # fmt: skip
def test_labels(text: str, matches: bool) -> None:
    assert parse_labels(text).matches(LABELS) is matches


@pytest.mark.parametrize(
    "text", ["a=b=c", "a in", "a in (", "=b", "a b", "a in b", "!", "n>x", "a=" + "x" * 64, "-a=b"]
)
def test_what_is_no_selector(text: str) -> None:
    with pytest.raises(SelectorError):
        parse_labels(text)


KEYS, VALUES = st.sampled_from(["a", "b", "c"]), st.sampled_from(["x", "y", "z"])
TERMS = st.one_of(
    st.builds("{}={}".format, KEYS, VALUES), st.builds("{}!={}".format, KEYS, VALUES), KEYS, KEYS.map("!{}".format),
    st.builds("{} in ({},{})".format, KEYS, VALUES, VALUES), st.builds("{} notin ({})".format, KEYS, VALUES),
)  # fmt: skip


@given(st.lists(TERMS, max_size=4), st.dictionaries(KEYS, VALUES))
def test_a_printed_selector_means_the_same(terms: list[str], labels: dict[str, str]) -> None:
    selector = parse_labels(",".join(terms))
    assert parse_labels(str(selector)).matches(labels) == selector.matches(labels)
    assert selector.matches(labels) == all(parse_labels(term).matches(labels) for term in terms)


def test_selectors_of_objects() -> None:
    wanted = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["front"]},
            {"key": "x", "operator": "DoesNotExist"},
        ],
    }
    assert label_selector(wanted).matches(LABELS)
    assert not label_selector(wanted).matches({**LABELS, "x": "1"})
    assert label_selector({}).matches({})
    assert not label_selector(None).matches(LABELS)


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True), ("a=1", True), ("a==1,b!=3", True), ("a=2", False), ("gone=", True), ("gone!=", False),
        (r"c=x\,y\=z\\", True),
    ],
)  # fmt: skip
def test_fields(text: str, matches: bool) -> None:
    assert parse_fields(text).matches({"a": "1", "b": "2", "c": "x,y=z\\"}) is matches


@pytest.mark.parametrize("text", ["a", "a=b=c", r"a=\x", "a=b\\"])
def test_what_is_no_field_selector(text: str) -> None:
    with pytest.raises(SelectorError):
        parse_fields(text)
