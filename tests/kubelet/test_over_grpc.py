"""A whole cluster whose node speaks CRI over gRPC, to a runtime in memory that can be asked to misbehave."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from sampan.aio.clock import RealClock
from sampan.api.json import Obj
from sampan.api.names import ObjectRef
from sampan.client.informer import Informers
from sampan.cluster.cluster import Cluster
from sampan.kubelet.simulated import SimulatedRuntime
from sampan.kubelet.simulated.server import CriServer
from sampan.resources.kinds import PODS

REF = ObjectRef(PODS, "default", "p")
Seen = Callable[[Obj], bool]


class World:
    """The cluster, the runtime behind the socket, and `until`, which waits by a watch."""

    def __init__(self, cluster: Cluster, runtime: SimulatedRuntime, informers: Informers) -> None:
        self.cluster, self.runtime, self.informers = cluster, runtime, informers

    async def until(self, wanted: Callable[[Obj | None], bool]) -> Obj | None:
        """The pod as soon as it is so."""
        cache = self.informers.of(PODS)
        await cache.synced.wait()
        news = asyncio.Event()

        def told(delta: Any) -> None:
            news.set()

        cache.subscribe(told)
        try:
            async with asyncio.timeout(20):
                while not wanted(found := cache.cache.get("default", "p")):
                    news.clear()
                    await news.wait()
        finally:
            cache.unsubscribe(told)
        return found


def ready(pod: Obj | None) -> bool:
    conditions = ((pod or {}).get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def restarts(pod: Obj | None) -> int:
    entries = ((pod or {}).get("status") or {}).get("containerStatuses") or ()
    return sum(entry["restartCount"] for entry in entries)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = RealClock()
    runtime = SimulatedRuntime("10.88.0.0/24", clock, random.Random(1))
    server = CriServer(runtime)
    endpoint = await server.start(tmp_path / "cri.sock")
    async with Cluster(nodes=1, runtime=endpoint, node_ip="127.0.0.1") as cluster:
        informers = Informers(cluster.api(), clock)
        yield World(cluster, runtime, informers)
        await informers.close()
    await server.close()
    await runtime.close()


async def test_a_pod_from_its_creation_to_its_end(world: World) -> None:
    container = {"name": "a", "image": "registry.example/app:1"}
    await world.cluster.api().create(
        PODS, {"metadata": {"name": "p", "namespace": "default"}, "spec": {"containers": [container]}}
    )
    pod = await world.until(ready)
    assert pod is not None
    assert pod["status"]["podIP"].startswith("10.88.0.")
    (run,) = await world.runtime.list_containers()
    world.runtime.kill(run.id)
    await world.until(lambda p: ready(p) and restarts(p) == 1)
    world.runtime.break_streams()
    (run,) = [c for c in await world.runtime.list_containers() if c.attempt == 1]
    world.runtime.kill(run.id, 1)
    await world.until(lambda p: restarts(p) == 1 and not ready(p))
    await world.cluster.api().delete(REF)
    await world.until(lambda p: p is None)
    assert await world.runtime.list_containers() == []
    assert await world.runtime.list_sandboxes() == []
