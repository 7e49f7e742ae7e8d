"""CSI volumes are attached to the nodes whose pods use them, by an external attacher (here a double), and detached."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from sampan.api.csi import MANAGED, attachment_name, unique_name
from sampan.api.names import ObjectRef
from sampan.resources.kinds import NODES, PODS, PVCS, PVS, VOLUMEATTACHMENTS

Worlds = Callable[..., AbstractAsyncContextManager[Any]]
NAME, DRIVER = "persistentvolume-attach-detach-controller", "csi.example.com"
UNIQUE, FINALIZER = unique_name(DRIVER, "h-1"), "external-attacher/csi-example-com"


class Attacher:
    """Attaches whatever is to be attached when it is told to work, and detaches what is being deleted."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.at: list[str] = []

    async def work(self) -> None:
        for one in await self.world.all(VOLUMEATTACHMENTS):
            ref = ObjectRef(VOLUMEATTACHMENTS, "", one["metadata"]["name"])
            node = one["spec"]["nodeName"]
            if one["metadata"].get("deletionTimestamp"):
                self.at.remove(node)
                await self.world.api.patch(ref, {"metadata": {"finalizers": None}})
            elif not (one.get("status") or {}).get("attached"):
                self.at.append(node)
                assert len(self.at) == 1, "attached to one node at a time"
                await self.world.api.patch(ref, {"metadata": {"finalizers": [FINALIZER]}})
                await self.world.api.patch(ref, {"status": {"attached": True}}, subresource="status")
        await self.world.settle()


async def prepare(world: Any) -> Attacher:
    """Two nodes, a claim with its volume."""
    for name in ("n1", "n2"):
        await world.create(NODES, {"metadata": {"name": name, "annotations": {MANAGED: "true"}}})
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        await world.patch(NODES, name, {"status": ready}, subresource="status")
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}
    claim = await world.create(
        PVCS,
        {
            "metadata": {"name": "data", "namespace": "default"},
            "spec": {**spec, "volumeName": "pv-1", "resources": {"requests": {"storage": "1Gi"}}},
        },
    )
    ref = {"namespace": "default", "name": "data", "uid": claim["metadata"]["uid"]}
    csi = {"driver": DRIVER, "volumeHandle": "h-1"}
    await world.create(
        PVS,
        {"metadata": {"name": "pv-1"}, "spec": {**spec, "claimRef": ref, "csi": csi, "capacity": {"storage": "1Gi"}}},
    )
    await world.patch(PVCS, "data", {"status": {"phase": "Bound"}}, subresource="status")
    return Attacher(world)


async def use(world: Any, name: str, node: str) -> None:
    spec = {
        "nodeName": node,
        "containers": [{"name": "c", "image": "i"}],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}],
    }
    await world.create(PODS, {"metadata": {"name": name, "namespace": "default"}, "spec": spec})


async def in_use(world: Any, node: str, *names: str) -> None:
    await world.patch(NODES, node, {"status": {"volumesInUse": list(names)}}, subresource="status")


async def attached(world: Any, node: str) -> list[str]:
    status = (await world.get(NODES, node)).get("status") or {}
    return [entry["name"] for entry in status.get("volumesAttached") or ()]


async def test_a_volume_moves_from_node_to_node(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        attacher = await prepare(world)
        await use(world, "first", "n1")
        made = await world.get(VOLUMEATTACHMENTS, attachment_name("h-1", DRIVER, "n1"))
        assert made["spec"] == {"attacher": DRIVER, "nodeName": "n1", "source": {"persistentVolumeName": "pv-1"}}
        assert await attached(world, "n1") == [], "the attacher has not answered"
        await attacher.work()
        assert await attached(world, "n1") == [UNIQUE]
        assert await world.events("SuccessfulAttachVolume") == ['AttachVolume.Attach succeeded for volume "pv-1" ']
        await in_use(world, "n1", UNIQUE)

        await use(world, "second", "n2")
        text = 'Multi-Attach error for volume "pv-1" Volume is already used by pod(s) first'
        assert text in await world.events("FailedAttachVolume")
        await world.delete(PODS, "first", grace_seconds=0)
        await attacher.work()
        assert attacher.at == ["n1"], "it is mounted there"
        await in_use(world, "n1")
        assert await attached(world, "n1") == [], "told before it is detached"
        await attacher.work()
        await attacher.work()
        assert attacher.at == ["n2"]
        assert await attached(world, "n2") == [UNIQUE]
        assert [one["spec"]["nodeName"] for one in await world.all(VOLUMEATTACHMENTS)] == ["n2"]


async def test_a_node_that_fell_silent_loses_its_volume_after_six_minutes(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        attacher = await prepare(world)
        await use(world, "first", "n1")
        await attacher.work()
        await in_use(world, "n1", UNIQUE)
        silent = {"conditions": [{"type": "Ready", "status": "Unknown"}]}
        await world.patch(NODES, "n1", {"status": silent}, subresource="status")
        await world.delete(PODS, "first", grace_seconds=0)
        await world.pass_time(355)
        await attacher.work()
        assert attacher.at == ["n1"]
        await world.pass_time(10)
        await attacher.work()
        assert attacher.at == []
        assert await world.all(VOLUMEATTACHMENTS) == []


async def test_a_node_out_of_service_loses_its_volume_at_once(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        attacher = await prepare(world)
        await use(world, "first", "n1")
        await attacher.work()
        await in_use(world, "n1", UNIQUE)
        await world.delete(PODS, "first", grace_seconds=0)
        taints = [{"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}]
        await world.patch(NODES, "n1", {"spec": {"taints": taints}})
        await attacher.work()
        assert attacher.at == []
