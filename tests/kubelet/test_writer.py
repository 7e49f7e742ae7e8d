"""Statuses on their way to the API: what is patched, and what becomes of patches that fail."""

from typing import Any, cast

import pytest

from sampan.aio.tasks import Tasks
from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.client.api import Api
from sampan.kubelet.writer import StatusWriter, difference
from sampan.testing.clock import FakeClock

READY = {"type": "Ready", "status": "True"}
UNREADY = {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": "x"}


@pytest.mark.parametrize(
    ("old", "new", "patch"),
    [
        ({}, {"phase": "Pending"}, {"phase": "Pending"}),
        ({"phase": "Pending"}, {"phase": "Pending"}, {}),
        ({"phase": "Failed", "reason": "Evicted"}, {"phase": "Failed"}, {"reason": None}),
        ({"qosClass": "BestEffort"}, {"qosClass": "Burstable", "resize": "x"}, {}),
        (
            {"conditions": [UNREADY]},
            {"conditions": [READY]},
            {"conditions": [{**READY, "reason": None, "message": None}]},
        ),
        ({"conditions": [READY]}, {"conditions": [READY, {"type": "PodScheduled", "status": "True"}]}, {}),
        (
            {"podIPs": [{"ip": "10.0.0.2"}]},
            {"podIPs": [{"ip": "10.0.0.3"}]},
            {"podIPs": [{"ip": "10.0.0.3"}, {"$patch": "delete", "ip": "10.0.0.2"}]},
        ),
        (
            {"containerStatuses": [{"name": "a", "ready": False}]},
            {"containerStatuses": [{"name": "a", "ready": True}]},
            {"containerStatuses": [{"name": "a", "ready": True}]},
        ),
    ],
)
def test_what_is_patched(old: Obj, new: Obj, patch: Obj) -> None:
    assert difference(old, new) == patch


class Server:
    """Takes patches; answers with what the test has laid ready."""

    def __init__(self) -> None:
        self.taken: list[Obj] = []
        self.failures: list[Exception] = []

    async def patch(self, ref: Any, body: Obj, kind: str, subresource: str) -> Obj:
        assert (kind, subresource, body["metadata"]) == ("strategic", "status", {"uid": "u"})
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(body["status"])
        return {}


POD: Obj = {"metadata": {"name": "p", "namespace": "default", "uid": "u"}, "status": {"phase": "Pending"}}


async def write(server: Server, clock: FakeClock, *statuses: Obj) -> StatusWriter:
    """Put these one after another while nobody writes, then write for half a minute."""
    writer = StatusWriter(cast(Api, server), clock)
    for status in statuses:
        writer.put(POD, status)
    async with Tasks() as tasks:
        tasks.start(writer.run(), "writer")
        await clock.advance(30)
        assert await settled(writer, clock)
        await writer.close()
    return writer


async def settled(writer: StatusWriter, clock: FakeClock) -> bool:
    import asyncio

    task = asyncio.ensure_future(writer.settled("u"))
    await clock.advance(0)
    done = task.done()
    task.cancel()
    return done


async def test_only_the_newest_is_written(clock: FakeClock) -> None:
    server = Server()
    writer = await write(server, clock, {"phase": "Running"}, {"phase": "Failed"})
    assert server.taken == [{"phase": "Failed"}]
    assert writer.last("u") == {"phase": "Failed"}
    writer.forget("u")
    assert writer.last("u") is None


async def test_what_the_api_has_already_is_not_written(clock: FakeClock) -> None:
    server = Server()
    await write(server, clock, {"phase": "Pending"})
    assert server.taken == []


@pytest.mark.parametrize(
    "failure", [StatusError(500, "InternalError", "x"), StatusError(429, "TooManyRequests", "x"), OSError("down")]
)
async def test_what_fails_is_tried_again(clock: FakeClock, failure: Exception) -> None:
    server = Server()
    server.failures = [failure] * 3
    await write(server, clock, {"phase": "Running"})
    assert server.taken == [{"phase": "Running"}]


@pytest.mark.parametrize("code", [404, 409, 422])
async def test_what_is_refused_is_not(clock: FakeClock, code: int) -> None:
    server = Server()
    server.failures = [StatusError(code, "", "x"), StatusError(code, "", "x")]
    await write(server, clock, {"phase": "Running"})
    assert (server.taken, len(server.failures)) == ([], 1)
