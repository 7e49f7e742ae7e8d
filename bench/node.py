"""The node agent alone, over 100 pods of a real containerd: idle, and when pods come and go; both ways of its PLEG."""

import contextlib
import http.client
import json
import os
import re
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.up import TOKEN, Up, up

PODS, IDLE, PATIENCE, NODE = 100, 60.0, 240.0, "bench-node"
TOOL = Path(__file__).resolve().parents[1] / "tools" / "containerd.py"
PATH = "/api/v1/namespaces/default/pods"
CALLS = re.compile(r"^kubelet_runtime_operations_total\{.*\} (\S+)$", re.M)


def run() -> Iterator[tuple[str, str]]:
    """The table's rows."""
    if os.geteuid() or not shutil.which("apt-get"):
        yield "idle node agent, 100 pods", "not measured: needs root on Debian"
        return
    with tempfile.TemporaryDirectory(prefix="sampan-bench-") as folder:
        answer = subprocess.run([sys.executable, TOOL, "up", folder], check=True, capture_output=True, text=True)
        try:
            socket = json.loads(answer.stdout)["socket"]
            for evented in (True, False):
                with (
                    up("--nodes", "0", "--kubelet-certificate-authority", "") as cluster,
                    agent(cluster, socket, evented) as process,
                ):
                    yield from _measured(Client(cluster.server), process, "events" if evented else "relists")
        finally:
            subprocess.run([sys.executable, TOOL, "down", folder], check=True, capture_output=True)


@contextlib.contextmanager
def agent(cluster: Up, socket: str, evented: bool) -> Iterator[int]:
    """A `sampan node` in a process of its own; its process id."""
    with tempfile.TemporaryDirectory(prefix="sampan-node-") as folder:
        kubeconfig = Path(folder, "kubeconfig")
        kubeconfig.write_text(json.dumps(_kubeconfig(cluster.server)))
        command = [
            sys.executable, "-m", "sampan.cli.main", "node",
            "--kubeconfig", str(kubeconfig), "--root-dir", f"{folder}/root",
            "--hostname-override", NODE, "--node-ip", "127.0.0.1", "--address", "127.0.0.1", "--port", "0",
            "--healthz-port", "0", "--container-runtime-endpoint", f"unix://{socket}", "--max-pods", "200",
            "--authorization-mode", "AlwaysAllow", "--anonymous-auth", "true",
            "--feature-gates", f"EventedPLEG={str(evented).lower()}",
        ]  # fmt: skip
        with open(f"{folder}/log", "wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                yield process.pid
            finally:
                process.terminate()
                process.wait(30)


def _kubeconfig(server: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "u", "user": {"token": TOKEN}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }  # fmt: skip


@dataclass(slots=True)
class Client:
    """Asks the API server."""

    server: str
    connection: http.client.HTTPSConnection | None = None

    def text(self, method: str, path: str, body: Any = None) -> str:
        """An answer's body; raises RuntimeError."""
        if self.connection is None:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            parts = urlsplit(self.server)
            self.connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, context=context)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = self.connection.getresponse()
        text = response.read().decode()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {text[:300]}")
        return text

    def items(self, path: str) -> list[dict[str, Any]]:
        """What a list holds."""
        items: list[dict[str, Any]] = json.loads(self.text("GET", path))["items"]
        return items

    def calls(self) -> float:
        """Calls that the agent has made to the runtime so far."""
        return sum(map(float, CALLS.findall(self.text("GET", f"/api/v1/nodes/{NODE}/proxy/metrics"))))


def _measured(client: Client, process: int, way: str) -> Iterator[tuple[str, str]]:
    _until(lambda: any(_ready(node) for node in client.items("/api/v1/nodes")))
    began = time.perf_counter()
    for number in range(PODS):
        client.text("POST", PATH, pod(number))
    _until(lambda: sum(one["status"].get("phase") == "Running" for one in client.items(PATH)) == PODS)
    yield f"{PODS} pods at once, all Running ({way})", f"{time.perf_counter() - began:.1f} s"
    time.sleep(5)
    calls, cpu = client.calls(), _cpu(process)
    time.sleep(IDLE)
    used, called = _cpu(process) - cpu, client.calls() - calls
    yield f"idle agent, {PODS} pods ({way}): processor", f"{100 * used / IDLE:.2f} % of a core"
    yield f"idle agent, {PODS} pods ({way}): memory", f"{_memory(process):.0f} MiB"
    yield f"idle agent, {PODS} pods ({way}): calls to the runtime", f"{called * 60 / IDLE:.0f} a minute"
    gone = [_deletion(client, number) for number in range(5)]
    yield f"delete to gone, grace 1 s, {PODS} pods ({way})", f"{statistics.median(gone):.2f} s median of {len(gone)}"
    began = time.perf_counter()
    client.text("DELETE", PATH)
    _until(lambda: not client.items(PATH))
    yield f"{PODS - len(gone)} pods deleted at once ({way})", f"{time.perf_counter() - began:.1f} s"


def pod(number: int) -> dict[str, Any]:
    """A pod whose process does nothing and does not listen to SIGTERM."""
    container = {"name": "c", "image": "docker.io/local/busybox:1", "command": ["sleep", "100000"]}
    spec = {
        "containers": [{**container, "imagePullPolicy": "IfNotPresent"}], "nodeName": NODE,
        "terminationGracePeriodSeconds": 1, "automountServiceAccountToken": False,
    }  # fmt: skip
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"idle-{number}"}, "spec": spec}


def _deletion(client: Client, number: int) -> float:
    began = time.perf_counter()
    client.text("DELETE", f"{PATH}/idle-{number}")
    _until(lambda: all(one["metadata"]["name"] != f"idle-{number}" for one in client.items(PATH)), pause=0.02)
    return time.perf_counter() - began


def _ready(node: dict[str, Any]) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"].get("conditions", ()))


def _until(true: Callable[[], bool], pause: float = 0.1) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"not so after {PATIENCE:.0f} s")
        time.sleep(pause)


def _cpu(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(process: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0
