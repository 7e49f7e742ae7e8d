"""A cluster whose scheduler has a configuration: profiles, and an extender that is asked and binds."""

import asyncio
from pathlib import Path

import pytest
import yaml

from sampan import Cluster
from sampan.api import json
from sampan.api.json import Obj
from sampan.api.meta import condition
from sampan.api.names import ObjectRef
from sampan.client.api import Api
from sampan.net.http import Request, Response
from sampan.net.http_server import serve
from sampan.resources.kinds import (
    DEVICECLASSES,
    PODS,
    PVCS,
    RESOURCECLAIMS,
    RESOURCECLAIMTEMPLATES,
    RESOURCESLICES,
    STORAGECLASSES,
)
from sampan.scheduler import loop


def pod(name: str, scheduler: str) -> Obj:
    """A pod of that scheduler."""
    containers = [{"name": "c", "image": "example.com/i"}]
    spec = {"schedulerName": scheduler, "containers": containers}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


async def placed(api: Api, name: str) -> str:
    """The node of a pod, once it has one."""
    return await field(api, name, "spec", "nodeName")


async def test_profiles_and_an_extender(tmp_path: Path) -> None:
    bound: list[Obj] = []
    api: Api

    async def extender(request: Request) -> Response:
        said = json.loads(request.body)
        if request.path.endswith("/filter"):
            return Response(200, [], json.dumps({"NodeNames": [n for n in said["NodeNames"] if n == "node-2"]}))
        bound.append(said)
        meta = {"name": said["PodName"], "namespace": said["PodNamespace"], "uid": said["PodUID"]}
        target = {"apiVersion": "v1", "kind": "Node", "name": said["Node"]}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": meta, "target": target}
        await api.call("POST", PODS.path(said["PodNamespace"], said["PodName"], "binding"), binding)
        return Response(200, [], b"{}")

    server = await serve(extender, "127.0.0.1", 0)
    try:
        url = f"http://127.0.0.1:{server.port}"
        config = {
            "apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration",
            "profiles": [{"schedulerName": "one"}, {"schedulerName": "two"}],
            "extenders": [{"urlPrefix": url, "filterVerb": "filter", "bindVerb": "bind", "nodeCacheCapable": True}],
        }  # fmt: skip
        file = tmp_path / "scheduler.yaml"
        file.write_text(yaml.safe_dump(config))
        async with Cluster(runtime="simulated", nodes=3, scheduler_config=file, data_dir=tmp_path / "data") as cluster:
            api = cluster.api()
            for name, scheduler in (("other", "default-scheduler"), ("a", "one"), ("b", "two")):
                await api.create(PODS, pod(name, scheduler))
            assert await placed(api, "a") == "node-2"
            assert await placed(api, "b") == "node-2"
            listed = await api.list(PODS, "default", fields="spec.nodeName=")
            assert [one["metadata"]["name"] for one in listed.items] == ["other"]
    finally:
        await server.close(0)
    assert sorted(one["PodName"] for one in bound) == ["a", "b"]


def device_pod(name: str, **claim: str) -> Obj:
    """A pod with a claim on devices."""
    made = pod(name, "default-scheduler")
    made["spec"]["resourceClaims"] = [{"name": "gpu", **claim}]
    made["spec"]["containers"][0]["resources"] = {"claims": [{"name": "gpu"}]}
    return made


def asking(count: int) -> Obj:
    """What a claim asks for."""
    exactly = {"deviceClassName": "gpu", "allocationMode": "ExactCount", "count": count}
    return {"devices": {"requests": [{"name": "r", "exactly": exactly}]}}


async def with_devices(api: Api) -> None:
    """A class, and two devices of node-2."""
    cel = {"cel": {"expression": "device.driver == 'gpu.example.com'"}}
    await api.create(DEVICECLASSES, {"metadata": {"name": "gpu"}, "spec": {"selectors": [cel]}})
    pool = {"name": "node-2", "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": "gpu.example.com", "pool": pool, "nodeName": "node-2", "devices": [{"name": "a"}, {"name": "b"}]}
    await api.create(RESOURCESLICES, {"metadata": {"name": "node-2"}, "spec": spec})


async def test_claims_on_devices(tmp_path: Path) -> None:
    async with Cluster(runtime="simulated", nodes=3, data_dir=tmp_path / "data") as cluster:
        api = cluster.api()
        await api.create(PODS, device_pod("early", resourceClaimName="late"))
        await with_devices(api)
        meta = {"namespace": "default"}
        await api.create(RESOURCECLAIMS, {"metadata": {"name": "one", **meta}, "spec": asking(1)})
        await api.create(PODS, device_pod("p", resourceClaimName="one"))
        assert await placed(api, "p") == "node-2"
        claim = await api.get(ObjectRef(RESOURCECLAIMS, "default", "one"))
        allocation = claim["status"]["allocation"]
        assert allocation["devices"]["results"] == [
            {"request": "r", "driver": "gpu.example.com", "pool": "node-2", "device": "a"}
        ]
        assert claim["metadata"]["finalizers"] == ["resource.kubernetes.io/delete-protection"]
        assert [one["name"] for one in claim["status"]["reservedFor"]] == ["p"]
        await api.create(PODS, device_pod("beside", resourceClaimName="one"))
        assert await placed(api, "beside") == "node-2"
        await api.create(RESOURCECLAIMS, {"metadata": {"name": "two", **meta}, "spec": asking(2)})
        await api.create(PODS, device_pod("q", resourceClaimName="two"))
        told = await said(api, "q")
        assert told == (
            "0/3 nodes are available: 3 cannot allocate all claims. still not schedulable, preemption: 0/3 nodes are "
            "available: 3 Preemption is not helpful for scheduling."
        )
        await api.create(RESOURCECLAIMS, {"metadata": {"name": "late", **meta}, "spec": asking(1)})
        assert await placed(api, "early") == "node-2"
        taint = {"key": "broken", "effect": "NoExecute"}
        devices = [{"name": "a", "taints": [taint]}, {"name": "b"}]
        await api.patch(ObjectRef(RESOURCESLICES, "", "node-2"), {"spec": {"devices": devices}})
        assert await field(api, "p", "metadata", "deletionTimestamp")
        assert await field(api, "beside", "metadata", "deletionTimestamp")


async def test_claims_from_templates(tmp_path: Path) -> None:
    async with Cluster(runtime="simulated", nodes=3, data_dir=tmp_path / "data") as cluster:
        api = cluster.api()
        await with_devices(api)
        template = {"metadata": {"name": "t", "namespace": "default"}, "spec": {"spec": asking(2)}}
        await api.create(RESOURCECLAIMTEMPLATES, template)
        await api.create(PODS, device_pod("p", resourceClaimTemplateName="t"))
        assert await placed(api, "p") == "node-2"
        first = await api.get(ObjectRef(PODS, "default", "p"))
        name = first["status"]["resourceClaimStatuses"][0]["resourceClaimName"]
        assert name.startswith("p-gpu-")
        await api.create(PODS, device_pod("q", resourceClaimTemplateName="t"))
        assert (await said(api, "q")).startswith("0/3 nodes are available: 3 cannot allocate all claims.")
        await api.delete(ObjectRef(PODS, "default", "p"), grace_seconds=0)
        assert await placed(api, "q") == "node-2"
        await gone(api, name)


async def test_pods_that_wait_for_volumes_keep_no_others_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "BINDERS", 2)
    async with Cluster(runtime="simulated", nodes=1, data_dir=tmp_path / "data") as cluster:
        api = cluster.api()
        late = {"provisioner": "x.example.com", "volumeBindingMode": "WaitForFirstConsumer"}
        await api.create(STORAGECLASSES, {"metadata": {"name": "late"}, **late})
        for number in range(3):
            meta = {"name": f"w{number}", "namespace": "default"}
            asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
            await api.create(PVCS, {"metadata": meta, "spec": {"storageClassName": "late", **asked}})
            made = pod(f"w{number}", "default-scheduler")
            made["spec"]["volumes"] = [{"name": "v", "persistentVolumeClaim": {"claimName": f"w{number}"}}]
            await api.create(PODS, made)
        assert await field(api, "w2", "status", "nominatedNodeName") == "node-1"
        await api.create(PODS, pod("quick", "default-scheduler"))
        assert await placed(api, "quick") == "node-1"


async def field(api: Api, name: str, part: str, key: str) -> str:
    """A field of a pod, once it has a value."""
    async with asyncio.timeout(20):
        async for event in api.watch(PODS, "default", fields=f"metadata.name={name}"):
            found: str = (event.obj.get(part) or {}).get(key, "")
            if found:
                return found
    raise AssertionError("the watch ended")


async def gone(api: Api, name: str) -> None:
    """Returns when there is no such claim any more."""
    listed = await api.list(RESOURCECLAIMS, "default")
    if all(one["metadata"]["name"] != name for one in listed.items):
        return
    async with asyncio.timeout(20):
        async for event in api.watch(RESOURCECLAIMS, "default", since=listed.version):
            if event.type == "DELETED" and event.obj["metadata"]["name"] == name:
                return


async def said(api: Api, name: str) -> str:
    """Why a pod has no node."""
    async with asyncio.timeout(20):
        async for event in api.watch(PODS, "default", fields=f"metadata.name={name}"):
            found = condition(event.obj, "PodScheduled")
            if found is not None:
                text: str = found.get("message", "")
                return text
    raise AssertionError("the watch ended")
