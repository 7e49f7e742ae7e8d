"""The quota controller together with a server: what goes frees its quota at once, also of custom kinds."""

from collections.abc import Callable
from typing import Any

from sampan.api.json import Obj
from sampan.resources.kinds import CONFIGMAPS, PODS, RESOURCEQUOTAS, SECRETS, SERVICES

NAME = "resourcequota-controller"


def quota(**hard: str) -> Obj:
    named = {name.replace("__", "/").replace("_", "."): amount for name, amount in hard.items()}
    return {"metadata": {"name": "q", "namespace": "default"}, "spec": {"hard": named}}


def named(name: str, **more: Any) -> Obj:
    return {"metadata": {"name": name, "namespace": "default"}, **more}


async def used(world: Any) -> Obj:
    found: Obj = (await world.get(RESOURCEQUOTAS, "q"))["status"]["used"]
    return found


async def test_what_is_deleted_frees_the_quota(worlds: Callable[..., Any]) -> None:
    async with worlds(NAME) as world:
        await world.create(SECRETS, named("s"))
        await world.create(RESOURCEQUOTAS, quota(secrets="5", count__configmaps="5"))
        assert await used(world) == {"secrets": "1", "count/configmaps": "0"}
        await world.delete(SECRETS, "s")
        assert (await used(world))["secrets"] == "0"
        await world.create(CONFIGMAPS, named("c"))
        await world.patch(RESOURCEQUOTAS, "q", {"spec": {"hard": {"secrets": None}}})
        assert await used(world) == {"count/configmaps": "1"}


async def test_a_pod_that_ends_and_a_service_that_changes_free_it(worlds: Callable[..., Any]) -> None:
    async with worlds(NAME) as world:
        container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}}
        pod = await world.create(PODS, named("p", spec={"containers": [container]}))
        await world.create(SERVICES, named("s", spec={"type": "NodePort", "ports": [{"port": 80}]}))
        await world.create(RESOURCEQUOTAS, quota(requests_cpu="5", services_nodeports="2"))
        assert await used(world) == {"requests.cpu": "1", "services.nodeports": "1"}
        await world.pod_status(pod, {"phase": "Succeeded"})
        await world.patch(SERVICES, "s", {"spec": {"type": "ClusterIP"}})
        await world.settle()
        assert await used(world) == {"requests.cpu": "0", "services.nodeports": "0"}


async def test_everything_is_counted_again_now_and_then(worlds: Callable[..., Any]) -> None:
    async with worlds(NAME) as world:
        await world.create(RESOURCEQUOTAS, quota(secrets="5"))
        await world.create(SECRETS, named("s"))
        assert await used(world) == {"secrets": "0"}, "charging is the admission's business"
        await world.pass_time(300)
        await world.settle()
        assert await used(world) == {"secrets": "1"}
