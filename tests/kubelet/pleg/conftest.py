"""PLEGs over the runtime in memory, run step by step."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from sampan.aio.tasks import Tasks
from sampan.kubelet.pleg.base import Outbox, PlegConfig
from sampan.kubelet.pleg.cache import PodCache
from sampan.kubelet.pleg.events import PodEvent
from sampan.kubelet.pleg.generic import GenericPleg
from sampan.kubelet.pleg.hybrid import HybridPleg
from sampan.kubelet.pleg.metrics import PlegMetrics
from sampan.kubelet.pleg.stream import Phase
from sampan.kubelet.runtime import Runtime
from sampan.kubelet.simulated import SimulatedRuntime
from sampan.testing.clock import FakeClock


async def drain(outbox: Outbox) -> list[tuple[str, str, str]]:
    """What waits in the channel: (pod, type, container), in order."""
    found: list[PodEvent] = []
    stream = outbox.read()
    while len(outbox):
        found.append(await anext(stream))
    return [(event.uid, str(event.type), event.container_id) for event in found]


@dataclass(slots=True)
class Rig:
    """Both PLEGs' parts, not running until `start`."""

    runtime: Runtime
    clock: FakeClock
    tasks: Tasks
    cache: PodCache
    metrics: PlegMetrics
    config: PlegConfig
    generic: GenericPleg
    hybrid: HybridPleg | None = None

    def start(self) -> None:
        """Run the PLEG."""
        self.tasks.start((self.hybrid or self.generic).run(), "pleg")

    def work(self) -> None:
        """Run only the one who looks: no timer asks it to."""
        self.tasks.start(self.generic.work(), "pleg worker")

    async def relist(self) -> list[tuple[str, str, str]]:
        """One look at all pods, and what it told."""
        self.generic.relist_all()
        await self.clock.advance(0)
        return await self.sent()

    async def sent(self) -> list[tuple[str, str, str]]:
        """What was told since the last time."""
        await self.clock.advance(0)
        return await drain(self.generic.outbox)

    @property
    def phase(self) -> Phase:
        """How the HybridPleg lives with its stream."""
        assert self.hybrid is not None
        return self.hybrid.state.phase

    def sample(self, name: str) -> float:
        """The value of a metric."""
        for line in self.metrics.registry.text().decode().splitlines():
            if line.startswith(name + " "):
                return float(line.rsplit(" ", 1)[1])
        raise KeyError(name)


class Rigs:
    """Makes rigs that end with the test."""

    def __init__(self, clock: FakeClock, tasks: Tasks) -> None:
        self.clock, self.tasks = clock, tasks

    def generic(self, runtime: Runtime, config: PlegConfig | None = None) -> Rig:
        """A GenericPleg."""
        settings = config or PlegConfig(evented=False)
        cache = PodCache(self.clock)
        metrics = PlegMetrics(cache)
        pleg = GenericPleg(runtime, cache, self.clock, settings, metrics)
        return Rig(runtime, self.clock, self.tasks, cache, metrics, settings, pleg)

    def hybrid(self, runtime: Runtime, config: PlegConfig | None = None) -> Rig:
        """A HybridPleg."""
        settings = config or PlegConfig()
        cache = PodCache(self.clock)
        metrics = PlegMetrics(cache)
        pleg = HybridPleg(runtime, cache, self.clock, settings, metrics)
        return Rig(runtime, self.clock, self.tasks, cache, metrics, settings, pleg.generic, pleg)


@pytest.fixture
async def rigs(clock: FakeClock) -> AsyncIterator[Rigs]:
    async with Tasks() as tasks:
        yield Rigs(clock, tasks)


@pytest.fixture
async def generic(rigs: Rigs, runtime: SimulatedRuntime) -> Rig:
    """A GenericPleg that looks when it is asked to."""
    rig = rigs.generic(runtime)
    rig.work()
    return rig


@pytest.fixture
async def hybrid(rigs: Rigs, runtime: SimulatedRuntime) -> Rig:
    """A HybridPleg that runs."""
    rig = rigs.hybrid(runtime)
    rig.start()
    return rig
