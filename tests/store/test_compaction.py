"""Compaction by time."""

import asyncio

import pytest

from sampan.store.base import Compacted, Draft
from sampan.store.compaction import EVERY, compact_by_time
from sampan.store.memory import MemoryStore
from sampan.testing.clock import FakeClock

DRAFT = Draft(b'{"metadata":{"resourceVersion":"', b'"}}')


async def test_what_was_replaced_is_forgotten_after_a_while() -> None:
    store, clock = MemoryStore(), FakeClock()
    first = await store.put("/core/configmaps/default/c", DRAFT)
    await store.put("/core/configmaps/default/c", DRAFT)
    task = asyncio.create_task(compact_by_time(store, clock))
    await clock.advance(EVERY - 1)
    await store.range("/core/configmaps/", revision=first.revision)
    await store.put("/core/configmaps/default/c", DRAFT)
    await clock.advance(2)
    with pytest.raises(Compacted):
        await store.range("/core/configmaps/", revision=first.revision)
    assert (await store.range("/core/configmaps/", revision=store.revision - 1)).items, "younger than a turn"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await store.close()
