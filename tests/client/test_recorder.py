"""Events about objects."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sampan.api.errors import StatusError, not_found
from sampan.client.recorder import BURST, QUEUED, REFILL, Recorder
from sampan.testing.clock import FakeClock


@pytest.fixture
async def recorder(script: Any) -> AsyncIterator[Recorder]:
    """Posting as `kubelet` on `n1`."""
    made = Recorder(script.api, FakeClock(), "kubelet", "n1")
    task = asyncio.ensure_future(made.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_event(recorder: Recorder, script: Any, make: Any) -> None:
    recorder.event(make("a", 7), "Normal", "Pulled", "got it")
    await recorder.flush()
    assert script.said == ["POST /api/v1/namespaces/ns/events"]
    body = script.body()
    assert body["involvedObject"] == {
        "kind": "ConfigMap", "namespace": "ns", "name": "a", "uid": "uid-a", "apiVersion": "v1", "resourceVersion": "7",
    }  # fmt: skip
    assert (body["type"], body["reason"], body["message"], body["count"]) == ("Normal", "Pulled", "got it", 1)
    assert body["source"] == {"component": "kubelet", "host": "n1"}
    assert body["metadata"]["name"].startswith("a.")
    assert body["firstTimestamp"] == body["lastTimestamp"] == "2026-01-01T00:00:00Z"


async def test_repeats_are_counted(recorder: Recorder, script: Any, make: Any) -> None:
    for _ in range(3):
        recorder.event(make("a", 7), "Warning", "BackOff", "again")
    recorder.event(make("a", 7), "Warning", "BackOff", "other")
    await recorder.flush()
    name = script.body(0)["metadata"]["name"]
    path = f"/api/v1/namespaces/ns/events/{name}"
    assert script.said == ["POST /api/v1/namespaces/ns/events", f"PATCH {path}", f"PATCH {path}", script.said[0]]
    assert script.body(2) == {"count": 3, "lastTimestamp": "2026-01-01T00:00:00Z"}
    assert script.body(3)["metadata"]["name"] != name


async def test_one_that_is_gone_is_posted_anew_with_its_count(recorder: Recorder, script: Any, make: Any) -> None:
    script.answers = [{}, not_found("", "events", "x"), {}]
    for _ in range(2):
        recorder.event(make("a", 7), "Normal", "R", "m")
    await recorder.flush()
    assert [said.split()[0] for said in script.said] == ["POST", "PATCH", "POST"]
    assert script.body()["count"] == 2


@pytest.mark.parametrize("error", [StatusError(500, "", "x"), ConnectionResetError()])
async def test_what_cannot_be_posted_is_lost_and_the_next_is_not(
    recorder: Recorder, script: Any, make: Any, error: Exception
) -> None:
    script.answers = [error, {}]
    recorder.event(make("a", 7), "Normal", "R", "m")
    recorder.event(make("b", 7), "Normal", "R", "m")
    await recorder.flush()
    assert script.body()["involvedObject"]["name"] == "b"


async def test_events_of_cluster_scoped_objects_live_in_default(recorder: Recorder, script: Any) -> None:
    recorder.event({"kind": "Node", "metadata": {"name": "n"}}, "Normal", "R", "m" * 2000)
    await recorder.flush()
    assert script.said == ["POST /api/v1/namespaces/default/events"]
    assert len(script.body()["message"]) == 1024


async def test_far_too_many_wait_for_nobody(script: Any, make: Any) -> None:
    recorder = Recorder(script.api, FakeClock(), "c")
    for number in range(QUEUED + 50):
        recorder.event(make(f"a{number}", 1), "Normal", "R", "m")
    assert recorder._queue.qsize() == QUEUED


async def test_many_events_about_one_object_are_held_back(script: Any, make: Any) -> None:
    clock = FakeClock()
    recorder = Recorder(script.api, clock, "replicaset-controller")
    task = asyncio.ensure_future(recorder.run())
    for number in range(BURST + 10):
        recorder.event(make("a", 7), "Normal", "SuccessfulCreate", f"Created pod: {number}")
    recorder.event(make("b", 8), "Normal", "SuccessfulCreate", "another object has its own")
    await recorder.flush()
    assert len(script.said) == BURST + 1
    await clock.advance(REFILL)
    for number in range(2):
        recorder.event(make("a", 7), "Normal", "SuccessfulCreate", f"Created pod: again {number}")
    await recorder.flush()
    assert len(script.said) == BURST + 2
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
