"""The audit log: a file of events, one on a line, that is put aside when it is full (flags --audit-log-*)."""

import asyncio
import gzip
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import IO

from sampan.api.json import Obj, dumps
from sampan.apiserver.audit.backend import AuditMetrics, Events
from sampan.apiserver.audit.legacy import legacy_line

MEGABYTE = 1024 * 1024
PLUGIN = "log"
COMPRESSED = ".gz"
STAMP = "%Y-%m-%dT%H-%M-%S"


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Where and how: `path` - is standard output; sizes in megabytes, 0 for no bound; age in days."""

    path: str
    max_size: int = 100
    max_backups: int = 100
    max_age: int = 366
    legacy: bool = False
    """Lines for people instead of JSON."""
    compress: bool = False
    """Files that were put aside are compressed (gzip)."""


class AuditLog:
    """Appends events."""

    def __init__(self, options: LogOptions, now: Callable[[], datetime], metrics: AuditMetrics) -> None:
        """Raises OSError if the file cannot be written."""
        self._options, self._now, self._metrics = options, now, metrics
        self._compressing: list[Thread] = []
        self._path = Path(options.path)
        self._file: IO[bytes] | None = None
        self._size = 0
        self._ended = False
        if options.path != "-":
            self._open()

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch(0o600)
        self._file = self._path.open("ab", buffering=0)
        self._size = self._path.stat().st_size

    async def process(self, events: Events) -> bool:
        """Write them; what cannot be written is told."""
        stored = True
        for event in events:
            try:
                self._write(event)
            except OSError as error:
                self._metrics.failed(PLUGIN, str(error), (event,))
                stored = False
        return stored

    def _write(self, event: Obj) -> None:
        line = legacy_line(event).encode() + b"\n" if self._options.legacy else dumps(event) + b"\n"
        if self._options.path == "-":
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
            return
        if self._ended:
            raise OSError("the audit log is closed")
        if self._file is None or self._file.closed:
            self._open()
        assert self._file is not None
        limit = self._options.max_size * MEGABYTE
        if limit and self._size and self._size + len(line) > limit:
            self._rotate()
        self._file.write(line)
        self._size += len(line)

    async def close(self) -> None:
        """No more events."""
        self._ended = True
        if self._file is not None:
            self._file.close()
        for thread in self._compressing:
            await asyncio.to_thread(thread.join)

    def _rotate(self) -> None:
        assert self._file is not None
        self._file.close()
        now = self._now().astimezone(UTC)
        stamp = f"{now.strftime(STAMP)}.{now.microsecond // 1000:03d}"
        aside = self._path.with_name(f"{self._path.stem}-{stamp}{self._path.suffix}")
        self._path.rename(aside)
        self._clean(now)
        if self._options.compress:
            self._compressing = [one for one in self._compressing if one.is_alive()]
            thread = Thread(target=compress, args=(aside,), name="audit log")
            self._compressing.append(thread)
            thread.start()
        self._open()

    def _clean(self, now: datetime) -> None:
        """Delete what is too old, and all but the newest."""
        pattern = f"{self._path.stem}-*{self._path.suffix}"
        kept = [one for end in ("", COMPRESSED) for one in self._path.parent.glob(pattern + end)]
        for index, old in enumerate(sorted(kept, key=lambda path: path.name, reverse=True)):
            text = old.name.removeprefix(f"{self._path.stem}-").removesuffix(COMPRESSED).removesuffix(self._path.suffix)
            try:
                made = datetime.strptime(text.partition(".")[0], STAMP).replace(tzinfo=UTC)
            except ValueError:
                continue  # a file of somebody else's
            too_many = self._options.max_backups and index >= self._options.max_backups
            if too_many or (self._options.max_age and now - made > timedelta(days=self._options.max_age)):
                old.unlink(missing_ok=True)


def compress(path: Path) -> None:
    """Put FILE.gz in a file's place; one that cannot be made leaves the file as it is. Blocks."""
    made = path.with_name(path.name + COMPRESSED)
    draft = made.with_suffix(".tmp")
    try:
        draft.touch(0o600)
        with path.open("rb") as source, gzip.open(draft, "wb") as target:
            shutil.copyfileobj(source, target)
        draft.rename(made)
        path.unlink()
    except OSError:
        draft.unlink(missing_ok=True)
