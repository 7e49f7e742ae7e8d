"""The verbs, called in this process: what the recordings do not show or cannot show."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sampan.apiserver.app import App
from sampan.net.http import Request, Response

ROOT = "/api/v1/namespaces/default/configmaps"
Send = Any


@pytest.fixture
def send(app: App) -> Send:
    """send(method, path, body, **headers): status and decoded body."""

    async def call(method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        response = await raw(app, method, path, body, **headers)
        return response.status, json.loads(response.body)

    return call


async def raw(app: App, method: str, target: str, body: Any = None, **headers: str) -> Response:
    path, _, query = target.partition("?")
    sent = {"content-type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
    return await app(Request(method, path, query, sent, json.dumps(body).encode() if body is not None else b""))


def config_map(name: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **more}, "data": {"a": "1"}}


async def events(response: Response, count: int) -> list[dict[str, Any]]:
    assert response.stream is not None
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(5):
        async for chunk in response.stream:
            found += [json.loads(line) for line in chunk.splitlines()]
            if len(found) >= count:
                break
    await close(response.stream)
    return found


async def close(stream: AsyncIterator[bytes]) -> None:
    await stream.aclose()  # type: ignore[attr-defined]


async def test_create_get_update_delete(send: Send) -> None:
    status, made = await send("POST", ROOT, config_map("x"))
    assert status == 201
    assert (await send("GET", f"{ROOT}/x")) == (200, made)
    status, changed = await send("PUT", f"{ROOT}/x", {**made, "data": {"a": "2"}})
    assert (status, changed["data"]) == (200, {"a": "2"})
    assert int(changed["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    status, stale = await send("PUT", f"{ROOT}/x", {**made, "data": {"a": "3"}})
    assert (status, stale["reason"]) == (409, "Conflict")
    status, gone = await send("DELETE", f"{ROOT}/x")
    assert (status, gone["status"]) == (200, "Success")
    assert (await send("GET", f"{ROOT}/x"))[0] == 404


async def test_an_update_that_changes_nothing_writes_nothing(app: App, send: Send) -> None:
    _, made = await send("POST", ROOT, config_map("x"))
    before = app.kit.store.revision
    assert await send("PUT", f"{ROOT}/x", made) == (200, made)
    assert app.kit.store.revision == before


async def test_dry_run_writes_nothing(app: App, send: Send) -> None:
    before = app.kit.store.revision
    status, shown = await send("POST", f"{ROOT}?dryRun=All", config_map("x"))
    assert status == 201
    assert "resourceVersion" not in shown["metadata"]
    assert app.kit.store.revision == before


async def test_two_patches_at_once_both_count(send: Send) -> None:
    await send("POST", ROOT, config_map("x"))
    merge = "application/merge-patch+json"
    answers = await asyncio.gather(
        *(send("PATCH", f"{ROOT}/x", {"data": {f"k{i}": "v"}}, content_type=merge) for i in range(20))
    )
    assert {status for status, _ in answers} == {200}
    _, left = await send("GET", f"{ROOT}/x")
    assert len(left["data"]) == 21


async def test_pages_are_of_one_revision(send: Send) -> None:
    for name in "abcd":
        await send("POST", ROOT, config_map(name))
    _, first = await send("GET", f"{ROOT}?limit=2")
    await send("DELETE", f"{ROOT}/c")
    _, second = await send("GET", f"{ROOT}?limit=2&continue={first['metadata']['continue']}")
    assert [item["metadata"]["name"] for page in (first, second) for item in page["items"]] == ["a", "b", "c", "d"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert first["metadata"]["remainingItemCount"] == 2


async def test_a_token_that_is_too_old_says_how_to_go_on(app: App, send: Send) -> None:
    for name in "abcd":
        await send("POST", ROOT, config_map(name))
    _, first = await send("GET", f"{ROOT}?limit=2")
    await send("DELETE", f"{ROOT}/c")
    app.kit.store.compact(app.kit.store.revision)
    status, gone = await send("GET", f"{ROOT}?limit=2&continue={first['metadata']['continue']}")
    assert (status, gone["reason"]) == (410, "Expired")
    status, rest = await send("GET", f"{ROOT}?limit=2&continue={gone['metadata']['continue']}")
    assert (status, [item["metadata"]["name"] for item in rest["items"]]) == (200, ["d"])


async def test_watch_from_a_compacted_revision_is_an_error_event(app: App, send: Send) -> None:
    _, made = await send("POST", ROOT, config_map("x"))
    await send("DELETE", f"{ROOT}/x")
    await send("POST", ROOT, config_map("y"))
    app.kit.store.compact(app.kit.store.revision)
    response = await raw(app, "GET", f"{ROOT}?watch=1&resourceVersion={made['metadata']['resourceVersion']}")
    assert response.status == 200
    (event,) = await events(response, 1)
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


async def test_an_object_that_stops_matching_is_gone_for_the_watcher(app: App, send: Send) -> None:
    _, made = await send("POST", ROOT, config_map("x", labels={"app": "a"}))
    merge = "application/merge-patch+json"
    version = made["metadata"]["resourceVersion"]
    _, moved = await send("PATCH", f"{ROOT}/x", {"metadata": {"labels": {"app": "b"}}}, content_type=merge)
    await send("PATCH", f"{ROOT}/x", {"metadata": {"labels": {"app": "a"}}}, content_type=merge)
    response = await raw(app, "GET", f"{ROOT}?watch=1&resourceVersion={version}&labelSelector=app%3Da")
    left, back = await events(response, 2)
    assert (left["type"], back["type"]) == ("DELETED", "ADDED")
    assert left["object"]["metadata"]["labels"] == {"app": "a"}
    assert left["object"]["metadata"]["resourceVersion"] == moved["metadata"]["resourceVersion"]


async def test_watchers_share_the_encoded_line(app: App, send: Send) -> None:
    since = app.kit.store.revision
    one = await raw(app, "GET", f"{ROOT}?watch=1&resourceVersion={since}")
    two = await raw(app, "GET", f"/api/v1/configmaps?watch=1&resourceVersion={since}")
    await send("POST", ROOT, config_map("x"))
    assert one.stream is not None
    assert two.stream is not None
    first, second = await anext(one.stream), await anext(two.stream)
    assert first is second or first == second
    assert app.kit.lines.count == 1
    await close(one.stream)
    await close(two.stream)


async def test_a_deleted_pod_waits_for_its_node(send: Send) -> None:
    pods = "/api/v1/namespaces/default/pods"
    spec = {"containers": [{"name": "c", "image": "i"}], "nodeName": "n", "terminationGracePeriodSeconds": 5}
    await send("POST", pods, {"metadata": {"name": "x"}, "spec": spec})
    status, marked = await send("DELETE", f"{pods}/x")
    assert (status, marked["metadata"]["deletionGracePeriodSeconds"]) == (200, 5)
    assert (await send("GET", f"{pods}/x"))[0] == 200
    await send("DELETE", f"{pods}/x?gracePeriodSeconds=0")
    assert (await send("GET", f"{pods}/x"))[0] == 404


async def test_services_get_addresses_and_give_them_back(send: Send) -> None:
    root = "/api/v1/namespaces/default/services"
    body = {"metadata": {"name": "s"}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}}
    status, made = await send("POST", root, body)
    assert status == 201, made
    address, port = made["spec"]["clusterIP"], made["spec"]["ports"][0]["nodePort"]
    assert address.startswith("10.96.")
    assert 30000 <= port <= 32767
    second = {"metadata": {"name": "t"}, "spec": {"clusterIP": address, "ports": [{"port": 80}]}}
    status, refused = await send("POST", root, second)
    assert (status, refused["details"]["causes"][0]["field"]) == (422, "spec.clusterIPs")
    await send("DELETE", f"{root}/s")
    assert (await send("POST", root, second))[0] == 201


async def test_the_kubernetes_service_is_there(send: Send) -> None:
    _, service = await send("GET", "/api/v1/namespaces/default/services/kubernetes")
    assert service["spec"]["clusterIP"] == "10.96.0.1"
    _, found = await send("GET", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes")
    assert found["endpoints"][0]["addresses"] == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "couldn't get version/kind; json parse error: unexpected end of JSON input"),
        (
            b"{]",
            "json parse error: invalid character ']' looking for beginning of object key string",
        ),
        (b'{"kind":"Pod","apiVersion":"v1"}', 'Pod in version "v1" cannot be handled as a ConfigMap: '),
        (b'{"apiVersion":"v2"}', 'no kind "ConfigMap" is registered for version "v2" in scheme'),
        (b'{"kind":1}', "json: cannot unmarshal number into Go struct field .kind of type string"),
        (b'{"apiVersion":"a/b/c"}', "unexpected GroupVersion string: a/b/c"),
        (b"nul", "invalid character ' ' in literal null (expecting 'l') (6e756c)"),
        (b"", "unexpected end of JSON input (<empty>)"),
    ],
)
async def test_bodies_that_cannot_be_read(app: App, body: bytes, message: str) -> None:
    response = await app(Request("POST", ROOT, "", {"content-type": "application/json"}, body))
    assert response.status == 400
    assert message in json.loads(response.body)["message"]


async def test_health_and_version(app: App, send: Send) -> None:
    for path in ("/healthz", "/livez", "/readyz"):
        assert (await raw(app, "GET", path)).body == b"ok"
    assert b"[+]ping ok" in (await raw(app, "GET", "/readyz?verbose")).body
    assert (await raw(app, "GET", "/readyz/nothing")).status == 404
    _, version = await send("GET", "/version")
    assert version["gitVersion"].startswith("v1.36.")


async def test_requests_are_counted(app: App, send: Send) -> None:
    await send("GET", f"{ROOT}/none")
    text = (await raw(app, "GET", "/metrics")).body.decode()
    line = next(
        line for line in text.splitlines() if line.startswith("apiserver_request_total") and 'code="404"' in line
    )
    assert 'verb="GET"' in line
    assert 'resource="configmaps"' in line
    assert line.endswith(" 1.0")


async def test_an_unexpected_exception_is_a_500(app: App, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any) -> Any:
        raise RuntimeError("secret")

    monkeypatch.setattr(app.kit.live, "get", broken)
    status, body = await send("GET", f"{ROOT}/x")
    assert (status, body["reason"]) == (500, "InternalError")
    assert "secret" not in body["message"]


async def test_finalize_is_an_update_of_a_namespace_s_metadata_as_well(send: Send) -> None:
    meta = {"name": "team", "labels": {"a": "b"}, "annotations": {"x": "y"}}
    assert (await send("POST", "/api/v1/namespaces", {"metadata": meta}))[0] == 201
    path, spec = "/api/v1/namespaces/team/finalize", {"finalizers": ["kubernetes"]}
    body = {"metadata": {"name": "team", "labels": {"c": "d"}}, "spec": spec, "status": {"phase": "Terminating"}}
    code, found = await send("PUT", path, body)
    assert (code, found["metadata"]["labels"]) == (200, {"c": "d", "kubernetes.io/metadata.name": "team"})
    assert "annotations" not in found["metadata"]
    assert found["status"]["phase"] == "Active"
    code, refused = await send("PUT", path, {"metadata": {"name": "team", "labels": {"c d": "d"}}, "spec": spec})
    assert (code, len(refused["details"]["causes"])) == (422, 3)
