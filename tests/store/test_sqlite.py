"""What only a file can do: come back, be full, be too new, belong to somebody else."""

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sampan.store.base import Compacted, Draft, Event, NewerFormat, StoreError, Unavailable, Watch
from sampan.store.memory import MemoryStore
from sampan.store.sqlite import FORMAT, SqliteJournal, open_sqlite
from sampan.store.table import Table
from sampan.store.window import Window

MakeDraft = Callable[[str], Draft]
Drain = Callable[[Watch], Awaitable[list[Event]]]
A, B = "/core/pods/ns/a", "/core/pods/ns/b"


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "state.db")


async def test_everything_comes_back(path: str, draft: MakeDraft, drain: Drain) -> None:
    store = await open_sqlite(path)
    await store.put(A, draft("1"), labels={"app": "ä"}, fields={"spec.nodeName": "n"})
    await store.put(B, draft("1"))
    await store.put(B, draft("2"))
    await store.delete(A, draft("1"))
    await store.put("/core/pods/ns/c", draft("1"), labels={"x": ""})
    await store.close()
    store = await open_sqlite(path)
    assert store.revision == 6
    page = await store.range("/core/pods/")
    assert [(kv.key, kv.revision, dict(kv.labels), dict(kv.fields)) for kv in page.items] == [
        (B, 4, {}, {}),
        ("/core/pods/ns/c", 6, {"x": ""}, {}),
    ]
    assert page.items[0].value == draft("2").stamp(4)
    watch = store.watch("/core/pods/", since=1)
    events = await drain(watch)
    assert [(e.type, e.kv.key, e.revision, e.previous.revision if e.previous else None) for e in events] == [
        ("PUT", A, 2, None),
        ("PUT", B, 3, None),
        ("PUT", B, 4, 3),
        ("DELETE", A, 5, 2),
        ("PUT", "/core/pods/ns/c", 6, None),
    ]
    old = (await store.range("/core/pods/", revision=3)).items
    assert [(kv.key, kv.revision, dict(kv.labels)) for kv in old] == [(A, 2, {"app": "ä"}), (B, 3, {})]
    watch.close()
    assert (await store.put(A, draft("again"), expect=0)).revision == 7
    await store.close()


async def test_compaction_is_kept_and_the_rows_are_gone(path: str, draft: MakeDraft) -> None:
    store = await open_sqlite(path)
    for n in range(5):
        await store.put(A, draft(str(n)))
    await store.put(B, draft("1"))
    await store.delete(B, draft("1"))
    store.compact(8)
    await store.put("/core/pods/ns/c", draft("1"))
    await store.close()
    with sqlite3.connect(path) as connection:
        rows = [row[0] for row in connection.execute("SELECT revision FROM versions ORDER BY revision")]
    connection.close()
    assert rows == [6, 9]
    store = await open_sqlite(path)
    with pytest.raises(Compacted):
        await store.range("/core/pods/", revision=7)
    assert len((await store.range("/core/pods/", revision=8)).items) == 1
    await store.close()


async def test_the_revision_of_a_forgotten_deletion_is_not_given_again(path: str, draft: MakeDraft) -> None:
    store = await open_sqlite(path)
    await store.put(A, draft("1"))
    await store.delete(A, draft("1"))
    store.compact(3)
    await store.close()
    store = await open_sqlite(path)
    assert store.revision == 3
    assert (await store.put(A, draft("2"))).revision == 4
    await store.close()


async def test_the_file_is_private(path: str, draft: MakeDraft) -> None:
    before = os.umask(0)
    try:
        store = await open_sqlite(path)
    finally:
        os.umask(before)
    await store.put(A, draft("1"))
    for file in Path(path).parent.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600, file
    await store.close()


async def test_a_newer_format_is_left_alone(path: str, draft: MakeDraft) -> None:
    store = await open_sqlite(path)
    await store.put(A, draft("1"))
    await store.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE meta SET value = ? WHERE name = 'format'", (FORMAT + 1,))
    connection.commit()
    connection.close()
    before = Path(path).read_bytes()
    with pytest.raises(NewerFormat, match=f"store format {FORMAT + 1} by a newer version"):
        await open_sqlite(path)
    assert Path(path).read_bytes() == before


async def test_another_program_s_database_is_left_alone(path: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (x)")
    connection.commit()
    connection.close()
    before = Path(path).read_bytes()
    with pytest.raises(StoreError, match="not a store of this program"):
        await open_sqlite(path)
    assert Path(path).read_bytes() == before


async def test_one_process_at_a_time(path: str, draft: MakeDraft) -> None:
    store = await open_sqlite(path)
    with pytest.raises(StoreError, match="in use by another process"):
        await open_sqlite(path)
    await store.put(A, draft("1"))
    await store.close()


async def small_store(path: str) -> tuple[MemoryStore, Callable[[int], Awaitable[None]]]:
    """A store, and a way to say how many pages its file may have: SQLite then reports a full disk by itself."""
    journal = SqliteJournal(path)
    table = await journal.start()

    async def limit(pages: int) -> None:
        await journal.run(lambda connection: connection.execute(f"PRAGMA max_page_count={pages}").fetchall())

    return MemoryStore(journal, table), limit


async def test_a_full_disk_fails_writes_and_nothing_else(path: str, draft: MakeDraft, drain: Drain) -> None:
    store, limit = await small_store(path)
    await store.put(A, draft("1"))
    await limit(1)
    watch = store.watch("/core/pods/", since=2)
    big = "x" * 100_000
    results = await asyncio.gather(
        *(store.put(f"/core/pods/ns/{n}", draft(big)) for n in range(10)), return_exceptions=True
    )
    assert all(isinstance(r, Unavailable) for r in results)
    assert store.revision == 2
    assert await store.get(A) is not None
    assert len((await store.range("/core/pods/")).items) == 1
    assert await drain(watch) == []
    await limit(1_000_000)
    kv = await store.put(B, draft(big), expect=0)
    assert kv.revision > 12
    assert [e.kv for e in await drain(watch)] == [kv]
    watch.close()
    await store.close()
    store = await open_sqlite(path)
    assert store.revision == kv.revision
    assert [item.key for item in (await store.range("/core/pods/")).items] == [A, B]
    await store.close()


async def test_the_file_does_not_grow_with_what_is_forgotten(path: str, draft: MakeDraft) -> None:
    journal = SqliteJournal(path)
    await journal.start()
    store = MemoryStore(journal, Table(Window(max_events=50)))
    for _ in range(30):
        await asyncio.gather(*(store.put(f"/core/pods/ns/{n}", draft("x" * 1000)) for n in range(100)))
    await store.close()
    connection = sqlite3.connect(path)
    (count,) = connection.execute("SELECT count(*) FROM versions").fetchone()
    connection.close()
    assert count < 100 + 50 + 700
