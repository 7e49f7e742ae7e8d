"""Schemas of custom resources: compile, prune, drop nulls, default, validate, write down again."""

from pathlib import Path
from typing import Any

import pytest

from sampan.api import json
from sampan.api.schema.default import default, drop_nulls
from sampan.api.schema.nodes import Node
from sampan.api.schema.openapi import from_openapi, to_openapi
from sampan.api.schema.prune import prune, unknown_fields
from sampan.api.schema.unique import check_unique
from sampan.api.schema.validate import validate

SPEC: dict[str, Any] = {
    "a": {"type": "string", "minLength": 2, "maxLength": 4, "pattern": "^[a-z]+$"},
    "l": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "integer"}},
    "m": {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1, "maxProperties": 2},
    "i": {"x-kubernetes-int-or-string": True},
    "nn": {"type": "string", "nullable": True},
    "map": {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["a", "b"],
        "items": {
            "type": "object",
            "required": ["a"],
            "properties": {"a": {"type": "string"}, "b": {"type": "string", "default": "z"}},
        },
    },
}
SCHEMA = {
    "type": "object",
    "required": ["spec"],
    "properties": {"spec": {"type": "object", "required": ["a"], "properties": SPEC}},
}
NODE = from_openapi(SCHEMA)


GOLDEN: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "golden" / "crd-validation-1.36.json").read_bytes()
)
CASES = [(from_openapi(group["schema"]), case) for group in GOLDEN for case in group["cases"]]


@pytest.mark.parametrize(("node", "case"), CASES, ids=[str(case["spec"]) for _, case in CASES])
def test_objects_fare_as_with_a_real_server(node: Node, case: dict[str, Any]) -> None:
    obj = {} if case["spec"] is None else {"spec": case["spec"]}
    filled = default(drop_nulls(prune(obj, node), node), node)
    errors = validate(filled, node) + check_unique(filled, node)
    if "stored" in case:
        assert errors == []
        assert filled == {"spec": case["stored"]}
    causes = {(one["reason"], one["message"], one["field"]) for one in case.get("causes", ())}
    assert {(one.reason, one.message, one.field) for one in errors} == causes


def test_missing_objects_and_nulls_are_required() -> None:
    assert [one.field for one in validate({}, NODE)] == ["spec"]
    assert [one.field for one in validate(drop_nulls({"spec": {"a": None}}, NODE), NODE)] == ["spec.a"]


def test_nullable_fields_keep_null() -> None:
    assert drop_nulls({"spec": {"a": None, "nn": None}}, NODE) == {"spec": {"nn": None}}


def test_defaults_reach_into_lists_but_make_no_parents() -> None:
    obj: dict[str, Any] = {"spec": {"a": "ok", "map": [{"a": "1"}, {"a": "2", "b": None}, {"a": "3", "b": "q"}]}}
    filled = default(obj, NODE)
    assert [one["b"] for one in filled["spec"]["map"]] == ["z", "z", "q"]
    assert "b" not in obj["spec"]["map"][0]
    assert default({"spec": {"a": "ok"}}, NODE) == {"spec": {"a": "ok"}}


def test_whole_objects_come_back_as_they_are() -> None:
    obj = {"spec": {"a": "ok", "l": [1]}}
    assert default(obj, NODE) is obj
    assert drop_nulls(obj, NODE) is obj
    assert prune(obj, NODE) is obj


def test_prune_keeps_what_is_asked_for() -> None:
    node = from_openapi({
        "type": "object",
        "properties": {
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True,
                     "properties": {"known": {"type": "object"}}},
            "obj": {"type": "object", "x-kubernetes-embedded-resource": True,
                    "properties": {"spec": {"type": "object"}}},
        },
    })  # fmt: skip
    obj = {
        "free": {"x": 1, "known": {"y": 1}},
        "obj": {"kind": "K", "apiVersion": "v1", "metadata": {}, "z": 1},
        "no": 1,
    }
    assert prune(obj, node) == {
        "free": {"x": 1, "known": {}},
        "obj": {"kind": "K", "apiVersion": "v1", "metadata": {}},
    }
    assert unknown_fields(obj, node) == ["free.known.y", "obj.z", "no"]


def test_schema_comes_back_as_it_was() -> None:
    assert to_openapi(NODE) == SCHEMA
