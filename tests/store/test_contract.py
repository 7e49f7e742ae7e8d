"""What every store does, whatever it is made of: the situations of upstream's etcd3 storage tests in our terms."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sampan.store.base import (
    Compacted,
    Conflict,
    Draft,
    Event,
    FutureRevision,
    KeyValue,
    Store,
    Unavailable,
    Watch,
)

MakeDraft = Callable[[str], Draft]
Drain = Callable[[Watch], Awaitable[list[Event]]]
POD = "/core/pods/ns/a"


def shape(events: list[Event]) -> list[tuple[str, str, int]]:
    return [(e.type, e.kv.key, e.revision) for e in events]


def names(items: list[KeyValue]) -> list[str]:
    return [kv.key for kv in items]


# -- create, update, delete


async def test_a_fresh_store_is_at_revision_one(store: Store) -> None:
    assert store.revision == 1
    assert await store.get(POD) is None


async def test_create_stamps_and_returns_what_get_returns(store: Store, draft: MakeDraft) -> None:
    kv = await store.put(POD, draft("1"), labels={"a": "b"}, fields={"spec.nodeName": "n"}, expect=0)
    assert (kv.revision, kv.value) == (2, b'{"metadata":{"resourceVersion":"2"},"x":"1"}')
    got = await store.get(POD)
    assert got is not None
    assert (got.value, got.revision, dict(got.labels), dict(got.fields)) == (
        kv.value,
        2,
        {"a": "b"},
        {"spec.nodeName": "n"},
    )
    assert store.revision == 2


async def test_create_of_what_exists_conflicts_and_shows_it(store: Store, draft: MakeDraft) -> None:
    await store.put(POD, draft("1"), expect=0)
    with pytest.raises(Conflict) as caught:
        await store.put(POD, draft("2"), expect=0)
    assert caught.value.current is not None
    assert caught.value.current.revision == 2
    assert store.revision == 2


async def test_update_needs_the_version_that_stands(store: Store, draft: MakeDraft) -> None:
    first = await store.put(POD, draft("1"), expect=0)
    second = await store.put(POD, draft("2"), expect=first.revision)
    with pytest.raises(Conflict) as caught:
        await store.put(POD, draft("3"), expect=first.revision)
    assert caught.value.current is not None
    assert caught.value.current.revision == second.revision
    with pytest.raises(Conflict):
        await store.put("/core/pods/ns/none", draft("1"), expect=7)


async def test_unconditional_put_creates_and_replaces(store: Store, draft: MakeDraft) -> None:
    assert (await store.put(POD, draft("1"))).revision == 2
    assert (await store.put(POD, draft("2"))).revision == 3


async def test_delete_returns_the_last_state_with_the_deletions_revision(store: Store, draft: MakeDraft) -> None:
    await store.put(POD, draft("1"), labels={"a": "b"}, expect=0)
    gone = await store.delete(POD, draft("1"), expect=2)
    assert (gone.revision, gone.value) == (3, b'{"metadata":{"resourceVersion":"3"},"x":"1"}')
    assert gone.labels == {"a": "b"}
    assert await store.get(POD) is None
    assert store.revision == 3


@pytest.mark.parametrize("expect", [None, 0, 5])
async def test_delete_of_what_is_not_there_conflicts_with_nothing(
    store: Store, draft: MakeDraft, expect: int | None
) -> None:
    with pytest.raises(Conflict) as caught:
        await store.delete(POD, draft("1"), expect=expect)
    assert caught.value.current is None


async def test_delete_of_another_version_conflicts(store: Store, draft: MakeDraft) -> None:
    await store.put(POD, draft("1"), expect=0)
    await store.put(POD, draft("2"), expect=2)
    with pytest.raises(Conflict):
        await store.delete(POD, draft("1"), expect=2)
    assert await store.get(POD) is not None


async def test_a_deleted_key_can_be_created_again(store: Store, draft: MakeDraft) -> None:
    await store.put(POD, draft("1"), expect=0)
    await store.delete(POD, draft("1"))
    assert (await store.put(POD, draft("2"), expect=0)).revision == 4


async def test_of_many_creators_one_wins(store: Store, draft: MakeDraft) -> None:
    results = await asyncio.gather(
        *(store.put(POD, draft(str(n)), expect=0) for n in range(20)), return_exceptions=True
    )
    assert sum(isinstance(r, KeyValue) for r in results) == 1
    assert sum(isinstance(r, Conflict) and r.current is not None for r in results) == 19
    assert store.revision == 2


async def test_counting_by_compare_and_set_loses_nothing(store: Store, draft: MakeDraft) -> None:
    async def add() -> None:
        while True:
            kv = await store.get(POD)
            count = int(kv.value.rpartition(b'"x":"')[2].rstrip(b'"}')) if kv else 0
            try:
                await store.put(POD, draft(str(count + 1)), expect=kv.revision if kv else 0)
                return
            except Conflict:
                await asyncio.sleep(0)

    await asyncio.gather(*(add() for _ in range(12)))
    kv = await store.get(POD)
    assert kv is not None
    assert kv.value.endswith(b'"x":"12"}')
    assert store.revision == 13


async def test_revisions_are_given_in_the_order_of_the_calls(store: Store, draft: MakeDraft) -> None:
    kvs = await asyncio.gather(*(store.put(f"/core/pods/ns/{n}", draft("")) for n in range(50)))
    assert [kv.revision for kv in kvs] == list(range(2, 52))


@pytest.mark.parametrize("key", ["", "/", "pods", "/core/pods"])
async def test_a_key_of_another_form_is_refused(store: Store, draft: MakeDraft, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        await store.put(key, draft("1"))
    assert (await store.put(POD, draft("1"))).revision == 2


# -- ranges


@pytest.fixture
async def filled(store: Store, draft: MakeDraft) -> Store:
    """Revisions 2 to 8: seven keys over three resources."""
    for key in (
        "/core/pods/ns1/b",
        "/core/pods/ns2/a",
        "/core/pods/ns1/a",
        "/core/podtemplates/ns1/a",
        "/core/nodes/a",
        "/apps/deployments/ns1/a",
        "/core/pods/ns1/a-1",
    ):
        await store.put(key, draft("1"), expect=0)
    return store


async def test_range_is_in_key_order_under_the_prefix(filled: Store) -> None:
    page = await filled.range("/core/pods/")
    assert names(page.items) == [
        "/core/pods/ns1/a",
        "/core/pods/ns1/a-1",
        "/core/pods/ns1/b",
        "/core/pods/ns2/a",
    ]
    assert (page.revision, page.remaining) == (8, 0)


@pytest.mark.parametrize(
    ("prefix", "count"),
    [
        ("/core/pods/ns1/", 3),
        ("/core/pods/ns1/a", 2),
        ("/core/pods/ns3/", 0),
        ("/batch/jobs/", 0),
        ("/core/pod", 5),
        ("/core/", 6),
        ("/", 7),
        ("", 7),
    ],
)
async def test_range_takes_any_prefix(filled: Store, prefix: str, count: int) -> None:
    page = await filled.range(prefix)
    assert len(page.items) == count
    assert names(page.items) == sorted(names(page.items))


async def test_pages_continue_after_a_key(filled: Store) -> None:
    first = await filled.range("/core/pods/", limit=2)
    assert (len(first.items), first.remaining) == (2, 2)
    second = await filled.range("/core/pods/", after=first.items[-1].key, limit=2, revision=first.revision)
    assert names(second.items) == ["/core/pods/ns1/b", "/core/pods/ns2/a"]
    assert (second.remaining, second.revision) == (0, first.revision)
    assert names((await filled.range("/core/pods/", after="/core/pods/ns1/aa")).items) == [
        "/core/pods/ns1/b",
        "/core/pods/ns2/a",
    ]


async def test_pages_of_one_revision_do_not_see_later_writes(filled: Store, draft: MakeDraft) -> None:
    first = await filled.range("/core/pods/", limit=1)
    await filled.put(first.items[0].key, draft("2"))
    await filled.delete("/core/pods/ns1/a-1", draft("1"))
    await filled.put("/core/pods/ns1/b", draft("2"))
    await filled.put("/core/pods/ns1/b", draft("3"))
    await filled.put("/core/pods/ns1/c", draft("1"))
    await filled.put("/core/pods/ns1/a-1", draft("again"))
    rest = await filled.range("/core/pods/", after=first.items[0].key, limit=2, revision=first.revision)
    assert [(kv.key, kv.revision) for kv in rest.items] == [("/core/pods/ns1/a-1", 8), ("/core/pods/ns1/b", 2)]
    assert (rest.remaining, rest.revision) == (1, 8)
    everything = await filled.range("", revision=8)
    assert (len(everything.items), everything.remaining) == (7, 0)


async def test_range_at_each_revision_is_what_stood_then(filled: Store) -> None:
    for revision in range(1, 9):
        assert len((await filled.range("/", revision=revision)).items) == revision - 1 or revision == 0


async def test_range_at_a_revision_to_come_is_refused(filled: Store) -> None:
    with pytest.raises(FutureRevision) as caught:
        await filled.range("/core/pods/", revision=9)
    assert (caught.value.revision, caught.value.current) == (9, 8)


async def test_range_before_the_compacted_revision_is_refused(filled: Store, draft: MakeDraft) -> None:
    await filled.put("/core/pods/ns1/a", draft("2"))
    filled.compact(8)
    with pytest.raises(Compacted) as caught:
        await filled.range("/core/pods/", revision=7)
    assert (caught.value.revision, caught.value.oldest) == (7, 8)
    at_8 = await filled.range("/core/pods/ns1/a", revision=8, limit=1)
    assert at_8.items[0].revision == 4
    assert len((await filled.range("/core/pods/")).items) == 4


async def test_compaction_into_the_future_is_refused(filled: Store) -> None:
    with pytest.raises(FutureRevision):
        filled.compact(9)


# -- watches


async def test_watch_gets_each_write_with_what_it_replaced(store: Store, draft: MakeDraft, drain: Drain) -> None:
    watch = store.watch("/core/pods/", since=store.revision)
    await store.put(POD, draft("1"), expect=0)
    await store.put(POD, draft("2"), expect=2)
    await store.delete(POD, draft("2"), expect=3)
    events = await drain(watch)
    assert shape(events) == [("PUT", POD, 2), ("PUT", POD, 3), ("DELETE", POD, 4)]
    assert [e.previous.revision if e.previous else None for e in events] == [None, 2, 3]
    assert events[2].kv.value == b'{"metadata":{"resourceVersion":"4"},"x":"2"}'
    assert watch.revision == 4
    watch.close()


async def test_watch_from_an_older_revision_replays(store: Store, draft: MakeDraft, drain: Drain) -> None:
    for n in range(4):
        await store.put(POD, draft(str(n)))
    watch = store.watch("/core/pods/", since=3)
    assert watch.revision == 3
    await store.put(POD, draft("x"))
    assert [e.revision for e in await drain(watch)] == [4, 5, 6]
    watch.close()


async def test_watch_from_the_beginning_sees_everything(filled: Store, drain: Drain) -> None:
    watch = filled.watch("/", since=1)
    assert [e.revision for e in await drain(watch)] == list(range(2, 9))
    watch.close()


@pytest.mark.parametrize(
    ("prefix", "keys"),
    [
        ("/core/pods/", ["/core/pods/ns/a", "/core/pods/ns/ab", "/core/pods/ns2/a"]),
        ("/core/pods/ns/", ["/core/pods/ns/a", "/core/pods/ns/ab"]),
        ("/core/pods/ns/a", ["/core/pods/ns/a", "/core/pods/ns/ab"]),
        ("/core/pods/ns/ab", ["/core/pods/ns/ab"]),
        ("/core/pods/ns/abc", []),
        ("/core/pod", ["/core/pods/ns/a", "/core/pods/ns/ab", "/core/pods/ns2/a", "/core/podtemplates/ns/a"]),
        ("/apps/", ["/apps/deployments/ns/a"]),
        ("", ["/core/pods/ns/a", "/core/pods/ns/ab", "/core/pods/ns2/a", "/core/podtemplates/ns/a",
              "/apps/deployments/ns/a"]),
    ],
)  # fmt: skip
async def test_watch_filters_by_prefix(
    store: Store, draft: MakeDraft, drain: Drain, prefix: str, keys: list[str]
) -> None:
    live = store.watch(prefix, since=1)
    for key in (
        "/core/pods/ns/a",
        "/core/pods/ns/ab",
        "/core/pods/ns2/a",
        "/core/podtemplates/ns/a",
        "/apps/deployments/ns/a",
    ):
        await store.put(key, draft("1"))
    replayed = store.watch(prefix, since=1)
    assert [e.kv.key for e in await drain(live)] == keys
    assert [e.kv.key for e in await drain(replayed)] == keys
    assert live.revision == replayed.revision == 6
    live.close()
    replayed.close()


async def test_watch_waits_for_a_write(store: Store, draft: MakeDraft) -> None:
    watch = store.watch(POD, since=1)
    reader = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    assert not reader.done()
    await store.put("/core/pods/ns/other", draft("1"))
    assert not reader.done()
    await store.put(POD, draft("1"))
    assert shape(await reader) == [("PUT", POD, 3)]
    watch.close()


async def test_watch_from_the_future_is_refused(store: Store) -> None:
    with pytest.raises(FutureRevision):
        store.watch("/core/pods/", since=2)


async def test_watch_from_before_the_compacted_revision_is_refused(
    filled: Store, draft: MakeDraft, drain: Drain
) -> None:
    running = filled.watch("/core/pods/", since=1)
    filled.compact(5)
    with pytest.raises(Compacted) as caught:
        filled.watch("/core/pods/", since=4)
    assert (caught.value.revision, caught.value.oldest) == (4, 5)
    late = filled.watch("/", since=5)
    assert [e.revision for e in await drain(late)] == [6, 7, 8]
    assert [e.revision for e in await drain(running)] == [2, 3, 4, 8]
    late.close()
    running.close()


async def test_progress_mark_comes_after_what_is_queued(store: Store, draft: MakeDraft) -> None:
    watch = store.watch("/core/pods/", since=1)
    await store.put(POD, draft("1"))
    await store.put("/core/nodes/n", draft("1"))
    watch.progress()
    assert shape(await anext(watch)) == [("PUT", POD, 2)]
    assert await anext(watch) == []
    assert watch.revision == 3
    reader = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    watch.progress()
    assert await reader == []
    watch.close()


async def test_closed_watch_ends(store: Store, draft: MakeDraft) -> None:
    watch = store.watch("/core/pods/", since=1)
    reader = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    watch.close()
    watch.close()
    with pytest.raises(StopAsyncIteration):
        await reader
    await store.put(POD, draft("1"))
    assert [batch async for batch in watch] == []


async def test_a_cancelled_reader_loses_nothing(store: Store, draft: MakeDraft) -> None:
    watch = store.watch("/core/pods/", since=1)
    reader = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    await store.put(POD, draft("1"))
    assert shape(await anext(watch)) == [("PUT", POD, 2)]
    watch.close()


async def test_every_watcher_gets_the_same_record(store: Store, draft: MakeDraft) -> None:
    watches = [store.watch("/core/pods/", since=1) for _ in range(3)]
    await store.put(POD, draft("1"))
    events = [(await anext(w))[0] for w in watches]
    assert events[0] is events[1] is events[2]
    for watch in watches:
        watch.close()


# -- closing


async def test_closing_the_store_ends_watches_and_refuses_writes(store: Store, draft: MakeDraft) -> None:
    watch = store.watch("/core/pods/", since=1)
    write = asyncio.ensure_future(store.put(POD, draft("1")))
    await asyncio.sleep(0)
    await store.close()
    assert (await write).revision == 2
    assert shape(await anext(watch)) == [("PUT", POD, 2)]
    with pytest.raises(StopAsyncIteration):
        await anext(watch)
    with pytest.raises(Unavailable):
        await store.put(POD, draft("2"))
    assert await store.get(POD) is not None
    await store.close()
