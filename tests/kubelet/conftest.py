"""A runtime in memory on virtual time, and what fills it with pods."""

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from sampan.kubelet.runtime import ContainerConfig, Runtime, SandboxConfig
from sampan.kubelet.simulated import SimulatedRuntime
from sampan.testing.clock import FakeClock

IMAGE = "registry.example/app:1"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def runtime(clock: FakeClock) -> AsyncIterator[SimulatedRuntime]:
    made = SimulatedRuntime("10.0.0.0/24", clock, random.Random(1))
    yield made
    await made.close()


@dataclass(slots=True)
class Pods:
    """Makes sandboxes and containers in a runtime."""

    runtime: Runtime

    def config(self, uid: str, attempt: int = 0) -> SandboxConfig:
        """The sandbox of a pod that is named as its UID."""
        return SandboxConfig(uid, f"pod-{uid}", "default", attempt, labels={"app": uid})

    async def sandbox(self, uid: str, attempt: int = 0) -> str:
        """A ready sandbox."""
        return await self.runtime.run_sandbox(self.config(uid, attempt))

    async def create(self, uid: str, sandbox_id: str, name: str, attempt: int = 0, command: str = "") -> str:
        """A container that was never started; without a command it runs for ever."""
        words = ("sh", "-c", command) if command else ()
        config = ContainerConfig(name, attempt, IMAGE, IMAGE, command=words, labels={"name": name})
        return await self.runtime.create_container(sandbox_id, config, self.config(uid))

    async def run(self, uid: str, sandbox_id: str, name: str, attempt: int = 0, command: str = "") -> str:
        """A container that was started."""
        made = await self.create(uid, sandbox_id, name, attempt, command)
        await self.runtime.start_container(made)
        return made

    async def ended(self, uid: str, sandbox_id: str, name: str, attempt: int = 0) -> str:
        """A container that has run and was stopped."""
        made = await self.run(uid, sandbox_id, name, attempt)
        await self.runtime.stop_container(made, 0)
        return made


@pytest.fixture
def pods(runtime: SimulatedRuntime) -> Pods:
    return Pods(runtime)


@pytest.fixture
def pods_in() -> Callable[[Runtime], Pods]:
    """The same for any runtime."""
    return Pods
