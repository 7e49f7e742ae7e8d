"""HybridPleg over the runtime in memory: streams that break, end or lose events, and what the cache says then."""

import logging
import random
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sampan.aio.tasks import Tasks
from sampan.kubelet.pleg.diff import lives
from sampan.kubelet.pleg.stream import Phase
from sampan.kubelet.runtime import ContainerEvent, CriError
from sampan.kubelet.simulated import SimulatedRuntime
from sampan.testing.clock import FakeClock

if TYPE_CHECKING:
    from tests.kubelet.conftest import Pods
    from tests.kubelet.pleg.conftest import Rig, Rigs

DOWN = CriError("UNAVAILABLE", "the runtime is busy")


async def test_what_happens_while_the_stream_is_down_is_told_once(
    hybrid: "Rig", runtime: SimulatedRuntime, pods: "Pods", clock: FakeClock
) -> None:
    await clock.advance(2)
    run = await pods.run("1", await pods.sandbox("1"), "c")
    await hybrid.sent()
    runtime.fail("events", DOWN, times=3)
    runtime.break_streams()
    await clock.advance(0)
    runtime.kill(run, 3)
    assert hybrid.phase is Phase.CONNECTING
    await clock.advance(1)
    assert await hybrid.sent() == [("1", "ContainerDied", run)]
    await clock.advance(20)
    assert hybrid.phase.value == "streaming"
    assert await hybrid.sent() == []
    assert hybrid.cache.get("1").containers[0].exit_code == 3


async def test_a_stream_that_ends_at_once_every_time(
    rigs: "Rigs", clock: FakeClock, pods_in: "Callable[..., Pods]"
) -> None:
    """CRI-O with its events switched off answers so."""

    class Off(SimulatedRuntime):
        async def events(self, opened: Callable[[], None] | None = None) -> AsyncIterator[ContainerEvent]:
            if opened is not None:
                opened()
            nothing: tuple[ContainerEvent, ...] = ()
            for event in nothing:
                yield event

    runtime = Off("10.0.0.0/24", clock, random.Random(1))
    hybrid = rigs.hybrid(runtime)
    hybrid.start()
    await clock.advance(600)
    tried = hybrid.sample("kubelet_evented_pleg_connection_success_count")
    assert tried <= 8 + 600 / 60, "not in a busy loop"
    pods = pods_in(runtime)
    run = await pods.run("1", await pods.sandbox("1"), "c")
    await hybrid.sent()
    await clock.advance(1)
    assert run in lives(hybrid.cache.peek("1")), "relists every second carry the truth"
    await runtime.close()


async def test_an_event_that_nobody_foresaw_ends_the_stream_not_the_pleg(
    hybrid: "Rig", runtime: SimulatedRuntime, pods: "Pods", clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    await clock.advance(2)
    assert hybrid.hybrid is not None
    evented = hybrid.hybrid.evented

    def bad(event: ContainerEvent) -> None:
        raise ValueError("a bug")

    with monkeypatch.context() as patched, caplog.at_level(logging.ERROR):
        patched.setattr(evented, "apply", bad)
        box = await pods.sandbox("1")
        await clock.advance(0)
    assert "pleg stream died" in caplog.text
    await clock.advance(2)
    assert hybrid.phase is Phase.STREAMING
    assert ("1", "ContainerStarted", box) in await hybrid.sent()
    run = await pods.run("1", box, "c")
    assert await hybrid.sent() == [("1", "ContainerStarted", run)], "events are followed again"


async def test_a_lost_event_is_found_and_counted(
    hybrid: "Rig", runtime: SimulatedRuntime, pods: "Pods", clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await clock.advance(2)
    run = await pods.run("1", await pods.sandbox("1"), "c")
    await hybrid.sent()
    with monkeypatch.context() as patched:
        patched.setattr(runtime, "_send", lambda event: None)
        runtime.kill(run)
        await clock.advance(250)
        assert await hybrid.sent() == []
        await clock.advance(60)
    assert await hybrid.sent() == [("1", "ContainerDied", run)]
    assert hybrid.sample("kubelet_evented_pleg_missed_events_total") == 1


class Unreliable(SimulatedRuntime):
    """Its events get lost, doubled and late, as `fate` says for each."""

    fate: list[int]

    def _send(self, event: ContainerEvent) -> None:
        match self.fate.pop() if self.fate else 0:
            case 1:
                return
            case 2:
                super()._send(event)
            case 3:
                self.late.append(event)
                return
            case 4:
                self.break_streams()
        super()._send(event)
        while self.late:
            super()._send(self.late.pop())

    @property
    def late(self) -> list[ContainerEvent]:
        found: list[ContainerEvent] = self.__dict__.setdefault("kept", [])
        return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fate=st.lists(st.integers(0, 4), max_size=40),
    acts=st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0.0, 0.01, 1.0, 7.0])), max_size=25),
)
async def test_in_the_end_the_cache_shows_what_is(
    fate: list[int], acts: list[tuple[int, float]], pods_in: "Callable[..., Pods]", rigs: "Rigs"
) -> None:
    clock = FakeClock()
    runtime = Unreliable("10.0.0.0/24", clock, random.Random(1))
    runtime.fate = list(fate)
    pods = pods_in(runtime)
    boxes: list[str] = []
    runs: list[str] = []
    async with Tasks() as tasks:
        rig = type(rigs)(clock, tasks).hybrid(runtime)
        rig.start()
        for act, pause in acts:
            await clock.advance(pause)
            match act:
                case 0:
                    boxes.append(await pods.sandbox(str(len(boxes) % 3)))
                case 1 if boxes:
                    box = boxes[-1]
                    if any(s.id == box for s in await runtime.list_sandboxes()):
                        runs.append(await pods.run(str((len(boxes) - 1) % 3), box, "c", len(runs)))
                case 2 if runs:
                    await runtime.stop_container(runs[-1], 0)
                case 3 if runs:
                    await runtime.remove_container(runs.pop())
                case 4 if boxes:
                    await runtime.stop_sandbox(boxes[0])
                case 5 if boxes:
                    await runtime.remove_sandbox(boxes[0])
        await clock.advance(301)
        shown = {thing: life for uid in rig.cache for thing, life in lives(rig.cache.peek(uid)).items()}
        for container in await runtime.list_containers():
            assert shown.pop(container.id).value == container.state.name.lower()
        for sandbox in await runtime.list_sandboxes():
            assert shown.pop(sandbox.id).value == ("running" if sandbox.state == 0 else "exited")
        assert shown == {}, "nothing is shown that is gone"
    await runtime.close()
