"""A node agent over a runtime that answers late, fails, loses answers, and whose events are late, lost, doubled or of
another clock: no container ever runs twice, and in the end everything is as wanted (assertions 11 and 12)."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from sampan.aio.tasks import Tasks
from sampan.api.names import ObjectRef
from sampan.kubelet.runtime import ContainerEvent, ContainerState, CriError, Runtime
from sampan.kubelet.simulated import SimulatedRuntime
from sampan.resources.kinds import PODS
from sampan.testing.clock import FakeClock

if TYPE_CHECKING:
    from tests.kubelet.conftest import Node

ROUGH = {
    "list_sandboxes", "list_containers", "pod_status", "run_sandbox", "stop_sandbox", "remove_sandbox",
    "create_container", "start_container", "stop_container", "remove_container", "container_status",
}  # fmt: skip


class Rough:
    """A Runtime in front of another one, as bad as it gets; `calm` makes it good again."""

    def __init__(self, inner: SimulatedRuntime, clock: FakeClock, rng: random.Random) -> None:
        self.inner, self.clock, self.rng, self.calm = inner, clock, rng, False
        self.twice: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        return self._rough(name, found) if name in ROUGH else found

    def _rough(self, name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def made(*args: Any) -> Any:
            await self._wait()
            self._may_fail("UNAVAILABLE", 0.04)
            answer = await call(*args)
            await self._look()
            await self._wait()
            self._may_fail("DEADLINE_EXCEEDED", 0.04)
            return answer

        return made

    async def _wait(self) -> None:
        if not self.calm:
            await self.clock.sleep(self.rng.choice((0.0, 0.001, 0.05, 0.4)))

    def _may_fail(self, code: str, chance: float) -> None:
        if not self.calm and self.rng.random() < chance:
            raise CriError(code, "rough")

    async def _look(self) -> None:
        boxes = {box.id: box.pod_uid for box in await self.inner.list_sandboxes()}
        running = [(boxes[c.sandbox_id], c.name) for c in await self.inner.list_containers() if c.state == 1]
        self.twice += [name for uid, name in running if running.count((uid, name)) > 1]

    async def events(self, opened: Callable[[], None] | None = None) -> AsyncIterator[ContainerEvent]:
        """Each event late by its own time, some lost, some twice, some stamped in seconds."""
        self._may_fail("UNAVAILABLE", 0.3)
        heard: asyncio.Queue[ContainerEvent | None] = asyncio.Queue()
        async with Tasks() as tasks:
            tasks.start(self._follow(heard, tasks), "rough events")
            if opened is not None:
                opened()
            while (event := await heard.get()) is not None:
                yield event
                if not self.calm and self.rng.random() < 0.01:
                    raise CriError("UNAVAILABLE", "broken")
            raise CriError("UNAVAILABLE", "ended")

    async def _follow(self, heard: asyncio.Queue[ContainerEvent | None], tasks: Tasks) -> None:
        async with aclosing(self.inner.events()) as stream:  # type: ignore[type-var]
            async for event in stream:
                for _ in range(1 if self.calm else self.rng.choice((0, 1, 1, 1, 2))):
                    tasks.start(self._later(event, heard), "rough event")

    async def _later(self, event: ContainerEvent, heard: asyncio.Queue[ContainerEvent | None]) -> None:
        if not self.calm:
            await self.clock.sleep(self.rng.choice((0.0, 0.0, 0.01, 0.5, 3.0)))
            if self.rng.random() < 0.05:
                event = replace(event, created_at=event.created_at // 10**9)
        heard.put_nowait(event)


@pytest.mark.parametrize("seed", range(12))
async def test_nothing_runs_twice_and_all_ends_well(node: "Node", seed: int) -> None:
    rng = random.Random(seed)
    rough = Rough(node.simulated, node.clock, rng)
    node.runtime = cast(Runtime, rough)
    await node.start()
    for number in range(3):
        await node.create(f"server{number}", containers={"a": "", "b": f"sleep {number + 2}; exit 1"})
    await node.create("job", initContainers={"i": "sleep 2"}, containers={"a": "sleep 5"}, restartPolicy="Never")
    await node.create("going", terminationGracePeriodSeconds=1)
    await node.advance(10)
    await node.api.delete(ObjectRef(PODS, "default", "going"))
    for _ in range(8):
        running = [c for c in await node.simulated.list_containers() if c.state is ContainerState.RUNNING]
        if running:
            node.simulated.kill(rng.choice(running).id, 1)
        await node.advance(rng.choice((1, 5, 20)))
    assert rough.twice == []
    rough.calm = True
    await node.advance(700)
    assert rough.twice == []
    assert await node.pod("going") is None
    assert (await node.shown("job"))["phase"] in ("Succeeded", "Failed")
    for number in range(3):
        shown = await node.shown(f"server{number}")
        assert (shown["phase"], shown["a"].split()[0]) == ("Running", "running")
    owners = [box.pod_name for box in await node.simulated.list_sandboxes()]
    assert len(owners) == len(set(owners)), f"one sandbox for each: {owners}"
    for name in ("job", "server0", "server1", "server2"):
        await node.api.delete(ObjectRef(PODS, "default", name))
    await node.advance(60)
    assert await node.runs() == []
    assert await node.simulated.list_sandboxes() == []
