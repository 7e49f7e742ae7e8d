"""A coroutine begun without a Task goes on in one as if nothing had happened."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from sampan.net.drive import resume

T = TypeVar("T")


def begin(coroutine: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """Drive to the first wait here, then go on in a Task."""
    waits_for = coroutine.send(None)

    async def rest() -> T:
        return await resume(coroutine, waits_for)

    return asyncio.create_task(rest())


async def test_the_result_comes_through() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def work() -> int:
        first = await future
        await asyncio.sleep(0)
        return first + 1

    task = begin(work())
    await asyncio.sleep(0)
    future.set_result(1)
    assert await task == 2


async def test_a_bare_yield_first() -> None:
    async def work() -> str:
        assert asyncio.current_task() is runner
        await asyncio.sleep(0)
        name = asyncio.current_task()
        assert name is not None
        assert name is not runner
        return "in a task"

    runner = asyncio.current_task()
    assert await begin(work()) == "in a task"


async def test_exceptions_of_what_is_awaited_reach_the_coroutine() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def work() -> str:
        try:
            await future
        except OSError as error:
            return str(error)
        return "nothing"

    task = begin(work())
    future.set_exception(OSError("broken"))
    assert await task == "broken"


async def test_exceptions_of_the_coroutine_come_out() -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise OSError("mine")

    with pytest.raises(OSError, match="mine"):
        await begin(work())


async def test_cancellation_at_the_first_wait_cleans_up() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    seen: list[str] = []

    async def work() -> None:
        try:
            await future
        finally:
            seen.append("before")
            await asyncio.sleep(0)
            seen.append("after")

    task = begin(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["before", "after"]
    assert future.cancelled()


async def test_cancellation_may_be_swallowed() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> str:
        try:
            await future
        except asyncio.CancelledError:
            return "so be it"
        return ""

    task = begin(work())
    await asyncio.sleep(0)
    task.cancel()
    assert await task == "so be it"


async def test_timeout_after_the_first_wait() -> None:
    async def work() -> str:
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(0.01):
                await asyncio.get_running_loop().create_future()
        except TimeoutError:
            return "too late"
        return ""

    assert await begin(work()) == "too late"


async def test_timeout_before_the_first_wait_needs_a_task() -> None:
    async def work() -> None:
        async with asyncio.timeout(1):
            await asyncio.sleep(0)

    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[str] = loop.create_future()

    def outside_any_task() -> None:
        try:
            work().send(None)
        except RuntimeError as error:
            outcome.set_result(str(error))

    loop.call_soon(outside_any_task)
    assert "inside a task" in await outcome


async def test_closing_it_closes_the_coroutine() -> None:
    closed: list[bool] = []

    async def work() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            closed.append(True)

    coroutine = work()
    waits_for = coroutine.send(None)

    async def rest() -> None:
        await resume(coroutine, waits_for)

    outer = rest()
    outer.send(None)
    outer.close()
    assert closed == [True]
