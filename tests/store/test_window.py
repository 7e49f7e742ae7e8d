"""What the window keeps and for whom."""

import pytest

from sampan.store.base import Compacted, Event, KeyValue
from sampan.store.window import OVERHEAD, Window, resource_of


def put(key: str, revision: int, previous: int = 0, size: int = 10) -> Event:
    old = KeyValue(key, b"", previous) if previous else None
    return Event("PUT", KeyValue(key, b"x" * size, revision), old)


def revisions(window: Window, prefix: str, since: int) -> list[int]:
    return [e.revision for e in window.since(prefix, since)]


@pytest.mark.parametrize(
    ("key", "resource"),
    [
        ("/core/pods/ns/a", "/core/pods/"),
        ("/core/nodes/a", "/core/nodes/"),
        ("/core/pods/", "/core/pods/"),
        ("/core/pods", ""),
        ("/core/", ""),
        ("/", ""),
        ("", ""),
    ],
)
def test_resource_of(key: str, resource: str) -> None:
    assert resource_of(key) == resource


def test_a_busy_resource_does_not_push_a_quiet_one_out_of_reach() -> None:
    window = Window(max_events=3)
    window.append(put("/core/nodes/a", 2))
    for revision in range(3, 10):
        window.append(put("/core/pods/ns/a", revision))
    assert window.floor("/core/nodes/") == 2
    assert revisions(window, "/core/nodes/", 2) == []
    with pytest.raises(Compacted):
        window.since("/core/nodes/", 1)
    with pytest.raises(Compacted) as caught:
        window.since("/core/pods/", 5)
    assert caught.value.oldest == 6
    assert revisions(window, "/core/pods/", 6) == [7, 8, 9]
    with pytest.raises(Compacted):
        window.since("/", 5)
    assert revisions(window, "/", 6) == [7, 8, 9]


def test_a_resource_never_seen_is_whole_from_the_start() -> None:
    window = Window(max_events=1)
    window.append(put("/core/nodes/a", 2))
    window.append(put("/core/nodes/a", 3))
    assert revisions(window, "/core/pods/", 0) == []


def test_bounded_by_bytes() -> None:
    window = Window(max_bytes=3 * (OVERHEAD + 100))
    for revision in range(2, 12):
        window.append(put("/core/pods/ns/a", revision, size=100))
    assert revisions(window, "/core/pods/", 8) == [9, 10, 11]


def test_dropped_versions_are_told_once() -> None:
    window = Window(max_events=1)
    window.append(put("/core/pods/ns/a", 2))
    window.append(put("/core/pods/ns/a", 3, previous=2))
    window.append(Event("DELETE", KeyValue("/core/pods/ns/a", b"", 4), KeyValue("/core/pods/ns/a", b"", 3)))
    window.append(put("/core/pods/ns/b", 5))
    assert window.take_dropped() == [2, 3, 4]
    assert window.take_dropped() == []
    assert window.last_dropped == 4


def test_compaction_holds_for_every_resource() -> None:
    window = Window()
    window.append(put("/core/pods/ns/a", 2))
    window.append(put("/core/nodes/a", 3))
    window.compact(2)
    assert window.floor("/core/nodes/") == window.floor("/batch/jobs/") == window.floor("") == 2
    assert revisions(window, "/", 2) == [3]
