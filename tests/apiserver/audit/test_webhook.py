"""Events are posted as an EventList, and again until the fifth try."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sampan.api.json import Obj, loads
from sampan.apiserver.audit.webhook import Webhook
from sampan.net.http import Request, Response
from sampan.net.http_client import HttpClient
from sampan.net.http_server import serve
from sampan.testing.clock import FakeClock


class Patience(FakeClock):
    """Sleeping takes no time but the clock's own."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Even(random.Random):
    def random(self) -> float:
        return 0.5


class World:
    """A webhook, and who listens."""

    def __init__(self, counts: Any) -> None:
        self.counts, self.clock = counts, Patience()
        self.posted: list[tuple[str, str, Obj]] = []
        self.answers = [200]
        self.webhook: Webhook

    async def __call__(self, request: Request) -> Response:
        target = f"{request.method} {request.path}"
        self.posted.append((target, request.headers.get("authorization", ""), loads(request.body)))
        return Response(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0], [], b"no")


@asynccontextmanager
async def listening(counts: Any) -> AsyncIterator[World]:
    world = World(counts)
    server = await serve(world, "127.0.0.1", 0)
    headers = [("authorization", "Bearer t")]
    url = f"http://127.0.0.1:{server.port}/events"
    world.webhook = Webhook(HttpClient(), url, headers, 10.0, world.clock, Even(), counts)
    try:
        yield world
    finally:
        await world.webhook.close()
        await server.close()


async def test_a_list_of_events(counts: Any, events: list[Obj]) -> None:
    async with listening(counts) as world:
        assert await world.webhook.process(events[:2])
    ((target, who, body),) = world.posted
    assert (target, who) == ("POST /events", "Bearer t")
    bare = [{key: value for key, value in event.items() if key not in ("kind", "apiVersion")} for event in events[:2]]
    assert body == {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": bare}


async def test_failures_are_tried_again(counts: Any, events: list[Obj]) -> None:
    async with listening(counts) as world:
        world.answers = [500, 403, 200]
        assert await world.webhook.process(events[:1])
    assert len(world.posted) == 3
    assert world.clock.slept == [11.0, 16.5]
    assert counts.errors() == {}


async def test_the_fifth_failure_is_told(counts: Any, events: list[Obj], caplog: pytest.LogCaptureFixture) -> None:
    async with listening(counts) as world:
        world.answers = [500]
        assert not await world.webhook.process(events[:3])
    assert len(world.posted) == 5
    assert world.clock.slept == pytest.approx([11.0, 16.5, 24.75, 37.125])
    assert counts.errors() == {"webhook": 3}
    assert "Error in audit plugin 'webhook' affecting 3 audit events: the webhook answered 500: no" in caplog.text
    assert 'AUDIT: id="2"' in caplog.text


async def test_nobody_listens(counts: Any, events: list[Obj], caplog: pytest.LogCaptureFixture) -> None:
    async with listening(counts) as world:
        pass
    client = HttpClient()
    lost = Webhook(client, "http://127.0.0.1:9/", [], 1.0, world.clock, Even(), counts)
    assert not await lost.process(events[:1])
    await lost.close()
    assert 'Post "http://127.0.0.1:9/":' in caplog.text


async def test_a_server_that_ends_does_not_try_again(counts: Any, events: list[Obj]) -> None:
    async with listening(counts) as world:
        world.answers = [500]
        world.webhook.hurry()
        assert not await world.webhook.process(events[:1])
    assert len(world.posted) == 1
