"""Probes on virtual time: when they run, how many results count, and what follows."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.aio.tasks import Tasks
from sampan.api.json import Obj
from sampan.api.times import to_nanos
from sampan.kubelet.handlers import Handlers, Outcome, port_of
from sampan.kubelet.health import ProbedHealth, Watch, expanded, verdict
from sampan.kubelet.runtime import Container, ContainerState, CriError, PodStatus
from sampan.kubelet.simulated import SimulatedRuntime
from sampan.testing.clock import FakeClock


@dataclass
class Scripted:
    """Handlers whose outcomes the test says, and which remember when they ran."""

    clock: FakeClock
    answers: dict[str, bool | None] = field(default_factory=dict)
    ran: list[tuple[str, float]] = field(default_factory=list)

    async def run(self, container: Obj, handler: Obj, container_id: str, ip: str, timeout: float) -> Outcome:
        kind = handler["kind"]
        self.ran.append((kind, self.clock.monotonic()))
        return Outcome(self.answers.get(kind, True), "said so")

    def times(self, kind: str) -> list[float]:
        return [at for one, at in self.ran if one == kind]


class Rig:
    """ProbedHealth that runs, and one pod with one container."""

    def __init__(self, clock: FakeClock, tasks: Tasks) -> None:
        self.clock, self.scripted = clock, Scripted(clock)
        self.told: list[str] = []
        self.pokes = 0
        self.known: set[str] = set()
        self.health = ProbedHealth(
            cast(Handlers, self.scripted), clock, lambda pod, type_, reason, message, name: self.told.append(message),
            self.poke, lambda uid, container_id, kind: container_id in self.known,
        )  # fmt: skip
        tasks.start(self.health.run(), "prober")
        self.pod: Obj = {}
        self.status = PodStatus("u")

    def poke(self, uid: str) -> None:
        self.pokes += 1

    def follow(self, attempt: int = 0, **probes: Obj) -> None:
        """The pod's container runs since now, with these probes."""
        container: Obj = {"name": "a"}
        container.update({f"{kind}Probe": {**probe, "kind": kind} for kind, probe in probes.items()})
        self.pod = {"metadata": {"uid": "u"}, "spec": {"containers": [container]}}
        now = to_nanos(self.clock.now())
        run = Container(f"a-{attempt}", "box", "a", attempt, ContainerState.RUNNING, now, now)
        self.status = PodStatus("u", containers=(run,), ips=("10.0.0.2",))
        self.health.follow(self.pod, self.status)

    def state(self) -> tuple[dict[str, str], bool, bool]:
        """What failed, whether it has started, whether it is ready."""
        health, unready = self.health.of(self.pod, self.status)
        return dict(health.failed), bool(health.started), not unready


@pytest.fixture
async def rig(clock: FakeClock) -> AsyncIterator[Rig]:
    async with Tasks() as tasks:
        yield Rig(clock, tasks)


async def test_when_probes_run(rig: Rig, clock: FakeClock) -> None:
    rig.follow(liveness={"initialDelaySeconds": 3, "periodSeconds": 5}, readiness={"periodSeconds": 2})
    await clock.advance(13)
    assert rig.scripted.times("liveness") == [3, 8, 13]
    assert rig.scripted.times("readiness") == [0, 2, 4, 6, 8, 10, 12]


async def test_a_container_is_killed_after_three_failures(rig: Rig, clock: FakeClock) -> None:
    rig.follow(liveness={"periodSeconds": 10})
    await clock.advance(5)
    rig.scripted.answers["liveness"] = False
    await clock.advance(15)
    assert rig.state()[0] == {}
    await clock.advance(10)
    assert rig.state()[0] == {"a-0": "liveness"}
    assert rig.told == ["Liveness probe failed: said so"] * 3
    await clock.advance(100)
    assert len(rig.scripted.times("liveness")) == 4, "it has said its last word"


async def test_one_success_between_forgives(rig: Rig, clock: FakeClock) -> None:
    rig.follow(liveness={"periodSeconds": 1, "failureThreshold": 2})
    await clock.advance(0.5)
    for ok in (False, True, False, True, False):
        rig.scripted.answers["liveness"] = ok
        await clock.advance(1)
    assert rig.state()[0] == {}


async def test_a_container_is_ready_by_its_probe(rig: Rig, clock: FakeClock) -> None:
    rig.scripted.answers["readiness"] = False
    rig.follow(readiness={"periodSeconds": 1, "successThreshold": 2, "failureThreshold": 2})
    assert not rig.state()[2], "not before it has said so"
    await clock.advance(3)
    rig.scripted.answers["readiness"] = True
    await clock.advance(1)
    assert not rig.state()[2]
    await clock.advance(1)
    assert rig.state()[2]
    pokes = rig.pokes
    rig.scripted.answers["readiness"] = False
    await clock.advance(1)
    assert rig.state()[2], "one failure is none"
    await clock.advance(1)
    assert not rig.state()[2]
    assert rig.pokes == pokes + 1


async def test_others_wait_for_the_startup_probe(rig: Rig, clock: FakeClock) -> None:
    rig.scripted.answers["startup"] = False
    rig.follow(
        startup={"periodSeconds": 1, "failureThreshold": 30},
        liveness={"periodSeconds": 1},
        readiness={"periodSeconds": 1},
    )
    await clock.advance(5)
    assert rig.state() == ({}, False, False)
    assert rig.scripted.times("liveness") == rig.scripted.times("readiness") == []
    rig.scripted.answers["startup"] = True
    await clock.advance(2.5)
    assert rig.state() == ({}, True, True)
    count = len(rig.scripted.times("startup"))
    await clock.advance(10)
    assert len(rig.scripted.times("startup")) == count, "once is enough"
    assert len(rig.scripted.times("liveness")) >= 10


async def test_a_startup_that_fails(rig: Rig, clock: FakeClock) -> None:
    rig.scripted.answers["startup"] = False
    rig.follow(startup={"periodSeconds": 2, "failureThreshold": 3})
    await clock.advance(4)
    assert rig.state()[0] == {"a-0": "startup"}


async def test_a_new_run_is_judged_anew(rig: Rig, clock: FakeClock) -> None:
    rig.scripted.answers["liveness"] = False
    rig.follow(0, liveness={"periodSeconds": 1, "failureThreshold": 1})
    await clock.advance(1)
    assert rig.state()[0] == {"a-0": "liveness"}
    rig.scripted.answers["liveness"] = True
    rig.follow(1, liveness={"periodSeconds": 1, "failureThreshold": 1})
    await clock.advance(3)
    assert rig.state()[0] == {}


async def test_what_had_started_before_needs_no_startup_probe(rig: Rig, clock: FakeClock) -> None:
    """The agent was restarted."""
    rig.known.add("a-0")
    rig.follow(startup={"periodSeconds": 1}, liveness={"periodSeconds": 1})
    await clock.advance(1)
    assert rig.state()[1]
    assert rig.scripted.times("startup") == []
    assert rig.scripted.times("liveness")


async def test_what_was_ready_before_is_until_a_probe_says_no(rig: Rig, clock: FakeClock) -> None:
    rig.known.add("a-0")
    rig.scripted.answers["readiness"] = False
    rig.follow(readiness={"periodSeconds": 1})
    assert rig.state()[2]
    await clock.advance(1.5)
    assert rig.state()[2]
    await clock.advance(1)
    assert not rig.state()[2]


async def test_a_pod_that_ends_is_probed_no_more(rig: Rig, clock: FakeClock) -> None:
    rig.follow(liveness={"periodSeconds": 1})
    await clock.advance(2)
    rig.health.forget("u")
    count = len(rig.scripted.ran)
    await clock.advance(10)
    assert len(rig.scripted.ran) == count


async def test_without_probes_all_is_well(rig: Rig) -> None:
    rig.follow()
    assert rig.state() == ({}, True, True)


async def test_a_probe_that_could_not_be_run_says_nothing(rig: Rig, clock: FakeClock) -> None:
    rig.scripted.answers.update(liveness=None, readiness=None)
    rig.follow(liveness={"periodSeconds": 1, "failureThreshold": 1}, readiness={"periodSeconds": 1})
    await clock.advance(1.5)
    assert rig.state() == ({}, True, False)
    assert rig.told[0] == "Liveness probe errored and resulted in unknown state: said so"
    rig.scripted.answers["readiness"] = True
    await clock.advance(1)
    assert rig.state()[2]


async def test_what_waits_for_the_start_follows_at_once(rig: Rig, clock: FakeClock) -> None:
    rig.scripted.answers["startup"] = False
    rig.follow(startup={"periodSeconds": 1, "failureThreshold": 30}, readiness={"periodSeconds": 60})
    await clock.advance(3.5)
    rig.scripted.answers["startup"] = True
    await clock.advance(0.5)
    assert rig.scripted.times("readiness") == [4]
    assert rig.state() == ({}, True, True)


def test_commands_know_the_plain_variables() -> None:
    container = {"env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {}}]}
    probe = {"exec": {"command": ["x", "$(A)", "$(B)", "$(C)", "$$(A)"]}, "periodSeconds": 1}
    assert expanded(probe, container)["exec"]["command"] == ["x", "1", "", "$(C)", "$(A)"]
    assert probe["exec"] == {"command": ["x", "$(A)", "$(B)", "$(C)", "$$(A)"]}


@given(st.lists(st.booleans(), max_size=30), st.integers(1, 4), st.integers(1, 4))
def test_thresholds(results: list[bool], success: int, failure: int) -> None:
    """What a probe says is what the last row of results that was long enough said."""
    probe = {"successThreshold": success, "failureThreshold": failure}
    run = Container("a-0", "box", "a", 0, ContainerState.RUNNING, 1)
    watch = Watch({}, {"readinessProbe": probe}, run, "readiness", "")
    want: bool | None = None
    for number, ok in enumerate(results, start=1):
        length = success if ok else failure
        row = results[max(0, number - length) : number]
        before = want
        if len(row) == length and all(r is ok for r in row):
            want = ok
        assert verdict(watch, ok) is (want is not before)
        assert watch.passed is want


# -- handlers


@pytest.fixture
async def running(runtime: SimulatedRuntime, pods: Any) -> str:
    run: str = await pods.run("u", await pods.sandbox("u"), "a")
    return run


async def handle(runtime: SimulatedRuntime, clock: FakeClock, handler: Obj, container_id: str) -> Outcome:
    import asyncio

    handlers = Handlers(runtime, clock)
    task = asyncio.ensure_future(handlers.run({"name": "a"}, handler, container_id, "127.0.0.1", 2.0))
    await clock.advance(5)
    outcome = await task
    await handlers.close()
    return outcome


@pytest.mark.parametrize(
    ("command", "ok", "message"),
    [
        (["true"], True, ""),
        (["sh", "-c", "echo out; exit 3"], False, "out\n"),
        (["sleep", "9"], False, 'command timed out: "sleep 9" timed out after 2s'),
    ],
)
async def test_exec(
    runtime: SimulatedRuntime, clock: FakeClock, running: str, command: list[str], ok: bool, message: str
) -> None:
    assert await handle(runtime, clock, {"exec": {"command": command}}, running) == Outcome(ok, message)


async def test_exec_that_is_refused(runtime: SimulatedRuntime, clock: FakeClock, running: str) -> None:
    runtime.fail("exec_sync", CriError("UNKNOWN", "no"))
    outcome = await handle(runtime, clock, {"exec": {"command": ["true"]}}, running)
    assert not outcome.ok
    assert outcome.message == "no"


async def test_sleep_and_nothing(runtime: SimulatedRuntime, clock: FakeClock, running: str) -> None:
    assert (await handle(runtime, clock, {"sleep": {"seconds": 3}}, running)).ok
    nothing = await handle(runtime, clock, {}, running)
    assert not nothing.ok
    assert nothing.message == "missing probe handler for a"


def test_ports_by_name() -> None:
    container = {"ports": [{"name": "web", "containerPort": 8080}]}
    assert port_of(container, 80) == 80
    assert port_of(container, "web") == 8080
    assert port_of(container, "81") == 81
    for wrong in ("none", "0", "65536", "-1"):
        with pytest.raises(ValueError, match=wrong):
            port_of(container, wrong)


async def test_a_pod_that_ends_is_only_asked_whether_it_is_ready(rig: Rig, clock: FakeClock) -> None:
    rig.follow(liveness={"periodSeconds": 1}, readiness={"periodSeconds": 1})
    await clock.advance(1.5)
    assert rig.state() == ({}, True, True)
    rig.health.quiet("u")
    rig.scripted.answers["readiness"] = rig.scripted.answers["liveness"] = False
    before = len(rig.scripted.times("liveness"))
    for _ in range(4):
        await clock.advance(1)
    assert len(rig.scripted.times("liveness")) == before
    rig.health.follow(rig.pod, rig.status)
    assert rig.state() == ({}, True, False), "and no probe begins again"
    rig.health.follow(rig.pod, PodStatus("u"))
    asked = len(rig.scripted.times("readiness"))
    await clock.advance(3)
    assert len(rig.scripted.times("readiness")) == asked, "its container has ended"
