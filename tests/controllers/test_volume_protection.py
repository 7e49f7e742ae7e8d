"""Claims and volumes that are in use outlive their deletion until they are not."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from sampan.resources.kinds import PODS, PVCS, PVS

Worlds = Callable[..., AbstractAsyncContextManager[Any]]
CLAIMS, VOLUMES = "persistentvolumeclaim-protection-controller", "persistentvolume-protection-controller"
FINALIZER = "kubernetes.io/pvc-protection"


def claim(**meta: Any) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": ""}
    return {"metadata": {"name": "data", "namespace": "default", **meta}, "spec": spec}


def pod(name: str = "user", node: str = "n1", **volume: Any) -> dict[str, Any]:
    mounted = volume or {"persistentVolumeClaim": {"claimName": "data"}}
    spec: dict[str, Any] = {
        "containers": [{"name": "c", "image": "i"}],
        "volumes": [{"name": "v", **mounted}],
        "terminationGracePeriodSeconds": 0,
    }
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {**spec, **({"nodeName": node} if node else {})},
    }


async def test_a_claim_without_a_pod_goes_at_once(worlds: Worlds) -> None:
    async with worlds(CLAIMS) as world:
        made = await world.create(PVCS, claim())
        assert made["metadata"]["finalizers"] == [FINALIZER]
        await world.delete(PVCS, "data")
        assert not await world.exists(PVCS, "data")


async def test_a_claim_waits_for_the_last_pod_that_mounts_it(worlds: Worlds) -> None:
    async with worlds(CLAIMS) as world:
        await world.create(PVCS, claim())
        await world.create(PODS, pod("one"))
        await world.create(PODS, pod("two"))
        await world.delete(PVCS, "data")
        kept = await world.get(PVCS, "data")
        assert kept["metadata"]["deletionTimestamp"]
        await world.delete(PODS, "one", grace_seconds=0)
        assert await world.exists(PVCS, "data")
        await world.delete(PODS, "two", grace_seconds=0)
        assert not await world.exists(PVCS, "data")


@pytest.mark.parametrize("other", [pod(node=""), pod(emptyDir={})], ids=["not bound to a node", "mounts another"])
async def test_a_pod_that_does_not_run_with_it_keeps_no_claim(worlds: Worlds, other: dict[str, Any]) -> None:
    async with worlds(CLAIMS) as world:
        await world.create(PVCS, claim())
        await world.create(PODS, other)
        await world.delete(PVCS, "data")
        assert not await world.exists(PVCS, "data")


async def test_an_ephemeral_volume_keeps_only_the_claim_that_its_pod_owns(worlds: Worlds) -> None:
    async with worlds(CLAIMS) as world:
        template = {"spec": claim()["spec"]}
        owner = await world.create(PODS, pod("user", ephemeral={"volumeClaimTemplate": template}))
        reference = {"apiVersion": "v1", "kind": "Pod", "name": "user", "uid": owner["metadata"]["uid"]}
        await world.create(PVCS, claim(name="user-v", ownerReferences=[{**reference, "controller": True}]))
        await world.delete(PVCS, "user-v")
        assert await world.exists(PVCS, "user-v")
        await world.delete(PODS, "user", grace_seconds=0)
        assert not await world.exists(PVCS, "user-v")


async def test_the_finalizer_is_put_on_claims_that_lack_it(worlds: Worlds) -> None:
    async with worlds(CLAIMS) as world:
        await world.create(PVCS, claim())
        await world.patch(PVCS, "data", {"metadata": {"finalizers": None}})
        assert (await world.get(PVCS, "data"))["metadata"]["finalizers"] == [FINALIZER]


async def test_a_volume_waits_until_it_is_bound_no_more(worlds: Worlds) -> None:
    async with worlds(VOLUMES) as world:
        spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}
        await world.create(PVS, {"metadata": {"name": "v"}, "spec": spec})
        await world.patch(PVS, "v", {"status": {"phase": "Bound"}}, subresource="status")
        await world.delete(PVS, "v")
        assert await world.exists(PVS, "v")
        await world.patch(PVS, "v", {"status": {"phase": "Released"}}, subresource="status")
        assert not await world.exists(PVS, "v")
