"""The versions that stand now, by key and in key order, and how they stood at an older revision."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator

from sampan.store.base import Event, FutureRevision, KeyValue, Page
from sampan.store.window import Window, resource_of

LAST = "\U0010ffff"
"""Sorts after every character that a key may contain."""


class Table:
    """Committed state: a dictionary for reads of one key, a sorted list of keys per resource for ranges."""

    def __init__(self, window: Window, revision: int = 1) -> None:
        self.window = window
        self.revision = revision
        self._rows: dict[str, KeyValue] = {}
        self._sorted: dict[str, list[str]] = {}
        self.get = self._rows.get
        """The version of a key that stands, or None."""

    def __len__(self) -> int:
        return len(self._rows)

    def apply(self, event: Event) -> None:
        """Take in the newest write."""
        kv = event.kv
        key = kv.key
        if event.type == "DELETE":
            if self._rows.pop(key, None) is not None:
                keys = self._sorted[resource_of(key)]
                del keys[bisect_left(keys, key)]
        else:
            if key not in self._rows:
                insort(self._sorted.setdefault(resource_of(key), []), key)
            self._rows[key] = kv
        self.revision = kv.revision
        self.window.append(event)

    def load(self, versions: Iterable[tuple[KeyValue, bool]]) -> None:
        """Replay versions (and whether they are deletions) in revision order into an empty table."""
        rows, append, floor = self._rows, self.window.append, self.window.last_dropped
        for kv, deleted in versions:
            previous = rows.get(kv.key)
            if deleted:
                rows.pop(kv.key, None)
            else:
                rows[kv.key] = kv
            if kv.revision > floor:
                append(Event("DELETE" if deleted else "PUT", kv, previous))
            self.revision = max(self.revision, kv.revision)
        for key in sorted(rows):
            self._sorted.setdefault(resource_of(key), []).append(key)

    def range(self, prefix: str, after: str, limit: int, revision: int) -> Page:
        """See Store.range."""
        if revision > self.revision:
            raise FutureRevision(revision, self.revision)
        rows = self._rows
        if revision in (0, self.revision):
            found = self._keys(prefix, after)
            chosen = found[:limit] if limit else found
            return Page([rows[key] for key in chosen], self.revision, len(found) - len(chosen))
        undo = self._undo(prefix, revision)
        keys = [key for key in self._keys(prefix, after) if key not in undo]
        old = [key for key, kv in undo.items() if kv is not None and key > after]
        if old:
            keys = sorted(keys + old)
        chosen = keys[:limit] if limit else keys
        items = [undo.get(key) or rows[key] for key in chosen]
        return Page(items, revision, len(keys) - len(chosen))

    def _undo(self, prefix: str, revision: int) -> dict[str, KeyValue | None]:
        """What the keys that changed after `revision` were at it (None: nothing)."""
        return {event.kv.key: event.previous for event in self.window.newest_first(prefix, revision)}

    def _keys(self, prefix: str, after: str) -> list[str]:
        """The keys under a prefix that sort after `after`, in order."""
        found: list[str] = []
        for keys in self._lists(prefix):
            low = bisect_left(keys, prefix)
            if after:
                low = max(low, bisect_right(keys, after))
            found += keys[low : bisect_left(keys, prefix + LAST, low)]
        return found

    def _lists(self, prefix: str) -> Iterator[list[str]]:
        resource = resource_of(prefix)
        if resource:
            if resource in self._sorted:
                yield self._sorted[resource]
            return
        for name in sorted(self._sorted):
            if name.startswith(prefix):
                yield self._sorted[name]
