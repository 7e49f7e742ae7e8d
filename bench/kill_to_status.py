"""From the kill of a container's process to the pod's status in the API, seen by a watch: simulated and containerd."""

import asyncio
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sampan.api.names import ObjectRef
from sampan.cluster.cluster import Cluster
from sampan.resources.kinds import PODS

ROUNDS = 20
TOOL = Path(__file__).resolve().parents[1] / "tools" / "containerd.py"


def pod(number: int) -> dict[str, Any]:
    """A pod that must not restart, so that its end stays to be seen."""
    container = {"name": "c", "image": "docker.io/local/busybox:1", "command": ["sleep", "100000"]}
    container["imagePullPolicy"] = "IfNotPresent"
    meta = {"name": f"victim-{number}", "namespace": "default"}
    spec = {"containers": [container], "restartPolicy": "Never", "terminationGracePeriodSeconds": 0}
    return {"metadata": meta, "spec": {**spec, "automountServiceAccountToken": False}}


async def measure(runtime: str) -> tuple[list[float], list[float]]:
    """Seconds from create to Running, and from kill to Failed, of ROUNDS pods one after another."""
    started, ended = [], []
    async with Cluster(nodes=1, runtime=runtime, node_ip="127.0.0.1") as cluster:
        api = cluster.api()
        events: asyncio.Queue[tuple[float, dict[str, Any]]] = asyncio.Queue()

        async def follow() -> None:
            async for event in api.watch(PODS, "default"):
                events.put_nowait((time.perf_counter(), event.obj))

        watching = asyncio.create_task(follow())

        async def until(name: str, phase: str) -> tuple[float, dict[str, Any]]:
            while True:
                at, obj = await events.get()
                if obj["metadata"].get("name") == name and (obj.get("status") or {}).get("phase") == phase:
                    return at, obj

        for number in range(ROUNDS):
            began = time.perf_counter()
            await api.create(PODS, pod(number))
            at, obj = await until(f"victim-{number}", "Running")
            started.append(at - began)
            container_id = obj["status"]["containerStatuses"][0]["containerID"].rpartition("/")[2]
            await asyncio.sleep(0.05)
            killed = time.perf_counter()
            await kill(cluster, container_id)
            at, _ = await until(f"victim-{number}", "Failed")
            ended.append(at - killed)
            await api.delete(ObjectRef(PODS, "default", f"victim-{number}"), grace_seconds=0)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    return started, ended


async def kill(cluster: Cluster, container_id: str) -> None:
    """End the process as somebody from outside would."""
    runtime: Any = cluster.kubelets[0].runtime
    if hasattr(runtime, "kill"):
        runtime.kill(container_id)
        return
    os.kill(await asyncio.to_thread(process_of, container_id), signal.SIGKILL)


def process_of(container_id: str) -> int:
    """The first process of a container, by its cgroup."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if container_id in (entry / "cgroup").read_text():
                    return int(entry.name)
            except OSError:
                continue
    raise LookupError(f"no process in container {container_id}")


def row(title: str, seconds: list[float]) -> tuple[str, str]:
    """Median and worst, in milliseconds."""
    return title, f"{statistics.median(seconds) * 1000:.1f} ms median, {max(seconds) * 1000:.1f} ms worst of {ROUNDS}"


def run() -> list[tuple[str, str]]:
    """The rows of the table."""
    rows = []
    started, ended = asyncio.run(measure("simulated"))
    rows += [row("create to Running, simulated", started), row("kill to Failed, simulated", ended)]
    if os.geteuid() or not shutil.which("apt-get"):
        return [*rows, ("kill to Failed, containerd", "not measured: needs root on Debian")]
    with tempfile.TemporaryDirectory(prefix="sampan-bench-") as folder:
        answer = subprocess.run([sys.executable, TOOL, "up", folder], check=True, capture_output=True, text=True)
        try:
            socket = json.loads(answer.stdout)["socket"]
            started, ended = asyncio.run(measure(f"unix://{socket}"))
        finally:
            subprocess.run([sys.executable, TOOL, "down", folder], check=True, capture_output=True)
    return [*rows, row("create to Running, containerd", started), row("kill to Failed, containerd", ended)]
