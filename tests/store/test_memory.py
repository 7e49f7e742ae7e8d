"""Writes over a journal that the test holds: nothing is visible early, and a failed batch takes its followers along."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from sampan.store.base import Conflict, Draft, Event, KeyValue, Unavailable
from sampan.store.memory import FORGET_AT, Done, MemoryStore
from sampan.store.table import Table
from sampan.store.window import Window

MakeDraft = Callable[[str], Draft]
A, B = "/core/pods/ns/a", "/core/pods/ns/b"


class HeldJournal:
    """Keeps each batch until the test says what became of it."""

    def __init__(self) -> None:
        self.batches: list[list[Event]] = []
        self.dropped: list[tuple[list[int], int]] = []
        self._done: Done | None = None
        self.closed = False

    def commit(self, events: Sequence[Event], dropped: Sequence[int], floor: int, done: Done) -> None:
        assert self._done is None, "one batch at a time"
        self.batches.append(list(events))
        self.dropped.append((list(dropped), floor))
        self._done = done

    def finish(self, error: Exception | None = None) -> None:
        assert self._done is not None
        done, self._done = self._done, None
        done(error)

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def journal() -> HeldJournal:
    return HeldJournal()


@pytest.fixture
def store(journal: HeldJournal) -> MemoryStore:
    return MemoryStore(journal)


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def start(store: MemoryStore, key: str, draft: Draft, expect: int | None = None) -> "asyncio.Task[KeyValue]":
    return asyncio.create_task(store.put(key, draft, expect=expect))


async def test_nothing_is_visible_before_it_is_durable(
    store: MemoryStore, journal: HeldJournal, draft: MakeDraft
) -> None:
    watch = store.watch("/core/pods/", since=1)
    write = start(store, A, draft("1"), 0)
    await turns()
    watch.progress()
    assert await anext(watch) == []
    assert (store.revision, watch.revision) == (1, 1)
    assert await store.get(A) is None
    assert (await store.range("/core/pods/")).items == []
    assert not write.done()
    journal.finish()
    kv = await write
    assert (store.revision, await store.get(A)) == (2, kv)
    assert [e.kv for e in await anext(watch)] == [kv]
    watch.close()
    await store.close()


async def test_writes_of_one_turn_and_those_during_a_commit_go_in_groups(
    store: MemoryStore, journal: HeldJournal, draft: MakeDraft
) -> None:
    writes = [start(store, f"/core/pods/ns/{n}", draft("")) for n in range(3)]
    await turns()
    writes += [start(store, f"/core/pods/ns/{n}", draft("")) for n in range(3, 7)]
    await turns()
    assert [len(batch) for batch in journal.batches] == [3]
    journal.finish()
    assert [len(batch) for batch in journal.batches] == [3, 4]
    assert store.revision == 4
    journal.finish()
    assert [(await w).revision for w in writes] == list(range(2, 9))
    await store.close()


async def test_a_conflict_with_a_pending_write_waits_for_its_fate(
    store: MemoryStore, journal: HeldJournal, draft: MakeDraft
) -> None:
    first, second = start(store, A, draft("1"), 0), start(store, A, draft("2"), 0)
    await turns()
    assert not second.done()
    journal.finish()
    await turns()
    assert (await first).revision == 2
    with pytest.raises(Conflict) as caught:
        await second
    assert caught.value.current is await first
    await store.close()


async def test_if_the_pending_write_fails_the_one_behind_it_is_checked_anew(
    store: MemoryStore, journal: HeldJournal, draft: MakeDraft
) -> None:
    first, second = start(store, A, draft("1"), 0), start(store, A, draft("2"), 0)
    await turns()
    journal.finish(OSError("disk full"))
    with pytest.raises(Unavailable, match="disk full"):
        await first
    await turns()
    journal.finish()
    kv = await second
    assert kv.value.endswith(b'"x":"2"}')
    assert await store.get(A) is kv
    await store.close()


async def test_a_failed_batch_takes_what_is_stacked_upon_it(
    store: MemoryStore, journal: HeldJournal, draft: MakeDraft
) -> None:
    before = start(store, B, draft("0"))
    await turns()
    journal.finish()
    await before
    watch = store.watch("/core/pods/", since=2)
    first = start(store, A, draft("1"))
    await turns()
    stacked = start(store, A, draft("2"))
    gone = asyncio.create_task(store.delete(B, draft("0"), expect=2))
    await turns()
    journal.finish(OSError("disk full"))
    for write in (first, stacked, gone):
        with pytest.raises(Unavailable):
            await write
    assert (store.revision, await store.get(A)) == (2, None)
    assert await store.get(B) is await before
    later = start(store, A, draft("3"), 0)
    await turns()
    journal.finish()
    kv = await later
    assert kv.revision > 5, "a revision of a failed write is not given again"
    events = await anext(watch)
    assert [(e.kv, e.previous) for e in events] == [(kv, None)]
    watch.close()
    await store.close()


async def test_a_write_may_follow_one_that_is_not_durable(
    store: MemoryStore, journal: HeldJournal, draft: MakeDraft
) -> None:
    first = start(store, A, draft("1"))
    await turns()
    newest = await store.newest(A)
    assert newest is not None
    assert await store.get(A) is None
    second = start(store, A, draft("2"), expect=newest.revision)
    shown = asyncio.create_task(store.durable(newest))
    await turns()
    assert not shown.done()
    journal.finish()
    await turns()
    assert first.done()
    assert not second.done()
    assert not shown.done()  # it waits for all that is pending of its key
    journal.finish()
    await asyncio.gather(second, shown)
    assert (await store.newest(A)) == (await store.get(A)) == second.result()
    await store.durable(newest)


async def test_a_version_that_was_lost_never_counts_as_durable(
    store: MemoryStore, journal: HeldJournal, draft: MakeDraft
) -> None:
    first = start(store, A, draft("1"))
    await turns()
    lost = await store.newest(A)
    assert lost is not None
    shown = asyncio.create_task(store.durable(lost))
    await turns()
    journal.finish(OSError("full"))
    for waiting in (first, shown):
        with pytest.raises(Unavailable):
            await waiting
    assert await store.newest(A) is None
    later = start(store, A, draft("3"))
    await turns()
    journal.finish()
    kept = await later
    assert kept.revision > lost.revision
    await store.durable(kept)
    with pytest.raises(Unavailable):
        await store.durable(lost)


async def test_a_pending_delete_is_not_followed(store: MemoryStore, journal: HeldJournal, draft: MakeDraft) -> None:
    made = start(store, A, draft("1"))
    await turns()
    journal.finish()
    kept = await made
    deleting = asyncio.create_task(store.delete(A, draft("1")))
    await turns()
    assert await store.newest(A) == kept
    journal.finish()
    await deleting
    assert await store.newest(A) is None


async def test_a_cancelled_writer_does_not_undo_its_write(
    store: MemoryStore, journal: HeldJournal, draft: MakeDraft
) -> None:
    first, second = start(store, A, draft("1"), 0), start(store, A, draft("2"), 0)
    await turns()
    first.cancel()
    await turns()
    journal.finish()
    with pytest.raises(Conflict):
        await second
    kv = await store.get(A)
    assert kv is not None
    assert kv.revision == 2
    await store.close()


async def test_a_delete_behind_a_pending_delete_waits(
    store: MemoryStore, journal: HeldJournal, draft: MakeDraft
) -> None:
    created = start(store, A, draft("1"))
    await turns()
    journal.finish()
    await created
    deletes = [asyncio.create_task(store.delete(A, draft("1"))) for _ in range(2)]
    await turns()
    assert not deletes[1].done()
    journal.finish()
    assert (await deletes[0]).revision == 3
    with pytest.raises(Conflict):
        await deletes[1]
    await store.close()


async def test_close_waits_for_what_is_in_flight(store: MemoryStore, journal: HeldJournal, draft: MakeDraft) -> None:
    write = start(store, A, draft("1"))
    await turns()
    closing = asyncio.create_task(store.close())
    await turns()
    assert not closing.done()
    journal.finish()
    await closing
    assert journal.closed
    assert (await write).revision == 2


async def test_what_the_window_drops_is_forgotten_in_the_journal(journal: HeldJournal, draft: MakeDraft) -> None:
    store = MemoryStore(journal, Table(Window(max_events=2)))

    async def put(key: str, x: str) -> None:
        write = start(store, key, draft(x))
        await turns()
        journal.finish()
        await write

    for n in range(5):
        await put(A, str(n))
    assert all(dropped == [] for dropped, _ in journal.dropped), f"fewer than {FORGET_AT} are not worth a delete"
    store.compact(6)
    await turns()
    assert journal.dropped[-1] == ([2, 3, 4, 5], 6)
    journal.finish(OSError("disk full"))
    store.compact(6)
    await turns()
    assert journal.dropped[-1] == ([2, 3, 4, 5], 6), "tried again"
    journal.finish()
    await store.close()


async def test_without_a_journal_a_write_does_not_suspend(draft: MakeDraft) -> None:
    store = MemoryStore()
    with pytest.raises(StopIteration) as caught:
        store.put(A, draft("1")).send(None)
    assert caught.value.value.revision == 2
    await store.close()
