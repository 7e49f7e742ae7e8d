"""KEP-3333: claims without a class get the default one as soon as there is one. Named after FACTS §2.10."""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from sampan.aio.clock import RealClock
from sampan.api.errors import StatusError
from sampan.api.names import ObjectRef
from sampan.client.api import Api
from sampan.resources.kinds import NODES, PVCS, PVS, STORAGECLASSES

Worlds = Callable[..., AbstractAsyncContextManager[Any]]
BINDER = "persistentvolume-binder-controller"
PROVISIONER = "sampan.dev/local-path"
DEFAULT = "storageclass.kubernetes.io/is-default-class"
BETA_DEFAULT = "storageclass.beta.kubernetes.io/is-default-class"
TOTAL, ERRORS = "retroactive_storageclass_total", "retroactive_storageclass_errors_total"


def claim(name: str = "data", **spec: Any) -> dict[str, Any]:
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": wanted}


def storage_class(name: str, default: str | None = "true", key: str = DEFAULT) -> dict[str, Any]:
    return {
        "metadata": {"name": name, **({"annotations": {key: default}} if default is not None else {})},
        "provisioner": PROVISIONER,
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def volume(name: str, **spec: Any) -> dict[str, Any]:
    made = {"capacity": {"storage": "5Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}, **spec}
    return {"metadata": {"name": name}, "spec": made}


async def state(world: Any, name: str = "data") -> tuple[str | None, str]:
    found = await world.get(PVCS, name)
    return found["spec"].get("storageClassName"), found["status"]["phase"]


async def test_01_without_a_default_nil_stays_nil_and_pending(worlds: Worlds) -> None:
    async with worlds(BINDER) as world:
        await world.create(PVCS, claim())
        await world.create(STORAGECLASSES, storage_class("plain", None))
        assert await state(world) == (None, "Pending")
        assert world.metric(TOTAL) == 0
        (message,) = await world.events("FailedBinding")
        assert message == "no persistent volumes available for this claim and no storage class is set"


async def test_02_a_later_default_is_taken_and_leads_to_a_volume(worlds: Worlds) -> None:
    async with worlds(BINDER, PROVISIONER) as world:
        await world.create(NODES, {"metadata": {"name": "n1", "labels": {"kubernetes.io/hostname": "n1"}}})
        await world.create(PVCS, claim())
        await world.create(STORAGECLASSES, storage_class("gold"))
        assert await state(world) == ("gold", "Pending")
        assert (world.metric(TOTAL), world.metric(ERRORS)) == (1, 0)
        selected = {"metadata": {"annotations": {"volume.kubernetes.io/selected-node": "n1"}}}
        await world.patch(PVCS, "data", selected)
        assert await state(world) == ("gold", "Bound")
        (made,) = await world.all(PVS)
        assert made["spec"]["claimRef"]["name"] == "data"
        assert made["status"]["phase"] == "Bound"


async def test_02_in_real_time_within_200_milliseconds(worlds: Worlds) -> None:
    async with worlds(BINDER, clock=RealClock()) as world:
        for number in range(20):
            await world.api.create(PVCS, claim(f"data{number}"))
        await world.settle()
        begin = time.perf_counter()
        await world.create(STORAGECLASSES, storage_class("gold"))
        took = time.perf_counter() - begin
        assert {(await state(world, f"data{n}"))[0] for n in range(20)} == {"gold"}
        assert took < 0.2


@pytest.mark.parametrize("apart", [0, 5])
async def test_03_of_two_defaults_the_newest_then_the_lowest_name(worlds: Worlds, apart: int) -> None:
    async def both(api: Api) -> None:
        await api.create(PVCS, claim())

    async with worlds(BINDER, before=both) as world:
        world.gate.refuses = lambda review: review.operation == "UPDATE" and review.resource.mapping == PVCS
        await world.create(STORAGECLASSES, storage_class("gold"))
        await world.pass_time(apart)
        await world.create(STORAGECLASSES, storage_class("silver"))
        world.gate.refuses = lambda review: False
        await world.pass_time(60)
        assert (await state(world))[0] == ("silver" if apart else "gold")


async def test_04_a_claim_of_another_class_is_not_touched(worlds: Worlds) -> None:
    async with worlds(BINDER) as world:
        await world.create(PVCS, claim(storageClassName="copper"))
        await world.create(STORAGECLASSES, storage_class("gold"))
        assert await state(world) == ("copper", "Pending")


async def test_05_a_volume_without_class_is_bound_and_nil_stays_nil(worlds: Worlds) -> None:
    async def all_at_once(api: Api) -> None:
        await api.create(PVCS, claim())
        await api.create(PVS, volume("free"))
        ref = ObjectRef(PVS, "", "free")
        await api.patch(ref, {"status": {"phase": "Available"}}, "merge", "status")
        await api.create(STORAGECLASSES, storage_class("gold"))

    async with worlds(BINDER, before=all_at_once) as world:
        await world.pass_time(1)
        assert await state(world) == (None, "Bound")
        assert (await world.get(PVS, "free"))["spec"]["claimRef"]["name"] == "data"
        assert world.metric(TOTAL) == 0


async def test_06_an_empty_class_binds_a_classless_volume_despite_the_default(worlds: Worlds) -> None:
    async with worlds(BINDER) as world:
        await world.create(STORAGECLASSES, storage_class("gold"))
        await world.create(PVCS, claim(storageClassName=""))
        assert await state(world) == ("", "Pending")
        await world.create(PVS, volume("free"))
        assert await state(world) == ("", "Bound")


async def test_07_a_bound_claim_is_not_changed(worlds: Worlds) -> None:
    async with worlds(BINDER) as world:
        await world.create(PVCS, claim())
        await world.create(PVS, volume("free"))
        assert await state(world) == (None, "Bound")
        await world.create(STORAGECLASSES, storage_class("gold"))
        assert await state(world) == (None, "Bound")
        bare = {"pv.kubernetes.io/bind-completed": None, "pv.kubernetes.io/bound-by-controller": None}
        await world.patch(PVCS, "data", {"metadata": {"annotations": bare}})
        assert await state(world) == (None, "Bound")
        await world.delete(PVS, "free")
        await world.patch(PVS, "free", {"metadata": {"finalizers": None}})
        assert await state(world) == (None, "Lost")
        (message,) = await world.events("ClaimLost")
        assert message == "Bound claim has lost its PersistentVolume. Data on the volume is lost!"


async def test_08_a_second_volume_without_class_stays_available(worlds: Worlds) -> None:
    async with worlds(BINDER) as world:
        await world.create(PVS, volume("one"))
        await world.create(PVS, volume("two"))
        await world.create(PVCS, claim())
        phases = sorted(v["status"]["phase"] for v in await world.all(PVS))
        assert phases == ["Available", "Bound"]
        await world.create(STORAGECLASSES, storage_class("gold"))
        assert sorted(v["status"]["phase"] for v in await world.all(PVS)) == phases


async def test_09_the_api_lets_nil_become_a_class_and_nothing_else(worlds: Worlds) -> None:
    async with worlds(BINDER) as world:
        made = await world.create(PVCS, claim())
        made = await world.get(PVCS, "data")
        gold = {**made, "spec": {**made["spec"], "storageClassName": "gold"}}
        made = await world.api.update(PVCS, gold)
        assert made["spec"]["storageClassName"] == "gold"
        await world.settle()
        for other in ("silver", None):
            made = await world.get(PVCS, "data")
            wanted = {k: v for k, v in {**made["spec"], "storageClassName": other}.items() if v is not None}
            with pytest.raises(StatusError) as caught:
                await world.api.update(PVCS, {**made, "spec": wanted})
            assert caught.value.code == 422


@pytest.mark.parametrize(
    ("value", "key", "taken"),
    [("True", DEFAULT, None), ("yes", DEFAULT, None), ("true", BETA_DEFAULT, "gold"), ("true", DEFAULT, "gold")],
)
async def test_10_only_the_text_true_makes_a_default(worlds: Worlds, value: str, key: str, taken: str | None) -> None:
    async with worlds(BINDER) as world:
        await world.create(PVCS, claim())
        await world.create(STORAGECLASSES, storage_class("gold", value, key))
        assert (await state(world))[0] == taken


async def test_11_the_total_counts_failures_too(worlds: Worlds) -> None:
    async with worlds(BINDER) as world:
        await world.create(PVCS, claim())
        world.gate.refuses = lambda review: review.operation == "UPDATE" and review.resource.mapping == PVCS
        await world.create(STORAGECLASSES, storage_class("gold"))
        failed = world.metric(ERRORS)
        assert failed >= 1
        assert world.metric(TOTAL) == failed
        world.gate.refuses = lambda review: False
        await world.pass_time(60)
        assert (await state(world))[0] == "gold"
        assert world.metric(TOTAL) == world.metric(ERRORS) + 1


async def test_a_class_that_becomes_the_default_later_counts_as_well(worlds: Worlds) -> None:
    async with worlds(BINDER) as world:
        await world.create(PVCS, claim())
        await world.create(STORAGECLASSES, storage_class("gold", None))
        await world.patch(STORAGECLASSES, "gold", {"metadata": {"annotations": {DEFAULT: "true"}}})
        assert (await state(world))[0] == "gold"
