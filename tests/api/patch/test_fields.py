"""Field sets: laws of sets, the encoding, the order, paths for people."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.api.json import dumps, loads
from sampan.api.patch.fields import (
    LEAF,
    FieldSet,
    MalformedFields,
    Path,
    difference,
    has,
    intersection,
    key_element,
    members,
    ordered,
    parse,
    paths_set,
    shown,
    union,
    value_element,
    without,
)

ELEMENTS = st.sampled_from(("f:a", "f:b", "f:c.d", 'k:{"n":"x"}', 'k:{"n":10}', 'k:{"n":9}', 'v:"x"', "v:1", "i:0"))
PATHS = st.lists(st.lists(ELEMENTS, min_size=1, max_size=4).map(tuple), max_size=8)


def make(paths: list[Path]) -> FieldSet:
    result: FieldSet = LEAF
    for path in paths:
        one: FieldSet = LEAF
        for element in reversed(path):
            one = {element: one}
        result = union(result, one)
    return result


def have(fields: FieldSet) -> set[Path]:
    return set(members(fields))


@given(PATHS)
def test_a_set_has_the_paths_it_was_made_of(paths: list[Path]) -> None:
    made = make(paths)
    assert have(made) == set(paths)
    assert all(has(made, path) for path in paths)
    assert not has(made, ())


@given(PATHS, PATHS)
def test_union_intersection_and_difference_are_those_of_sets(a: list[Path], b: list[Path]) -> None:
    one, two = make(a), make(b)
    assert have(union(one, two)) == set(a) | set(b)
    assert have(intersection(one, two)) == set(a) & set(b)
    assert have(difference(one, two)) == set(a) - set(b)
    assert union(one, two) == union(two, one)
    assert union(difference(one, two), intersection(one, two)) == one
    assert difference(one, one) == LEAF or not one
    assert intersection(one, union(one, two)) == one


@given(PATHS, PATHS)
def test_without_takes_what_lies_below_too(a: list[Path], b: list[Path]) -> None:
    gone = set(b)
    left = {path for path in a if not any(path[: i + 1] in gone for i in range(len(path)))}
    assert have(without(make(a), make(b))) == left


@given(PATHS)
def test_the_encoding_comes_back(paths: list[Path]) -> None:
    made = make(paths)
    assert parse(loads(dumps(made))) == made
    assert parse(loads(dumps(ordered(made)))) == made


@given(PATHS)
def test_order_is_fixed_and_changes_nothing(paths: list[Path]) -> None:
    one, other = ordered(make(paths)), ordered(make(list(reversed(paths))))
    assert dumps(one) == dumps(other)
    assert one == make(paths)


def test_order_is_upstreams() -> None:
    raw: FieldSet = {"v:2": {}, 'k:{"n":10}': {}, "f:b": {}, 'k:{"n":9}': {}, "v:1": {}, "f:a": {}, ".": {}, "i:3": {}}
    assert list(ordered(raw)) == [".", "f:a", "f:b", 'k:{"n":9}', 'k:{"n":10}', "v:1", "v:2", "i:3"]


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ({"f:a": {".": {}}}, {"f:a": {}}),
        ({'k:{"b": 1, "a": 2}': {}}, {'k:{"a":2,"b":1}': {}}),
        ({"v: 1": {}}, {"v:1": {}}),
        ({"x:new": {}, "f:a": {}}, {"f:a": {}}),
        ({"f:a": {"f:b": {}}}, {"f:a": {"f:b": {}}}),
        (None, {}),
    ],
)
def test_what_clients_write_has_one_form(raw: Any, wanted: FieldSet) -> None:
    assert parse(raw) == wanted


@pytest.mark.parametrize("raw", [[], {"a": {}}, {"k:[]": {}}, {"k:{": {}}, {"i:x": {}}])
def test_what_is_no_set_is_refused(raw: Any) -> None:
    with pytest.raises(MalformedFields):
        parse(raw)


def test_paths_for_people() -> None:
    path = ("f:spec", "f:ports", key_element({"protocol": "TCP", "port": 80}), "f:name")
    assert shown(path) == '.spec.ports[port=80,protocol="TCP"].name'
    assert shown(("f:set", value_element("a"))) == '.set[="a"]'
    assert shown(("i:3",)) == "[3]"


def test_values_are_escaped_as_upstream_does() -> None:
    assert value_element("<a&b>") == 'v:"\\u003ca\\u0026b\\u003e"'


def test_sets_of_dotted_paths() -> None:
    assert paths_set("a", "a.b", "c.d") == {"f:a": {".": {}, "f:b": {}}, "f:c": {"f:d": {}}}
