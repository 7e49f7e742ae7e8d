"""The protobuf form of OpenAPI v3, read back by a reader that knows nothing but the wire format."""

import json
import struct

import pytest

from sampan.api.protobuf.wire import delimited, read_varint
from sampan.resources.build import builtin_resources
from sampan.resources.openapi import v3_document
from sampan.resources.openapi_v3_binary import encode

DOCUMENT = json.loads(v3_document(builtin_resources("1.36"), "apis/apps/v1", "1.36") or b"")
Fields = dict[int, list[bytes]]


def fields(data: bytes) -> Fields:
    """The contents of a message's fields by their numbers; numbers as one byte or eight."""
    at, found = 0, Fields()
    while at < len(data):
        tag, at = read_varint(data, at, len(data))
        if tag & 7 == 2:
            size, at = read_varint(data, at, len(data))
        else:
            assert tag & 7 in (0, 1)
            size = 8 if tag & 7 else 1
        found.setdefault(tag >> 3, []).append(data[at : at + size])
        at += size
    return found


def named(data: bytes, number: int = 1) -> dict[str, bytes]:
    """A list of names and values as a dict."""
    pairs = [fields(pair) for pair in fields(data).get(number, [])]
    return {pair[1][0].decode(): pair[2][0] for pair in pairs}


ENCODED = fields(encode(DOCUMENT))
SCHEMAS = named(fields(ENCODED[5][0])[1][0])
PATHS = named(ENCODED[4][0])


def same_schema(given: object, made: bytes) -> None:
    """Fail unless a message `SchemaOrReference` says what the schema says."""
    assert isinstance(given, dict)
    if "$ref" in given:
        assert fields(fields(made)[2][0])[1] == [given["$ref"].encode()]
        return
    schema = fields(fields(made)[1][0])
    for number, key in ((25, "type"), (34, "description"), (35, "format")):
        assert [one.decode() for one in schema.get(number, [])] == ([given[key]] if key in given else [])
    assert [one.decode() for one in schema.get(23, [])] == given.get("required", [])
    extensions = {key: json.loads(fields(value)[2][0]) for key, value in named(fields_of(schema), 36).items()}
    assert extensions == {key: value for key, value in given.items() if key.startswith("x-")}
    assert [json.loads(fields(one)[2][0]) for one in schema.get(24, [])] == given.get("enum", [])
    if "default" in given:
        assert default(schema[33][0]) == (None if isinstance(given["default"], dict | list) else given["default"])
    properties = named(schema[31][0]) if 31 in schema else {}
    assert list(properties) == list(given.get("properties", {}))
    for key, value in properties.items():
        same_schema(given["properties"][key], value)
    for one, inner in zip(given.get("allOf", []), schema.get(26, []), strict=True):
        same_schema(one, inner)
    if "items" in given:
        same_schema(given["items"], fields(schema[30][0])[1][0])
    if isinstance(given.get("additionalProperties"), dict):
        same_schema(given["additionalProperties"], fields(schema[32][0])[1][0])


def fields_of(schema: Fields) -> bytes:
    """The extensions of a schema as a message again."""
    return b"".join(delimited(36, one) for one in schema.get(36, []))


def default(data: bytes) -> object:
    """What a message `DefaultType` says: a number, a boolean, a text, or nothing."""
    for number, values in fields(data).items():
        if number == 1:
            return struct.unpack("<d", values[0])[0]
        return values[0] == b"\1" if number == 2 else values[0].decode()
    return None


def test_head() -> None:
    assert ENCODED[1] == [b"3.0.0"]
    assert fields(ENCODED[2][0])[1] == [b"Kubernetes"]


def test_every_schema_and_path_is_there() -> None:
    assert list(SCHEMAS) == list(DOCUMENT["components"]["schemas"])
    assert list(PATHS) == list(DOCUMENT["paths"])


@pytest.mark.parametrize("name", sorted(DOCUMENT["components"]["schemas"]))
def test_schemas(name: str) -> None:
    same_schema(DOCUMENT["components"]["schemas"][name], SCHEMAS[name])


@pytest.mark.parametrize("value", [True, False, 1.5, 3, "text", {}])
def test_defaults(value: object) -> None:
    made = encode({"components": {"schemas": {"A": {"default": value}}}})
    schema = fields(fields(named(fields(fields(made)[5][0])[1][0])["A"])[1][0])
    assert default(schema[33][0]) == (None if value == {} else value)


def test_operations() -> None:
    path = "/apis/apps/v1/namespaces/{namespace}/deployments"
    given = DOCUMENT["paths"][path]["post"]
    item = fields(PATHS[path])
    assert set(item) == {4, 6, 7, 13}  # get, post, delete, parameters
    made = fields(item[6][0])
    assert made[5][0].decode() == given["operationId"]
    names = [fields(fields(one)[1][0])[1][0].decode() for one in made[6]]
    assert names == [one["name"] for one in given["parameters"]]
    body = fields(fields(made[7][0])[1][0])
    assert list(named(body[2][0])) == list(given["requestBody"]["content"])
    assert list(named(made[8][0], 2)) == [code for code in given["responses"] if code != "default"]
