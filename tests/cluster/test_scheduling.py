"""A cluster whose scheduler has a configuration: profiles, and an extender that is asked and binds."""

import asyncio
from pathlib import Path

import yaml

from sampan import Cluster
from sampan.api import json
from sampan.api.json import Obj
from sampan.client.api import Api
from sampan.net.http import Request, Response
from sampan.net.http_server import serve
from sampan.resources.kinds import PODS


def pod(name: str, scheduler: str) -> Obj:
    """A pod of that scheduler."""
    containers = [{"name": "c", "image": "example.com/i"}]
    spec = {"schedulerName": scheduler, "containers": containers}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


async def placed(api: Api, name: str) -> str:
    """The node of a pod, once it has one."""
    async with asyncio.timeout(20):
        async for event in api.watch(PODS, "default", fields=f"metadata.name={name}"):
            node: str = (event.obj.get("spec") or {}).get("nodeName", "")
            if node:
                return node
    raise AssertionError("the watch ended")


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
        async with Cluster(runtime="simulated", nodes=3, scheduler_config=file) as cluster:
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
