"""What only the runtime in memory has: planned exits on its clock, addresses, faults, a state file."""

import asyncio
import random
import stat
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sampan.kubelet.runtime import (
    ContainerEvent,
    ContainerState,
    CriError,
    EventType,
    Runtime,
    SandboxConfig,
    Security,
)
from sampan.kubelet.simulated import SimulatedRuntime
from sampan.testing.clock import FakeClock

if TYPE_CHECKING:
    from tests.kubelet.conftest import Pods

RUNNING, EXITED = ContainerState.RUNNING, ContainerState.EXITED


@asynccontextmanager
async def kept(path: Path, clock: FakeClock) -> AsyncIterator[SimulatedRuntime]:
    """A runtime with a state file."""
    made = SimulatedRuntime("10.0.0.0/24", clock, random.Random(), path)
    try:
        yield made
    finally:
        await made.close()


async def state(runtime: SimulatedRuntime, container: str) -> tuple[ContainerState, int]:
    found = await runtime.container_status(container)
    return found.state, found.exit_code


# -- time


async def test_containers_end_when_their_time_has_come(
    runtime: SimulatedRuntime, pods: "Pods", clock: FakeClock
) -> None:
    box = await pods.sandbox("1")
    late = await pods.run("1", box, "late", command="sleep 30; exit 2")
    soon = await pods.run("1", box, "soon", command="sleep 10")
    began = (await runtime.container_status(soon)).started_at
    await clock.advance(9.9)
    assert await state(runtime, soon) == (RUNNING, 0)
    await clock.advance(0.2)
    ended = await runtime.container_status(soon)
    assert (ended.state, ended.exit_code, ended.reason) == (EXITED, 0, "Completed")
    assert ended.finished_at - began == 10 * 10**9
    assert await state(runtime, late) == (RUNNING, 0)
    await clock.advance(20)
    assert await state(runtime, late) == (EXITED, 2)


async def test_who_was_stopped_does_not_end_again(runtime: SimulatedRuntime, pods: "Pods", clock: FakeClock) -> None:
    run = await pods.run("1", await pods.sandbox("1"), "c", command="sleep 10; exit 2")
    await clock.advance(1)
    await runtime.stop_container(run, 30)
    await clock.advance(100)
    assert await state(runtime, run) == (EXITED, 143)


async def test_the_newest_is_known_though_no_time_has_passed(runtime: SimulatedRuntime, pods: "Pods") -> None:
    boxes = [await pods.sandbox("1", attempt) for attempt in range(5)]
    status = await runtime.pod_status("1", tuple(sorted(boxes)))
    assert [box.attempt for box in status.sandboxes] == [4, 3, 2, 1, 0]


# -- addresses


async def test_addresses_are_of_the_network_and_given_back(clock: FakeClock) -> None:
    runtime = SimulatedRuntime("10.1.2.0/29", clock, random.Random(1))
    made = [await runtime.run_sandbox(SandboxConfig(str(n), "p", "d", 0)) for n in range(5)]
    found = [(await runtime.pod_status(str(n), (box,))).ips[0] for n, box in enumerate(made)]
    assert found == [f"10.1.2.{n}" for n in range(2, 7)]
    with pytest.raises(CriError) as full:
        await runtime.run_sandbox(SandboxConfig("6", "p", "d", 0))
    assert full.value.code == "RESOURCE_EXHAUSTED"
    await runtime.stop_sandbox(made[3])
    again = await runtime.run_sandbox(SandboxConfig("7", "p", "d", 0))
    assert (await runtime.pod_status("7", (again,))).ips == ("10.1.2.5",)
    await runtime.close()


async def test_a_pod_on_the_hosts_network_has_no_address_of_its_own(runtime: SimulatedRuntime) -> None:
    box = await runtime.run_sandbox(SandboxConfig("1", "p", "d", 0, security=Security(host_network=True)))
    assert (await runtime.pod_status("1", (box,))).ips == ()


# -- faults


async def test_calls_that_are_to_fail(runtime: SimulatedRuntime, pods: "Pods") -> None:
    runtime.fail("run_sandbox", CriError("INTERNAL", "no network"), times=2)
    for _ in range(2):
        with pytest.raises(CriError, match="no network"):
            await pods.sandbox("1")
    assert await runtime.list_sandboxes() == []
    assert await pods.sandbox("1")


async def test_calls_that_are_to_be_slow(runtime: SimulatedRuntime, pods: "Pods", clock: FakeClock) -> None:
    runtime.delay("run_sandbox", 3.0)
    slow = asyncio.ensure_future(pods.sandbox("1"))
    await clock.advance(2.9)
    assert not slow.done()
    assert await runtime.list_sandboxes() == []
    await clock.advance(0.2)
    assert [box.id for box in await runtime.list_sandboxes()] == [await slow]
    await pods.sandbox("2")


async def test_two_who_remove_the_same(runtime: SimulatedRuntime, pods: "Pods", clock: FakeClock) -> None:
    box = await pods.sandbox("1")
    runtime.delay("stop_sandbox", 1.0, times=2)
    both = asyncio.gather(runtime.remove_sandbox(box), runtime.remove_sandbox(box))
    await clock.advance(1.0)
    await both
    assert await runtime.list_sandboxes() == []


async def test_a_kill_is_told_to_all_who_listen(runtime: SimulatedRuntime, pods: "Pods", clock: FakeClock) -> None:
    run = await pods.run("1", await pods.sandbox("1"), "c")

    async def first() -> ContainerEvent:
        async with aclosing(runtime.events()) as stream:  # type: ignore[type-var]
            return await anext(stream)

    both = asyncio.gather(first(), first())
    await clock.advance(0)
    runtime.kill(run, 9)
    for event in await both:
        assert (event.container_id, event.type) == (run, EventType.STOPPED)
        assert [(c.state, c.exit_code, c.reason) for c in event.containers] == [(EXITED, 9, "Error")]
    runtime.kill(run, 1)
    assert await state(runtime, run) == (EXITED, 9), "nobody dies twice"
    with pytest.raises(CriError) as unknown:
        runtime.kill("nobody")
    assert unknown.value.code == "NOT_FOUND"


async def test_a_broken_stream_tells_first_what_it_knew(
    runtime: SimulatedRuntime, pods: "Pods", clock: FakeClock
) -> None:
    told: list[EventType] = []

    async def follow() -> None:
        async for event in runtime.events():
            told.append(event.type)  # noqa: PERF401

    following = asyncio.ensure_future(follow())
    await clock.advance(0)
    await pods.sandbox("1")
    runtime.break_streams()
    await pods.sandbox("2")
    with pytest.raises(CriError) as broken:
        await following
    assert (broken.value.code, told) == ("UNAVAILABLE", [EventType.CREATED, EventType.STARTED])


async def test_a_command_it_does_not_know_says_so(runtime: SimulatedRuntime, pods: "Pods") -> None:
    run = await pods.run("1", await pods.sandbox("1"), "c")
    code, out, error = await runtime.exec_sync(run, ("psql", "-l"), 5)
    assert (code, out) == (127, b"")
    assert b"psql: not known to a simulated container" in error


# -- the state file


async def test_what_runs_is_taken_up_again(
    tmp_path: Path, clock: FakeClock, pods_in: "Callable[[Runtime], Pods]"
) -> None:
    path = tmp_path / "runtime.json"
    async with kept(path, clock) as runtime:
        pods = pods_in(runtime)
        box = await pods.sandbox("1")
        for_ever = await pods.run("1", box, "ever")
        short = await pods.run("1", box, "short", command="sleep 10; exit 7")
        ended = await pods.ended("1", box, "ended")
        before = await runtime.pod_status("1", (box,))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    async with kept(path, clock) as runtime:
        assert [s.id for s in await runtime.list_sandboxes()] == [box]
        after = await runtime.pod_status("1", (box,))
        assert (after.sandboxes, after.containers, after.ips) == (before.sandboxes, before.containers, before.ips)
        assert await state(runtime, ended) == (EXITED, 137)
        await runtime.list_containers()
        await clock.advance(11)
        assert await state(runtime, short) == (EXITED, 7), "also what had a time to end"
        assert await state(runtime, for_ever) == (RUNNING, 0)
        other = await pods_in(runtime).sandbox("2")
        assert (await runtime.pod_status("2", (other,))).ips != before.ips


async def written(path: Path, clock: FakeClock, what: str) -> None:
    """Wait for the writing thread; time passes meanwhile."""
    async with asyncio.timeout(10):
        while not path.exists() or what not in path.read_text():
            await clock.advance(0.1)


async def test_the_file_is_written_while_things_change(
    tmp_path: Path, clock: FakeClock, pods_in: "Callable[[Runtime], Pods]"
) -> None:
    path = tmp_path / "runtime.json"
    async with kept(path, clock) as runtime:
        first = await pods_in(runtime).sandbox("1")
        await clock.advance(0.5)
        assert not path.exists(), "not at every change"
        await written(path, clock, first)
        second = await pods_in(runtime).sandbox("2")
        await written(path, clock, second)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"sandboxes": [{"id": "x"}], "containers": []}'])
async def test_a_damaged_file_is_a_node_that_lost_its_containers(tmp_path: Path, clock: FakeClock, text: str) -> None:
    path = tmp_path / "runtime.json"
    path.write_text(text)
    async with kept(path, clock) as runtime:
        assert await runtime.list_sandboxes() == []


# -- size


async def test_ten_thousand_pods_need_no_task_each(clock: FakeClock, pods_in: "Callable[[Runtime], Pods]") -> None:
    runtime = SimulatedRuntime("10.0.0.0/16", clock, random.Random(1))
    pods, tasks = pods_in(runtime), len(asyncio.all_tasks())
    began = time.process_time()
    for number in range(10_000):
        await pods.run(str(number), await pods.sandbox(str(number)), "c", command="sleep 60")
    assert len(asyncio.all_tasks()) == tasks + 1
    await clock.advance(61)
    assert {c.state for c in await runtime.list_containers()} == {EXITED}
    assert time.process_time() - began < 20, "a few seconds on any machine"
    await runtime.close()
