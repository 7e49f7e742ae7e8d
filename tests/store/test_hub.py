"""Slow readers, and who is woken."""

import asyncio

import pytest

from sampan.store.base import Event, KeyValue, SlowReader
from sampan.store.hub import Hub


def event(key: str, revision: int) -> Event:
    return Event("PUT", KeyValue(key, b"{}", revision), None)


async def test_a_slow_reader_is_cut_off_and_told() -> None:
    hub = Hub(1)
    slow, quick = hub.open("/core/pods/", [], 3), hub.open("/core/pods/", [], 3)
    for revision in range(2, 7):
        hub.publish([event("/core/pods/ns/a", revision)])
        assert [e.revision for e in await anext(quick)] == [revision]
    with pytest.raises(SlowReader):
        await anext(slow)
    with pytest.raises(SlowReader):
        await anext(slow)
    assert len(hub) == 1
    quick.close()
    assert len(hub) == 0


async def test_a_long_backlog_is_no_reason_to_cut_off() -> None:
    hub = Hub(9)
    watch = hub.open("/core/pods/", [event("/core/pods/ns/a", n) for n in range(2, 10)], 2)
    hub.publish([event("/core/pods/ns/a", 10)])
    assert [e.revision for e in await anext(watch)] == list(range(2, 11))
    watch.close()


async def test_only_those_concerned_are_woken() -> None:
    hub = Hub(1)
    watches = [hub.open(f"/core/secrets/ns/s{n}/", [], 10) for n in range(100)]
    readers = [asyncio.ensure_future(anext(watch)) for watch in watches]
    await asyncio.sleep(0)
    hub.publish([event("/core/secrets/ns/s7/x", 2)])
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [n for n, reader in enumerate(readers) if reader.done()] == [7]
    hub.close()
    ended = await asyncio.gather(*readers, return_exceptions=True)
    assert sum(isinstance(end, StopAsyncIteration) for end in ended) == 99


async def test_what_one_reader_is_given_is_its_own_list() -> None:
    hub = Hub(1)
    first, second = hub.open("/core/pods/", [], 10), hub.open("/core/pods/", [], 10)
    hub.publish([event("/core/pods/ns/a", 2)])
    (await anext(first)).clear()
    hub.publish([event("/core/pods/ns/a", 3)])
    assert [e.revision for e in await anext(second)] == [2, 3]
    hub.close()


async def test_one_reader_at_a_time() -> None:
    hub = Hub(1)
    watch = hub.open("/core/pods/", [], 10)
    reader = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="one reader"):
        await anext(watch)
    hub.close()
    with pytest.raises(StopAsyncIteration):
        await reader
