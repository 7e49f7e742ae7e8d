"""Many pods on many simulated nodes, from a Deployment's creation to the last pod Running."""

import asyncio
import gc
import os
import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from sampan.api.json import Obj
from sampan.client.api import Api
from sampan.cluster.cluster import Cluster
from sampan.resources.kinds import DEPLOYMENTS, PODS
from sampan.resources.kinds import NODES as NODE_KIND

TTL = "node.alpha.kubernetes.io/ttl"
NODES, PODS_AT_ALL, DEPLOYMENTS_AT_ALL = 1000, 10_000, 20


@dataclass(frozen=True, slots=True)
class Scale:
    """What was measured."""

    pods: int
    nodes: int
    up_seconds: float
    """From nothing to all nodes registered, and acknowledged by the controllers."""
    seconds: float
    """From the first Deployment's creation to the last pod's Ready in a watch."""
    cpu_seconds: float
    """Processor time of this process meanwhile."""
    memory: float
    """Resident MiB at the end."""
    peak: float
    """The most there was."""

    @property
    def rate(self) -> float:
        """Pods a second."""
        return self.pods / self.seconds

    def words(self) -> str:
        """The figures in a line."""
        return (
            f"{self.pods:,} pods on {self.nodes:,} simulated nodes: {self.rate:,.0f} pods/s from creation to Ready "
            f"({self.seconds:.1f} s, {self.cpu_seconds:.1f} s of processor), {self.memory:.0f} MiB resident, "
            f"cluster up in {self.up_seconds:.1f} s"
        )


def report(made: Scale) -> dict[str, float]:
    """The figures for programs."""
    return {**asdict(made), "pods_per_second": made.rate}


def deployment(name: str, replicas: int) -> Obj:
    """A Deployment of small pods."""
    labels = {"app": name}
    container = {"name": "app", "image": "registry.example/app:1", "resources": {"requests": {"cpu": "100m"}}}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


def memory() -> tuple[float, float]:
    """Resident MiB of this process: now, and at most."""
    status = Path(f"/proc/{os.getpid()}/status").read_text()
    now, most = (re.search(rf"{field}:\s+(\d+) kB", status) for field in ("VmRSS", "VmHWM"))
    return (int(now[1]) / 1024 if now else 0.0, int(most[1]) / 1024 if most else 0.0)


async def measure(
    nodes: int = NODES, pods: int = PODS_AT_ALL, deployments: int = DEPLOYMENTS_AT_ALL, store: str = "memory:"
) -> Scale:
    """Run it in this process, with a fresh cluster."""
    began = time.perf_counter()
    async with Cluster(nodes=nodes, runtime="simulated", store=store) as cluster:
        api = cluster.api()
        await _settled(api)
        up = time.perf_counter() - began
        running = await _watch(api, pods)
        cpu, begin = time.process_time(), time.perf_counter()
        for number in range(deployments):
            replicas = pods // deployments + (number < pods % deployments)
            await api.create(DEPLOYMENTS, deployment(f"app-{number}", replicas))
        seconds = await running - begin
        cpu = time.process_time() - cpu
        gc.collect()
        now, peak = memory()
    return Scale(pods, nodes, up, seconds, cpu, now, peak)


async def _settled(api: Api) -> None:
    """Wait until the controllers have done with the nodes: taints off, annotations on."""
    while True:
        nodes = (await api.list(NODE_KIND)).items
        if all(not n["spec"].get("taints") and TTL in (n["metadata"].get("annotations") or {}) for n in nodes):
            return
        await asyncio.sleep(0.05)


async def _watch(api: Api, pods: int) -> "asyncio.Task[float]":
    """A task that ends when so many pods are Ready; its result is the moment."""
    version = (await api.list(PODS, "default")).version
    ready: set[str] = set()

    async def watch() -> float:
        async for event in api.watch(PODS, "default", since=version):
            conditions = (event.obj.get("status") or {}).get("conditions") or ()
            if any(c["type"] == "Ready" and c["status"] == "True" for c in conditions):
                ready.add(event.obj["metadata"]["name"])
                if len(ready) == pods:
                    return time.perf_counter()
        raise RuntimeError("the watch has ended")

    task = asyncio.create_task(watch())
    await asyncio.sleep(0)
    return task
