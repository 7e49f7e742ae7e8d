"""A cluster of simulated nodes on virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from sampan.api.json import Obj
from sampan.api.meta import condition
from sampan.api.names import ObjectRef
from sampan.client.api import Api
from sampan.cluster.cluster import Cluster
from sampan.resources.kinds import NODES, PODS
from sampan.testing.clock import FakeClock


class World:
    """The API and the clock; `until` lets things happen until something holds, without time passing."""

    def __init__(self, cluster: Cluster, clock: FakeClock) -> None:
        self.cluster, self.clock = cluster, clock
        self.api: Api = cluster.api()

    async def pod(self, name: str, node: str = "", **more: object) -> None:
        """Make a pod; a node's name binds it at once."""
        meta: Obj = {"name": name, "namespace": "default", **more}
        spec: Obj = {"containers": [{"name": "app", "image": "i"}], **({"nodeName": node} if node else {})}
        await self.api.create(PODS, {"metadata": meta, "spec": spec})

    async def pods(self) -> list[Obj]:
        return (await self.api.list(PODS, "default")).items

    async def phases(self) -> dict[str, str]:
        return {pod["metadata"]["name"]: pod["status"]["phase"] for pod in await self.pods()}

    async def ready(self, node: str) -> str:
        """The status of a node's Ready condition."""
        found = condition(await self.api.get(ObjectRef(NODES, "", node)), "Ready")
        assert found is not None
        return str(found["status"])

    async def until(self, holds: Callable[[], "asyncio.Future[bool] | object"]) -> None:
        """Wait for an async condition."""
        for _ in range(3000):
            if await holds():  # type: ignore[misc]
                return
            await asyncio.sleep(0)
        raise AssertionError("it never held")

    async def pass_time(self, seconds: float, step: float = 1.0) -> None:
        """Let time pass in steps, with room for what each of them sets off."""
        while seconds > 0:
            await self.clock.advance(min(step, seconds))
            for _ in range(60):
                await asyncio.sleep(0)
            seconds -= step


Start = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    @asynccontextmanager
    async def make(stages: str = "", nodes: int = 2, controllers: str = "*") -> AsyncIterator[World]:
        clock, file = FakeClock(), tmp_path / "stages.yaml"
        file.write_text(stages)
        async with Cluster(
            nodes=nodes, runtime="simulated", simulator_stages=file, controllers=controllers, clock=clock
        ) as cluster:
            yield World(cluster, clock)

    return make
