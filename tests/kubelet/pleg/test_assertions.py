"""The sharp assertions about PLEG (KEP-3386), each test named after its number."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.kubelet.pleg.base import Outbox, PlegConfig
from sampan.kubelet.pleg.cache import PodCache
from sampan.kubelet.pleg.evented import EventedPleg
from sampan.kubelet.pleg.events import PodEvent, PodEventType
from sampan.kubelet.pleg.metrics import PlegMetrics
from sampan.kubelet.pleg.stream import Phase
from sampan.kubelet.runtime import (
    Container,
    ContainerEvent,
    ContainerState,
    CriError,
    EventType,
    PodStatus,
    Sandbox,
    SandboxState,
)
from sampan.kubelet.simulated import SimulatedRuntime
from sampan.testing.clock import FakeClock

if TYPE_CHECKING:
    from tests.kubelet.conftest import Pods
    from tests.kubelet.pleg.conftest import Rig, Rigs

STARTED, DIED, REMOVED = "ContainerStarted", "ContainerDied", "ContainerRemoved"
DOWN = CriError("UNAVAILABLE", "the runtime is busy")
SECOND = 1_000_000_000


# -- 1, 2: what a relist tells


async def test_01_first_relist_tells_what_runs_and_what_died(generic: "Rig", pods: "Pods") -> None:
    one, other = await pods.sandbox("1234"), await pods.sandbox("4567")
    c1 = await pods.ended("1234", one, "c1")
    c2 = await pods.run("1234", one, "c2")
    await pods.create("1234", one, "c3")
    c4 = await pods.ended("4567", other, "c1")
    assert sorted(await generic.relist()) == sorted(
        [
            ("1234", STARTED, one),
            ("1234", DIED, c1),
            ("1234", STARTED, c2),
            ("4567", STARTED, other),
            ("4567", DIED, c4),
        ]
    )


async def test_02_a_second_identical_relist_tells_nothing(generic: "Rig", pods: "Pods") -> None:
    await pods.run("1", await pods.sandbox("1"), "c")
    assert await generic.relist()
    assert await generic.relist() == []


# -- 3: what vanished


async def test_03_a_running_container_that_vanished_died_and_was_removed(
    generic: "Rig", pods: "Pods", runtime: SimulatedRuntime
) -> None:
    run = await pods.run("1", await pods.sandbox("1"), "c")
    await generic.relist()
    await runtime.remove_container(run)
    assert await generic.relist() == [("1", DIED, run), ("1", REMOVED, run)]


async def test_03_an_exited_container_that_vanished_was_removed_only(
    generic: "Rig", pods: "Pods", runtime: SimulatedRuntime
) -> None:
    run = await pods.ended("1", await pods.sandbox("1"), "c")
    await generic.relist()
    await runtime.remove_container(run)
    assert await generic.relist() == [("1", REMOVED, run)]


# -- 4: the channel


async def test_04_a_full_channel_drops_and_counts(rigs: "Rigs", runtime: SimulatedRuntime, pods: "Pods") -> None:
    rig = rigs.generic(runtime, PlegConfig(evented=False, capacity=4))
    rig.work()
    box = await pods.sandbox("1")
    for number in range(4):
        await pods.run("1", box, f"c{number}")
    assert len(await rig.relist()) == 4
    assert rig.sample("kubelet_pleg_discard_events") == 1
    assert len(rig.cache.get("1").containers) == 4, "what was not told is in the cache all the same"


# -- 5: errors


async def test_05_a_status_error_withholds_the_events_until_a_good_look(
    generic: "Rig", pods: "Pods", runtime: SimulatedRuntime
) -> None:
    box = await pods.sandbox("1")
    await generic.relist()
    run = await pods.run("1", box, "c")
    runtime.fail("pod_status", DOWN)
    assert await generic.relist() == []
    with pytest.raises(CriError):
        generic.cache.get("1")
    assert await generic.relist() == [("1", STARTED, run)]
    assert generic.cache.get("1").containers[0].id == run


async def test_05_what_failed_is_looked_at_again_without_being_asked(
    generic: "Rig", pods: "Pods", runtime: SimulatedRuntime, clock: FakeClock
) -> None:
    await pods.sandbox("1")
    runtime.fail("pod_status", DOWN)
    assert await generic.relist() == []
    await clock.advance(1.0)
    assert len(await generic.sent()) == 1


@pytest.mark.parametrize("method", ["list_sandboxes", "list_containers"])
async def test_05_a_relist_that_fails_does_not_count_as_one(
    generic: "Rig", runtime: SimulatedRuntime, clock: FakeClock, method: str
) -> None:
    assert generic.generic.health(clock.now()) == "pleg has yet to be successful"
    runtime.fail(method, DOWN)
    await generic.relist()
    assert generic.generic.health(clock.now()) == "pleg has yet to be successful"
    assert generic.cache.observed_all == 0
    await generic.relist()
    assert generic.generic.health(clock.now()) == ""
    later = clock.now() + timedelta(seconds=181)
    assert generic.generic.health(later) == "pleg was last seen active 181.000s ago; threshold is 180s"


# -- 6: the order of events


def pod(*containers: Container, ready: bool = True, created_at: int = 1) -> PodStatus:
    state = SandboxState.READY if ready else SandboxState.NOTREADY
    box = Sandbox("box", "1", "pod-1", "default", 0, state, created_at, ("10.0.0.2",) if ready else ())
    return PodStatus("1", "pod-1", "default", (box,), containers, box.ips)


def container(state: ContainerState, name: str = "c", created_at: int = 2) -> Container:
    return Container(name, "box", name, 0, state, created_at)


def event(
    type_: EventType, at: int, *containers: Container, of: str = "c", sandbox: Sandbox | None = None
) -> ContainerEvent:
    return ContainerEvent(of, type_, at, sandbox or pod().sandboxes[0], containers)


class Evented:
    """An EventedPleg that is handed events."""

    def __init__(self, clock: FakeClock) -> None:
        self.cache = PodCache(clock)
        self.outbox = Outbox()
        self.metrics = PlegMetrics(self.cache)
        self.looked: list[str] = []
        runtime: SimulatedRuntime | None = None
        self.pleg = EventedPleg(runtime, self.cache, self.outbox, self.metrics, self.looked.append)  # type: ignore[arg-type]

    async def apply(self, one: ContainerEvent) -> list[PodEvent]:
        self.pleg.apply(one)
        stream, found = self.outbox.read(), []
        while len(self.outbox):
            found.append(await anext(stream))
        return found


@pytest.fixture
def evented(clock: FakeClock) -> Evented:
    return Evented(clock)


@pytest.mark.parametrize(("late", "told"), [(-1, False), (0, True), (1, True)])
async def test_06_only_what_is_older_than_the_cache_is_refused(
    evented: Evented, clock: FakeClock, late: int, told: bool
) -> None:
    known = evented.cache.now() - SECOND
    evented.cache.set("1", pod(container(ContainerState.RUNNING)), None, known)
    found = await evented.apply(event(EventType.STOPPED, known + late, container(ContainerState.EXITED)))
    assert found == ([PodEvent("1", PodEventType.DIED, "c")] if told else [])
    assert evented.cache.get("1").containers[0].state is (ContainerState.EXITED if told else ContainerState.RUNNING)
    assert (b"kubelet_evented_pleg_stale_events_total 0.0" in evented.metrics.registry.text()) is told


@pytest.mark.parametrize("stamp", ["seconds", "zero", "far ahead"])
async def test_06_a_time_in_another_unit_orders_nothing(evented: Evented, clock: FakeClock, stamp: str) -> None:
    now = evented.cache.now()
    at = {"seconds": now // SECOND, "zero": 0, "far ahead": now * SECOND}[stamp]
    evented.cache.set("1", pod(container(ContainerState.RUNNING)), None, now)
    assert await evented.apply(event(EventType.STOPPED, at, container(ContainerState.EXITED))) == []
    assert evented.looked == ["1"], "the pod is looked at instead"
    assert evented.cache.modified("1") == now


# -- 7: deletions


async def test_07_a_deleted_sandbox_takes_its_pod_out(evented: Evented) -> None:
    now = evented.cache.now()
    evented.cache.set("1", pod(ready=False), None, now)
    found = await evented.apply(ContainerEvent("box", EventType.DELETED, now, None))
    assert found == [PodEvent("1", PodEventType.DIED, "box"), PodEvent("1", PodEventType.REMOVED, "box")]
    assert "1" not in list(evented.cache)


async def test_07_a_deleted_container_leaves_its_pod(evented: Evented) -> None:
    now = evented.cache.now()
    evented.cache.set("1", pod(container(ContainerState.EXITED)), None, now)
    found = await evented.apply(event(EventType.DELETED, now))
    assert found == [PodEvent("1", PodEventType.DIED, "c"), PodEvent("1", PodEventType.REMOVED, "c")]
    assert evented.cache.get("1").sandboxes
    assert evented.cache.get("1").containers == ()


# -- 8, 9: streams that break, runtimes without events


async def test_08_streams_that_fail_at_once(rigs: "Rigs", runtime: SimulatedRuntime, clock: FakeClock) -> None:
    """Upstream gives events up for good after five failures; here relists bridge the time and events come back."""
    runtime.fail("events", DOWN, times=5)
    hybrid = rigs.hybrid(runtime)
    hybrid.start()
    await clock.advance(0 + 1 + 2 + 4)
    assert hybrid.sample("kubelet_evented_pleg_connection_error_count") == 5
    assert hybrid.phase is Phase.CONNECTING
    looks = hybrid.sample("kubelet_pleg_relist_duration_seconds_count")
    await clock.advance(3)
    assert hybrid.sample("kubelet_pleg_relist_duration_seconds_count") == looks + 3, "every second"
    await clock.advance(5)
    assert hybrid.phase.value == "streaming"
    assert hybrid.sample("kubelet_evented_pleg_connection_success_count") == 1
    assert hybrid.sample("kubelet_evented_pleg_connection_error_count") == 5


async def test_08_every_break_forces_a_relist(hybrid: "Rig", runtime: SimulatedRuntime, clock: FakeClock) -> None:
    await clock.advance(2)
    for failures, pause in enumerate((0, 1, 2, 4, 8), start=1):
        looks = hybrid.sample("kubelet_pleg_relist_duration_seconds_count")
        runtime.break_streams()
        await clock.advance(0)
        assert hybrid.sample("kubelet_pleg_relist_duration_seconds_count") > looks
        assert hybrid.sample("kubelet_evented_pleg_connection_error_count") == failures
        await clock.advance(pause + 1.5)
        assert hybrid.sample("kubelet_evented_pleg_connection_success_count") == failures + 1


async def test_08_the_health_threshold_follows_the_period(
    hybrid: "Rig", runtime: SimulatedRuntime, clock: FakeClock
) -> None:
    assert hybrid.hybrid is not None
    await clock.advance(290)
    assert hybrid.hybrid.health(clock.now()) == "", "a relist every 300 s is enough while events come"
    runtime.fail("list_sandboxes", DOWN, times=10_000)
    runtime.fail("events", DOWN, times=10_000)
    runtime.break_streams()
    await clock.advance(179)
    assert hybrid.hybrid.health(clock.now()) == ""
    await clock.advance(3)
    assert hybrid.hybrid.health(clock.now()).endswith("threshold is 180s")


async def test_09_a_runtime_without_events_is_relisted_every_second(
    rigs: "Rigs", runtime: SimulatedRuntime, pods: "Pods", clock: FakeClock
) -> None:
    runtime.fail("events", CriError("UNIMPLEMENTED", "unknown method GetContainerEvents"))
    hybrid = rigs.hybrid(runtime)
    hybrid.start()
    await clock.advance(0)
    assert hybrid.phase is Phase.RELISTING
    await hybrid.sent()
    run = await pods.run("1", await pods.sandbox("1"), "c")
    await clock.advance(1)
    assert ("1", STARTED, run) in await hybrid.sent()
    assert hybrid.hybrid is not None
    looks = hybrid.sample("kubelet_pleg_relist_duration_seconds_count")
    await clock.advance(60)
    assert hybrid.sample("kubelet_pleg_relist_duration_seconds_count") == looks + 60
    runtime.fail("list_sandboxes", DOWN, times=10_000)
    await clock.advance(181)
    assert hybrid.hybrid.health(clock.now()).endswith("threshold is 180s")


async def test_09_events_replace_relists(
    hybrid: "Rig", runtime: SimulatedRuntime, pods: "Pods", clock: FakeClock
) -> None:
    """300 times fewer listings while nothing happens, and what happens is told at once."""
    await clock.advance(2)
    looks = hybrid.sample("kubelet_pleg_relist_duration_seconds_count")
    box = await pods.sandbox("1")
    run = await pods.run("1", box, "c", command="sleep 100")
    assert sorted(await hybrid.sent()) == sorted([("1", STARTED, box), ("1", STARTED, run)])
    await clock.advance(100)
    assert await hybrid.sent() == [("1", DIED, run)]
    await clock.advance(197)
    assert hybrid.sample("kubelet_pleg_relist_duration_seconds_count") == looks
    await clock.advance(3)
    assert hybrid.sample("kubelet_pleg_relist_duration_seconds_count") == looks + 1
    assert hybrid.sample("kubelet_evented_pleg_missed_events_total") == 0
    assert await hybrid.sent() == []


# -- 10: waiting for news


async def test_10_a_missing_pod_is_empty_once_everything_was_looked_at(clock: FakeClock) -> None:
    cache = PodCache(clock)
    waiting = asyncio.ensure_future(cache.newer_than("1", 100 * SECOND))
    await clock.advance(0)
    for stamp in (99 * SECOND, 100 * SECOND):
        cache.advance(stamp)
        await clock.advance(0)
        assert not waiting.done(), f"not at {stamp}"
    cache.advance(100 * SECOND + 1)
    assert await waiting == PodStatus("1")


async def test_10_who_waits_has_the_pod_looked_at(
    hybrid: "Rig", runtime: SimulatedRuntime, pods: "Pods", clock: FakeClock
) -> None:
    """A lost event holds nobody up: upstream stamps the cache every 5 s and so hands out stale states."""
    await clock.advance(2)
    await pods.sandbox("1")
    looks = hybrid.sample("kubelet_pleg_relist_duration_seconds_count")
    waiting = asyncio.ensure_future(hybrid.cache.newer_than("1", hybrid.cache.now()))
    await clock.advance(0.01)
    assert (await waiting).sandboxes
    assert hybrid.sample("kubelet_pleg_relist_duration_seconds_count") == looks, "one pod, not all"


# -- 11: nothing runs twice

BIRTH = datetime(2026, 1, 1, tzinfo=UTC)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_11_no_order_of_events_brings_a_container_back(data: st.DataObject) -> None:
    """Whatever is lost, doubled, late or stamped wrongly: no status says less than one before it did."""
    clock = FakeClock(BIRTH)
    rig = Evented(clock)
    now = rig.cache.now()
    lives = [
        event(EventType.CREATED, now - 50, container(ContainerState.CREATED)),
        event(EventType.STARTED, now - 40, container(ContainerState.RUNNING)),
        event(EventType.STOPPED, now - 30, container(ContainerState.EXITED)),
        event(
            EventType.CREATED,
            now - 20,
            container(ContainerState.EXITED),
            container(ContainerState.CREATED, "d", now - 25),
        ),
        event(
            EventType.STARTED,
            now - 10,
            container(ContainerState.EXITED),
            container(ContainerState.RUNNING, "d", now - 25),
        ),
    ]
    stamps = st.sampled_from([None, 0, now // SECOND, now, now + SECOND])
    told = data.draw(st.lists(st.tuples(st.sampled_from(lives), stamps), max_size=20))
    seen: dict[str, ContainerState] = {}
    for one, stamp in told:
        rig.pleg.apply(one if stamp is None else replace(one, created_at=stamp))
        status = rig.cache.peek("1")
        for found in status.containers if status is not None else ():
            assert found.state >= seen.get(found.id, ContainerState.CREATED), f"{found.id} went back"
            seen[found.id] = found.state


# -- 12: nobody acts between creation and start


async def test_12_a_created_container_is_no_news(hybrid: "Rig", pods: "Pods", clock: FakeClock) -> None:
    """Upstream's static pods start twice when a CREATED event wakes their worker: here it wakes nobody."""
    await clock.advance(2)
    box = await pods.sandbox("1")
    assert await hybrid.sent() == [("1", STARTED, box)]
    await pods.create("1", box, "c")
    assert await hybrid.sent() == []
    assert [c.state for c in hybrid.cache.get("1").containers] == [ContainerState.CREATED]
