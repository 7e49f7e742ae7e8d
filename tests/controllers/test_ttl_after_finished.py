"""Jobs that ended are deleted in time, with their pods."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from sampan.resources.kinds import JOBS, PODS

Worlds = Callable[..., AbstractAsyncContextManager[Any]]
ALL = ("job-controller", "ttl-after-finished-controller", "garbage-collector-controller")


def job(**spec: Any) -> dict[str, Any]:
    template = {"spec": {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Never"}}
    return {"metadata": {"name": "work", "namespace": "default"}, "spec": {"template": template, **spec}}


async def finish(world: Any) -> None:
    (pod,) = await world.all(PODS)
    await world.pod_status(pod, {"phase": "Succeeded"})
    await world.settle()


async def test_it_goes_when_its_time_is_over_and_takes_its_pods_with_it(worlds: Worlds) -> None:
    async with worlds(*ALL) as world:
        await world.create(JOBS, job(ttlSecondsAfterFinished=30))
        await world.pass_time(100)
        await finish(world)
        await world.pass_time(28)
        assert await world.exists(JOBS, "work")
        await world.pass_time(2)
        assert not await world.exists(JOBS, "work")
        assert await world.all(PODS) == []


async def test_without_a_ttl_it_stays_until_it_gets_one(worlds: Worlds) -> None:
    async with worlds(*ALL) as world:
        await world.create(JOBS, job())
        await finish(world)
        await world.pass_time(10_000)
        assert await world.exists(JOBS, "work")
        await world.patch(JOBS, "work", {"spec": {"ttlSecondsAfterFinished": 0}})
        await world.settle()
        assert not await world.exists(JOBS, "work")
