"""The scheduling queue under a clock that is a number: upstream's situations as steps, and what is counted."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.scheduler.events import Event
from sampan.scheduler.pod import PodInfo, read_pod
from sampan.scheduler.profile import DEFAULT, GATES, PREEMPTION, hints_of
from sampan.scheduler.queue import SchedulingQueue
from sampan.scheduler.snapshot import NodeTable, Snapshot

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "queues" / "cases.yaml").read_text())


class Nobody:
    """No other objects."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args: ()


def pod(name: str, **given: Any) -> PodInfo:
    """A pod of a step."""
    meta = {"name": name, "namespace": "n", "uid": given.get("uid", name), "labels": given.get("labels", {})}
    spec = {
        "containers": [], "priority": given.get("priority", 0), "tolerations": given.get("tolerations", []),
        "schedulingGates": [{"name": gate} for gate in given.get("gates", ())],
    }  # fmt: skip
    return read_pod({"metadata": meta, "spec": spec})


def queue_of(*pods: PodInfo) -> SchedulingQueue:
    """A queue of the default profile."""
    made = SchedulingQueue(
        hints_of((DEFAULT,), extended=True),
        Snapshot(NodeTable(), Nobody(), Nobody()),
        gate=lambda info: GATES if info.gated else "",
    )
    for info in pods:
        made.put(info, 0.0)
    return made


def popped(queue: SchedulingQueue, now: float) -> list[str]:
    """The names of all pods that come now."""
    found = []
    while (info := queue.pop(now)) is not None:
        found.append(info.name)
    return found


class Steps:
    """Does and checks what steps say."""

    def __init__(self) -> None:
        self.queue, self.now = queue_of(), 0.0

    def do(self, what: str, given: Any) -> None:
        queue, now = self.queue, self.now
        match what:
            case "at":
                self.now = given
            case "put":
                for one in given:
                    queue.put(pod(**one), now)
            case "remove":
                queue.remove(("n", given))
            case "activate":
                queue.activate(("n", given), now)
            case "fail":
                for name, plugins in given.items():
                    queue.unschedulable(("n", name), frozenset(plugins), now)
            case "event":
                resource, _, action = given.rpartition("/")
                queue.event(Event(resource, action), None, None, now)
            case "pop":
                assert popped(queue, now) == given
            case "due":
                assert queue.next_due() == given
            case "waiting":
                assert {place: number for place, number in queue.waiting().items() if number} == given
            case _:
                pytest.fail(f"no step is called {what}")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_steps(case: dict[str, Any]) -> None:
    steps = Steps()
    for step in case["steps"]:
        for what, given in step.items():
            steps.do(what, given)


def test_backoff_doubles_to_ten_seconds() -> None:
    queue = queue_of(pod("a"))
    waits, now = [], 0.0
    for _ in range(6):
        assert queue.pop(now)
        queue.failed(("n", "a"), now)
        due = queue.next_due()
        assert due is not None
        waits.append(due - now - 1)  # a window of a second is over when the next begins
        now = due
    assert waits == [1, 2, 4, 8, 10, 10]


def test_only_pods_of_that_priority_or_less() -> None:
    queue = queue_of(pod("a", priority=1), pod("b", priority=3))
    popped(queue, 0.0)
    for name in "ab":
        queue.unschedulable(("n", name), frozenset(("NodeName",)), 0.0)
    queue.event(Event("Node", "Add"), None, None, 20.0, most=2)
    assert popped(queue, 20.0) == ["a"]


def test_what_is_counted() -> None:
    queue = queue_of(pod("a"), pod("g", gates=["x"]))
    assert queue.turned_away() == {(GATES, "default-scheduler"): 1}
    popped(queue, 0.0)
    queue.unschedulable(("n", "a"), frozenset(("NodeName", "NodePorts")), 0.0)
    assert queue.turned_away()["NodePorts", "default-scheduler"] == 1
    assert queue.waiting() == {"active": 0, "backoff": 0, "unschedulable": 1, "gated": 1}
    queue.event(Event("Node", "Add"), None, None, 0.0)
    popped(queue, 0.0)
    assert queue.incoming == {
        ("active", "UnschedulablePodAdd"): 1, ("unschedulable", "UnschedulablePodAdd"): 1,
        ("unschedulable", "ScheduleAttemptFailure"): 1, ("backoff", "NodeAdd"): 1, ("active", "PopFromBackoffQ"): 1,
    }  # fmt: skip


def test_a_pod_waits_for_the_last_of_its_victims() -> None:
    evicting = {"a"}
    queue = queue_of()
    queue.hints = hints_of((DEFAULT,))
    queue.snapshot = None
    queue.gate = lambda info: PREEMPTION if info.name in evicting else ""
    evicting.clear()
    queue.put(pod("a"), 0.0)
    assert popped(queue, 0.0) == ["a"]
    evicting.add("a")
    queue.unschedulable(("n", "a"), frozenset(("NodeResourcesFit",)), 0.0)
    queue.event(Event("AssignedPod", "Delete"), None, None, 30.0)
    assert popped(queue, 30.0) == []
    evicting.clear()
    queue.event(Event("AssignedPod", "Delete"), None, None, 30.0)
    assert popped(queue, 30.0) == ["a"]
