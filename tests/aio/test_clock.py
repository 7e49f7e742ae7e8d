"""The real clock and the virtual one keep the same promises."""

import asyncio
from datetime import UTC, timedelta

from sampan.aio.clock import RealClock
from sampan.testing.clock import FakeClock, settle


async def test_the_real_clock() -> None:
    clock = RealClock()
    assert clock.now().tzinfo is UTC
    before = clock.monotonic()
    await clock.sleep(0.01)
    assert clock.monotonic() - before >= 0.009
    await clock.sleep(-1)


async def test_virtual_time_moves_only_when_told() -> None:
    clock = FakeClock()
    start, woken = clock.now(), []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((seconds, clock.monotonic()))

    tasks = [asyncio.ensure_future(sleeper(s)) for s in (3, 1, 2, 0, -1)]
    await settle()
    assert [w[0] for w in woken] == [0, -1]
    assert clock.next_wake() == 1
    await clock.advance(2.5)
    assert woken[2:] == [(1, 1), (2, 2)]
    assert clock.now() == start + timedelta(seconds=2.5)
    await clock.advance(1)
    assert woken[4:] == [(3, 3)]
    assert clock.next_wake() is None
    await asyncio.gather(*tasks)


async def test_a_cancelled_sleeper_is_not_waited_for() -> None:
    clock = FakeClock()
    task = asyncio.ensure_future(clock.sleep(5))
    await settle()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert clock.next_wake() is None
    await clock.advance(10)
