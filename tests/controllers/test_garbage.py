"""Garbage collection over the real API: background, foreground, orphans, and references that lead nowhere."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

from sampan.api.json import Obj
from sampan.api.names import RestMapping
from sampan.resources.kinds import CLUSTERROLES, CONFIGMAPS, DEPLOYMENTS, NAMESPACES, PODS, REPLICASETS, SECRETS

Worlds = Callable[..., AbstractAsyncContextManager[Any]]
NAME = "garbage-collector-controller"


def thing(name: str, *owners: Obj, **meta: Any) -> Obj:
    made = {"name": name, "namespace": "default", **meta}
    return {"metadata": {**made, **({"ownerReferences": list(owners)} if owners else {})}}


def owned_by(owner: Obj, kind: str = "ConfigMap", *, block: bool = True) -> Obj:
    meta = owner["metadata"]
    reference = {"apiVersion": "v1", "kind": kind, "name": meta["name"], "uid": meta["uid"]}
    return {**reference, "blockOwnerDeletion": True} if block else reference


async def family(world: Any, *, block: bool = True) -> tuple[Obj, Obj, Obj]:
    """Three generations."""
    old = await world.create(CONFIGMAPS, thing("old"))
    middle = await world.create(CONFIGMAPS, thing("middle", owned_by(old, block=block)))
    young = await world.create(SECRETS, thing("young", owned_by(middle, block=block)))
    return old, middle, young


async def test_in_the_background_the_owner_goes_first(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await family(world)
        await world.delete(CONFIGMAPS, "old", propagation="Background")
        for mapping, name in ((CONFIGMAPS, "old"), (CONFIGMAPS, "middle"), (SECRETS, "young")):
            assert not await world.exists(mapping, name)


async def test_what_comes_after_its_owner_went_goes_too(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        old = await world.create(CONFIGMAPS, thing("old"))
        await world.delete(CONFIGMAPS, "old")
        await world.create(SECRETS, thing("late", owned_by(old)))
        assert not await world.exists(SECRETS, "late")


async def test_a_namesake_of_the_owner_is_not_the_owner(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(CONFIGMAPS, thing("old"))
        stranger = {"metadata": {"name": "old", "uid": "00000000-0000-0000-0000-000000000000"}}
        await world.create(SECRETS, thing("lost", owned_by(stranger)))
        assert not await world.exists(SECRETS, "lost")
        assert await world.exists(CONFIGMAPS, "old")


async def test_in_the_foreground_the_owner_waits_for_what_blocks_it(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        old = await world.create(CONFIGMAPS, thing("old"))
        await world.create(SECRETS, thing("held", owned_by(old), finalizers=["example.com/hold"]))
        await world.create(SECRETS, thing("free", owned_by(old)))
        await world.delete(CONFIGMAPS, "old", propagation="Foreground")
        waiting = await world.get(CONFIGMAPS, "old")
        assert waiting["metadata"]["finalizers"] == ["foregroundDeletion"]
        assert not await world.exists(SECRETS, "free")
        await world.patch(SECRETS, "held", {"metadata": {"finalizers": None}})
        assert not await world.exists(SECRETS, "held")
        assert not await world.exists(CONFIGMAPS, "old")


async def test_in_the_foreground_nothing_waits_for_what_does_not_block(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        old = await world.create(CONFIGMAPS, thing("old"))
        await world.create(SECRETS, thing("held", owned_by(old, block=False), finalizers=["example.com/hold"]))
        await world.delete(CONFIGMAPS, "old", propagation="Foreground")
        assert not await world.exists(CONFIGMAPS, "old")
        assert (await world.get(SECRETS, "held"))["metadata"]["deletionTimestamp"]


async def test_in_the_foreground_generation_by_generation(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await family(world)
        await world.patch(SECRETS, "young", {"metadata": {"finalizers": ["example.com/hold"]}})
        await world.delete(CONFIGMAPS, "old", propagation="Foreground")
        for name in ("old", "middle"):
            assert (await world.get(CONFIGMAPS, name))["metadata"]["finalizers"] == ["foregroundDeletion"]
        await world.patch(SECRETS, "young", {"metadata": {"finalizers": None}})
        assert not await world.exists(CONFIGMAPS, "old")
        assert not await world.exists(CONFIGMAPS, "middle")


async def test_two_that_own_one_another_do_not_wait_for_ever(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        one = await world.create(CONFIGMAPS, thing("one"))
        two = await world.create(CONFIGMAPS, thing("two", owned_by(one)))
        await world.patch(CONFIGMAPS, "one", {"metadata": {"ownerReferences": [owned_by(two)]}})
        await world.delete(CONFIGMAPS, "one", propagation="Foreground")
        await world.pass_time(10)
        assert not await world.exists(CONFIGMAPS, "one")
        assert not await world.exists(CONFIGMAPS, "two")


async def test_orphans_lose_the_reference_and_live(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await family(world)
        await world.delete(CONFIGMAPS, "old", propagation="Orphan")
        assert not await world.exists(CONFIGMAPS, "old")
        assert "ownerReferences" not in (await world.get(CONFIGMAPS, "middle"))["metadata"]
        assert await world.exists(SECRETS, "young")


async def test_one_of_two_owners_is_enough(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        one = await world.create(CONFIGMAPS, thing("one"))
        two = await world.create(CONFIGMAPS, thing("two"))
        await world.create(SECRETS, thing("shared", owned_by(one), owned_by(two)))
        await world.delete(CONFIGMAPS, "one", propagation="Foreground")
        assert not await world.exists(CONFIGMAPS, "one")
        left = (await world.get(SECRETS, "shared"))["metadata"]["ownerReferences"]
        assert [reference["name"] for reference in left] == ["two"]
        await world.delete(CONFIGMAPS, "two")
        assert not await world.exists(SECRETS, "shared")


async def test_an_owner_in_another_namespace_is_no_owner(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(NAMESPACES, {"metadata": {"name": "other"}})
        owner = await world.create(CONFIGMAPS, thing("old", namespace="other"))
        await world.create(SECRETS, thing("strayed", owned_by(owner)))
        assert not await world.exists(SECRETS, "strayed")
        assert await world.exists(CONFIGMAPS, "old", "other")


async def test_a_cluster_scoped_object_of_a_namespaced_owner_is_left_alone(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        owner = await world.create(CONFIGMAPS, thing("old"))
        role = {"metadata": {"name": "role", "ownerReferences": [owned_by(owner)]}, "rules": []}
        await world.create(CLUSTERROLES, role)
        await world.delete(CONFIGMAPS, "old")
        assert await world.exists(CLUSTERROLES, "role")
        assert await world.events("OwnerRefInvalidNamespace")


async def test_an_owner_of_an_unknown_kind_is_believed(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        reference = {"apiVersion": "example.com/v1", "kind": "Thing", "name": "x", "uid": "1"}
        await world.create(SECRETS, thing("child", reference))
        assert await world.exists(SECRETS, "child")


async def test_a_cluster_scoped_owner_of_namespaced_objects(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        role = await world.create(CLUSTERROLES, {"metadata": {"name": "role"}, "rules": []})
        reference = {**owned_by(role), "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}
        await world.create(SECRETS, thing("child", reference))
        assert await world.exists(SECRETS, "child")
        await world.delete(CLUSTERROLES, "role")
        assert not await world.exists(SECRETS, "child")


def deployment() -> Obj:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": 3, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": "web", "namespace": "default"}, "spec": spec}


async def test_a_deployment_goes_with_all_that_it_made(worlds: Worlds) -> None:
    async with worlds(NAME, "deployment-controller", "replicaset-controller") as world:
        for propagation in ("Background", "Foreground"):
            await world.create(DEPLOYMENTS, deployment())
            assert len(await world.all(PODS)) == 3
            await world.delete(DEPLOYMENTS, "web", propagation=propagation)
            assert await world.all(DEPLOYMENTS) == []
            assert await world.all(REPLICASETS) == []
            assert await world.all(PODS) == []


async def test_a_deployment_may_leave_its_replica_set_and_find_it_again(worlds: Worlds) -> None:
    async with worlds(NAME, "deployment-controller", "replicaset-controller") as world:
        await world.create(DEPLOYMENTS, deployment())
        pods = {p["metadata"]["uid"] for p in await world.all(PODS)}
        await world.delete(DEPLOYMENTS, "web", propagation="Orphan")
        (left,) = await world.all(REPLICASETS)
        assert "ownerReferences" not in left["metadata"]
        await world.create(DEPLOYMENTS, deployment())
        (again,) = await world.all(REPLICASETS)
        assert again["metadata"]["uid"] == left["metadata"]["uid"]
        assert {p["metadata"]["uid"] for p in await world.all(PODS)} == pods


async def test_status_changes_of_owners_ask_nobody(worlds: Worlds) -> None:
    async with worlds(NAME, "deployment-controller", "replicaset-controller") as world:
        await world.create(DEPLOYMENTS, deployment())
        (runner,) = [r for r in world.manager.runners if r.controller.name == NAME]
        asked: list[object] = []
        handle = runner.handle

        async def counting(key: Any) -> None:
            asked.append(key)
            await handle(key)

        runner.handle = counting
        await world.make_ready(*await world.all(PODS))
        assert asked == []


async def test_custom_resources_from_when_they_are_served(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        live = world.app.kit.live
        model = live.get("", "v1", "configmaps")
        widgets = RestMapping("example.com", "v1", "Widget", "widgets", True)
        live.put(replace(model, mapping=widgets, singular="widget", list_kind="WidgetList", short_names=()))
        await world.manager.serve([*world.manager.kit.kinds, widgets])
        first = await world.create(widgets, thing("first"))
        reference = {**owned_by(first, "Widget"), "apiVersion": "example.com/v1"}
        await world.create(SECRETS, thing("made-by-it", reference))
        await world.create(widgets, thing("second", reference))
        assert await world.exists(SECRETS, "made-by-it")
        await world.delete(widgets, "first", propagation="Foreground")
        assert not await world.exists(SECRETS, "made-by-it")
        assert not await world.exists(widgets, "second")
        assert not await world.exists(widgets, "first")
        live.remove("example.com", "v1", "widgets")
        await world.manager.serve([kind for kind in world.manager.kit.kinds if kind != widgets])
        await world.create(SECRETS, thing("of-an-unknown-kind", reference))
        assert await world.exists(SECRETS, "of-an-unknown-kind")
