"""The durable log: one append-only SQLite table of versions, written in groups by one thread."""

import asyncio
import gc
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import orjson

from sampan.store.base import NO_LABELS, Event, KeyValue, NewerFormat, StoreError
from sampan.store.memory import Done, MemoryStore
from sampan.store.table import Table
from sampan.store.window import Window

T = TypeVar("T")

FORMAT = 1
CHUNK = 128
"""Rows in one INSERT, at most: a statement is one trip out of Python, and the trips are what costs."""

SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE versions (
  revision INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB NOT NULL,
  labels TEXT, fields TEXT, deleted INTEGER NOT NULL
);
INSERT INTO meta VALUES ('format', %d), ('floor', 0);
"""


async def open_sqlite(path: str) -> MemoryStore:
    """Open or create the database file `path` (mode 0600) and read what stands in it into memory.

    Raises NewerFormat (nothing is touched then) or StoreError with one clear line.
    """
    if not path:
        raise StoreError("sqlite: needs a path, as in sqlite:/var/lib/sampan/state.db")
    journal = SqliteJournal(path)
    try:
        table = await journal.start()
    except BaseException:
        await journal.close()
        raise
    return MemoryStore(journal, table)


class SqliteJournal:
    """See memory.Journal. The connection lives in its own thread; the loop hands over one batch at a time."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._connection: sqlite3.Connection | None = None

    async def start(self) -> Table:
        """Start the thread, open the file there and read it."""

        def job() -> Table:
            try:
                self._connection = _connect(self._path)
                return _load(self._connection)
            except Exception as error:
                raise _explain(self._path, error) from None

        self._thread = threading.Thread(target=self._serve, name="sampan-store", daemon=True)
        self._thread.start()
        return await self._call(job)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something with the connection in its thread, after what is in flight."""
        return await self._call(lambda: work(self._opened()))

    def commit(self, events: Sequence[Event], dropped: Sequence[int], floor: int, done: Done) -> None:
        """See memory.Journal."""
        loop = asyncio.get_running_loop()

        def job() -> None:
            error: BaseException | None = None
            try:
                _commit(self._opened(), events, dropped, floor)
            except Exception as caught:
                error = caught
            loop.call_soon_threadsafe(done, error)

        self._jobs.put(job)

    async def close(self) -> None:
        """Close the file and end the thread."""
        if self._thread is None:
            return

        def job() -> None:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

        await self._call(job)
        self._jobs.put(None)
        self._thread.join()
        self._thread = None

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreError(f"{self._path}: not open")
        return self._connection

    async def _call(self, job: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            try:
                result = job()
            except Exception as error:
                loop.call_soon_threadsafe(_reject, future, error)
            else:
                loop.call_soon_threadsafe(_resolve, future, result)

        self._jobs.put(work)
        return await future

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def _resolve(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


def _reject(future: asyncio.Future[T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _explain(path: str, error: Exception) -> Exception:
    if isinstance(error, StoreError):
        return error
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        return StoreError(f"{path}: in use by another process")
    if isinstance(error, OSError):
        return StoreError(f"{path}: {error.strerror}")
    return StoreError(f"{path}: {error}")


def _connect(path: str) -> sqlite3.Connection:
    """An exclusive connection to the file, created if need be."""
    fresh = not Path(path).exists() or Path(path).stat().st_size == 0
    if not fresh:
        _check_format(path)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1.0)
    try:
        # In WAL mode an exclusive lock needs no shared-memory file, and a second process is turned away.
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_autocheckpoint=4000")
        connection.execute("BEGIN EXCLUSIVE")
        if not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            for statement in filter(str.strip, (SCHEMA % FORMAT).split(";")):
                connection.execute(statement)
        connection.execute("COMMIT")
        if fresh:
            _sync_directory(Path(path).parent)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_format(path: str) -> None:
    """Look, without writing, whether the file is ours and not newer than we are."""
    uri = f"{Path(path).absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=1.0)
    try:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables:
            return
        if not {"meta", "versions"} <= tables:
            raise StoreError(f"{path}: a SQLite file, but not a store of this program")
        row = connection.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()
    finally:
        connection.close()
    if row is None or not isinstance(row[0], int):
        raise StoreError(f"{path}: a SQLite file, but not a store of this program")
    if row[0] > FORMAT:
        raise NewerFormat(f"{path}: written in store format {row[0]} by a newer version; this one knows up to {FORMAT}")


def _sync_directory(path: Path) -> None:
    """Make a new file's name durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _load(connection: sqlite3.Connection) -> Table:
    (floor,) = connection.execute("SELECT value FROM meta WHERE name = 'floor'").fetchone()
    # A deletion that was the newest write may have been forgotten since; its revision is used up all the same.
    table = Table(Window(floor=floor), revision=max(1, floor))
    collecting = gc.isenabled()
    gc.disable()  # nothing here is garbage, and there is much of it
    try:
        table.load(_versions(connection))
    finally:
        if collecting:
            gc.enable()
    return table


def _versions(connection: sqlite3.Connection) -> Iterator[tuple[KeyValue, bool]]:
    rows = connection.execute("SELECT revision, key, value, labels, fields, deleted FROM versions ORDER BY revision")
    known: dict[str | None, Mapping[str, str]] = {None: NO_LABELS}
    for revision, key, value, labels, fields, deleted in rows:
        for text in (labels, fields):
            if text not in known:
                known[text] = orjson.loads(text)
        yield KeyValue(key, value, revision, known[labels], known[fields]), bool(deleted)


def _pack(pairs: Mapping[str, str]) -> str | None:
    return orjson.dumps(dict(pairs)).decode() if pairs else None


def _commit(connection: sqlite3.Connection, events: Sequence[Event], dropped: Sequence[int], floor: int) -> None:
    """One durable transaction. A lone INSERT is its own transaction: one trip instead of three."""
    if len(events) <= CHUNK and not dropped:
        _insert(connection, events)
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for start in range(0, len(events), CHUNK):
            _insert(connection, events[start : start + CHUNK])
        if dropped:
            numbers = orjson.dumps(list(dropped)).decode()
            connection.execute("DELETE FROM versions WHERE revision IN (SELECT value FROM json_each(?))", (numbers,))
            connection.execute("UPDATE meta SET value = max(value, ?) WHERE name = 'floor'", (floor,))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _insert(connection: sqlite3.Connection, events: Sequence[Event]) -> None:
    values: list[object] = []
    for event in events:
        kv = event.kv
        values += (kv.revision, kv.key, kv.value, _pack(kv.labels), _pack(kv.fields), event.type == "DELETE")
    if events:
        marks = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(events))
        connection.execute(f"INSERT INTO versions VALUES {marks}", values)
