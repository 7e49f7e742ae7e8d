"""What every container runtime does: in memory, in memory behind gRPC, and a real containerd."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from sampan.aio.clock import RealClock
from sampan.aio.tasks import Tasks
from sampan.kubelet.cri.client import CriRuntime
from sampan.kubelet.runtime import (
    Container,
    ContainerConfig,
    ContainerEvent,
    ContainerState,
    CriError,
    EventType,
    PodStatus,
    Resources,
    Runtime,
    SandboxConfig,
    SandboxState,
)
from sampan.kubelet.simulated import SimulatedRuntime
from sampan.kubelet.simulated.server import CriServer

if TYPE_CHECKING:
    from tests.kubelet.conftest import Pods

BUSYBOX = "docker.io/local/busybox:1"
WAIT = 20.0
KINDS = (
    pytest.param("simulated"),
    pytest.param("grpc"),
    pytest.param(
        "containerd",
        marks=[pytest.mark.containerd, pytest.mark.xdist_group("containerd"), pytest.mark.timeout(120)],
    ),
)
CREATED, RUNNING, EXITED = ContainerState.CREATED, ContainerState.RUNNING, ContainerState.EXITED


class Heard:
    """What an event stream has told."""

    def __init__(self) -> None:
        self.events: list[ContainerEvent] = []
        self._news = asyncio.Event()

    async def follow(self, runtime: Runtime, opened: asyncio.Event) -> None:
        async with aclosing(runtime.events(opened.set)) as stream:  # type: ignore[type-var]
            async for event in stream:
                self.events.append(event)
                self._news.set()

    async def until(self, thing: str, kind: EventType) -> ContainerEvent:
        """The first event of this kind for this container or sandbox."""
        async with asyncio.timeout(WAIT):
            while True:
                for event in self.events:
                    if (event.container_id, event.type) == (thing, kind):
                        return event
                self._news.clear()
                await self._news.wait()

    def of(self, *things: str) -> list[tuple[str, EventType]]:
        """The events of these, in order."""
        return [(e.container_id, e.type) for e in self.events if e.container_id in things]


@dataclass(slots=True)
class World:
    """A runtime and one pod's worth of room in it."""

    runtime: Runtime
    heard: Heard
    uid: str
    logs: Path

    @property
    def config(self) -> SandboxConfig:
        name = f"pod-{self.uid[:8]}"
        return SandboxConfig(
            self.uid, name, "contract", 0, hostname=name, log_directory=str(self.logs), labels={"l": "1"},
            annotations={"a": "2"},
        )  # fmt: skip

    async def sandbox(self) -> str:
        return await self.runtime.run_sandbox(self.config)

    async def create(self, box: str, script: str, name: str = "c", attempt: int = 0) -> str:
        config = ContainerConfig(
            name, attempt, BUSYBOX, BUSYBOX, command=("sh", "-c", script), labels={"n": name},
            annotations={"b": "3"}, log_path=f"{name}/{attempt}.log",
        )  # fmt: skip
        return await self.runtime.create_container(box, config, self.config)

    async def run(self, box: str, script: str = "sleep infinity", name: str = "c", attempt: int = 0) -> str:
        made = await self.create(box, script, name, attempt)
        await self.runtime.start_container(made)
        return made

    async def state(self, container: str) -> Container:
        return await self.runtime.container_status(container)

    async def mine(self) -> list[str]:
        return [s.id for s in await self.runtime.list_sandboxes() if s.pod_uid == self.uid]


@asynccontextmanager
async def served(tmp_path: Path) -> AsyncIterator[tuple[Runtime, SimulatedRuntime]]:
    """A runtime in memory, spoken to by gRPC."""
    behind = SimulatedRuntime("10.0.0.0/24", RealClock(), random.Random(1))
    server = CriServer(behind)
    client = CriRuntime(await server.start(tmp_path / "cri.sock"))
    try:
        yield client, behind
    finally:
        await client.close()
        await server.close()
        await behind.close()


@pytest.fixture(params=KINDS)
async def runtime(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Runtime]:
    match request.param:
        case "simulated":
            made: Runtime = SimulatedRuntime("10.0.0.0/24", RealClock(), random.Random(1))
            yield made
            await made.close()
        case "grpc":
            async with served(tmp_path) as (client, _):
                yield client
        case _:
            made = CriRuntime(request.getfixturevalue("containerd"))
            yield made
            await made.close()


@pytest.fixture
async def world(runtime: Runtime, tmp_path: Path) -> AsyncIterator[World]:
    made = World(runtime, Heard(), uuid4().hex, tmp_path / "logs")
    opened = asyncio.Event()
    async with Tasks() as tasks:
        tasks.start(made.heard.follow(runtime, opened), "events")
        async with asyncio.timeout(WAIT):
            await opened.wait()
        yield made
        for box in await made.mine():
            await runtime.stop_sandbox(box)
            await runtime.remove_sandbox(box)


async def test_it_says_who_it_is(runtime: Runtime) -> None:
    found = await runtime.version()
    assert (bool(found.name), bool(found.version), found.api_version) == (True, True, "v1")
    conditions = {c.type: c.status for c in await runtime.status()}
    assert (conditions["RuntimeReady"], conditions["NetworkReady"]) == (True, True)


async def test_a_sandbox_from_run_to_remove(world: World) -> None:
    runtime, before = world.runtime, RealClock().now().timestamp() * 1e9
    box = await world.sandbox()
    listed = next(s for s in await runtime.list_sandboxes() if s.id == box)
    assert (listed.pod_uid, listed.pod_name, listed.pod_namespace, listed.attempt, listed.state) == (
        world.uid, world.config.pod_name, "contract", 0, SandboxState.READY,
    )  # fmt: skip
    assert listed.labels["l"] == "1"
    assert listed.annotations["a"] == "2"
    assert 0 <= listed.created_at - before < 60e9
    status = await runtime.pod_status(world.uid, (box,))
    assert (status.uid, status.name, status.namespace) == (world.uid, world.config.pod_name, "contract")
    assert len(status.ips) == 1
    assert status.sandboxes[0].ips == status.ips
    assert status.containers == ()
    await runtime.stop_sandbox(box)
    stopped = await runtime.pod_status(world.uid, (box,))
    assert stopped.sandboxes[0].state is SandboxState.NOTREADY
    assert stopped.ips == ()
    await runtime.stop_sandbox(box)
    await runtime.remove_sandbox(box)
    assert await world.mine() == []
    await runtime.remove_sandbox(box)
    gone = await runtime.pod_status(world.uid, (box,))
    assert replace(gone, timestamp=0) == PodStatus(world.uid)


async def test_a_container_from_create_to_remove(world: World) -> None:
    runtime = world.runtime
    box = await world.sandbox()
    made = await world.create(box, "sleep infinity")
    created = await world.state(made)
    assert (created.name, created.attempt, created.state) == ("c", 0, CREATED)
    assert (created.started_at, created.finished_at) == (0, 0)
    assert (created.labels["n"], created.annotations["b"]) == ("c", "3")
    assert created.log_path == str(world.logs / "c" / "0.log")
    await runtime.start_container(made)
    running = await world.state(made)
    assert (running.state, running.finished_at) == (RUNNING, 0)
    assert running.started_at >= running.created_at > 0
    assert running.image == BUSYBOX
    assert running.image_ref
    listed = next(c for c in await runtime.list_containers() if c.id == made)
    assert (listed.sandbox_id, listed.name, listed.attempt, listed.state) == (box, "c", 0, RUNNING)
    await runtime.stop_container(made, 0)
    ended = await world.state(made)
    assert (ended.state, ended.exit_code, ended.reason) == (EXITED, 137, "Error")
    assert ended.finished_at >= ended.started_at
    await runtime.stop_container(made, 1)
    await runtime.remove_container(made)
    await runtime.remove_container(made)
    with pytest.raises(CriError) as refused:
        await world.state(made)
    assert refused.value.code == "NOT_FOUND"


@pytest.mark.parametrize(("script", "code", "reason"), [("exit 3", 3, "Error"), ("true", 0, "Completed")])
async def test_a_container_that_ends_by_itself(world: World, script: str, code: int, reason: str) -> None:
    made = await world.run(await world.sandbox(), script)
    await world.heard.until(made, EventType.STOPPED)
    ended = await world.state(made)
    assert (ended.state, ended.exit_code, ended.reason) == (EXITED, code, reason)


async def test_a_pod_with_runs(world: World) -> None:
    box = await world.sandbox()
    first = await world.run(box, "true", "c", 0)
    await world.heard.until(first, EventType.STOPPED)
    second = await world.run(box, "sleep infinity", "c", 1)
    third = await world.run(box, "sleep infinity", "d", 0)
    status = await world.runtime.pod_status(world.uid, (box,))
    assert [(c.id, c.attempt, c.state, c.sandbox_id) for c in status.containers] == [
        (third, 0, RUNNING, box), (second, 1, RUNNING, box), (first, 0, EXITED, box),
    ]  # fmt: skip
    await world.runtime.stop_sandbox(box)
    status = await world.runtime.pod_status(world.uid, (box,))
    assert {c.state for c in status.containers} == {EXITED}, "a sandbox takes its containers along"
    await world.runtime.remove_sandbox(box)
    assert not {first, second, third} & {c.id for c in await world.runtime.list_containers()}


async def test_what_is_refused(world: World) -> None:
    box = await world.sandbox()
    with pytest.raises(CriError) as refused:
        await world.create("0" * 64, "true")
    assert refused.value.code == "NOT_FOUND"
    with pytest.raises(CriError) as refused:
        await world.runtime.start_container("0" * 64)
    assert refused.value.code == "NOT_FOUND"
    made = await world.run(box)
    with pytest.raises(CriError):
        await world.runtime.start_container(made)
    assert (await world.state(made)).state is RUNNING


async def test_commands_in_a_container(world: World) -> None:
    made = await world.run(await world.sandbox())
    exec_sync = world.runtime.exec_sync
    assert await exec_sync(made, ("echo", "hello", "world"), 10) == (0, b"hello world\n", b"")
    assert await exec_sync(made, ("sh", "-c", "echo out; exit 7"), 10) == (7, b"out\n", b"")
    with pytest.raises(CriError) as late:
        await exec_sync(made, ("sleep", "30"), 1)
    assert late.value.code == "DEADLINE_EXCEEDED"
    assert (await world.state(made)).state is RUNNING
    await world.runtime.stop_container(made, 0)
    with pytest.raises(CriError):
        await exec_sync(made, ("true",), 5)


async def test_what_it_prints_is_in_its_log(world: World) -> None:
    made = await world.run(await world.sandbox(), "echo one; echo two")
    await world.heard.until(made, EventType.STOPPED)
    lines = Path((await world.state(made)).log_path).read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["stdout F one", "stdout F two"]
    assert all(line.split(" ")[0][:4].isdigit() for line in lines)
    await world.runtime.remove_sandbox((await world.mine())[0])


async def test_the_events_of_a_pods_life(world: World) -> None:
    runtime, heard = world.runtime, world.heard
    box = await world.sandbox()
    started = await heard.until(box, EventType.STARTED)
    assert started.sandbox is not None
    assert (started.sandbox.pod_uid, started.sandbox.state) == (world.uid, SandboxState.READY)
    made = await world.run(box)
    running = await heard.until(made, EventType.STARTED)
    assert [(c.id, c.state) for c in running.containers] == [(made, RUNNING)]
    assert abs(running.created_at - RealClock().now().timestamp() * 1e9) < 60e9, "nanoseconds"
    await runtime.stop_container(made, 0)
    stopped = await heard.until(made, EventType.STOPPED)
    assert [(c.state, c.exit_code) for c in stopped.containers] == [(EXITED, 137)]
    await runtime.remove_container(made)
    await heard.until(made, EventType.DELETED)
    await runtime.stop_sandbox(box)
    halted = await heard.until(box, EventType.STOPPED)
    assert halted.sandbox is not None
    assert halted.sandbox.state is SandboxState.NOTREADY
    await runtime.remove_sandbox(box)
    gone = (await heard.until(box, EventType.DELETED)).sandbox
    assert gone is None or gone.state is SandboxState.NOTREADY
    kinds = EventType
    assert heard.of(box, made) == [
        (box, kinds.CREATED), (box, kinds.STARTED), (made, kinds.CREATED), (made, kinds.STARTED),
        (made, kinds.STOPPED), (made, kinds.DELETED), (box, kinds.STOPPED), (box, kinds.DELETED),
    ]  # fmt: skip


async def test_two_who_listen_hear_the_same(world: World) -> None:
    other, opened = Heard(), asyncio.Event()
    async with Tasks() as tasks:
        tasks.start(other.follow(world.runtime, opened), "more events")
        async with asyncio.timeout(WAIT):
            await opened.wait()
        box = await world.sandbox()
        made = await world.run(box, "true")
        for heard in (world.heard, other):
            await heard.until(made, EventType.STOPPED)
        assert other.of(box, made) == world.heard.of(box, made)


async def test_images(world: World) -> None:
    await world.run(await world.sandbox())
    found = await world.runtime.image_status(BUSYBOX)
    assert found is not None
    assert found.id in {image.id for image in await world.runtime.list_images()}
    assert BUSYBOX in found.tags
    assert found.size > 0


async def test_an_image_that_is_removed_and_pulled(tmp_path: Path) -> None:
    async with served(tmp_path) as (runtime, _):
        await runtime.remove_image(BUSYBOX)
        assert await runtime.image_status(BUSYBOX) is None
        ref = await runtime.pull_image(BUSYBOX, {"username": "me", "password": "secret"})
        found = await runtime.image_status(BUSYBOX)
        assert found is not None
        assert found.id == ref


# -- what only a runtime that obeys can show


async def test_a_refusal_goes_over_the_wire(tmp_path: Path) -> None:
    async with served(tmp_path) as (runtime, behind):
        behind.fail("list_sandboxes", CriError("RESOURCE_EXHAUSTED", "too many"))
        with pytest.raises(CriError) as refused:
            await runtime.list_sandboxes()
        assert (refused.value.code, refused.value.message) == ("RESOURCE_EXHAUSTED", "too many")
        assert await runtime.list_sandboxes() == []


async def test_a_stream_that_breaks_says_so(tmp_path: Path, pods_in: Callable[[Runtime], "Pods"]) -> None:
    async with served(tmp_path) as (runtime, behind):
        heard = Heard()
        following = asyncio.ensure_future(heard.follow(runtime, asyncio.Event()))
        pods = pods_in(behind)
        while not heard.events:  # the server subscribes some time after the request is out
            await pods.sandbox(uuid4().hex)
            await asyncio.sleep(0)
        behind.break_streams()
        with pytest.raises(CriError) as broken:
            await following
        assert broken.value.code == "UNAVAILABLE"


async def test_a_runtime_without_events_says_so(tmp_path: Path) -> None:
    async with served(tmp_path) as (runtime, behind):
        behind.fail("events", CriError("UNIMPLEMENTED", "unknown method GetContainerEvents"))
        with pytest.raises(CriError) as refused:
            await Heard().follow(runtime, asyncio.Event())
        assert refused.value.code == "UNIMPLEMENTED"


async def test_a_server_that_ends_and_comes_back(tmp_path: Path) -> None:
    behind = SimulatedRuntime("10.0.0.0/24", RealClock(), random.Random(1))
    server = CriServer(behind)
    runtime = CriRuntime(await server.start(tmp_path / "cri.sock"))
    assert (await runtime.version()).name == "simulated"
    await server.close()
    with pytest.raises(CriError) as gone:
        await runtime.version()
    assert gone.value.code == "UNAVAILABLE"
    await server.start(tmp_path / "cri.sock")
    assert (await runtime.version()).name == "simulated"
    assert (tmp_path / "cri.sock").stat().st_mode & 0o777 == 0o600
    await runtime.close()
    await server.close()
    await behind.close()


async def test_usage_of_a_pod(world: World) -> None:
    runtime = world.runtime
    box = await world.sandbox()
    run = await world.run(box)
    (pod,) = [found for found in await runtime.usage() if found.uid == world.uid]
    assert (pod.sandbox_id, pod.name, pod.namespace) == (box, world.config.pod_name, "contract")
    if pod.cpu is not None:  # else the runtime has told of its containers only
        assert pod.cpu.total is not None
        assert pod.memory is not None
        assert pod.memory.working_set
        assert pod.network is not None
        assert pod.network.interfaces[0].name == "eth0"
        assert pod.network.interfaces[0].rx_bytes is not None
    (one,) = pod.containers
    assert (one.id, one.name, one.attempt) == (run, "c", 0)
    assert one.cpu is not None
    assert one.cpu.total is not None
    assert one.memory is not None
    assert one.memory.working_set is not None
    assert one.disk is not None
    assert one.disk.mountpoint
    disks = await runtime.image_disks()
    assert disks.images[0].mountpoint
    assert disks.images[0].used is not None  # containerd counts it now and then


async def test_other_limits_in_place(world: World) -> None:
    runtime = world.runtime
    run = await world.run(await world.sandbox())
    wanted = Resources(cpu_period=100_000, cpu_quota=50_000, cpu_shares=512, memory_bytes=64 << 20)
    await runtime.update_container(run, wanted)
    told = (await runtime.container_status(run)).resources
    assert told is not None
    assert (told.cpu_quota, told.cpu_period, told.cpu_shares, told.memory_bytes) == (50_000, 100_000, 512, 64 << 20)
    assert (await runtime.container_status(run)).state is RUNNING
    with pytest.raises(CriError) as refused:
        await runtime.update_container("nothing", wanted)
    assert refused.value.code == "NOT_FOUND"
