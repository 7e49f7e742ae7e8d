"""Bodies that are made to hurt: too deep, too large, growing as they are read. All are refused in upstream's words."""

import json

import pytest

from sampan.apiserver.app import App
from sampan.net.http import Request

ROOT = "/api/v1/namespaces/default/configmaps"
JSON, YAML, APPLY = "application/json", "application/yaml", "application/apply-patch+yaml"
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
MIB = 1024 * 1024


def nested(levels: int) -> bytes:
    """A ConfigMap with something unknown and deep in it."""
    return b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"x":%b%b}' % (b"[" * levels, b"]" * levels)


def bomb() -> bytes:
    """Few lines of YAML that are millions of values."""
    lines = ["a: &a [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]" for a, b in zip("abcdefg", "bcdefgh", strict=True)]
    return "\n".join(lines).encode()


async def send(app: App, content_type: str, body: bytes) -> tuple[int, str]:
    """Status and message of a write."""
    method = "PATCH" if "patch" in content_type else "PUT"
    target = f"{ROOT}/x"
    response = await app(Request(method, target, "fieldManager=me", {"content-type": content_type}, body))
    return response.status, json.loads(response.body).get("message", "")


@pytest.fixture
async def one(app: App) -> App:
    """A server with a ConfigMap."""
    body = b'{"metadata":{"name":"x"},"data":{"a":"1"}}'
    assert (await app(Request("POST", ROOT, "", {"content-type": JSON}, body))).status == 201
    return app


@pytest.mark.parametrize("levels", [300, 1100, 9_990, 10_001, 200_000])
@pytest.mark.parametrize("content_type", [JSON, YAML, APPLY, MERGE, STRATEGIC])
async def test_depth_is_refused_and_harmless(one: App, content_type: str, levels: int) -> None:
    status, message = await send(one, content_type, nested(levels))
    undeclared = content_type == APPLY and "field not declared in schema" in message
    assert (status == 400 and "exceeded max depth" in message) or undeclared, (status, message)
    assert (await send(one, JSON, b'{"metadata":{"name":"x"},"data":{"a":"2"}}'))[0] == 200


@pytest.mark.parametrize("body", [b"- " * 100_000, b"? " * 100_000, b"{" * 100_000, b"[" * 100_000])
async def test_depth_of_yaml_in_every_style(one: App, body: bytes) -> None:
    status, message = await send(one, YAML, body)
    assert status == 400
    assert "exceeded max depth" in message or "yaml: " in message


async def test_aliases_do_not_grow(one: App) -> None:
    for content_type in (YAML, APPLY):
        status, message = await send(one, content_type, bomb())
        assert (status, "document contains excessive aliasing" in message) == (400, True)
    status, message = await send(one, YAML, b"a: &a [*a]")
    assert status == 400


async def test_copies_of_copies_do_not_grow(one: App) -> None:
    patch = [{"op": "add", "path": "/data/a", "value": "x" * 100_000}]
    patch += [{"op": "copy", "from": "/data", "path": f"/data/b{n}"} for n in range(60)]
    assert (await send(one, JSON_PATCH, json.dumps(patch).encode()))[0] == 422


async def test_a_patch_has_at_most_ten_thousand_operations(one: App) -> None:
    test = {"op": "test", "path": "/kind", "value": "ConfigMap"}
    assert (await send(one, JSON_PATCH, json.dumps([test] * 10_000).encode()))[0] == 200
    assert await send(one, JSON_PATCH, json.dumps([test] * 10_001).encode()) == (
        413,
        "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001",
    )


@pytest.mark.parametrize("content_type", [JSON, YAML, APPLY, MERGE, STRATEGIC, JSON_PATCH])
async def test_three_mebibytes_are_the_most(one: App, content_type: str) -> None:
    body = b'{"metadata":{"name":"x"},"data":{"a":"%b"}}' % (b"x" * (3 * MIB))
    assert await send(one, content_type, body) == (413, f"Request entity too large: limit is {3 * MIB}")
