"""Objects made up from schemas."""

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st

from sampan.api.schema.nodes import Node

Made = st.SearchStrategy[Any]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
EARLIEST, LATEST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)
SECONDS = int((LATEST - EARLIEST).total_seconds())


def moment(seconds: int, micros: int) -> str:
    return (EARLIEST + timedelta(seconds=seconds, microseconds=micros)).isoformat(timespec="microseconds")[:26]


MOMENTS = st.builds(moment, st.integers(0, SECONDS), st.integers(0, 999_999))
RAW = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
SCALARS: dict[str, Made] = {
    "string": TEXT,
    "boolean": st.booleans(),
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "quantity": st.sampled_from(["0", "1", "100m", "1.5", "1Gi", "1024Ki", "12e6", "-3", "5u"]),
    "int-or-string": st.integers(-(2**31), 2**31 - 1) | TEXT,
    "time": MOMENTS.map(lambda text: f"{text[:19]}Z"),
    "microtime": MOMENTS.map(lambda text: f"{text}Z"),
    "bytes": st.binary(max_size=4).map(lambda data: b64encode(data).decode()),
}
DEPTH = 6


def made_of(node: Node, depth: int = 0) -> Made:
    """Values of a node as a client would write them."""
    node = node.target or node if node.type == "object" else node
    if node.type == "object":
        return _objects(node, depth)
    if node.type == "array" and node.items is not None:
        return st.lists(made_of(node.items, depth + 1), min_size=1, max_size=2)
    if node.type == "map" and node.items is not None:
        return st.dictionaries(TEXT, made_of(node.items, depth + 1), min_size=1, max_size=2)
    if node.type == "integer":
        most = 2**31 if node.format == "int32" else 2**63
        return st.integers(-most, most - 1)
    if node.type == "any":
        return _schemas(node, depth) if node.items is not None else RAW.filter(lambda value: value is not None)
    return SCALARS[node.type]


def _objects(node: Node, depth: int) -> Made:
    names = sorted(key for key in node.properties if key not in ("kind", "apiVersion"))
    if not names or depth > DEPTH:
        return st.just({})

    def some(chosen: list[str]) -> Made:
        return st.fixed_dictionaries({key: made_of(node.properties[key], depth + 1) for key in chosen})

    return st.lists(st.sampled_from(names), max_size=4 if depth else 3, unique=True).flatmap(some)


def _schemas(node: Node, depth: int) -> Made:
    """A schema; or the other things that may stand in its place."""
    assert node.items is not None
    schema = made_of(node.items, depth + 1)
    if node.name.endswith("OrBool"):
        return schema | st.booleans()
    many = TEXT if node.name.endswith("OrStringArray") else schema
    return schema | st.lists(many, min_size=1, max_size=2)


@pytest.fixture(scope="session")
def objects_of() -> Callable[[Node], Made]:
    """Objects of a kind's schema."""
    return made_of
