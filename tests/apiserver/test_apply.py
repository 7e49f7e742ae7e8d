"""Server-side apply and managedFields over the API: what the recordings do not show."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sampan.api.names import RestMapping
from sampan.api.resource import Resource
from sampan.api.schema.openapi import from_openapi
from sampan.apiserver.app import App, Parts
from sampan.net.http import Request
from sampan.resources.build import builtin_resources
from sampan.resources.strategy import GenericStrategy
from sampan.store.base import KeyValue
from sampan.store.memory import MemoryStore

MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
APPLY, MERGE = "application/apply-patch+yaml", "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
Send = Any


class TurnTaking(MemoryStore):
    """After each read others get their turn: what was read is old by the time of the write."""

    async def get(self, key: str) -> KeyValue | None:
        found = await super().get(key)
        await asyncio.sleep(0)
        return found

    async def newest(self, key: str) -> KeyValue | None:
        found = await super().newest(key)
        await asyncio.sleep(0)
        return found


def sender(app: App) -> Send:
    """send(method, target, body, content type): status and decoded body."""

    async def call(method: str, target: str, body: Any = None, kind: str = "application/json") -> tuple[int, Any]:
        path, _, query = target.partition("?")
        content = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        headers = {"content-type": kind, "user-agent": "tester/1.0"}
        response = await app(Request(method, path, query, headers, content))
        return response.status, json.loads(response.body)

    return call


@pytest.fixture
def send(app: App) -> Send:
    """`sender` of a server whose requests go one after another."""
    return sender(app)


@pytest.fixture
async def crowded() -> AsyncIterator[Send]:
    """`sender` of a server where every request meets others between its read and its write."""
    store = TurnTaking()
    made = App(Parts(store, builtin_resources("1.36"), version="1.36"))
    await made.start()
    yield sender(made)
    await made.close()
    await store.close()


def config_map(data: dict[str, str], **meta: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", **meta}, "data": data}


def deployment(**spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    made = {"selector": {"matchLabels": {"a": "b"}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": made}


def managers(obj: Any) -> list[tuple[str, str]]:
    return [(entry["manager"], entry["operation"]) for entry in obj["metadata"].get("managedFields", ())]


@pytest.mark.parametrize("kind", [MERGE, "application/strategic-merge-patch+json", JSON_PATCH, APPLY])
async def test_patches_of_one_object_at_once_all_succeed(crowded: Send, kind: str) -> None:
    await crowded("POST", MAPS, config_map({"a": "1"}))

    def body(number: int) -> Any:
        if kind == JSON_PATCH:
            return [{"op": "add", "path": f"/data/k{number}", "value": "v"}]
        data = {f"k{number}": "v"}
        return config_map(data) if kind == APPLY else {"data": data}

    sent = [crowded("PATCH", f"{MAPS}/x?fieldManager=m{n % 4}-{n}", body(n), kind) for n in range(32)]
    answers = await asyncio.gather(*sent)
    assert [status for status, _ in answers] == [200] * 32
    _, found = await crowded("GET", f"{MAPS}/x")
    assert found["data"] == {"a": "1", **{f"k{n}": "v" for n in range(32)}}
    assert len({answer["metadata"]["resourceVersion"] for _, answer in answers}) == 32


async def test_a_patch_that_demands_a_version_does_not_go_over_another(crowded: Send) -> None:
    _, made = await crowded("POST", MAPS, config_map({"a": "1"}))
    version = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}}
    sent = [crowded("PATCH", f"{MAPS}/x", {**version, "data": {f"k{n}": "v"}}, MERGE) for n in range(8)]
    statuses = sorted(status for status, _ in await asyncio.gather(*sent))
    assert statuses == [200] + [409] * 7


async def test_an_apply_that_changes_nothing_keeps_the_version(send: Send) -> None:
    status, first = await send("PATCH", f"{DEPLOYMENTS}/x?fieldManager=m", deployment(replicas=2), APPLY)
    assert status == 201
    status, second = await send("PATCH", f"{DEPLOYMENTS}/x?fieldManager=m", deployment(replicas=2), APPLY)
    assert (status, second) == (200, first)


async def test_quantities_in_another_form_are_no_change(send: Send) -> None:
    def with_cpu(cpu: str) -> dict[str, Any]:
        made = deployment()
        made["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": cpu}}
        return made

    _, first = await send("PATCH", f"{DEPLOYMENTS}/x?fieldManager=m", with_cpu("1"), APPLY)
    _, second = await send("PATCH", f"{DEPLOYMENTS}/x?fieldManager=m", with_cpu("1000m"), APPLY)
    assert second == first


async def test_an_update_that_changes_nothing_keeps_the_version(send: Send) -> None:
    _, made = await send("POST", MAPS, config_map({"a": "1"}))
    shuffled = {key: made[key] for key in sorted(made, reverse=True)}
    status, again = await send("PUT", f"{MAPS}/x?fieldManager=other", shuffled)
    assert (status, again) == (200, made)


async def test_the_manager_is_the_client_if_it_does_not_say(send: Send) -> None:
    _, made = await send("POST", MAPS, config_map({"a": "1"}))
    assert managers(made) == [("tester", "Update")]


async def test_fields_that_an_endpoint_does_not_write_are_not_owned(send: Send) -> None:
    body = {**deployment(), "status": {"replicas": 3}}
    _, made = await send("POST", DEPLOYMENTS, body)
    assert "f:status" not in made["metadata"]["managedFields"][0]["fieldsV1"]
    change = {"spec": {"replicas": 9}, "status": {"observedGeneration": 1}}
    _, made = await send("PATCH", f"{DEPLOYMENTS}/x/status?fieldManager=s", change, MERGE)
    entry = next(e for e in made["metadata"]["managedFields"] if e["manager"] == "s")
    assert entry["subresource"] == "status"
    assert list(entry["fieldsV1"]) == ["f:status"]


async def test_a_dry_run_shows_managers_and_stores_nothing(send: Send) -> None:
    await send("POST", MAPS, config_map({"a": "1"}))
    _, shown = await send("PATCH", f"{MAPS}/x?fieldManager=m&dryRun=All", config_map({"b": "2"}), APPLY)
    assert managers(shown) == [("m", "Apply"), ("tester", "Update")]
    _, found = await send("GET", f"{MAPS}/x")
    assert managers(found) == [("tester", "Update")]
    assert found["data"] == {"a": "1"}


async def test_managers_can_be_reset_and_the_first_apply_finds_an_owner(send: Send) -> None:
    await send("POST", MAPS, config_map({"a": "1"}))
    _, found = await send("PATCH", f"{MAPS}/x", {"metadata": {"managedFields": [{}]}}, MERGE)
    assert managers(found) == []
    _, found = await send("PATCH", f"{MAPS}/x", {"data": {"b": "2"}}, MERGE)
    assert managers(found) == []
    _, found = await send("PATCH", f"{MAPS}/x?fieldManager=m", config_map({"a": "1"}), APPLY)
    assert managers(found) == [("m", "Apply"), ("before-first-apply", "Update")]


async def test_conflicts_name_fields_and_managers(send: Send) -> None:
    await send("PATCH", f"{DEPLOYMENTS}/x?fieldManager=m", deployment(replicas=2), APPLY)
    status, error = await send("PATCH", f"{DEPLOYMENTS}/x?fieldManager=o", deployment(replicas=3), APPLY)
    assert (status, error["reason"]) == (409, "Conflict")
    assert error["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "m"', "field": ".spec.replicas"}
    ]


async def test_scale_can_be_applied_and_gives_the_field_back(send: Send) -> None:
    await send("PATCH", f"{DEPLOYMENTS}/x?fieldManager=m", deployment(replicas=2), APPLY)
    wanted = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "x"}, "spec": {"replicas": 5}}
    target = f"{DEPLOYMENTS}/x/scale?fieldManager=hpa"
    status, _ = await send("PATCH", target, wanted, APPLY)
    assert status == 409
    status, scale = await send("PATCH", f"{target}&force=true", wanted, APPLY)
    assert (status, scale["spec"]) == (200, {"replicas": 5})
    _, found = await send("GET", f"{DEPLOYMENTS}/x")
    owner = next(e for e in found["metadata"]["managedFields"] if e["manager"] == "hpa")
    assert (owner["apiVersion"], owner["subresource"]) == ("apps/v1", "scale")
    assert owner["fieldsV1"] == {"f:spec": {"f:replicas": {}}}
    status, found = await send("PATCH", f"{DEPLOYMENTS}/x?fieldManager=m", deployment(), APPLY)
    assert (status, found["spec"]["replicas"]) == (200, 5)


async def test_keys_written_twice_are_told_of(send: Send) -> None:
    body = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: '1', a: '2'}\n"
    status, error = await send("PATCH", f"{MAPS}/x?fieldManager=m&fieldValidation=Strict", body, APPLY)
    assert status == 400
    assert 'line 4: key "a" already set in map' in error["message"]
    status, made = await send("PATCH", f"{MAPS}/x?fieldManager=m&fieldValidation=Ignore", body, APPLY)
    assert (status, made["data"]) == (201, {"a": "2"})


async def test_sets_are_kept_in_order(send: Send) -> None:
    data = dict.fromkeys(("z", "b", "k", "a"), "1")
    _, made = await send("POST", MAPS, config_map(data))
    assert list(made["metadata"]["managedFields"][0]["fieldsV1"]["f:data"]) == [".", "f:a", "f:b", "f:k", "f:z"]


async def test_binding_a_pod_is_nobodys(send: Send) -> None:
    spec = {"containers": [{"name": "c", "image": "i"}]}
    pods = "/api/v1/namespaces/default/pods"
    await send("POST", pods, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
    target = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"name": "n"}}
    status, _ = await send("POST", f"{pods}/p/binding?fieldManager=scheduler", target)
    assert status == 201
    _, pod = await send("GET", f"{pods}/p")
    assert pod["spec"]["nodeName"] == "n"
    assert managers(pod) == [("tester", "Update")]


WIDGETS = "/apis/e.com/v1/namespaces/default/widgets"


def widgets(app: App) -> None:
    """Serve a custom kind: spec.n, and spec.free with whatever is in it."""
    free = {"type": "object", "additionalProperties": True}
    spec = {"type": "object", "properties": {"n": {"type": "integer"}, "free": free}}
    schema = {"type": "object", "properties": {"metadata": free, "spec": spec}}
    names = RestMapping("e.com", "v1", "Widget", "widgets", True)
    verbs = ("create", "get", "patch", "update")
    app.kit.live.put(
        Resource(
            names, "widget", "WidgetList", (), (), verbs, from_openapi(schema), GenericStrategy(), has_generation=True
        )
    )


async def test_custom_kinds_have_everybodys_metadata_and_their_own_schema(app: App, send: Send) -> None:
    widgets(app)

    def widget(spec: Any, **meta: Any) -> dict[str, Any]:
        return {"apiVersion": "e.com/v1", "kind": "Widget", "metadata": {"name": "w", **meta}, "spec": spec}

    status, made = await send("POST", WIDGETS, widget({"n": 1}, labels={"a": "b"}))
    assert status == 201, json.dumps(made)
    assert made["metadata"]["managedFields"][0]["fieldsV1"] == {
        "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
        "f:spec": {".": {}, "f:n": {}},
    }
    body = widget({"free": {"x": {"y": 1}, "l": [1]}}, finalizers=["e.com/f"])
    status, found = await send("PATCH", f"{WIDGETS}/w?fieldManager=m", body, APPLY)
    assert status == 200, found
    owned = next(e for e in found["metadata"]["managedFields"] if e["manager"] == "m")["fieldsV1"]
    assert owned == {
        "f:metadata": {"f:finalizers": {'v:"e.com/f"': {}}},
        "f:spec": {"f:free": {"f:l": {}, "f:x": {".": {}, "f:y": {}}}},
    }
    status, error = await send("PATCH", f"{WIDGETS}/w?fieldManager=m", widget({"nope": 1}), APPLY)
    assert (status, error["message"]) == (
        500,
        "failed to create typed patch object (/w; e.com/v1, Kind=Widget): .spec.nope: field not declared in schema",
    )
    status, found = await send("PATCH", f"{WIDGETS}/w?fieldManager=m", widget({"free": {"x": {}}}), APPLY)
    assert (status, found["spec"]) == (200, {"n": 1, "free": {"x": {}}})
    assert "finalizers" not in found["metadata"]
