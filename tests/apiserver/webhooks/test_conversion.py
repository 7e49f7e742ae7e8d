"""Custom kinds whose versions a webhook converts, asked over HTTPS."""

from typing import Any

import pytest

from sampan.api.errors import StatusError
from sampan.api.names import ObjectRef, RestMapping
from sampan.client.api import Api
from sampan.resources.kinds import CRDS

Obj = dict[str, Any]
OLD = RestMapping("example.com", "v1", "Boat", "boats", True)
NEW = OLD._replace(version="v2")
DEFINITION = ObjectRef(CRDS, "", "boats.example.com")
BOAT = ObjectRef(NEW, "default", "sampan")


def version(name: str, *, storage: bool, field: str, type_: str) -> Obj:
    spec = {"type": "object", "properties": {field: {"type": type_}}}
    schema = {"type": "object", "properties": {"spec": spec}}
    return {
        "name": name, "served": True, "storage": storage, "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }  # fmt: skip


def definition(config: Obj) -> Obj:
    names = {"plural": "boats", "kind": "Boat"}
    spec = {
        "group": "example.com", "scope": "Namespaced", "names": names,
        "versions": [
            version("v1", storage=True, field="sails", type_="integer"),
            version("v2", storage=False, field="rig", type_="string"),
        ],
        "conversion": {
            "strategy": "Webhook",
            "webhook": {"clientConfig": config, "conversionReviewVersions": ["v1"]},
        },
    }  # fmt: skip
    return {"metadata": {"name": DEFINITION.name}, "spec": spec}


def converted(obj: Obj, wanted: str) -> Obj:
    """sails: 2 is rig: "2"."""
    old, new = ("rig", "sails") if wanted.endswith("v1") else ("sails", "rig")
    value = (obj.get("spec") or {}).get(old)
    spec = {} if value is None else {new: int(value) if new == "sails" else str(value)}
    return {**obj, "apiVersion": wanted, "spec": spec}


def answer(review: Obj, objects: list[Obj], **result: Any) -> Obj:
    response = {
        "uid": review["request"]["uid"], "convertedObjects": objects, "result": {"status": "Success", **result},
    }  # fmt: skip
    return {"kind": "ConversionReview", "apiVersion": review["apiVersion"], "response": response}


def convert(review: Obj) -> Obj:
    request = review["request"]
    return answer(review, [converted(one, request["desiredAPIVersion"]) for one in request["objects"]])


async def served(api: Api, config: Obj) -> None:
    """Define the kind and wait until it is served."""
    await api.create(CRDS, definition(config))
    listed = await api.list(CRDS)
    since = listed.version

    def holds(crd: Obj) -> bool:
        conditions = (crd.get("status") or {}).get("conditions") or ()
        return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)

    if not holds(listed.items[0]):
        async for event in api.watch(CRDS, since=since):
            if holds(event.obj):
                break


def boat(name: str = "sampan", **spec: Any) -> Obj:
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


@pytest.fixture
async def boats(api: Api, hook_server: Any) -> Any:
    """A kind that is converted; its webhook."""
    await served(api, hook_server.client_config("/c", convert))
    return hook_server


async def test_writes_and_reads_of_another_version_are_converted(api: Api, boats: Any) -> None:
    made = await api.create(NEW, boat(rig="3"))
    assert (made["apiVersion"], made["spec"]) == ("example.com/v2", {"rig": "3"})
    assert (await api.get(ObjectRef(OLD, "default", "sampan")))["spec"] == {"sails": 3}
    changed = await api.patch(BOAT, {"spec": {"rig": "4"}})
    assert (changed["spec"], changed["metadata"]["generation"]) == ({"rig": "4"}, 2)
    assert (await api.get(ObjectRef(OLD, "default", "sampan")))["spec"] == {"sails": 4}
    await api.delete(BOAT)
    with pytest.raises(StatusError, match="not found"):
        await api.get(BOAT)


async def test_the_stored_version_needs_no_webhook(api: Api, boats: Any) -> None:
    await api.create(OLD, boat(sails=2))
    await api.patch(ObjectRef(OLD, "default", "sampan"), {"spec": {"sails": 5}})
    assert len((await api.list(OLD, "default")).items) == 1
    assert boats.asked == []


async def test_a_list_is_converted_in_one_call_and_remembered(api: Api, boats: Any) -> None:
    for number in range(5):
        await api.create(OLD, boat(f"b{number}", sails=number))
    listed = await api.list(NEW, "default")
    assert [one["spec"]["rig"] for one in listed.items] == ["0", "1", "2", "3", "4"]
    assert [len(request["objects"]) for request in boats.asked] == [5]
    await api.patch(ObjectRef(OLD, "default", "b0"), {"spec": {"sails": 9}})
    assert (await api.list(NEW, "default")).items[0]["spec"]["rig"] == "9"
    assert [len(request["objects"]) for request in boats.asked] == [5, 1]


async def test_a_watch_shows_the_version_that_it_asked_for(api: Api, boats: Any) -> None:
    since = (await api.list(NEW, "default")).version
    await api.create(OLD, boat(sails=7))
    async for event in api.watch(NEW, "default", since=since):
        assert (event.type, event.obj["apiVersion"], event.obj["spec"]) == ("ADDED", "example.com/v2", {"rig": "7"})
        break


async def test_only_labels_and_annotations_of_the_metadata_may_change(api: Api, boats: Any) -> None:
    def relabel(review: Obj) -> Obj:
        made = convert(review)
        for one in made["response"]["convertedObjects"]:
            one["metadata"] = {**one["metadata"], "labels": {"a": "b"}, "generation": 77, "finalizers": ["x/y"]}
        return made

    await api.create(OLD, boat(sails=1))
    boats.answers["/c"] = relabel
    meta = (await api.get(BOAT))["metadata"]
    assert (meta["labels"], meta["generation"], "finalizers" in meta) == ({"a": "b"}, 1, False)


async def failure(api: Api, boats: Any, made: Any) -> StatusError:
    boats.answers["/c"] = made
    with pytest.raises(StatusError) as caught:
        await api.get(BOAT)
    return caught.value


async def test_failures_are_told_in_upstreams_words(api: Api, boats: Any) -> None:
    await api.create(OLD, boat(sails=1))
    start = "conversion webhook for example.com/v1, Kind=Boat "

    def renamed(review: Obj) -> Obj:
        made = convert(review)
        one = made["response"]["convertedObjects"][0]
        one["metadata"] = {**one["metadata"], "name": "other"}
        return made

    def wrong_label(review: Obj) -> Obj:
        made = convert(review)
        one = made["response"]["convertedObjects"][0]
        one["metadata"] = {**one["metadata"], "labels": {"a": 1}}
        return made

    cases: list[tuple[Any, str]] = [
        (lambda review: answer(review, [], status="Failed", message="no such sail"), "failed: no such sail"),
        (lambda review: answer(review, []), "returned 0 objects, expected 1"),
        (lambda review: answer(review, review["request"]["objects"]),
         "returned invalid object at index 0: invalid groupVersion (expected example.com/v2, received example.com/v1)"),
        (renamed, "returned invalid object: must have the same name: sampan != other"),
        (wrong_label,
         "returned invalid metadata: metadata.labels[a] must be a string, but is int64 in converted object"),
        (lambda review: {**convert(review), "kind": "X"},
         "failed: expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got "
         "apiextensions.k8s.io/v1, Kind=X"),
    ]  # fmt: skip
    for made, words in cases:
        error = await failure(api, boats, made)
        assert (error.code, error.message) == (500, start + words)
    await boats.server.close()
    url = f"https://127.0.0.1:{definition_port(boats)}/c"
    error = await failure(api, boats, convert)
    assert error.message == (
        f'{start}failed: Post "{url}?timeout=30s": dial tcp {url[8:-2]}: connect: connection refused'
    )


def definition_port(boats: Any) -> str:
    """The port as the requests named it."""
    host: str = boats.requests[0].headers["host"]
    return host.rpartition(":")[2]


async def test_a_definition_goes_though_its_webhook_is_gone(api: Api, boats: Any) -> None:
    await api.create(OLD, boat(sails=1))
    await boats.server.close()
    since = (await api.list(CRDS)).version
    await api.delete(DEFINITION)
    async for event in api.watch(CRDS, since=since):
        if event.type == "DELETED":
            break
    assert (await api.list(CRDS)).items == []


async def test_fields_keep_their_managers_across_versions(api: Api, boats: Any) -> None:
    await api.create(OLD, boat(sails=1))
    made = await api.patch(BOAT, {"metadata": {"labels": {"a": "b"}}})
    managers = {(one["manager"], one["apiVersion"]) for one in made["metadata"]["managedFields"]}
    assert managers == {("tests", "example.com/v1"), ("tests", "example.com/v2")}
