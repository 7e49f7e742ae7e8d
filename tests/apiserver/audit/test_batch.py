"""Events in batches: how many, when, how fast, and what is lost."""

from dataclasses import replace
from typing import Any

import pytest

from sampan.api.json import Obj
from sampan.apiserver.audit.batch import Bucket, Buffered
from sampan.apiserver.audit.delivery import LOG, WEBHOOK, Delivery
from sampan.testing.clock import FakeClock, settle

BATCHES = replace(WEBHOOK, batch_max_size=4, batch_max_wait=30.0, batch_throttle_enable=False)


class World:
    """A buffer before a backend that remembers."""

    def __init__(self, memory: Any, counts: Any) -> None:
        self.memory, self.counts, self.clock = memory, counts, FakeClock()

    def buffered(self, delivery: Delivery, *, apart: bool = False) -> Buffered:
        return Buffered(self.memory, delivery, self.clock, self.counts, apart=apart)


@pytest.fixture
def world(memory: Any, counts: Any) -> World:
    return World(memory, counts)


async def test_a_batch_goes_when_it_is_full_or_its_time_is_up(world: World, events: list[Obj]) -> None:
    buffered = world.buffered(BATCHES)
    assert await buffered.process(events[:6])
    await settle()
    assert world.memory.batches == [["0", "1", "2", "3"]]
    await world.clock.advance(29.0)
    assert len(world.memory.batches) == 1
    await world.clock.advance(1.0)
    assert world.memory.batches[1:] == [["4", "5"]]
    await buffered.process(events[6:7])
    await buffered.close()
    assert world.memory.batches[2:] == [["6"]]
    assert world.memory.closed


async def test_the_log_writes_one_by_one(world: World, events: list[Obj]) -> None:
    buffered = world.buffered(replace(LOG, mode="batch"))
    await buffered.process(events[:3])
    await settle()
    assert world.memory.batches == [["0"], ["1"], ["2"]]
    await buffered.close()


async def test_what_finds_the_buffer_full_is_lost_and_told(world: World, events: list[Obj]) -> None:
    world.memory.gate.clear()
    buffered = world.buffered(replace(BATCHES, batch_buffer_size=3, batch_max_size=2))
    await buffered.process(events[:2])
    await settle()
    assert await buffered.process(events[2:7])
    assert world.counts.errors() == {"buffered": 2}
    world.memory.gate.set()
    await buffered.close()
    assert world.memory.batches == [["0", "1"], ["2", "3"], ["4"]]
    assert await buffered.process(events[7:8])
    assert world.counts.errors() == {"buffered": 3}


@pytest.mark.parametrize(("apart", "sent"), [(True, 3), (False, 1)])
async def test_whether_a_batch_waits_for_the_one_before_it(
    world: World, events: list[Obj], apart: bool, sent: int
) -> None:
    world.memory.gate.clear()
    buffered = world.buffered(replace(BATCHES, batch_max_size=2), apart=apart)
    await buffered.process(events[:6])
    await settle()
    assert len(world.memory.batches) == sent
    world.memory.gate.set()
    await buffered.close()
    assert [number for batch in world.memory.batches for number in batch] == ["0", "1", "2", "3", "4", "5"]


async def test_no_more_batches_than_the_rate(world: World, events: list[Obj]) -> None:
    fast = replace(
        BATCHES, batch_max_size=1, batch_throttle_enable=True, batch_throttle_qps=2.0, batch_throttle_burst=3
    )
    buffered = world.buffered(fast)
    await buffered.process(events[:6])
    await settle()
    assert len(world.memory.batches) == 3
    await world.clock.advance(0.5)
    assert len(world.memory.batches) == 4
    await world.clock.advance(1.0)
    assert len(world.memory.batches) == 6
    await buffered.close()


async def test_a_bucket_fills_up_again() -> None:
    clock = FakeClock()
    bucket = Bucket(10.0, 2, clock)
    for _ in range(2):
        await bucket.accept()
    await clock.advance(5.0)
    for _ in range(2):
        await bucket.accept()
    assert clock.next_wake() is None
