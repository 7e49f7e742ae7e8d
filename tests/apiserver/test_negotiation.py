"""Accept headers, list options and selectors: rules that the recordings do not show, answers of a real server."""

import json

import pytest

from sampan.apiserver.app import App
from sampan.net.http import Request

ROOT = "/api/v1/namespaces/default/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
YAML, PROTOBUF = "application/yaml", "application/vnd.kubernetes.protobuf"
ALL = f"application/json, {YAML}, {PROTOBUF}"
STREAMS = f"application/json;stream=watch, {PROTOBUF};stream=watch"
TYPES = f"only the following media types are accepted: {ALL}"
ROUTES = f"406: Not Acceptable\n\nAvailable representations: {ALL}"


async def get(app: App, target: str, accept: str = "") -> tuple[int, str, str]:
    """Status, content type, and the message of a refusal."""
    path, _, query = target.partition("?")
    response = await app(Request("GET", path, query, {"accept": accept} if accept else {}))
    kind = dict(response.headers).get("Content-Type", "")
    if response.stream is not None:
        await response.stream.aclose()  # type: ignore[attr-defined]
        return response.status, kind, ""
    body = json.loads(response.body) if kind == "application/json" else {}
    return response.status, kind, body.get("message", "")


@pytest.mark.parametrize(
    ("accept", "status", "kind"),
    [
        ("*/*", 200, "application/json"),
        ("application/json;q=0.1,application/yaml", 200, YAML),
        ("*/*;q=1,application/yaml;q=0.1", 200, YAML),
        ("application/json;q=abc,application/yaml", 200, YAML),
        ("application/json;as=Table;v=v2;g=meta.k8s.io,application/yaml", 200, YAML),
        ("application/json;sv=v1", 200, "application/json"),
        ("application/json;stream=watch", 200, "application/json"),
        ("application/json;charset=utf-8", 200, "application/json"),
        (f"{PROTOBUF};as=Table;v=v1;g=meta.k8s.io,{TABLE}", 200, "application/json"),
        ("application/cbor,application/json", 200, "application/json"),
    ],
)
async def test_the_first_that_can_be_had_is_given(app: App, accept: str, status: int, kind: str) -> None:
    assert (await get(app, ROOT, accept))[:2] == (status, kind)


@pytest.mark.parametrize(
    ("target", "accept", "message"),
    [
        (f"{ROOT}/x", "application/cbor", ROUTES),
        (f"{ROOT}/x", "application/*", ROUTES),
        (ROOT, "text/plain", f"{ROUTES}, {STREAMS}"),
        (f"{ROOT}/x", "application/json;as=Table;v=v2;g=meta.k8s.io", TYPES),
        (f"{ROOT}/x", "application/json;g=meta.k8s.io;v=v1", TYPES),
        (f"{ROOT}/x", "application/json;stream=x", TYPES),
        (f"{ROOT}/x", "application/json;sv=v2", TYPES),
        (f"{ROOT}?watch=1", "application/json;as=Foo;v=v1;g=meta.k8s.io", TYPES),
        ("/version", "application/cbor", "406: Not Acceptable\n\nAvailable representations: application/json"),
    ],
)
async def test_what_cannot_be_had_is_refused(app: App, target: str, accept: str, message: str) -> None:
    status, _, said = await get(app, target, accept)
    assert (status, said) == (406, message)


async def test_shapes_that_do_not_fit(app: App) -> None:
    partial = "application/json;as=PartialObjectMetadata{};v=v1;g=meta.k8s.io"
    status, _, message = await get(app, ROOT, partial.format(""))
    asked = "you requested PartialObjectMetadata, but the requested object is a list"
    assert (status, message) == (406, f"{asked} (*core.ConfigMapList)")
    status, _, message = await get(app, "/api/v1/namespaces/default", partial.format("List"))
    asked = "you requested PartialObjectMetadataList, but the requested object is not a list"
    assert (status, message) == (406, f"{asked} (*core.Namespace)")
    status, _, message = await get(app, f"{ROOT}?includeObject=x", TABLE)
    assert (status, message.partition(": ")[0]) == (400, "Unable to convert to Table as requested")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("limit=", 'strconv.ParseInt: parsing "": invalid syntax'),
        ("labelSelector=app%3D%3D%3Dx", "unable to parse requirement: found '=', expected: identifier"),
        ("labelSelector=%3D", "found '=', expected: !, identifier, or 'end of string'"),
        ("labelSelector=a%2C", "found '', expected: identifier after ','"),
        ("labelSelector=a%3Db+c", "found 'c', expected: ',' or 'end of string'"),
        ("labelSelector=a+in+b", "unable to parse requirement: found 'b' expected: '('"),
        ("labelSelector=a+in+%28b+c%29", "unable to parse requirement: found 'c', expected: ',' or ')'"),
        ("labelSelector=%21a%3Db", "found '=', expected: ',' or 'end of string'"),
        (
            "labelSelector=a%3Ex",
            "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must "
            "be an integer",
        ),
        ("fieldSelector=a", "invalid selector: 'a'; can't understand 'a'"),
        ("continue=e30%3D", "invalid continue token: continue key is not valid: illegal base64 data at input byte 3"),
        ("continue=MQ", "json: cannot unmarshal number into Go value of type storage.continueToken"),
        ("continue=e30", "continue key is not valid: server does not recognize this encoded version "),
        ("watch=1&labelSelector=%3D%3D", "found '==', expected: !, identifier, or 'end of string'"),
    ],
)
async def test_what_is_said_about_bad_options(app: App, query: str, message: str) -> None:
    status, _, said = await get(app, f"{ROOT}?{query}")
    assert status == 400
    assert said.endswith(message)


async def test_a_list_at_zero_has_no_pages(app: App) -> None:
    for name in "abc":
        body = json.dumps({"metadata": {"name": name}}).encode()
        assert (await app(Request("POST", ROOT, "", {"content-type": "application/json"}, body))).status == 201
    for query, count in (("limit=2", 2), ("limit=2&resourceVersion=0", 3), ("limit=-1", 3)):
        listed = json.loads((await app(Request("GET", ROOT, query))).body)
        assert len(listed["items"]) == count
        assert ("continue" in listed["metadata"]) is (count == 2)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/v1/watch/namespaces/default/configmaps", 405),
        ("GET", "/api/v1/watch/configmaps/x", 404),
        ("GET", "/api/v1/watch/nodes/x/status", 404),
        ("GET", "/api/v1/proxy/namespaces/default/pods/x", 404),
        ("GET", "/api/v1/watch", 500),
        ("GET", "//api/v1/pods", 404),
        ("GET", "/api/v1/namespaces/default/configmaps/%zz", 400),
        ("GET", "/api/v1/namespaces/default/configmaps/%2e%2e", 400),
        ("GET", "/api/v1/namespaces/default/configmaps/a%2Fb", 404),
        ("HEAD", "/api/v1/namespaces/default/status", 405),
        ("GET", "/", 200),
    ],
)
async def test_paths(app: App, method: str, path: str, status: int) -> None:
    assert (await app(Request(method, path))).status == status
