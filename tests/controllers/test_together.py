"""All controllers at once: they do what they should, and then they rest."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from sampan.api.json import Obj
from sampan.resources.kinds import (
    CONFIGMAPS,
    DEPLOYMENTS,
    ENDPOINTSLICES,
    NAMESPACES,
    NODES,
    PODS,
    PVCS,
    PVS,
    REPLICASETS,
    SERVICES,
    STORAGECLASSES,
)

Worlds = Callable[..., AbstractAsyncContextManager[Any]]
LABELS = {"app": "web"}
CLASS = {
    "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": "sampan.dev/local-path",
    "volumeBindingMode": "WaitForFirstConsumer",
}


def deployment(namespace: str) -> Obj:
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "c", "image": "i"}], "nodeName": "n1"}}
    spec = {"replicas": 3, "selector": {"matchLabels": LABELS}, "template": template}
    return {"metadata": {"name": "web", "namespace": namespace}, "spec": spec}


async def populate(world: Any) -> None:
    """A namespace with a bit of everything, all well."""
    await world.create(NAMESPACES, {"metadata": {"name": "team"}})
    await world.create(NODES, {"metadata": {"name": "n1", "labels": {"kubernetes.io/hostname": "n1"}}})
    await world.create(STORAGECLASSES, CLASS)
    await world.create(DEPLOYMENTS, deployment("team"))
    ports = [{"port": 80}]
    service = {"metadata": {"name": "web", "namespace": "team"}, "spec": {"selector": LABELS, "ports": ports}}
    await world.create(SERVICES, service)
    request = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    meta = {"name": "data", "namespace": "team", "annotations": {"volume.kubernetes.io/selected-node": "n1"}}
    await world.create(PVCS, {"metadata": meta, "spec": request})
    now = world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": now, "lastTransitionTime": now}
    await world.patch(NODES, "n1", {"status": {"conditions": [ready]}}, subresource="status")
    await world.all_ready("team")


async def test_they_come_to_rest_and_stay_there(worlds: Worlds) -> None:
    async with worlds() as world:
        await populate(world)
        (found,) = await world.all(DEPLOYMENTS, "team")
        assert found["status"]["availableReplicas"] == 3
        (addresses,) = await world.all(ENDPOINTSLICES, "team")
        assert len(addresses["endpoints"]) == 3
        assert (await world.get(PVCS, "data", "team"))["status"]["phase"] == "Bound"
        assert await world.exists(CONFIGMAPS, "kube-root-ca.crt", "team")
        before = world.store.revision
        await world.pass_time(40)  # the node's grace period is longer
        assert world.store.revision == before


async def test_a_namespace_with_all_of_it_goes(worlds: Worlds) -> None:
    async with worlds() as world:
        await populate(world)
        await world.delete(NAMESPACES, "team")
        for _ in range(3):  # what a node agent would do
            for pod in await world.all(PODS, "team"):
                if pod["metadata"].get("deletionTimestamp"):
                    await world.delete(PODS, pod["metadata"]["name"], "team", grace_seconds=0)
            await world.pass_time(5)
        assert not await world.exists(NAMESPACES, "team")
        for mapping in (DEPLOYMENTS, REPLICASETS, PODS, SERVICES, ENDPOINTSLICES, PVCS):
            assert await world.all(mapping, "team") == []
        (volume,) = await world.all(PVS)
        assert volume["metadata"]["deletionTimestamp"]
        assert volume["metadata"]["finalizers"] == ["sampan.dev/local-path"], "the node must clean up first"


async def test_without_the_node_its_pods_move_and_its_volume_is_freed(worlds: Worlds) -> None:
    async with worlds() as world:
        await populate(world)
        old = {pod["metadata"]["uid"] for pod in await world.all(PODS, "team")}
        await world.delete(NODES, "n1")
        await world.create(NODES, {"metadata": {"name": "n2"}})
        patch = {"spec": {"template": {"spec": {"nodeName": "n2"}}}}
        await world.patch(DEPLOYMENTS, "web", patch, namespace="team")
        await world.pass_time(45)  # the quarantine of a lost node
        await world.all_ready("team")
        await world.pass_time(45)  # and again for those that were replaced there
        pods = await world.all(PODS, "team")
        assert {pod["spec"]["nodeName"] for pod in pods} == {"n2"}
        assert not old & {pod["metadata"]["uid"] for pod in pods}
        await world.delete(PVCS, "data", "team")
        assert await world.all(PVS) == []
