"""Callbacks on a clock that the test moves."""

import asyncio
from datetime import UTC, datetime

from sampan.apiserver.deadlines import Deadlines


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 0.0
        self.sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.at + seconds, future))
        await future

    async def move(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.at += seconds
        for due, future in self.sleepers:
            if due <= self.at and not future.done():
                future.set_result(None)
        for _ in range(3):
            await asyncio.sleep(0)


async def test_in_their_order_and_no_task_is_left() -> None:
    clock, called = Hand(), []
    deadlines = Deadlines(clock)
    deadlines.add(10, lambda: called.append("late"))
    deadlines.add(5, lambda: called.append("early"))
    cancelled = deadlines.add(7, lambda: called.append("never"))
    cancelled.cancel()
    await clock.move(5)
    assert called == ["early"]
    await clock.move(5)
    assert called == ["early", "late"]
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "deadlines"]


async def test_cancelling_the_last_one_ends_the_task() -> None:
    clock = Hand()
    deadlines = Deadlines(clock)
    deadlines.add(10, lambda: None).cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "deadlines"]
    await deadlines.close()
