"""From the end of a container to the PLEG's event, in memory: with the event stream and with relists only."""

import asyncio
import random
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from sampan.aio.clock import RealClock
from sampan.aio.tasks import Tasks
from sampan.kubelet.pleg import make_pleg
from sampan.kubelet.pleg.base import PlegConfig
from sampan.kubelet.pleg.cache import PodCache
from sampan.kubelet.pleg.events import PodEvent, PodEventType
from sampan.kubelet.runtime import ContainerConfig, Runtime, SandboxConfig
from sampan.kubelet.simulated import SimulatedRuntime

ROUNDS = 30
WAIT = 20.0
IMAGE = "docker.io/local/busybox:1"
DOES = ContainerConfig("c", 0, IMAGE, IMAGE, command=("sleep", "100000"))
Kill = Callable[[str], Awaitable[float]]
"""Ends a container's first process; returns the moment just before."""


class Told:
    """When which event came."""

    def __init__(self) -> None:
        self._at: dict[tuple[PodEventType, str], float] = {}
        self._more = asyncio.Event()

    async def read(self, events: AsyncIterator[PodEvent]) -> None:
        async for event in events:
            self._at.setdefault((event.type, event.container_id), time.perf_counter())
            self._more.set()

    async def until(self, kind: PodEventType, thing: str) -> float:
        """The moment of this event, which may lie in the past."""
        async with asyncio.timeout(WAIT):
            while (kind, thing) not in self._at:
                self._more.clear()
                await self._more.wait()
        return self._at[kind, thing]


async def measure(runtime: Runtime, evented: bool, kill: Kill) -> list[float]:
    """Seconds from kill to event, ROUNDS times, each in a pod of its own."""
    clock, rng, told = RealClock(), random.Random(1), Told()
    pleg = make_pleg(PlegConfig(evented=evented), runtime, PodCache(clock), clock)
    async with Tasks() as tasks:
        tasks.start(pleg.run(), "pleg")
        tasks.start(told.read(pleg.events()), "reader")
        return [await one(runtime, told, f"pleg-{number}", kill, rng.random()) for number in range(ROUNDS)]


async def one(runtime: Runtime, told: Told, uid: str, kill: Kill, pause: float) -> float:
    """One container's end; `pause` seconds before it, so that relists are met at any moment of their period."""
    config = SandboxConfig(uid, uid, "bench", 0)
    box = await runtime.run_sandbox(config)
    try:
        run = await runtime.create_container(box, DOES, config)
        await runtime.start_container(run)
        await told.until(PodEventType.STARTED, run)
        await asyncio.sleep(pause)
        killed = await kill(run)
        return await told.until(PodEventType.DIED, run) - killed
    finally:
        await runtime.stop_sandbox(box)
        await runtime.remove_sandbox(box)


async def simulated(evented: bool) -> list[float]:
    """In memory."""
    runtime = SimulatedRuntime("10.0.0.0/24", RealClock(), random.Random(1))

    async def kill(container_id: str) -> float:
        began = time.perf_counter()
        runtime.kill(container_id)
        return began

    try:
        return await measure(runtime, evented, kill)
    finally:
        await runtime.close()


def row(where: str, evented: bool, seconds: list[float]) -> tuple[str, str]:
    """Median and worst, in milliseconds."""
    how = "events" if evented else "relists every second"
    figures = f"{statistics.median(seconds) * 1000:.2f} ms median, {max(seconds) * 1000:.1f} ms worst of {len(seconds)}"
    return f"kill to PLEG event, {where}, {how}", figures


def run() -> list[tuple[str, str]]:
    """The rows of pods in memory."""
    return [row("simulated", evented, asyncio.run(simulated(evented))) for evented in (True, False)]
