"""The work queue against its promises, in virtual time."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.aio.queue import QueueClosed, WorkQueue
from sampan.testing.clock import FakeClock, settle


@pytest.fixture
def clock() -> FakeClock:
    """Virtual time."""
    return FakeClock()


@pytest.fixture
async def queue(clock: FakeClock) -> AsyncIterator[WorkQueue[str]]:
    """Over that clock; closed after the test."""
    made: WorkQueue[str] = WorkQueue(clock)
    yield made
    await made.close()


async def take(queue: WorkQueue[str]) -> list[str]:
    """All keys that are ready, each given back at once."""
    found = []
    while len(queue):
        key = await queue.get()
        found.append(key)
        queue.done(key)
    return found


async def test_a_key_stands_once(queue: WorkQueue[str]) -> None:
    for key in "abab":
        queue.add(key)
    assert await take(queue) == ["a", "b"]
    assert queue.idle


async def test_a_key_in_work_comes_again_after_it(queue: WorkQueue[str]) -> None:
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    queue.add("a")
    assert len(queue) == 0
    assert not queue.idle
    queue.done("a")
    assert await take(queue) == ["a"]
    assert queue.idle


async def test_delays(queue: WorkQueue[str], clock: FakeClock) -> None:
    queue.add_after("late", 10)
    queue.add_after("soon", 1)
    queue.add_after("now", 0)
    assert await take(queue) == ["now"]
    assert queue.next_deadline() == 1
    await clock.advance(0.9)
    assert await take(queue) == []
    await clock.advance(0.1)
    assert await take(queue) == ["soon"]
    await clock.advance(9)
    assert await take(queue) == ["late"]
    assert queue.next_deadline() is None


async def test_no_deadline_swallows_another(queue: WorkQueue[str], clock: FakeClock) -> None:
    """kubernetes#110239: the earliest of two delays made client-go forget the later one."""
    queue.add_after("a", 10)
    queue.add_after("a", 5)
    queue.add_after("a", 5)
    seen = []
    for second in range(1, 13):
        await clock.advance(1)
        seen += [second for _ in await take(queue)]
    assert seen == [5, 10]


async def test_retries_wait_longer_each_time_until_forgotten(queue: WorkQueue[str], clock: FakeClock) -> None:
    waits = []
    for _ in range(4):
        queue.retry("a")
        at = queue.next_deadline()
        assert at is not None
        waits.append(round(at - clock.monotonic(), 6))
        await clock.advance(waits[-1])
        await take(queue)
    assert waits == [0.005, 0.01, 0.02, 0.04]
    assert queue.failures("a") == 4
    queue.forget("a")
    assert queue.failures("a") == 0
    for _ in range(40):
        queue.retry("b")
    assert max(at - clock.monotonic() for at, _, _ in queue._delayed) == 1000


async def test_whoever_waits_gets_the_next_key(queue: WorkQueue[str]) -> None:
    first, second = (asyncio.ensure_future(queue.get()) for _ in range(2))
    await settle()
    queue.add("a")
    await settle()
    assert first.done()
    assert not second.done()
    queue.add("b")
    assert (await first, await second) == ("a", "b")


async def test_a_cancelled_waiter_loses_no_key(queue: WorkQueue[str]) -> None:
    first, second = (asyncio.ensure_future(queue.get()) for _ in range(2))
    await settle()
    queue.add("a")
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert await asyncio.wait_for(second, 1) == "a"


async def test_closing_ends_waiters_and_delays(queue: WorkQueue[str]) -> None:
    waiting = [asyncio.ensure_future(queue.get()) for _ in range(3)]
    queue.add_after("a", 5)
    await settle()
    await queue.close()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, QueueClosed) for result in results)
    queue.add("x")
    queue.add_after("y", 1)
    assert queue.idle
    assert queue.next_deadline() is None


async def test_what_is_ready_is_still_handed_out_after_closing(queue: WorkQueue[str]) -> None:
    queue.add("a")
    await queue.close()
    assert await queue.get() == "a"
    with pytest.raises(QueueClosed):
        await queue.get()


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from("abc")),
        st.tuples(st.sampled_from(["get", "done"]), st.just("")),
        st.tuples(st.integers(1, 5), st.sampled_from("abc")),
        st.tuples(st.just("advance"), st.integers(1, 3)),
    ),
    max_size=40,
)


@given(OPERATIONS)
@settings(max_examples=60, deadline=None)
def test_nothing_is_lost_and_no_key_is_worked_on_twice(operations: list[tuple[object, object]]) -> None:
    async def play() -> None:
        clock = FakeClock()
        queue: WorkQueue[str] = WorkQueue(clock)
        wanted: set[str] = set()  # keys that must still be handed out
        deadlines: list[tuple[float, str]] = []
        busy: list[str] = []
        for what, on in operations:
            match what, on:
                case "add", str(key):
                    queue.add(key)
                    wanted.add(key)
                case "get", _ if len(queue):
                    key = await queue.get()
                    assert key not in busy
                    assert key in wanted
                    wanted.discard(key)
                    busy.append(key)
                case "done", _ if busy:
                    queue.done(busy.pop(0))
                case int(seconds), str(key):
                    queue.add_after(key, seconds)
                    deadlines.append((clock.monotonic() + seconds, key))
                case "advance", int(seconds):
                    await clock.advance(seconds)
                    wanted |= {key for at, key in deadlines if at <= clock.monotonic()}
                    deadlines = [(at, key) for at, key in deadlines if at > clock.monotonic()]
        for key in busy:
            queue.done(key)
        await clock.advance(10)
        assert set(await take(queue)) == wanted | {key for _, key in deadlines}
        await queue.close()

    asyncio.run(play())


async def test_a_key_that_rests_is_not_handed_out_before(queue: WorkQueue[str], clock: FakeClock) -> None:
    queue.add("a")
    queue.done(await queue.get(), rest=2.0)
    queue.add("a")
    queue.add("b")
    assert await take(queue) == ["b"]
    assert not queue.idle
    await clock.advance(1.9)
    assert await take(queue) == []
    await clock.advance(0.2)
    assert await take(queue) == ["a"]
    assert queue.idle


async def test_a_key_that_rests_unasked_is_idle(queue: WorkQueue[str], clock: FakeClock) -> None:
    queue.add("a")
    queue.done(await queue.get(), rest=1.0)
    assert queue.idle
    await clock.advance(2.0)
    assert await take(queue) == []
