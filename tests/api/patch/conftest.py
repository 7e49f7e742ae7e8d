"""Cases from YAML files, and a kind with every way to merge."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.api.patch.places import Place, place_of
from sampan.api.schema.openapi import from_openapi

ITEM = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "proto": {"type": "string", "default": "TCP"},
        "v": {"type": "integer"},
        "w": {"type": "integer"},
    },
}
KEYED = {"type": "array", "x-kubernetes-list-type": "map", "items": ITEM}
STRINGS: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
SPEC = {
    "type": "object",
    "properties": {
        "n": {"type": "integer"},
        "atom": {
            "type": "object",
            "additionalProperties": {"type": "integer"},
            "x-kubernetes-map-type": "atomic",
        },
        "map": {"type": "object", "additionalProperties": {"type": "string"}},
        "items": {**KEYED, "x-kubernetes-list-map-keys": ["name", "proto"]},
        "bare": {**KEYED, "x-kubernetes-list-map-keys": ["name"]},
        "set": {**STRINGS, "x-kubernetes-list-type": "set"},
        "list": STRINGS,
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}
THING = {
    "type": "object",
    "properties": {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": SPEC,
    },
}


def cases(name: str) -> list[dict[str, Any]]:
    """All cases of a file."""
    found: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "cases" / f"{name}.yaml").read_text())
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`json_case`, `merge_case`, ...: one test for each case of that file."""
    for fixture in metafunc.fixturenames:
        if fixture.endswith("_case"):
            found = cases(fixture.removesuffix("_case"))
            metafunc.parametrize(fixture, found, ids=[one["name"] for one in found])


@pytest.fixture(scope="session")
def thing() -> Place:
    """The place of a Thing."""
    return place_of(from_openapi(THING))
