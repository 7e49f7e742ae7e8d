"""Recent events since a revision: what watches start from and older revisions are read back from; bounded."""

from collections import deque
from collections.abc import Iterator

from sampan.store.base import Compacted, Event

MAX_EVENTS = 100_000
MAX_BYTES = 64 * 1024 * 1024
OVERHEAD = 512
"""What an event costs besides its value: records, key, labels."""


def resource_of(key: str) -> str:
    """`/GROUP/PLURAL/` of a key or of a longer prefix; "" for a prefix that spans several resources."""
    try:
        return key[: key.index("/", key.index("/", 1) + 1) + 1]
    except ValueError:
        return ""


class _Lane:
    """The events of one resource, and the revision of the last one that was dropped from it."""

    __slots__ = ("events", "floor")

    def __init__(self, floor: int) -> None:
        self.events: deque[Event] = deque()
        self.floor = floor


class Window:
    """Events in revision order, one lane per resource: a busy resource does not make a quiet one's watchers relist.

    What falls out at the old end is remembered as table rows that nobody can ask for any more: see `take_dropped`.
    """

    def __init__(self, *, floor: int = 0, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self._all: deque[Event] = deque()
        self._lanes: dict[str, _Lane] = {}
        self._bytes = 0
        self._max_events, self._max_bytes = max_events, max_bytes
        self._compacted = floor
        self._dropped: list[int] = []
        self.last_dropped = floor
        """The newest revision that any lane has lost."""

    def append(self, event: Event) -> None:
        """Add the newest event; drop the oldest while there are too many or they weigh too much."""
        resource = resource_of(event.kv.key)
        lane = self._lanes.get(resource)
        if lane is None:
            lane = self._lanes[resource] = _Lane(self._compacted)
        lane.events.append(event)
        self._all.append(event)
        self._bytes += len(event.kv.value) + OVERHEAD
        while len(self._all) > self._max_events or self._bytes > self._max_bytes:
            self._drop_oldest()

    def floor(self, prefix: str) -> int:
        """The oldest revision after which every event for `prefix` is still here."""
        lane = self._lanes.get(resource_of(prefix))
        if lane is not None:
            return max(lane.floor, self._compacted)
        if resource_of(prefix):
            return self._compacted
        return max([self._compacted, *(lane.floor for name, lane in self._lanes.items() if name.startswith(prefix))])

    def since(self, prefix: str, revision: int) -> list[Event]:
        """The events after `revision` for keys under `prefix`, oldest first. Raises Compacted."""
        found = list(self.newest_first(prefix, revision))
        found.reverse()
        return found

    def newest_first(self, prefix: str, revision: int) -> Iterator[Event]:
        """The same, newest first. Raises Compacted when the first one is asked for."""
        floor = self.floor(prefix)
        if revision < floor:
            raise Compacted(revision, floor)
        resource = resource_of(prefix)
        if resource:
            lane = self._lanes.get(resource)
            events = lane.events if lane is not None else deque[Event]()
        else:
            events = self._all
        for event in reversed(events):
            if event.kv.revision <= revision:
                return
            if event.kv.key.startswith(prefix):
                yield event

    def compact(self, revision: int) -> None:
        """Forget the events at or before a revision."""
        self._compacted = max(self._compacted, revision)
        while self._all and self._all[0].kv.revision <= revision:
            self._drop_oldest()
        self.last_dropped = max(self.last_dropped, revision)

    def take_dropped(self) -> list[int]:
        """Revisions of versions that fell out since the last call: replaced ones and deletions."""
        dropped, self._dropped = self._dropped, []
        return dropped

    def _drop_oldest(self) -> None:
        event = self._all.popleft()
        lane = self._lanes[resource_of(event.kv.key)]
        lane.events.popleft()
        lane.floor = self.last_dropped = event.kv.revision
        self._bytes -= len(event.kv.value) + OVERHEAD
        if event.previous is not None:
            self._dropped.append(event.previous.revision)
        if event.type == "DELETE":
            self._dropped.append(event.kv.revision)
