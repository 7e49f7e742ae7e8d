"""The pod cache: the newest wins, and readers get nothing older than they asked for."""

import asyncio

import pytest

from sampan.kubelet.pleg.cache import PodCache
from sampan.kubelet.runtime import Container, ContainerState, CriError, PodStatus, Sandbox, SandboxState
from sampan.testing.clock import FakeClock, settle


def status(name: str = "c", state: ContainerState = ContainerState.RUNNING) -> PodStatus:
    box = Sandbox("box", "1", "pod", "default", 0, SandboxState.READY, 1)
    return PodStatus("1", "pod", "default", (box,), (Container(name, "box", name, 0, state, 1),))


@pytest.fixture
def cache(clock: FakeClock) -> PodCache:
    return PodCache(clock)


def test_what_is_not_known_is_empty(cache: PodCache) -> None:
    assert cache.get("1") == PodStatus("1")
    assert (cache.peek("1"), cache.modified("1"), cache.failed("1"), len(cache)) == (None, 0, False, 0)


def test_the_newest_wins(cache: PodCache) -> None:
    assert cache.set("1", status("a"), None, 10)
    assert not cache.set("1", status("b"), None, 9)
    assert cache.get("1").containers[0].id == "a"
    assert cache.set("1", status("b"), None, 10), "an equal time overwrites"
    assert cache.get("1").containers[0].id == "b"
    assert cache.modified("1") == 10


def test_an_error_hides_the_status_but_does_not_lose_it(cache: PodCache) -> None:
    cache.set("1", status("a"), None, 10)
    assert cache.set("1", PodStatus("1"), CriError("UNAVAILABLE", "down"), 11)
    with pytest.raises(CriError):
        cache.get("1")
    assert cache.peek("1") == status("a")
    assert cache.failed("1")
    cache.set("1", status("b"), None, 12)
    assert cache.get("1").containers[0].id == "b"


def test_what_was_deleted_stays_deleted(cache: PodCache) -> None:
    cache.set("1", status(), None, 10)
    assert not cache.delete("1", 9)
    assert cache.delete("1", 20)
    assert not cache.set("1", status(), None, 20), "news of before the deletion"
    assert cache.set("1", status(), None, 21)
    assert list(cache) == ["1"]


def test_a_pod_that_a_full_look_did_not_show_is_not_brought_by_older_news(cache: PodCache) -> None:
    cache.advance(50)
    assert not cache.set("1", status(), None, 49)
    assert cache.set("1", status(), None, 50)


def test_a_full_look_never_goes_back(cache: PodCache) -> None:
    cache.advance(50)
    cache.advance(40)
    assert cache.observed_all == 50


async def waits(cache: PodCache, after: int) -> asyncio.Task[PodStatus]:
    task = asyncio.ensure_future(cache.newer_than("1", after))
    await settle()
    return task


@pytest.mark.parametrize("how", ["set", "observe", "advance"])
async def test_what_wakes_a_reader(cache: PodCache, how: str) -> None:
    cache.set("1", status("a"), None, 10)
    task = await waits(cache, 10)
    for stamp in (10, 11):
        assert not task.done()
        match how:
            case "set":
                cache.set("1", status("b"), None, stamp)
            case "observe":
                cache.observe("1", stamp)
            case _:
                cache.advance(stamp)
        await settle()
    assert (await task).containers[0].id == ("b" if how == "set" else "a")
    assert not cache.waits("1")


async def test_a_reader_of_what_is_new_enough_does_not_wait(cache: PodCache) -> None:
    cache.set("1", status(), None, 10)
    assert (await waits(cache, 9)).done()


async def test_a_pod_looked_for_and_not_found_wakes_its_reader(cache: PodCache) -> None:
    task = await waits(cache, 10)
    cache.observe("1", 11)
    assert await task == PodStatus("1")


async def test_a_failed_look_is_told_to_readers(cache: PodCache) -> None:
    task = await waits(cache, 10)
    cache.set("1", PodStatus("1"), CriError("UNAVAILABLE", "down"), 11)
    with pytest.raises(CriError):
        await task


async def test_readers_who_gave_up_are_forgotten(cache: PodCache) -> None:
    asked: list[str] = []
    cache.on_wait = asked.append
    one, other = await waits(cache, 10), await waits(cache, 20)
    assert asked == ["1", "1"]
    one.cancel()
    await settle()
    assert cache.waits("1")
    cache.advance(21)
    await other
    assert not cache.waits("1")


async def test_readers_wait_each_for_its_own(cache: PodCache) -> None:
    one, other = await waits(cache, 10), await waits(cache, 20)
    cache.advance(15)
    await settle()
    assert (one.done(), other.done()) == (True, False)
    cache.advance(25)
    await settle()
    assert other.done()
