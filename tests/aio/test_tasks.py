"""Tasks that end together."""

import asyncio
import logging

import pytest

from sampan.aio.tasks import Tasks


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


async def fail() -> None:
    raise ValueError("broken")


async def test_what_is_left_is_cancelled_and_joined() -> None:
    async with Tasks() as tasks:
        one, two = tasks.start(forever(), "one"), tasks.start(forever(), "two")
        assert len(tasks) == 2
        await asyncio.sleep(0)
    assert one.cancelled()
    assert two.cancelled()
    assert len(tasks) == 0


async def test_a_death_is_told_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    died: list[tuple[str, str]] = []
    with caplog.at_level(logging.ERROR, "sampan.tasks"):
        async with Tasks(lambda name, error: died.append((name, str(error)))) as tasks:
            other = tasks.start(forever(), "other")
            tasks.start(fail(), "the one that fails")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert died == [("the one that fails", "broken")]
            assert not other.done()
    assert "the one that fails died" in caplog.text


async def test_cancelling_also_ends_what_is_started_meanwhile() -> None:
    tasks = Tasks()
    ended = []

    async def last() -> None:
        try:
            await forever()
        finally:
            ended.append("last")

    async def stubborn() -> None:
        try:
            await forever()
        finally:
            tasks.start(last(), "last")
            await asyncio.sleep(0)
            ended.append("stubborn")

    tasks.start(stubborn(), "stubborn")
    await asyncio.sleep(0)
    await tasks.cancel()
    assert sorted(ended) == ["last", "stubborn"]
    assert len(tasks) == 0


async def test_join_waits_for_their_own_ends(caplog: pytest.LogCaptureFixture) -> None:
    tasks, seen = Tasks(), []

    async def work(name: str) -> None:
        await asyncio.sleep(0)
        seen.append(name)

    tasks.start(work("a"), "a")
    tasks.start(work("b"), "b")
    await tasks.join()
    assert seen == ["a", "b"]
