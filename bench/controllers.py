"""How fast controllers are: a Deployment's pods, a claim's default class. `python -m bench.controllers`."""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import uvloop

from sampan.api.json import Obj
from sampan.api.names import ObjectRef, RestMapping
from sampan.client.api import Api
from sampan.cluster.cluster import Cluster
from sampan.cluster.config import ClusterConfig
from sampan.reconcile.loop import Manager
from sampan.resources.kinds import DEPLOYMENTS, ENDPOINTSLICES, PODS, PVCS, STORAGECLASSES
from sampan.resources.kinds import SERVICES as SERVICE_KIND

Rows = list[tuple[str, str]]
REPLICAS = 100
ROUNDS = 5
CLAIMS = 30
SERVICES = 1000
DEFAULT = {"storageclass.kubernetes.io/is-default-class": "true"}


def deployment(name: str) -> Obj:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": REPLICAS, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


async def follow(api: Api, mapping: RestMapping, done: Callable[[str, Obj], bool]) -> "asyncio.Task[float]":
    """A watch from now on; the task's result is when it showed what `done` waits for, on the performance counter."""
    version = (await api.list(mapping, "default")).version

    async def watch() -> float:
        async for event in api.watch(mapping, "default", since=version):
            if done(event.type, event.obj):
                return time.perf_counter()
        raise RuntimeError("the watch has ended")

    task = asyncio.create_task(watch())
    await asyncio.sleep(0)
    return task


def countdown(type_: str, app: str) -> Callable[[str, Obj], bool]:
    """Waits until so many pods of an app have come or gone."""
    left = [REPLICAS]

    def seen(event: str, pod: Obj) -> bool:
        left[0] -= event == type_ and (pod["metadata"].get("labels") or {}).get("app") == app
        return not left[0]

    return seen


async def hundred_pods(api: Api, name: str) -> tuple[float, float]:
    """Seconds from asking for a Deployment to the last pod of it in a watch; the same for its deletion."""
    watching = await follow(api, PODS, countdown("ADDED", name))
    begin = time.perf_counter()
    await api.create(DEPLOYMENTS, deployment(name))
    made = await watching - begin
    watching = await follow(api, PODS, countdown("DELETED", name))
    begin = time.perf_counter()
    await api.delete(ObjectRef(DEPLOYMENTS, "default", name), propagation="Background")
    return made, await watching - begin


async def class_latency(api: Api, number: int) -> float:
    """Seconds from asking for a default class to a watch having shown it in a claim that was waiting."""
    name = f"claim-{number}"
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    await api.create(PVCS, {"metadata": {"name": name, "namespace": "default"}, "spec": spec})

    def has_class(event: str, claim: Obj) -> bool:
        return bool(claim["metadata"]["name"] == name and claim["spec"].get("storageClassName"))

    watching = await follow(api, PVCS, has_class)
    made = {"metadata": {"name": f"class-{number}", "annotations": DEFAULT}, "provisioner": "example.com/none"}
    begin = time.perf_counter()
    await api.create(STORAGECLASSES, made)
    took = await watching - begin
    await api.delete(ObjectRef(STORAGECLASSES, "", f"class-{number}"))
    await api.delete(ObjectRef(PVCS, "default", name))
    return took


def busy(manager: Manager) -> bool:
    """Whether a controller has something to do."""
    return not manager.idle


async def resync() -> tuple[float, int]:
    """Seconds of processor time of the controllers that look at 1,000 Services when nothing has changed, and writes."""
    async with Cluster(nodes=0, default_storage_class=False) as cluster:
        api, manager = cluster.api(), cluster._manager
        assert manager is not None
        for number in range(SERVICES):
            meta = {"name": f"s-{number}", "namespace": "default"}
            spec = {"selector": {"app": f"a-{number}"}, "ports": [{"port": 80}]}
            await api.create(SERVICE_KIND, {"metadata": meta, "spec": spec})
        while len((await api.list(ENDPOINTSLICES, "default")).items) < SERVICES or busy(manager):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        version = int((await api.list(SERVICE_KIND)).version)
        began = time.process_time()
        for runner in manager.runners:
            if any(watches.mapping == SERVICE_KIND for watches in runner.controller.watches):
                runner.resync()
        while busy(manager):  # noqa: ASYNC110 (queues tell nobody that they are empty)
            await asyncio.sleep(0)
        spent = time.process_time() - began
        return spent, int((await api.list(SERVICE_KIND)).version) - version


async def measure() -> Rows:
    """A cluster without nodes, durable, in this process."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as directory:
        data = Path(directory)
        config = ClusterConfig(data, kubeconfig=data / "kubeconfig", nodes=0, default_storage_class=False)
        async with Cluster(config) as cluster:
            api = cluster.api()
            rolled = [await hundred_pods(api, f"web-{n}") for n in range(ROUNDS)]
            classes = [await class_latency(api, n) for n in range(CLAIMS)]
    spent, writes = await resync()
    return [
        (f"no-op resync of {SERVICES:,} Services", f"{spent:.2f} s of processor, {writes} writes"),
        (
            f"Deployment of {REPLICAS} replicas to {REPLICAS} pods, median of {ROUNDS}",
            ms(statistics.median(t[0] for t in rolled)),
        ),
        ("its deletion to the end of the last pod", ms(statistics.median(t[1] for t in rolled))),
        (f"default class to a waiting claim having it, median of {CLAIMS}", ms(statistics.median(classes))),
        ("the slowest of them", ms(max(classes))),
    ]


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def run() -> Rows:
    """Name and figure of every measurement."""
    return uvloop.run(measure())


if __name__ == "__main__":
    for name, figure in run():
        sys.stdout.write(f"{name:<70} {figure}\n")
