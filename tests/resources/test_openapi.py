"""OpenAPI documents: complete, and with what kubectl looks for."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from sampan.api import json
from sampan.api.names import RestMapping
from sampan.api.schema.openapi import from_openapi
from sampan.resources import openapi
from sampan.resources.build import builtin_resources
from sampan.resources.openapi_v2 import v2_document

RESOURCES = builtin_resources("1.36")
WIDGET = replace(
    next(one for one in RESOURCES if one.mapping.plural == "leases"),
    mapping=RestMapping("example.com", "v1", "Widget", "widgets", True),
    list_kind="WidgetList",
    schema=from_openapi({"type": "object", "properties": {"spec": {"type": "object", "description": "wanted"}}}),
)


def document(group: str, version: str) -> dict[str, Any]:
    found = openapi.v3_document([*RESOURCES, WIDGET], openapi.v3_path(group, version), "1.36")
    assert found is not None
    loaded: dict[str, Any] = json.loads(found)
    return loaded


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for child in value.values():
            yield from references(child)
    elif isinstance(value, list):
        for child in value:
            yield from references(child)


def _types(schema: Any) -> Iterator[Any]:
    """All `type` keywords below a schema; the definitions' package makes optional ones a list with "null" in it."""
    if isinstance(schema, dict):
        yield schema.get("type") if not isinstance(schema.get("type"), dict) else ""
        for child in schema.values():
            yield from _types(child)
    elif isinstance(schema, list):
        for child in schema:
            yield from _types(child)


GROUP_VERSIONS = sorted({(one.mapping.group, one.mapping.version) for one in (*RESOURCES, WIDGET)})


@pytest.mark.parametrize(("group", "version"), GROUP_VERSIONS)
def test_no_reference_dangles(group: str, version: str) -> None:
    found = document(group, version)
    known = found["components"]["schemas"]
    assert {name.rpartition("/")[2] for name in references(found)} <= set(known)
    assert b'"null"' not in json.dumps([list(_types(one)) for one in known.values()])


@pytest.mark.parametrize(("group", "version"), GROUP_VERSIONS)
def test_every_verb_has_its_operation(group: str, version: str) -> None:
    actions = {
        (operation["x-kubernetes-group-version-kind"]["kind"], operation["x-kubernetes-action"])
        for item in document(group, version)["paths"].values()
        for method, operation in item.items()
        if method != "parameters" and "x-kubernetes-action" in operation
    }
    for one in (*RESOURCES, WIDGET):
        if one.mapping[:2] == (group, version):
            wanted = {"create": "post", "update": "put"}
            expected = {(one.mapping.kind, wanted.get(verb, verb)) for verb in one.verbs if verb != "watch"}
            assert expected <= actions


def test_patch_says_that_it_validates_fields() -> None:
    patch = document("apps", "v1")["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert {"dryRun", "fieldManager", "fieldValidation", "force"} == {one["name"] for one in patch["parameters"]}
    assert "application/apply-patch+yaml" in patch["requestBody"]["content"]
    assert patch["x-kubernetes-group-version-kind"] == {"group": "apps", "version": "v1", "kind": "Deployment"}


def test_components_explain_themselves() -> None:
    spec = document("", "v1")["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]
    assert "volumes" in spec["properties"]
    assert spec["properties"]["volumes"]["description"]
    assert spec["properties"]["affinity"]["allOf"] == [{"$ref": "#/components/schemas/io.k8s.api.core.v1.Affinity"}]
    assert spec["properties"]["hostname"]["type"] == "string"


def test_custom_kinds_have_documents_too() -> None:
    found = document("example.com", "v1")["components"]["schemas"]
    assert found["com.example.v1.Widget"]["properties"]["spec"]["description"] == "wanted"
    assert found["com.example.v1.WidgetList"]["properties"]["items"]["items"] == {
        "$ref": "#/components/schemas/com.example.v1.Widget"
    }


def test_index_hashes_change_with_the_documents() -> None:
    before = json.loads(openapi.v3_index([*RESOURCES, WIDGET], "1.36"))["paths"]
    other = replace(WIDGET, schema=from_openapi({"type": "object"}))
    after = json.loads(openapi.v3_index([*RESOURCES, other], "1.36"))["paths"]
    assert {path for path in before if before[path] != after[path]} == {"apis/example.com/v1"}
    assert before["api/v1"]["serverRelativeURL"].startswith("/openapi/v3/api/v1?hash=")


def test_unserved_versions_have_no_document() -> None:
    assert openapi.v3_document(RESOURCES, "apis/apps/v9", "1.36") is None


def test_v2_is_whole() -> None:
    found = json.loads(v2_document([*RESOURCES, WIDGET], "1.36"))
    assert {name.rpartition("/")[2] for name in references(found)} <= {*found["definitions"], *found["parameters"]}
    assert all(name.startswith(("#/definitions/", "#/parameters/")) for name in references(found))
    post = found["paths"]["/api/v1/namespaces/{namespace}/pods"]["post"]
    assert post["parameters"][0]["schema"] == {"$ref": "#/definitions/io.k8s.api.core.v1.Pod"}


def test_custom_kinds_offer_no_strategic_merge_patch() -> None:
    made = openapi.v3_document([*RESOURCES, replace(WIDGET, custom=True)], "apis/example.com/v1", "1.36")
    assert made is not None
    found = json.loads(made)
    path = next(one for one in found["paths"] if one.endswith("/{name}"))
    kinds = found["paths"][path]["patch"]["requestBody"]["content"]
    assert "application/merge-patch+json" in kinds
    assert "application/strategic-merge-patch+json" not in kinds
