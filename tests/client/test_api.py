"""What each verb sends, and what it makes of answers."""

from typing import Any

import pytest

from sampan.api.errors import StatusError, expired, not_found
from sampan.api.json import dumps
from sampan.api.names import ObjectRef, RestMapping


async def test_what_is_sent(script: Any, make: Any, lists: Any, configmaps: RestMapping) -> None:
    api, ref = script.api, ObjectRef(configmaps, "ns", "a")
    script.answers = [{}, lists(5), {}, {}, {}, {}, {}]
    await api.get(ref, "status")
    await api.list(configmaps, labels="a=b,c", fields="x=y")
    await api.create(configmaps, {"metadata": {"name": "a", "namespace": "ns"}}, dry_run=True)
    await api.update(configmaps, make("a", 1), "status")
    await api.patch(ref, [{"op": "test"}], "json")
    await api.delete(ref, uid="u", propagation="Orphan", grace_seconds=0)
    assert script.said == [
        "GET /api/v1/namespaces/ns/configmaps/a/status",
        "GET /api/v1/configmaps?labelSelector=a%3Db%2Cc&fieldSelector=x%3Dy",
        "POST /api/v1/namespaces/ns/configmaps?dryRun=All",
        "PUT /api/v1/namespaces/ns/configmaps/a/status",
        "PATCH /api/v1/namespaces/ns/configmaps/a",
        "DELETE /api/v1/namespaces/ns/configmaps/a",
    ]
    assert script.body(2) == {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a", "namespace": "ns"}}
    assert script.requests[4].content_type == "application/json-patch+json"
    assert script.body() == {
        "kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "u"}, "propagationPolicy": "Orphan",
        "gracePeriodSeconds": 0,
    }  # fmt: skip


async def test_items_of_lists_get_their_kind(script: Any, configmaps: RestMapping) -> None:
    script.answers = [{"metadata": {"resourceVersion": "7"}, "items": [{"metadata": {"name": "a"}}]}]
    listed = await script.api.list(configmaps)
    assert listed.version == "7"
    assert listed.items == [{"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}}]


async def test_error_answers_are_raised(script: Any, configmaps: RestMapping) -> None:
    script.answers = [not_found("", "configmaps", "a"), StatusError(503, "", "down")]
    with pytest.raises(StatusError) as caught:
        await script.api.get(ObjectRef(configmaps, "ns", "a"))
    assert (caught.value.code, caught.value.reason) == (404, "NotFound")
    with pytest.raises(StatusError) as caught:
        await script.api.get(ObjectRef(configmaps, "ns", "a"))
    assert caught.value.code == 503


async def test_a_watch_reads_lines_however_they_are_cut(script: Any, make: Any, configmaps: RestMapping) -> None:
    lines = b"".join(
        dumps({"type": kind, "object": make("a", n)}) + b"\n" for n, kind in enumerate(("ADDED", "MODIFIED"))
    )
    for size in (1, 7, 1000):
        script.streams = [[lines[i : i + size] for i in range(0, len(lines), size)]]
        events = [event async for event in script.api.watch(configmaps, since="3")]
        assert [(event.type, event.obj["metadata"]["resourceVersion"]) for event in events] == [
            ("ADDED", "0"), ("MODIFIED", "1"),
        ]  # fmt: skip
    assert "resourceVersion=3" in script.said[-1]


async def test_an_error_event_is_raised(script: Any, configmaps: RestMapping) -> None:
    script.streams = [[("ERROR", expired("too old").to_status())]]
    with pytest.raises(StatusError) as caught:
        [event async for event in script.api.watch(configmaps)]
    assert caught.value.code == 410
