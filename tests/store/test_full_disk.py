"""A disk that is full during a write, injected in SQLite: writes fail, reads go on, nothing acknowledged is lost."""

import asyncio
import json
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from sampan.apiserver.app import App, Parts
from sampan.net.http import Request, Response
from sampan.resources.build import builtin_resources
from sampan.store.base import Draft, KeyValue, Unavailable
from sampan.store.memory import MemoryStore
from sampan.store.sqlite import SqliteJournal, open_sqlite
from sampan.store.table import Table

MakeDraft = Callable[[str], Draft]
Work = Callable[[sqlite3.Connection], None]
PREFIX = "/core/configmaps/ns/"


class Disk:
    """A store in a file, and how much the file may grow."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.journal = SqliteJournal(path)

    async def open(self) -> MemoryStore:
        """The store, with room for ever."""
        table: Table = await self.journal.start()
        return MemoryStore(self.journal, table)

    async def fill(self, pages: int = 8) -> None:
        """From now on only that many pages are left."""
        await self.journal.run(lambda db: self._limit(db, pages))

    async def make_room(self) -> None:
        """Somebody has cleaned up."""
        await self.journal.run(lambda db: self._limit(db, 1_000_000))

    @staticmethod
    def _limit(db: sqlite3.Connection, pages: int) -> None:
        (used,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {used + pages}").fetchone()


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(str(tmp_path / "state.db"))


async def fill_up(store: MemoryStore, draft: MakeDraft) -> tuple[dict[str, KeyValue], int]:
    """Write until it fails; what was acknowledged, and how many writes were not."""
    kept: dict[str, KeyValue] = {}
    failed = 0
    for start in range(0, 400, 20):
        keys = [f"{PREFIX}{n}" for n in range(start, start + 20)]
        done = await asyncio.gather(
            *(store.put(key, draft("x" * 2000), expect=0) for key in keys), return_exceptions=True
        )
        for key, outcome in zip(keys, done, strict=True):
            if isinstance(outcome, KeyValue):
                kept[key] = outcome
            else:
                assert isinstance(outcome, Unavailable), outcome
                failed += 1
    return kept, failed


async def test_what_was_acknowledged_survives_and_what_was_not_is_not_there(disk: Disk, draft: MakeDraft) -> None:
    store = await disk.open()
    await disk.fill(40)
    watch = store.watch(PREFIX, since=1)
    kept, failed = await fill_up(store, draft)
    assert kept
    assert failed
    page = await store.range(PREFIX)
    assert {kv.key: kv.revision for kv in page.items} == {key: kv.revision for key, kv in kept.items()}
    assert await store.get(f"{PREFIX}399") is None
    events = await anext(watch)
    assert [event.kv.key for event in events] == list(kept)
    watch.close()

    await disk.make_room()
    again = await store.put(f"{PREFIX}399", draft("now"), expect=0)
    assert again.revision > max(kv.revision for kv in kept.values())
    await store.close()

    reopened = await open_sqlite(disk.path)
    found = {kv.key: (kv.revision, kv.value) for kv in (await reopened.range(PREFIX)).items}
    assert found == {key: (kv.revision, kv.value) for key, kv in {**kept, again.key: again}.items()}
    await reopened.close()


async def send(app: App, method: str, path: str, body: object = None) -> Response:
    """One request to an app."""
    content = json.dumps(body).encode() if body is not None else b""
    return await app(Request(method, path, "", {"content-type": "application/json"}, content))


async def test_the_api_answers_writes_with_503_and_reads_as_ever(disk: Disk) -> None:
    store = await disk.open()
    app = App(Parts(store, builtin_resources("1.36"), version="1.36", rng=random.Random(7)))
    await app.start()
    root = "/api/v1/namespaces/default/configmaps"
    statuses = []
    await disk.fill()
    for number in range(100):
        body = {"metadata": {"name": f"n{number}"}, "data": {"a": "x" * 2000}}
        statuses.append((await send(app, "POST", root, body)).status)
    made = statuses.count(201)
    assert set(statuses) == {201, 503}
    assert statuses == [201] * made + [503] * (100 - made)
    large = {"data": {"a": "y" * 500_000}}
    answer = await app(
        Request("PATCH", f"{root}/n0", "", {"content-type": "application/merge-patch+json"}, json.dumps(large).encode())
    )
    status = json.loads(answer.body)
    assert (answer.status, status["kind"], status["reason"]) == (503, "Status", "ServiceUnavailable")
    listed = json.loads((await send(app, "GET", root)).body)["items"]
    assert len(listed) == made
    assert json.loads((await send(app, "GET", f"{root}/n0")).body)["data"] == {"a": "x" * 2000}
    await disk.make_room()
    assert (await send(app, "POST", root, {"metadata": {"name": "late"}})).status == 201
    assert (await send(app, "DELETE", f"{root}/n0")).status == 200
    await app.close()
    await store.close()
