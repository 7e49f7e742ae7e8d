"""One event of the runtime and what was known before it."""

import pytest

from sampan.kubelet.pleg.events import PodEvent, PodEventType
from sampan.kubelet.pleg.translate import LATE, TEN_YEARS, LookAgain, Translation, owner, translate, trusted
from sampan.kubelet.runtime import (
    Container,
    ContainerEvent,
    ContainerState,
    EventType,
    PodStatus,
    Sandbox,
    SandboxState,
)

NOW = 1_767_225_600_000_000_000
READY, NOTREADY = SandboxState.READY, SandboxState.NOTREADY
STARTED, DIED, REMOVED = PodEventType.STARTED, PodEventType.DIED, PodEventType.REMOVED


def box(
    id_: str = "box", state: SandboxState = READY, created_at: int = NOW - 10 * LATE, ip: str = "10.0.0.2"
) -> Sandbox:
    return Sandbox(id_, "1", "pod", "default", 0, state, created_at, (ip,) if ip and state is READY else ())


BOX = box()


def run(id_: str, state: ContainerState, sandbox: str = "box", created_at: int = NOW - 5 * LATE) -> Container:
    return Container(id_, sandbox, id_, 0, state, created_at)


def known(*containers: Container, boxes: tuple[Sandbox, ...] = (box(),)) -> PodStatus:
    return PodStatus("1", "pod", "default", boxes, containers, next((b.ips for b in boxes if b.ips), ()))


def event(
    of: str, type_: EventType, *containers: Container, sandbox: Sandbox | None = BOX, at: int = NOW
) -> ContainerEvent:
    return ContainerEvent(of, type_, at, sandbox, containers)


def told(answer: object) -> list[tuple[PodEventType, str]]:
    assert isinstance(answer, Translation)
    assert all(e.uid == "1" for e in answer.events)
    return [(e.type, e.container_id) for e in answer.events]


def shown(answer: object) -> PodStatus:
    assert isinstance(answer, Translation)
    assert answer.status is not None
    return answer.status


@pytest.mark.parametrize(
    ("type_", "state", "kinds"),
    [
        (EventType.CREATED, ContainerState.CREATED, []),
        (EventType.STARTED, ContainerState.RUNNING, [STARTED]),
        (EventType.STOPPED, ContainerState.EXITED, [DIED]),
    ],
)
def test_what_each_event_tells(type_: EventType, state: ContainerState, kinds: list[PodEventType]) -> None:
    answer = translate(event("c", type_, run("c", state)), known(), "1", NOW)
    assert [kind for kind, _ in told(answer) if kind is not PodEventType.CHANGED] == kinds
    assert shown(answer).containers == (run("c", state),)
    assert shown(answer).ips == ("10.0.0.2",)


def test_an_event_tells_also_what_else_has_changed() -> None:
    """The one before it was lost."""
    answer = translate(
        event("c", EventType.STARTED, run("c", ContainerState.RUNNING), run("d", ContainerState.EXITED)),
        known(run("d", ContainerState.RUNNING)), "1", NOW,
    )  # fmt: skip
    assert told(answer) == [(STARTED, "c"), (DIED, "d")]


def test_a_deleted_container() -> None:
    old = known(run("c", ContainerState.EXITED), run("d", ContainerState.RUNNING))
    for one in (
        event("c", EventType.DELETED, run("d", ContainerState.RUNNING)),
        event("c", EventType.DELETED, run("c", ContainerState.EXITED), run("d", ContainerState.RUNNING)),
        event("c", EventType.DELETED, sandbox=None),
    ):
        answer = translate(one, old, "1", NOW)
        assert told(answer) == [(DIED, "c"), (REMOVED, "c")]
        assert [c.id for c in shown(answer).containers] == ["d"]


@pytest.mark.parametrize("sandbox", [None, box(state=NOTREADY)])
def test_the_last_sandbox_takes_the_pod_along(sandbox: Sandbox | None) -> None:
    old = known(run("c", ContainerState.RUNNING), boxes=(box(state=NOTREADY),))
    answer = translate(event("box", EventType.DELETED, sandbox=sandbox), old, "1", NOW)
    assert isinstance(answer, Translation)
    assert answer.status is None
    assert told(answer) == [(DIED, "box"), (REMOVED, "box"), (DIED, "c"), (REMOVED, "c")]


def test_an_old_sandbox_that_is_deleted_leaves_the_new_one() -> None:
    new = box("new", created_at=NOW - LATE, ip="10.0.0.3")
    old = known(
        run("a", ContainerState.EXITED), run("b", ContainerState.RUNNING, "new"), boxes=(new, box(state=NOTREADY))
    )
    for sandbox in (None, box(state=NOTREADY)):
        answer = translate(event("box", EventType.DELETED, sandbox=sandbox), old, "1", NOW)
        assert [s.id for s in shown(answer).sandboxes] == ["new"]
        assert [c.id for c in shown(answer).containers] == ["b"]


def test_a_new_sandbox_beside_the_old_one() -> None:
    new = box("new", created_at=NOW - LATE, ip="10.0.0.3")
    old = known(run("a", ContainerState.EXITED), boxes=(box(state=NOTREADY),))
    status = shown(translate(event("new", EventType.STARTED, sandbox=new), old, "1", NOW))
    assert [s.id for s in status.sandboxes] == ["new", "box"]
    assert [c.id for c in status.containers] == ["a"]
    assert status.ips == ("10.0.0.3",)


def test_a_container_made_meanwhile_is_kept() -> None:
    """The runtime read its containers before the newest was made, and stamped the event after."""
    young, old = run("y", ContainerState.CREATED, created_at=NOW - LATE // 2), run("o", ContainerState.EXITED)
    status = shown(
        translate(event("c", EventType.STARTED, run("c", ContainerState.RUNNING)), known(young, old), "1", NOW)
    )
    assert [c.id for c in status.containers] == ["y", "c"], "one that is old and not told of is gone"


def test_a_stopped_sandbox_keeps_its_address() -> None:
    status = shown(translate(event("box", EventType.STOPPED, sandbox=box(state=NOTREADY)), known(), "1", NOW))
    assert status.ips == ("10.0.0.2",)


def test_what_cannot_be_understood() -> None:
    assert translate(event("c", EventType.DELETED, sandbox=None), None, "", NOW) is None
    assert translate(event("c", EventType.STARTED, sandbox=None), known(), "1", NOW) == LookAgain("1")
    assert translate(event("c", EventType.STARTED, at=NOW // 10**9), known(), "1", NOW) == LookAgain("1")


def test_a_container_in_an_event_is_of_the_events_sandbox() -> None:
    status = shown(translate(event("c", EventType.STARTED, run("c", ContainerState.RUNNING, "")), None, "1", NOW))
    assert status.containers[0].sandbox_id == "box"
    assert (status.name, status.namespace) == ("pod", "default")


def test_times_are_trusted_within_reason() -> None:
    assert trusted(NOW - 5, NOW) == NOW - 5
    assert trusted(NOW + 5, NOW) == NOW, "never ahead of our clock"
    assert trusted(NOW + TEN_YEARS + 1, NOW) == trusted(0, NOW) == trusted(NOW // 10**9, NOW) == 0


def test_whose_event_it_is() -> None:
    assert owner(event("c", EventType.STARTED)) == "1"
    assert owner(event("c", EventType.DELETED, sandbox=None)) == ""
    assert PodEvent("1", STARTED) == PodEvent("1", STARTED, "")


@pytest.mark.parametrize("type_", [EventType.STARTED, EventType.STOPPED, EventType.CREATED])
def test_an_event_that_leaves_out_its_own_container_is_looked_into(type_: EventType) -> None:
    was = known(run("a", ContainerState.RUNNING))
    assert translate(event("a", type_), was, "1", NOW) == LookAgain("1")
    assert translate(event("b", type_, run("a", ContainerState.RUNNING)), was, "1", NOW) == LookAgain("1")


def test_an_event_of_a_sandbox_without_the_containers_that_are_known_is_looked_into() -> None:
    was = known(run("a", ContainerState.RUNNING))
    assert translate(event("box", EventType.STOPPED, sandbox=box(state=NOTREADY)), was, "1", NOW) == LookAgain("1")
    assert told(translate(event("box", EventType.STARTED), known(), "1", NOW)) == [(STARTED, "box")]
