"""OpenAPI documents as a whole: valid by the standard, and equal to a real API server's but for the prose."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from hashlib import sha256
from json import dumps
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from sampan.api import json
from sampan.api.names import RestMapping
from sampan.api.resource import Resource
from sampan.api.schema.openapi import from_openapi
from sampan.resources import openapi
from sampan.resources.build import builtin_resources
from sampan.resources.openapi_v2 import v2_document

RECORDED: dict[str, str] = json.loads((Path(__file__).parent.parent / "golden" / "openapi-1.36.json").read_bytes())
"""Document to the hash of a real 1.36 server's, without descriptions and with sorted keys; `v2` for the definitions
of OpenAPI v2."""
SCHEMA = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "x-kubernetes-validations": [{"rule": "self.size > 0"}],
            "properties": {
                "size": {"type": "integer", "format": "int32", "minimum": 1, "default": 3},
                "name": {"type": "string", "nullable": True, "enum": ["a", "b"], "title": "T"},
                "port": {"x-kubernetes-int-or-string": True},
                "parts": {
                    "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
                    "items": {"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}}},
                },
                "any": {"x-kubernetes-preserve-unknown-fields": True},
                "template": {"type": "object", "x-kubernetes-embedded-resource": True},
            },
        }
    },
}  # fmt: skip


@cache
def served(version: str) -> tuple[Resource, ...]:
    """All kinds of a version and a custom one."""
    known = builtin_resources(version)
    lease = next(one for one in known if one.mapping.plural == "leases")
    mapping = RestMapping("example.com", "v1", "Widget", "widgets", True)
    widget = replace(lease, mapping=mapping, list_kind="WidgetList", schema=from_openapi(SCHEMA), custom=True)
    return (*known, widget)


def documents(*versions: str) -> Iterator[tuple[str, str]]:
    for version in versions:
        yield from ((version, path) for path in openapi.v3_entries(served(version)))


def document(version: str, path: str) -> Any:
    made = openapi.v3_document(served(version), path, version)
    assert made is not None
    return json.loads(made)


def without(key: str, value: Any) -> Any:
    """A document without a keyword; properties of that name stay."""
    if isinstance(value, dict):
        return {
            name: without(key, child)
            for name, child in value.items()
            if name != key or (isinstance(child, dict) and child)
        }
    return [without(key, child) for child in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("version", "path"), [*documents("1.25", "1.37")])
def test_documents_are_valid(version: str, path: str) -> None:
    """Defaults apart: Kubernetes publishes the zero values of Go's structs, which may lack required fields."""
    found = without("default", document(version, path))
    assert [str(one) for one in OpenAPIV30SpecValidator(found).iter_errors()] == []


def test_operations_have_names_of_their_own() -> None:
    for version in ("1.25", "1.36", "1.37"):
        names = [
            operation["operationId"]
            for _, path in documents(version)
            for item in document(version, path)["paths"].values()
            for method, operation in item.items()
            if method != "parameters"
        ]
        assert len(names) == len(set(names))


def test_all_that_a_real_server_documents_is_there() -> None:
    assert {*openapi.v3_entries(builtin_resources("1.36")), "v2"} == set(RECORDED)


@pytest.mark.parametrize("path", sorted(RECORDED))
def test_documents_say_what_a_real_server_says(path: str) -> None:
    known = builtin_resources("1.36")
    made = v2_document(known, "1.36") if path == "v2" else openapi.v3_document(known, path, "1.36")
    assert made is not None
    found = json.loads(made)
    text = dumps(without("description", found["definitions"] if path == "v2" else found), sort_keys=True)
    assert sha256(text.encode()).hexdigest() == RECORDED[path]


def test_custom_kinds_are_described_as_real_servers_do() -> None:
    found = document("1.36", "apis/example.com/v1")
    assert found["info"] == {"title": "Kubernetes CRD Swagger", "version": "v0.1.0"}
    properties = found["components"]["schemas"]["com.example.v1.Widget"]["properties"]["spec"]["properties"]
    assert properties["port"]["anyOf"] == [{"type": "integer"}, {"type": "string"}]
    assert properties["template"]["required"] == ["kind", "apiVersion"]
    assert properties["name"] == {"type": "string", "nullable": True, "enum": ["a", "b"], "title": "T"}
    listing = found["paths"]["/apis/example.com/v1/widgets"]["get"]
    assert listing["operationId"] == "listExampleComV1WidgetForAllNamespaces"
    assert listing["tags"] == ["exampleCom_v1"]
    in_v2 = json.loads(v2_document(served("1.36"), "1.36"))["definitions"]["com.example.v1.Widget"]
    spec = in_v2["properties"]["spec"]["properties"]
    assert spec["any"] == {"x-kubernetes-preserve-unknown-fields": True}
    assert "type" not in spec["name"]  # OpenAPI 2 has no word for null


def test_custom_kinds_of_any_form_have_no_fields_in_v2() -> None:
    schema = from_openapi({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    loose = replace(served("1.36")[-1], schema=schema)
    made = json.loads(v2_document([*builtin_resources("1.36"), loose], "1.36"))["definitions"]["com.example.v1.Widget"]
    kinds = [{"group": "example.com", "version": "v1", "kind": "Widget"}]
    assert {key: value for key, value in made.items() if "selectable" not in key} == {
        "type": "object", "x-kubernetes-group-version-kind": kinds,
    }  # fmt: skip
