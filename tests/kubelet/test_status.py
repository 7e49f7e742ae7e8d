"""A pod's status over random histories: what is terminal stays so and is never ready (kubernetes#110480)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.api.json import Obj
from sampan.kubelet.runtime import Container, ContainerState, PodStatus, Sandbox, SandboxState
from sampan.kubelet.status import Known, Waiting, pod_status

START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = ("i", "s", "a", "b")
TERMINAL = ("Succeeded", "Failed")


def run(name: str) -> st.SearchStrategy[Container | None]:
    """Some run of a container, or none."""
    return st.none() | st.builds(
        lambda state, attempt, code: Container(f"{name}-{attempt}", "box", name, attempt, state, attempt, 1, 2, code),
        st.sampled_from(list(ContainerState)), st.integers(0, 2), st.sampled_from([0, 1, 137]),
    )  # fmt: skip


RUNS = st.tuples(*(run(name) for name in NAMES)).map(lambda found: tuple(c for c in found if c is not None))
BOXES = st.sampled_from(list(SandboxState)).map(lambda state: Sandbox("box", "u", "p", "default", 0, state, 1))
WAITS = st.dictionaries(st.sampled_from(NAMES), st.just(Waiting("CrashLoopBackOff", "x")), max_size=2)
MOMENTS = st.tuples(RUNS, BOXES, WAITS, st.booleans(), st.booleans(), st.none() | st.just(Waiting("Evicted", "x")))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["Always", "OnFailure", "Never"]), st.booleans(), st.lists(MOMENTS, min_size=1, max_size=6)
)  # fmt: skip
def test_terminal_pods_are_never_ready(policy: str, with_init: bool, history: list[Any]) -> None:
    spec: Obj = {"restartPolicy": policy, "containers": [{"name": "a"}, {"name": "b"}]}
    if with_init:
        spec["initContainers"] = [{"name": "i"}, {"name": "s", "restartPolicy": "Always"}]
    pod: Obj = {"metadata": {"name": "p", "namespace": "default", "uid": "u"}, "spec": spec, "status": {}}
    phase, ready = "", ("", "")
    for number, (runs, box, waiting, all_started, stopped, failure) in enumerate(history):
        running = frozenset(c.id for c in runs if c.state is ContainerState.RUNNING)
        runtime = PodStatus("u", "p", "default", (box,), runs)
        known = Known("192.0.2.1", waiting, started=running if all_started else frozenset(), failure=failure,
                      stopped=stopped and not running)  # fmt: skip
        found = pod_status(pod, runtime, known, START + timedelta(seconds=number))
        conditions = {c["type"]: c for c in found["conditions"]}
        if found["phase"] in TERMINAL:
            reason = "PodFailed" if found["phase"] == "Failed" else "PodCompleted"
            for type_ in ("Ready", "ContainersReady"):
                assert (conditions[type_]["status"], conditions[type_]["reason"]) == ("False", reason)
        if phase in TERMINAL:
            assert found["phase"] == phase, "a terminal phase is final"
        if known.stopped:
            assert found["phase"] in TERMINAL
        now = conditions["Ready"]["status"], conditions["Ready"]["lastTransitionTime"]
        if now[0] == ready[0]:
            assert now[1] == ready[1], "a transition is when the status changes"
        assert found["startTime"] == "2026-01-01T00:00:00Z"
        phase, ready = found["phase"], now
        pod = {**pod, "status": found}
