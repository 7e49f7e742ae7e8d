"""The audit log: a file of events, one on a line, that is put aside when it is full (flags --audit-log-*)."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from sampan.api.json import Obj, dumps

MEGABYTE = 1024 * 1024
STAMP = "%Y-%m-%dT%H-%M-%S"


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Where and how: `path` - is standard output; sizes in megabytes, 0 for no bound; age in days."""

    path: str
    max_size: int = 100
    max_backups: int = 0
    max_age: int = 0
    legacy: bool = False
    """Lines for people instead of JSON."""


class AuditLog:
    """Appends events; what cannot be written raises OSError, and the request is refused."""

    def __init__(self, options: LogOptions, now: Callable[[], datetime]) -> None:
        self._options, self._now = options, now
        self._path = Path(options.path)
        self._file: IO[bytes] | None = None
        self._size = 0
        if options.path != "-":
            self._open()

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch(0o600)
        self._file = self._path.open("ab", buffering=0)
        self._size = self._path.stat().st_size

    def __call__(self, event: Obj) -> None:
        """Write one event."""
        line = legacy_line(event).encode() + b"\n" if self._options.legacy else dumps(event) + b"\n"
        if self._file is None:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
            return
        limit = self._options.max_size * MEGABYTE
        if limit and self._size and self._size + len(line) > limit:
            self._rotate()
        self._file.write(line)
        self._size += len(line)

    def close(self) -> None:
        """No more events."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _rotate(self) -> None:
        self.close()
        now = self._now().astimezone(UTC)
        stamp = f"{now.strftime(STAMP)}.{now.microsecond // 1000:03d}"
        self._path.rename(self._path.with_name(f"{self._path.stem}-{stamp}{self._path.suffix}"))
        self._clean(now)
        self._open()

    def _clean(self, now: datetime) -> None:
        """Delete what is too old, and all but the newest."""
        kept = sorted(self._path.parent.glob(f"{self._path.stem}-*{self._path.suffix}"), reverse=True)
        for index, old in enumerate(kept):
            text = old.name.removeprefix(f"{self._path.stem}-").removesuffix(self._path.suffix)
            try:
                made = datetime.strptime(text.partition(".")[0], STAMP).replace(tzinfo=UTC)
            except ValueError:
                continue  # a file of somebody else's
            too_many = self._options.max_backups and index >= self._options.max_backups
            if too_many or (self._options.max_age and now - made > timedelta(days=self._options.max_age)):
                old.unlink(missing_ok=True)


def legacy_line(event: Obj) -> str:
    """An event for people (upstream: --audit-log-format=legacy)."""
    user, ref = event.get("user") or {}, event.get("objectRef") or {}
    other = event.get("impersonatedUser") or {}

    def quoted(text: str) -> str:
        return f'"{text}"' if text else '"<none>"'

    def names(groups: list[str]) -> str:
        return ",".join(f'"{group}"' for group in groups) if groups else '"<none>"'

    as_user = quoted(other.get("username", "")) if other else '"<self>"'
    as_groups = names(other.get("groups") or []) if other else '"<lookup>"'
    code = (event.get("responseStatus") or {}).get("code")
    return (
        f'{event["requestReceivedTimestamp"]} AUDIT: id="{event["auditID"]}" stage="{event["stage"]}" '
        f'ip="{(event.get("sourceIPs") or ["<unknown>"])[0]}" method="{event["verb"]}" '
        f"user={quoted(user.get('username', ''))} groups={names(user.get('groups') or [])} as={as_user} "
        f"asgroups={as_groups} user-agent={quoted(event.get('userAgent', ''))} "
        f"namespace={quoted(ref.get('namespace', ''))} uri={quoted(event['requestURI'])} "
        f'response="{code if code is not None else "<deferred>"}"'
    )
