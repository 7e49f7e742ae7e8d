"""Both PLEGs on a real containerd: what happens is told, in order, and the cache shows it."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from sampan.aio.clock import RealClock
from sampan.aio.tasks import Tasks
from sampan.kubelet.cri.client import CriRuntime
from sampan.kubelet.pleg import make_pleg
from sampan.kubelet.pleg.base import PlegConfig
from sampan.kubelet.pleg.cache import PodCache
from sampan.kubelet.runtime import ContainerConfig, ContainerState, SandboxConfig

pytestmark = [pytest.mark.containerd, pytest.mark.xdist_group("containerd"), pytest.mark.timeout(120)]
IMAGE = "docker.io/local/busybox:1"
WAIT = 20.0


@pytest.fixture
async def runtime(containerd: str) -> AsyncIterator[CriRuntime]:
    made = CriRuntime(containerd)
    yield made
    await made.close()


@pytest.mark.parametrize("evented", [True, False])
async def test_a_containers_life_is_told(runtime: CriRuntime, evented: bool) -> None:
    clock, uid = RealClock(), uuid4().hex
    cache = PodCache(clock)
    pleg = make_pleg(PlegConfig(evented=evented, relist_period=0.1), runtime, cache, clock)
    config = SandboxConfig(uid, "pod", "pleg", 0)
    told: list[tuple[str, str]] = []
    news = asyncio.Event()

    async def read() -> None:
        async for event in pleg.events():
            if event.uid == uid:
                told.append((str(event.type), event.container_id))
                news.set()

    async def until(kind: str, thing: str) -> None:
        async with asyncio.timeout(WAIT):
            while (kind, thing) not in told:
                news.clear()
                await news.wait()

    async with Tasks() as tasks:
        tasks.start(pleg.run(), "pleg")
        tasks.start(read(), "reader")
        box = await runtime.run_sandbox(config)
        try:
            await until("ContainerStarted", box)
            does = ContainerConfig("c", 0, IMAGE, IMAGE, command=("sh", "-c", "sleep 0.5; exit 3"))
            run = await runtime.create_container(box, does, config)
            await runtime.start_container(run)
            await until("ContainerStarted", run)
            started = cache.now()
            await until("ContainerDied", run)
            status = await cache.newer_than(uid, started)
            assert [(c.id, c.state, c.exit_code) for c in status.containers] == [(run, ContainerState.EXITED, 3)]
            assert len(status.ips) == 1
            await runtime.remove_container(run)
            await until("ContainerRemoved", run)
        finally:
            await runtime.stop_sandbox(box)
            await runtime.remove_sandbox(box)
        await until("ContainerRemoved", box)
        assert (await cache.newer_than(uid, cache.now())).sandboxes == ()
        order = [kind for kind, thing in dict.fromkeys(told) if thing == run]
        assert order[:2] == ["ContainerStarted", "ContainerDied"]
        assert order[-1] == "ContainerRemoved"
