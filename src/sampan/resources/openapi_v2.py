"""`/openapi/v2`: the parts of all v3 documents in one, rewritten for OpenAPI 2."""

import struct
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sampan.api import json
from sampan.api.json import Obj
from sampan.api.resource import Resource
from sampan.resources.load import read_definitions
from sampan.resources.openapi import TOKEN, Namer, info, path_items, schemas, v3_entries
from sampan.resources.openapi_paths import JSON, YAML

_UNSHARED: Final = ("name", "fieldValidation", "dryRun")
"""Clients look for the last two in the operations themselves."""
_PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"
_REFERENCE: Final = "#/components/schemas/"
Raw = Mapping[str, Any]


def v2_document(resources: Sequence[Resource], kubernetes: str) -> bytes:
    """`/openapi/v2` as JSON."""
    namer = Namer(resources)
    listed: dict[str, Any] = {}
    for path in v3_entries(resources):
        listed |= path_items(resources, path, namer)
    definitions = schemas(resources, listed, namer, read_definitions(kubernetes))
    custom = {namer(one.gvk) for one in resources if one.custom}
    items = {path: _item(item) for path, item in listed.items()}
    document = {
        "swagger": "2.0",
        "info": info(kubernetes),
        "paths": items,
        "definitions": {name: _definition(schema, name in custom) for name, schema in definitions.items()},
        "parameters": _share(items.values()),
        "securityDefinitions": TOKEN,
        "security": [{"BearerToken": []}],
    }
    return json.dumps(document)


def _schema(value: Raw) -> Obj:
    """A schema without what OpenAPI 2 has no words for; a reference stands alone with its description."""
    made: Obj = {}
    for key, child in value.items():
        if key == "$ref":
            made[key] = child.replace(_REFERENCE, "#/definitions/")
        elif key == "allOf" and "$ref" in child[0]:
            made |= _schema(child[0])
        elif key == "properties":
            made[key] = {name: _schema(one) for name, one in child.items()}
        elif key in ("items", "additionalProperties") and isinstance(child, dict):
            made[key] = _schema(child)
        elif key not in ("oneOf", "anyOf", "allOf", "not", "default", "nullable"):
            made[key] = child
    if made.get("format") == "int-or-string" or ("oneOf" in value and "type" not in value):
        made["type"] = "string"
    return made


def _definition(schema: Raw, custom: bool) -> Obj:
    """A kind's schema. Clients of OpenAPI 2 must not take a custom kind's unknown fields for mistakes."""
    if custom and schema.get(_PRESERVE):
        kept = {key: value for key, value in schema.items() if key.startswith("x-") and key != _PRESERVE}
        return {"type": "object", **kept}
    return _schema(_loose(schema) if custom else schema)


def _loose(schema: Raw) -> Obj:
    """A custom kind's schema that says nothing of values that may be null or of any form."""
    made = {**schema}
    if schema.get("nullable") or schema.get(_PRESERVE):
        for key in ("type", "properties", "items", "additionalProperties"):
            made.pop(key, None)
        if schema.get(_PRESERVE):
            return {key: value for key, value in made.items() if key.startswith("x-") or key == "description"}
        return made
    if "properties" in schema:
        made["properties"] = {key: _loose(child) for key, child in schema["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            made[key] = _loose(schema[key])
    return made


def _item(item: Raw) -> Obj:
    return {
        method: [_parameter(one) for one in operation] if method == "parameters" else _operation(operation)
        for method, operation in item.items()
    }


def _parameter(parameter: Raw) -> Obj:
    return {**{key: value for key, value in parameter.items() if key != "schema"}, **parameter.get("schema", {})}


def _operation(operation: Raw) -> Obj:
    result = {key: value for key, value in operation.items() if key not in ("requestBody", "responses", "parameters")}
    parameters = [_parameter(one) for one in operation.get("parameters", ())]
    body = operation.get("requestBody")
    answers = operation["responses"]
    produced = list(answers["200"]["content"])
    result["produces"] = sorted(produced, key=lambda kind: kind != "text/plain")
    if "x-kubernetes-action" in operation:
        result["consumes"] = produced if produced == [JSON, YAML] else ["*/*"]
    elif "$ref" in next(iter(answers["200"]["content"].values()))["schema"]:
        result["consumes"] = produced
    if body is not None:
        schema = _schema(next(iter(body["content"].values()))["schema"])
        required = {"required": True} if body.get("required") else {}
        parameters.insert(0, {"name": "body", "in": "body", **required, "schema": schema})
        result["consumes"] = list(body["content"])
    result["schemes"] = ["https"]
    if parameters:
        result["parameters"] = parameters
    result["responses"] = {code: _response(answer) for code, answer in answers.items()}
    return result


def _response(answer: Raw) -> Obj:
    found = [media["schema"] for media in answer.get("content", {}).values()]
    return {"description": answer["description"]} | ({"schema": _schema(found[0])} if found else {})


def _share(items: Any) -> Obj:
    """Put references for parameters that say nothing of their kind, and return what they refer to."""
    shared: Obj = {}
    for owner in _owners(items):
        owner["parameters"] = [_reference(one, shared) for one in owner["parameters"]]
    return dict(sorted(shared.items()))


def _owners(items: Any) -> Iterator[Obj]:
    """All paths and operations that have parameters."""
    for item in items:
        for one in (item, *item.values()):
            if isinstance(one, dict) and "parameters" in one:
                yield one


def _reference(parameter: Obj, shared: Obj) -> Obj:
    name = parameter["name"]
    generic = parameter.get("schema", {}).get("$ref", "").startswith("#/definitions/io.k8s.apimachinery")
    if name in _UNSHARED or (name == "body" and not generic):
        return parameter
    key = f"{name}-{_mark(json.dumps(parameter))}"
    shared[key] = parameter
    return {"$ref": f"#/parameters/{key}"}


def _mark(data: bytes) -> str:
    """Eight letters that tell contents apart (FNV-1)."""
    state = 0xCBF29CE484222325
    for byte in data:
        state = (state * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF) ^ byte
    return urlsafe_b64encode(struct.pack(">Q", state)[:6]).decode()
