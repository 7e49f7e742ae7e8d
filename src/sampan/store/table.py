"""The versions that stand now, by key and in key order, and how they stood at an older revision."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import islice

from sampan.store.base import Event, FutureRevision, KeyValue, Page
from sampan.store.window import Window, resource_of

Span = tuple[list[str], int, int]

LAST = "\U0010ffff"
"""Sorts after every character that a key may contain."""


class Table:
    """Committed state: a dictionary for reads of one key, a sorted list of keys per resource for ranges."""

    def __init__(self, window: Window, revision: int = 1) -> None:
        self.window = window
        self.revision = revision
        self._rows: dict[str, KeyValue] = {}
        self._sorted: dict[str, list[str]] = {}
        self.changed: dict[str, int] = {}
        """The revision of the last write under each resource's prefix."""
        self.get = self._rows.get
        """The version of a key that stands, or None."""

    def __len__(self) -> int:
        return len(self._rows)

    def apply(self, event: Event) -> None:
        """Take in the newest write."""
        kv = event.kv
        key = kv.key
        resource = resource_of(key)
        if event.type == "DELETE":
            if self._rows.pop(key, None) is not None:
                keys = self._sorted[resource]
                del keys[bisect_left(keys, key)]
        else:
            if key not in self._rows:
                insort(self._sorted.setdefault(resource, []), key)
            self._rows[key] = kv
        self.changed[resource] = kv.revision
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
            resource = resource_of(key)
            self._sorted.setdefault(resource, []).append(key)
            self.changed[resource] = self.revision

    def range(self, prefix: str, after: str, limit: int, revision: int) -> Page:
        """See Store.range."""
        if revision > self.revision:
            raise FutureRevision(revision, self.revision)
        rows = self._rows
        spans = self._spans(prefix, after)
        count = sum(high - low for _, low, high in spans)
        if revision in (0, self.revision):
            items = [rows[key] for key in _first(spans, limit)]
            return Page(items, self.revision, count - len(items))
        undo = self._undo(prefix, revision)
        old = sorted(key for key, kv in undo.items() if kv is not None and key > after)
        count += len(old) - sum(key > after and key in rows for key in undo)
        unchanged = (key for key in _each(spans) if key not in undo)
        chosen = islice(merge(unchanged, old), limit or None)
        items = [undo.get(key) or rows[key] for key in chosen]
        return Page(items, revision, count - len(items))

    def _undo(self, prefix: str, revision: int) -> dict[str, KeyValue | None]:
        """What the keys that changed after `revision` were at it (None: nothing)."""
        return {event.kv.key: event.previous for event in self.window.newest_first(prefix, revision)}

    def _spans(self, prefix: str, after: str) -> list[Span]:
        """Where the keys under a prefix that sort after `after` lie."""
        spans = []
        for keys in self._lists(prefix):
            low = bisect_left(keys, prefix)
            if after:
                low = max(low, bisect_right(keys, after))
            high = bisect_left(keys, prefix + LAST, low)
            if low < high:
                spans.append((keys, low, high))
        return spans

    def _lists(self, prefix: str) -> Iterator[list[str]]:
        resource = resource_of(prefix)
        if resource:
            if resource in self._sorted:
                yield self._sorted[resource]
            return
        for name in sorted(self._sorted):
            if name.startswith(prefix):
                yield self._sorted[name]


def _first(spans: list[Span], limit: int) -> list[str]:
    """The first keys of the spans; all of them if there is no limit."""
    found: list[str] = []
    for keys, low, high in spans:
        found += keys[low : min(high, low + limit - len(found)) if limit else high]
        if limit and len(found) == limit:
            break
    return found


def _each(spans: list[Span]) -> Iterator[str]:
    """The keys of the spans, without a copy of them."""
    for keys, low, high in spans:
        for index in range(low, high):
            yield keys[index]
