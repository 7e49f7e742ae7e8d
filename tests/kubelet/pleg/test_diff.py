"""Two looks at a pod and what lies between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kubelet.pleg.diff import Life, changes, keep_ips, life, lives, onward, records
from sampan.kubelet.pleg.events import PodEvent, PodEventType
from sampan.kubelet.runtime import Container, ContainerState, PodStatus, Sandbox, SandboxState

RUNNING, EXITED, UNKNOWN, GONE = Life.RUNNING, Life.EXITED, Life.UNKNOWN, Life.GONE
STARTED, DIED, REMOVED, CHANGED = PodEventType.STARTED, PodEventType.DIED, PodEventType.REMOVED, PodEventType.CHANGED


def box(id_: str = "box", state: SandboxState = SandboxState.READY, uid: str = "1", ip: str = "") -> Sandbox:
    return Sandbox(id_, uid, "pod", "default", 0, state, 1, (ip,) if ip else ())


def run(state: ContainerState, id_: str = "c", sandbox: str = "box") -> Container:
    return Container(id_, sandbox, id_, 0, state, 1)


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        (GONE, RUNNING, [STARTED]),
        (GONE, EXITED, [DIED]),
        (GONE, UNKNOWN, [CHANGED]),
        (RUNNING, RUNNING, []),
        (RUNNING, EXITED, [DIED]),
        (RUNNING, UNKNOWN, [CHANGED]),
        (RUNNING, GONE, [DIED, REMOVED]),
        (EXITED, RUNNING, [STARTED]),
        (EXITED, EXITED, []),
        (EXITED, UNKNOWN, [CHANGED]),
        (EXITED, GONE, [REMOVED]),
        (UNKNOWN, RUNNING, [STARTED]),
        (UNKNOWN, EXITED, [DIED]),
        (UNKNOWN, UNKNOWN, []),
        (UNKNOWN, GONE, [DIED, REMOVED]),
    ],
)
def test_every_change_of_life(old: Life, new: Life, kinds: list[PodEventType]) -> None:
    before = {} if old is GONE else {"c": old}
    after = {} if new is GONE else {"c": new}
    assert changes("1", before, after) == [PodEvent("1", kind, "c") for kind in kinds]


@pytest.mark.parametrize(
    ("state", "seen"),
    [
        (ContainerState.CREATED, UNKNOWN),
        (ContainerState.RUNNING, RUNNING),
        (ContainerState.EXITED, EXITED),
        (ContainerState.UNKNOWN, UNKNOWN),
        (SandboxState.READY, RUNNING),
        (SandboxState.NOTREADY, EXITED),
    ],
)
def test_states_as_the_diff_sees_them(state: ContainerState | SandboxState, seen: Life) -> None:
    assert life(state) is seen


def test_a_listing_by_pod() -> None:
    found = records(
        [box("a", uid="1"), box("b", uid="1", state=SandboxState.NOTREADY), box("x", uid="2")],
        [
            run(ContainerState.RUNNING, "c", "a"),
            run(ContainerState.EXITED, "d", "x"),
            run(ContainerState.EXITED, "e", "?"),
        ],
    )
    assert {uid: (r.sandbox_ids, dict(r.lives)) for uid, r in found.items()} == {
        "1": (("a", "b"), {"a": RUNNING, "b": EXITED, "c": RUNNING}),
        "2": (("x",), {"x": RUNNING, "d": EXITED}),
    }


@pytest.mark.parametrize(
    ("sandbox", "kept"),
    [
        (box(state=SandboxState.NOTREADY), ("10.0.0.2",)),
        (box(state=SandboxState.READY), ()),
        (None, ("10.0.0.2",)),
    ],
)
def test_a_dead_pod_keeps_its_address(sandbox: Sandbox | None, kept: tuple[str, ...]) -> None:
    old = PodStatus("1", sandboxes=(box(),), ips=("10.0.0.2",))
    new = PodStatus("1", sandboxes=(sandbox,) if sandbox else ())
    assert keep_ips(old, new).ips == kept
    assert keep_ips(None, new).ips == ()


def test_a_new_address_counts() -> None:
    old, new = PodStatus("1", ips=("10.0.0.2",)), PodStatus("1", sandboxes=(box(),), ips=("10.0.0.9",))
    assert keep_ips(old, new).ips == ("10.0.0.9",)


STATES = st.sampled_from(list(ContainerState))


@given(STATES, STATES)
def test_onward_never_goes_back(old: ContainerState, new: ContainerState) -> None:
    order = {ContainerState.CREATED: 0, ContainerState.RUNNING: 1, ContainerState.UNKNOWN: 1, ContainerState.EXITED: 2}
    before = PodStatus("1", sandboxes=(box(),), containers=(run(old),))
    after = onward(before, PodStatus("1", sandboxes=(box(),), containers=(run(new),)))
    assert order[after.containers[0].state] == max(order[old], order[new])


@pytest.mark.parametrize("new", [ContainerState.RUNNING, ContainerState.UNKNOWN])
@pytest.mark.parametrize("old", [ContainerState.RUNNING, ContainerState.UNKNOWN])
def test_a_running_container_may_become_unknown_and_be_found_again(old: ContainerState, new: ContainerState) -> None:
    before, after = PodStatus("1", containers=(run(old),)), PodStatus("1", containers=(run(new),))
    assert onward(before, after).containers[0].state is new


def test_onward_keeps_a_sandbox_dead_and_knows_whose_a_container_is() -> None:
    before = PodStatus(
        "1", sandboxes=(box(state=SandboxState.NOTREADY),), containers=(run(ContainerState.EXITED, sandbox=""),)
    )
    after = onward(before, PodStatus("1", sandboxes=(box(),), containers=(run(ContainerState.RUNNING),)))
    assert after.sandboxes[0].state is SandboxState.NOTREADY
    assert (after.containers[0].state, after.containers[0].sandbox_id) == (ContainerState.EXITED, "box")
    assert onward(None, before) is before
    assert lives(after) == {"box": EXITED, "c": EXITED}
