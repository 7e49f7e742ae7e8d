"""Custom resources: kinds that come, change and go with their definitions."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sampan.api.errors import StatusError
from sampan.api.json import Obj, dumps, loads
from sampan.api.names import ObjectRef, RestMapping
from sampan.apiserver.app import App, Parts
from sampan.apiserver.context import UserInfo
from sampan.client.api import Api
from sampan.client.local import LocalTransport
from sampan.net.http import Request
from sampan.resources.build import builtin_resources
from sampan.resources.kinds import CRDS
from sampan.store.memory import MemoryStore

BOATS = RestMapping("example.com", "v1", "Boat", "boats", True)
NAME = ObjectRef(CRDS, "", "boats.example.com")
SCHEMA: Obj = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["sails"],
            "properties": {"sails": {"type": "integer", "minimum": 1}, "flag": {"type": "string", "default": "none"}},
        }
    },
}


def definition(plural: str = "boats", kind: str = "Boat", **more: Any) -> Obj:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": SCHEMA}, **more}
    names = {"plural": plural, "kind": kind}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    return {"metadata": {"name": f"{plural}.example.com"}, "spec": spec}


def boat(name: str = "sampan", **spec: Any) -> Obj:
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"sails": 2, **spec}}


def api_of(app: App) -> Api:
    return Api(LocalTransport(app, UserInfo("admin", groups=("system:masters",))))


@pytest.fixture
def api(app: App) -> Api:
    return api_of(app)


Until = Callable[[Callable[[Obj], bool]], Awaitable[Obj]]


async def reached(api: Api, ref: ObjectRef, holds: Callable[[Obj], bool]) -> Obj:
    """The object as soon as a watch shows it so."""
    listed = await api.list(ref.mapping, ref.namespace)
    for item in listed.items:
        if item["metadata"]["name"] == ref.name and holds(item):
            return item
    async for event in api.watch(ref.mapping, ref.namespace, since=listed.version):
        if event.obj["metadata"].get("name") == ref.name and event.type != "DELETED" and holds(event.obj):
            return event.obj
    raise AssertionError("the watch ended")


def established(crd: Obj) -> bool:
    conditions = (crd.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


async def gone(api: Api, ref: ObjectRef) -> None:
    """Wait until the object is not there."""
    listed = await api.list(ref.mapping, ref.namespace)
    if not any(item["metadata"]["name"] == ref.name for item in listed.items):
        return
    async for event in api.watch(ref.mapping, ref.namespace, since=listed.version):
        if event.type == "DELETED" and event.obj["metadata"]["name"] == ref.name:
            return


async def test_objects_are_defaulted_pruned_and_checked(api: Api) -> None:
    await api.create(CRDS, definition())
    await reached(api, NAME, established)
    made = await api.create(BOATS, {**boat(), "spec": {"sails": 2, "unknown": 1}})
    assert made["spec"] == {"sails": 2, "flag": "none"}
    with pytest.raises(StatusError, match=r"spec\.sails in body should be greater than or equal to 1"):
        await api.create(BOATS, boat("none", sails=0))
    with pytest.raises(StatusError, match=r"spec\.sails: Required value"):
        await api.create(BOATS, {**boat("none"), "spec": {}})


async def test_a_server_that_starts_again_serves_at_once_what_was_defined(app: App) -> None:
    store = MemoryStore()
    first = App(Parts(store, builtin_resources("1.36"), version="1.36"))
    await first.start()
    await api_of(first).create(CRDS, definition())
    await reached(api_of(first), NAME, established)
    await api_of(first).create(BOATS, boat())
    await first.close()
    second = App(Parts(store, builtin_resources("1.36"), version="1.36"))
    await second.start()
    assert (await api_of(second).get(ObjectRef(BOATS, "default", "sampan")))["spec"]["sails"] == 2
    await second.close()
    await store.close()


async def test_a_name_that_is_taken_is_refused_until_it_is_free(api: Api) -> None:
    await api.create(CRDS, definition())
    await reached(api, NAME, established)
    await api.create(CRDS, definition("ships", "Boat"))
    ships = ObjectRef(CRDS, "", "ships.example.com")
    refused = await reached(api, ships, lambda crd: bool((crd.get("status") or {}).get("conditions")))
    accepted, stands = refused["status"]["conditions"][:2]
    assert (accepted["status"], accepted["reason"]) == ("False", "ListKindConflict")
    assert accepted["message"] == '"BoatList" is already in use'
    assert (stands["type"], stands["status"], stands["reason"]) == ("Established", "False", "NotAccepted")
    await api.delete(NAME)
    await reached(api, ships, established)


async def test_deleting_a_definition_deletes_its_objects_first(api: Api) -> None:
    await api.create(CRDS, definition())
    await reached(api, NAME, established)
    held = boat("held")
    held["metadata"]["finalizers"] = ["example.com/wait"]
    await api.create(BOATS, boat("free"))
    await api.create(BOATS, held)
    await api.delete(NAME)
    ref = ObjectRef(BOATS, "default", "held")
    await reached(api, ref, lambda obj: "deletionTimestamp" in obj["metadata"])
    assert [b["metadata"]["name"] for b in (await api.list(BOATS, "default")).items] == ["held"]
    await api.patch(ref, {"metadata": {"finalizers": None}})
    await gone(api, NAME)
    with pytest.raises(StatusError):
        await api.list(BOATS, "default")


async def test_a_changed_definition_changes_what_is_served(app: App, api: Api) -> None:
    await api.create(CRDS, definition())
    crd = await reached(api, NAME, established)
    versions = crd["spec"]["versions"]
    second = {**versions[0], "name": "v2", "storage": False}
    await api.update(CRDS, {**crd, "spec": {**crd["spec"], "versions": [*versions, second]}})
    v2 = BOATS._replace(version="v2")
    changed = asyncio.Event()
    app.kit.live.on_change(changed.set)
    if app.kit.live.get(*v2[:2], "boats") is None:
        await changed.wait()
    await api.create(BOATS, boat())
    assert (await api.get(ObjectRef(v2, "default", "sampan")))["apiVersion"] == "example.com/v2"


async def test_defaults_that_come_later_are_seen_in_what_was_there(app: App, api: Api) -> None:
    await api.create(CRDS, definition())
    await reached(api, NAME, established)
    await api.create(BOATS, boat())
    wider = {"openAPIV3Schema": {"type": "object", "properties": {"spec": {
        "type": "object", "properties": {"sails": {"type": "integer"}, "crew": {"type": "integer", "default": 3}},
    }}}}  # fmt: skip
    patch = [{"op": "replace", "path": "/spec/versions/0/schema", "value": wider}]
    changed = asyncio.Event()
    app.kit.live.on_change(changed.set)
    await api.patch(NAME, patch, "json")
    await changed.wait()
    assert (await api.get(ObjectRef(BOATS, "default", "sampan")))["spec"]["crew"] == 3
    assert (await api.list(BOATS, "default")).items[0]["spec"]["crew"] == 3


async def test_a_webhook_conversion_is_refused_in_words(api: Api) -> None:
    crd = definition()
    second = {**crd["spec"]["versions"][0], "name": "v2", "storage": False}
    crd["spec"]["versions"].append(second)
    webhook = {"conversionReviewVersions": ["v1"], "clientConfig": {"url": "https://127.0.0.1:1/convert"}}
    crd["spec"]["conversion"] = {"strategy": "Webhook", "webhook": webhook}
    await api.create(CRDS, crd)
    await reached(api, NAME, established)
    await api.create(BOATS, boat())
    with pytest.raises(StatusError, match="conversion webhooks are not called by this server"):
        await api.get(ObjectRef(BOATS._replace(version="v2"), "default", "sampan"))


async def test_scale_without_a_selector(api: Api) -> None:
    crd = definition()
    version = crd["spec"]["versions"][0]
    version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["crew"] = {"type": "integer"}
    version["subresources"] = {"scale": {"specReplicasPath": ".spec.crew", "statusReplicasPath": ".status.crew"}}
    await api.create(CRDS, crd)
    await reached(api, NAME, established)
    await api.create(BOATS, boat(crew=3))
    scale = await api.get(ObjectRef(BOATS, "default", "sampan"), "scale")
    assert (scale["spec"], scale["status"]) == ({"replicas": 3}, {"replicas": 0})


@pytest.mark.parametrize(
    ("spec", "status", "message"),
    [
        ({"sails": None}, 422, 'spec.sails in body must be of type integer: "null"'),
        (None, 422, 'spec in body must be of type object: "null"'),
        ({"sails": 1, "flag": None}, 201, ""),
    ],
)
async def test_applied_nulls_are_seen_by_validation(
    app: App, api: Api, spec: Obj | None, status: int, message: str
) -> None:
    """Those with a default become it; unlike in other bodies, the others are not dropped."""
    await api.create(CRDS, definition())
    await reached(api, NAME, established)
    body = dumps({"apiVersion": "example.com/v1", "kind": "Boat", "metadata": {"name": "a"}, "spec": spec})
    path = "/apis/example.com/v1/namespaces/default/boats/a"
    found = await app(Request("PATCH", path, "fieldManager=m", {"content-type": "application/apply-patch+yaml"}, body))
    made = loads(found.body)
    assert found.status == status, made
    if status == 422:
        assert message in made["message"]
    else:
        assert made["spec"] == {"sails": 1, "flag": "none"}
