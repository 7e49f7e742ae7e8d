"""The Store protocol: revisions, compare-and-set, ranges at one revision, watch from a revision, compaction.

Keys are `/GROUP/PLURAL/NAMESPACE/NAME` (`core` for the core group; no namespace part for cluster-scoped kinds).
Values are whole JSON objects as bytes, with their own revision inside as metadata.resourceVersion.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol


class Draft(NamedTuple):
    """An encoded object that still lacks its resourceVersion: head + revision + tail are the value's bytes."""

    head: bytes
    tail: bytes

    def stamp(self, revision: int) -> bytes:
        """The value as it is kept and sent."""
        return b"%b%d%b" % (self.head, revision, self.tail)


NO_LABELS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, eq=False)
class KeyValue:
    """One version of one object. `labels` and `fields` are what selectors look at, so that reads need no parsing."""

    key: str
    value: bytes
    revision: int
    """When this version was written; also the object's resourceVersion."""
    labels: Mapping[str, str] = field(default_factory=lambda: NO_LABELS)
    fields: Mapping[str, str] = field(default_factory=lambda: NO_LABELS)


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """One write, as watchers see it. For DELETE, `kv` is the last state stamped with the deletion's revision."""

    type: Literal["PUT", "DELETE"]
    kv: KeyValue
    previous: KeyValue | None
    """The version that this write replaced or deleted; None when the key was created."""

    @property
    def revision(self) -> int:
        return self.kv.revision


class Page(NamedTuple):
    """A part of a range, in key order. `remaining` counts the keys after it; `revision` is the whole range's."""

    items: list[KeyValue]
    revision: int
    remaining: int


class StoreError(Exception):
    """The store could not do it; nothing was written."""


class Conflict(StoreError):
    """The key's version was not the expected one; `current` is the one that stands (None: no such key)."""

    def __init__(self, key: str, current: KeyValue | None) -> None:
        super().__init__(f"{key}: the version that stands is {current.revision if current else 'none'}")
        self.key, self.current = key, current


class Compacted(StoreError):
    """That revision is older than what is kept; `oldest` is the first that is."""

    def __init__(self, revision: int, oldest: int) -> None:
        super().__init__(f"revision {revision} is compacted; the oldest kept is {oldest}")
        self.revision, self.oldest = revision, oldest


class FutureRevision(StoreError):
    """That revision has not been reached yet."""

    def __init__(self, revision: int, current: int) -> None:
        super().__init__(f"revision {revision} is in the future; the current one is {current}")
        self.revision, self.current = revision, current


class Unavailable(StoreError):
    """The store cannot be written (full disk, lost quorum): reads may go on, the write was not acknowledged."""


class NewerFormat(StoreError):
    """The store was written by a newer version of this program."""


class SlowReader(StoreError):
    """This watcher did not read for too long and was cut off; it must list and watch anew."""


class Watch(Protocol):
    """A stream of events in revision order, each exactly once, in batches as they were committed.

    `async for batch in watch` yields non-empty lists of Events and progress marks: an empty list says that all events
    up to `watch.revision` have been delivered. Raises SlowReader when the reader was dropped; ends after close().
    """

    @property
    def revision(self) -> int:
        """Everything up to this revision has been yielded or concerns other keys."""

    def __aiter__(self) -> "Watch": ...

    async def __anext__(self) -> list[Event]: ...

    def progress(self) -> None:
        """Ask for one progress mark, after the events that are queued now."""

    def close(self) -> None: ...


class Store(Protocol):
    """Versioned keys and values. One writer order; a write is visible to nobody before it is durable."""

    @property
    def revision(self) -> int:
        """The last committed revision. A fresh store is at 1."""

    async def get(self, key: str) -> KeyValue | None: ...

    async def newest(self, key: str) -> KeyValue | None:
        """The version that a write would follow: as `get`, or a later one that is not durable yet.

        Only for writes that build upon it with `expect`: they become durable after it, or fail with it.
        """

    async def durable(self, kv: KeyValue) -> None:
        """Return once this version, as `newest` gave it, is durable. Raises Unavailable if it never will be."""

    async def range(self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0) -> Page:
        """The keys that start with `prefix` and sort after `after`, at a revision (0: now); limit 0 means all.

        Raises Compacted or FutureRevision.
        """

    async def put(
        self,
        key: str,
        draft: Draft,
        *,
        labels: Mapping[str, str] = NO_LABELS,
        fields: Mapping[str, str] = NO_LABELS,
        expect: int | None = None,
    ) -> KeyValue:
        """Write a version and return it once it is durable. `expect`: 0 = the key must not exist, N = its version
        must be N, None = whatever. Raises Conflict or Unavailable."""

    async def delete(self, key: str, draft: Draft, *, expect: int | None = None) -> KeyValue:
        """Remove a key; `draft` is its last state. Returns that state stamped with the deletion's revision.

        Raises Conflict (also when the key does not exist) or Unavailable.
        """

    def changed(self, resource: str) -> int:
        """The revision of the last committed write under `/GROUP/PLURAL/`, or a later one; 0: there was none.

        For those who keep what they made of a range: it is as it was while this number stays.
        """

    def watch(self, prefix: str, *, since: int) -> Watch:
        """All events after revision `since` for keys that start with `prefix`. Raises Compacted or FutureRevision."""

    def compact(self, revision: int) -> None:
        """Forget versions that were replaced or deleted at or before a revision."""

    async def close(self) -> None:
        """Flush, end all watches, release files."""
