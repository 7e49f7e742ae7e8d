"""The protobuf form of OpenAPI v2, read back by a reader that knows nothing but the wire format."""

import json

import pytest

from sampan.api.protobuf.wire import read_varint
from sampan.resources.build import builtin_resources
from sampan.resources.openapi_binary import encode
from sampan.resources.openapi_v2 import v2_document

DOCUMENT = json.loads(v2_document(builtin_resources("1.36"), "1.36"))


def fields(data: bytes) -> list[tuple[int, bytes | int]]:
    """Numbers and contents of a message's fields."""
    at, found = 0, list[tuple[int, bytes | int]]()
    while at < len(data):
        tag, at = read_varint(data, at, len(data))
        value, at = read_varint(data, at, len(data))
        if tag & 7 == 2:
            found.append((tag >> 3, data[at : at + value]))
            at += value
        else:
            assert tag & 7 == 0
            found.append((tag >> 3, value))
    return found


def part(data: bytes, number: int) -> list[bytes]:
    """The contents of all length-delimited fields of a number."""
    return [value for key, value in fields(data) if key == number and isinstance(value, bytes)]


def named(data: bytes, number: int) -> dict[str, bytes]:
    """A list of names and values as a dict."""
    return {part(one, 1)[0].decode(): (part(one, 2) or [b""])[0] for one in part(data, number)}


ENCODED = encode(DOCUMENT)
DEFINITIONS = named(part(ENCODED, 9)[0], 1)
PATHS = named(part(ENCODED, 8)[0], 2)


def test_head() -> None:
    assert part(ENCODED, 1) == [b"2.0"]
    assert part(part(ENCODED, 2)[0], 1) == [b"Kubernetes"]


def test_every_definition_and_path_is_there() -> None:
    assert list(DEFINITIONS) == list(DOCUMENT["definitions"])
    assert list(PATHS) == list(DOCUMENT["paths"])


@pytest.mark.parametrize("name", sorted(DOCUMENT["definitions"]))
def test_definitions(name: str) -> None:
    given, made = DOCUMENT["definitions"][name], DEFINITIONS[name]
    assert [one.decode() for one in part(made, 19)] == given.get("required", [])
    properties = named((part(made, 25) or [b""])[0], 1)
    assert list(properties) == list(given.get("properties", {}))
    for key, value in given.get("properties", {}).items():
        assert [one.decode() for one in part(properties[key], 1)] == ([value["$ref"]] if "$ref" in value else [])
        kinds = [text.decode() for item in part(properties[key], 22) for text in part(item, 1)]
        assert kinds == ([value["type"]] if "type" in value else [])
        extensions = {k: json.loads(part(v, 2)[0]) for k, v in named(properties[key], 31).items()}
        assert extensions == {k: v for k, v in value.items() if k.startswith("x-")}


def test_operations() -> None:
    path = "/api/v1/namespaces/{namespace}/pods/{name}"
    made = dict(fields(PATHS[path]))
    assert set(made) == {2, 3, 5, 8, 9}  # get, put, delete, patch, parameters
    patch = made[8]
    assert isinstance(patch, bytes)
    assert part(patch, 5)[0].decode() == DOCUMENT["paths"][path]["patch"]["operationId"]
    assert [one.decode() for one in part(patch, 7)] == DOCUMENT["paths"][path]["patch"]["consumes"]
    shared = {key: dict(fields(value)) for key, value in named(part(ENCODED, 10)[0], 1).items()}
    reference = part(part(part(patch, 8)[0], 2)[0], 1)[0].decode()
    body = shared[reference.removeprefix("#/parameters/")][1]
    assert isinstance(body, bytes)
    assert part(body, 2) == [b"body"]
    query = [part(part(part(one, 1)[0], 2)[0], 3) for one in part(patch, 8)[1:] if part(one, 1)]
    assert [part(one[0], 4)[0].decode() for one in query] == ["dryRun", "fieldValidation"]
    extensions = named(patch, 13)
    assert json.loads(part(extensions["x-kubernetes-action"], 2)[0]) == "patch"
