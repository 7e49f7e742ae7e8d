"""Disruption budgets, counted by the controller and asked by evictions."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from sampan.api.errors import StatusError
from sampan.api.names import ObjectRef
from sampan.resources.kinds import PDBS, PODS

Worlds = Callable[..., AbstractAsyncContextManager[Any]]
NAME = "disruption-controller"


def pod(name: str) -> dict[str, Any]:
    spec = {"containers": [{"name": "c", "image": "i:1"}], "nodeName": "n"}
    return {"metadata": {"name": name, "namespace": "default", "labels": {"app": "web"}}, "spec": spec}


def budget(**spec: Any) -> dict[str, Any]:
    selector = {"matchLabels": {"app": "web"}}
    return {"metadata": {"name": "web", "namespace": "default"}, "spec": {"selector": selector, **spec}}


async def counts(world: Any) -> tuple[int, int]:
    """Disruptions allowed, and pods that are healthy."""
    status = (await world.get(PDBS, "web"))["status"]
    return status["disruptionsAllowed"], status["currentHealthy"]


async def evict(world: Any, name: str) -> None:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": "default"}}
    await world.api.call("POST", PODS.path("default", name, "eviction"), body)
    await world.settle()


async def ready(world: Any, *names: str) -> None:
    await world.make_ready(*[await world.create(PODS, pod(name)) for name in names])
    await world.settle()


async def test_evictions_take_what_the_budget_has(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(PDBS, budget(minAvailable=1))
        await ready(world, "a", "b")
        assert await counts(world) == (1, 2)
        await evict(world, "a")
        going = await world.get(PODS, "a")
        assert going["metadata"]["deletionTimestamp"]
        assert [one["reason"] for one in going["status"]["conditions"] if one["type"] == "DisruptionTarget"] == [
            "EvictionByEvictionAPI"
        ]
        assert await counts(world) == (0, 1)
        with pytest.raises(StatusError) as refused:
            await evict(world, "b")
        assert refused.value.code == 429
        await ready(world, "c")
        assert await counts(world) == (1, 2)


async def test_marks_of_disruptions_that_do_not_come_are_cleared(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await ready(world, "a")
        stamp = world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        mark = {"type": "DisruptionTarget", "status": "True", "reason": "R", "lastTransitionTime": stamp}
        ref = ObjectRef(PODS, "default", "a")
        await world.api.patch(ref, {"status": {"conditions": [mark]}}, "strategic", "status")
        await world.pass_time(119)
        assert await marks(world) == ["True"]
        await world.pass_time(2)
        assert await marks(world) == ["False"]


async def marks(world: Any) -> list[str]:
    conditions = (await world.get(PODS, "a"))["status"]["conditions"]
    return [one["status"] for one in conditions if one["type"] == "DisruptionTarget"]
