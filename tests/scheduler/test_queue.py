"""The scheduling queue under a clock that is a number."""

from typing import Any

from sampan.scheduler.pod import PodInfo, read_pod
from sampan.scheduler.queue import SchedulingQueue

WAKES = {"Fit": frozenset(("pod/gone",)), "Taints": frozenset(("node/taints",))}


def pod(name: str, priority: int = 0, **meta: Any) -> PodInfo:
    spec = {"containers": [], "priority": priority}
    return read_pod({"metadata": {"name": name, "namespace": "n", "uid": name, **meta}, "spec": spec})


def queue_of(*pods: PodInfo, now: float = 0.0) -> SchedulingQueue:
    queue = SchedulingQueue(WAKES)  # type: ignore[arg-type]
    for index, item in enumerate(pods):
        queue.put(item, now + index / 100)
    return queue


def names(queue: SchedulingQueue, now: float) -> list[str]:
    found = []
    while (item := queue.pop(now)) is not None:
        found.append(item.name)
    return found


def test_priority_then_age() -> None:
    assert names(queue_of(pod("a"), pod("b", 5), pod("c")), 1) == ["b", "a", "c"]


def test_a_parked_pod_waits_for_an_event_of_its_plugin_and_for_its_backoff() -> None:
    queue = queue_of(pod("a"))
    assert queue.pop(0)
    queue.unschedulable(("n", "a"), frozenset(("Fit",)), 0.0)
    queue.event("node/taints", 5.0)
    assert queue.pop(5.0) is None
    queue.event("pod/gone", 5.0)
    assert names(queue, 5.0) == ["a"]
    queue.unschedulable(("n", "a"), frozenset(("Fit",)), 5.0)  # second attempt: 2 s
    queue.event("pod/gone", 6.0)
    assert queue.pop(6.9) is None
    assert queue.next_due() == 7.0
    assert names(queue, 7.0) == ["a"]


def test_an_event_during_the_decision_is_not_lost() -> None:
    queue = queue_of(pod("a"))
    assert queue.pop(0)
    queue.event("pod/gone", 0.0)
    queue.unschedulable(("n", "a"), frozenset(("Fit",)), 0.0)
    assert queue.pop(0.5) is None
    assert names(queue, 1.0) == ["a"]


def test_a_parked_pod_is_tried_again_after_five_minutes() -> None:
    queue = queue_of(pod("a"))
    assert queue.pop(0)
    queue.unschedulable(("n", "a"), frozenset(("Fit",)), 0.0)
    assert queue.pop(299.0) is None
    assert names(queue, 300.0) == ["a"]


def test_backoff_doubles_to_ten_seconds() -> None:
    queue = queue_of(pod("a"))
    waits, now = [], 0.0
    for _ in range(6):
        assert queue.pop(now)
        queue.failed(("n", "a"), now)
        due = queue.next_due()
        assert due is not None
        waits.append(due - now)
        now = due
    assert waits == [1, 2, 4, 8, 10, 10]


def test_a_changed_pod_is_tried_again_and_a_new_one_of_the_same_name_starts_afresh() -> None:
    queue = queue_of(pod("a"))
    assert queue.pop(0)
    queue.unschedulable(("n", "a"), frozenset(("Fit",)), 0.0)
    queue.put(pod("a"), 2.0)  # only its status changed
    assert queue.pop(2.0) is None
    queue.put(pod("a", labels={"x": "y"}), 2.0)
    assert names(queue, 2.0) == ["a"]
    queue.remove(("n", "a"))
    assert queue.pop(400.0) is None
