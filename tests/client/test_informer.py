"""Informers: caches that follow, subscribers that are told, waiters that are let go."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sampan.api.errors import expired
from sampan.api.names import Key, RestMapping
from sampan.client.cache import Delta
from sampan.client.informer import Informers
from sampan.testing.clock import FakeClock, settle


class World:
    """Informers over a script, in virtual time."""

    def __init__(self, script: Any) -> None:
        self.clock = FakeClock()
        self.informers = Informers(script.api, self.clock)
        self.told: list[str] = []

    def note(self, delta: Delta) -> None:
        def name(obj: dict[str, Any] | None) -> str:
            return obj["metadata"]["name"] + obj["metadata"]["resourceVersion"] if obj else "-"

        self.told.append(f"{name(delta.old)}>{name(delta.new)}")

    async def run(self, seconds: float = 1) -> None:
        for _ in range(int(seconds * 20)):
            await self.clock.advance(0.05)


@pytest.fixture
async def world(script: Any) -> AsyncIterator[World]:
    """Closed after the test."""
    made = World(script)
    yield made
    await made.informers.close()


async def test_subscribers_are_told_in_order(
    world: World, script: Any, make: Any, lists: Any, configmaps: RestMapping
) -> None:
    script.answers = [lists(5, make("a", 1), make("b", 2))]
    script.streams = [[("MODIFIED", make("a", 6)), ("DELETED", make("b", 7)), ("ADDED", make("c", 8)), None]]
    informer = world.informers.of(configmaps)
    informer.subscribe(world.note)
    await world.run()
    await world.informers.synced()
    assert world.told == ["->a1", "->b2", "a1>a6", "b7>-", "->c8"]
    late: list[Delta] = []
    informer.subscribe(late.append)
    assert [d.new["metadata"]["name"] for d in late if d.new] == ["a", "c"]
    informer.unsubscribe(late.append)


async def test_a_kind_has_one_informer(world: World, script: Any, lists: Any, configmaps: RestMapping) -> None:
    script.answers = [lists(1)] * 5
    assert world.informers.find(configmaps) is None
    informer = world.informers.of(configmaps)
    assert world.informers.of(configmaps) is informer is world.informers.find(configmaps)
    assert world.informers.of(configmaps, "metadata.name=x") is not informer
    assert world.informers.of(configmaps, keep=lambda obj: obj) is not informer
    await world.run()
    await world.informers.drop(configmaps)
    assert world.informers.find(configmaps) is None


async def test_a_relist_tells_what_was_missed(
    world: World, script: Any, make: Any, lists: Any, configmaps: RestMapping
) -> None:
    script.answers = [
        lists(5, make("same", 1), make("gone", 2), make("changed", 3), make("reborn", 4, "u1")),
        lists(50, make("same", 1), make("changed", 30), make("new", 40), make("reborn", 45, "u2")),
    ]
    script.streams = [[expired("too old")], [("MODIFIED", make("new", 51)), None]]
    world.informers.of(configmaps).subscribe(world.note)
    await world.run()
    assert world.told[4:] == ["gone2>-", "reborn4>-", "changed3>changed30", "->new40", "->reborn45", "new40>new51"]


async def test_a_broken_stream_loses_and_repeats_nothing(
    world: World, script: Any, make: Any, lists: Any, configmaps: RestMapping
) -> None:
    script.answers = [lists(5)]
    script.streams = [[("ADDED", make("a", 6)), ConnectionResetError()], [OSError()], [("ADDED", make("b", 7)), None]]
    world.informers.of(configmaps).subscribe(world.note)
    await world.run()
    assert world.told == ["->a6", "->b7"]


async def test_managed_fields_are_dropped(
    world: World, script: Any, make: Any, lists: Any, configmaps: RestMapping
) -> None:
    script.answers = [lists(5, make("a", 1, managedFields=[{}]))]
    informer = world.informers.of(configmaps)
    await world.run()
    found = informer.cache.get("ns", "a")
    assert found is not None
    assert "managedFields" not in found["metadata"]


async def test_waiting_for_a_version(world: World, script: Any, make: Any, lists: Any, configmaps: RestMapping) -> None:
    gate = asyncio.Event()

    async def later() -> None:
        await gate.wait()

    script.answers = [lists(5, make("a", 1))]
    script.streams = [[ConnectionResetError()], [("MODIFIED", make("a", 9)), ("DELETED", make("a", 10)), None]]
    informer = world.informers.of(configmaps)
    await settle(60)
    await informer.seen(Key("ns", "a"), "1")
    await informer.seen(Key("ns", "unknown"), "99")
    waiting = asyncio.ensure_future(informer.seen(Key("ns", "a"), "9"))
    gone = asyncio.ensure_future(informer.seen(Key("ns", "a"), "99"))
    await settle()
    assert not waiting.done()
    await world.run()
    await asyncio.gather(waiting, gone)


async def test_waiting_for_a_first_sight(
    world: World, script: Any, make: Any, lists: Any, configmaps: RestMapping
) -> None:
    script.answers = [lists(5)]
    script.streams = [[ConnectionResetError()], [("ADDED", make("a", 9)), None]]
    informer = world.informers.of(configmaps)
    await settle(60)
    waiting = asyncio.ensure_future(informer.appeared(Key("ns", "a"), "9"))
    await settle()
    assert not waiting.done()
    await world.run()
    await waiting


async def test_metadata_alone_is_asked_for_and_kept(
    world: World, script: Any, make: Any, lists: Any, configmaps: RestMapping
) -> None:
    def keep(obj: dict[str, Any]) -> dict[str, Any] | None:
        return obj if obj["metadata"].get("labels") else None

    script.answers = [lists(5, make("plain", 1), make("kept", 2, labels={"a": "b"}))]
    script.streams = [[("MODIFIED", make("kept", 6)), ("DELETED", make("plain", 7)), None]]
    informer = world.informers.of(configmaps, keep=keep)
    informer.subscribe(world.note)
    await world.run()
    assert "PartialObjectMetadataList" in script.requests[0].accept
    assert world.told == ["kept2>kept2", "kept2>-", "plain7>-"]
    assert len(informer.cache) == 0
