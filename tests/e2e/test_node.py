"""`sampan node`: an agent alone joins a cluster by a signing request, runs pods, and comes back after a stop."""

import json
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.kubectl, pytest.mark.timeout(120)]

CONFIG = """
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
port: 0
healthzPort: {health}
serverTLSBootstrap: true
rotateCertificates: true
maxPods: 7
registerWithTaints: [{{key: own, value: "yes", effect: PreferNoSchedule}}]
featureGates: {{EventedPLEG: true}}
"""


class Joined:
    """A `sampan node` process."""

    def __init__(self, folder: Path, bootstrap: Path) -> None:
        self.folder = folder
        words = [sys.executable, "-m", "sampan.cli.main", "node", "--runtime", "simulated", "--node-ip", "127.0.0.1"]
        words += ["--kubeconfig", str(folder / "kubeconfig"), "--bootstrap-kubeconfig", str(bootstrap)]
        words += ["--root-dir", str(folder / "root"), "--config", str(folder / "config.yaml")]
        words += ["--hostname-override", "alone", "--node-labels", "disk=fast"]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ready(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=20)
        assert self.process.returncode == 0, said
        assert "Traceback" not in said, said


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def plane(start_up: Callable[..., Any]) -> Iterator[Any]:
    with tempfile.TemporaryDirectory(prefix="sampan-plane-") as folder:
        running = start_up(Path(folder), "--nodes", "0")
        yield running
        running.end()


def until(found: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + 30
    while not (seen := found()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return seen


def test_a_node_joins_and_comes_back(plane: Any, client: Callable[..., Any], tmp_path: Path) -> None:
    kubectl = client("kubectl", plane.kubeconfig, "default")
    health = free_port()
    (tmp_path / "config.yaml").write_text(CONFIG.format(health=health))
    joined = Joined(tmp_path, plane.kubeconfig)
    try:

        def pending() -> list[str]:
            items = json.loads(kubectl("get", "csr", "-o", "json"))["items"]
            return [
                i["metadata"]["name"]
                for i in items
                if i["spec"]["signerName"].endswith("/kubelet-serving") and "conditions" not in i.get("status", {})
            ]

        kubectl("certificate", "approve", *until(pending, "the node asks for a serving certificate"))
        assert "node alone of https://" in joined.ready()
        node = json.loads(kubectl("get", "node", "alone", "-o", "json"))
        assert node["metadata"]["labels"]["disk"] == "fast"
        assert node["spec"]["taints"] == [{"key": "own", "value": "yes", "effect": "PreferNoSchedule"}]
        assert node["status"]["allocatable"]["pods"] == "7"
        kubectl("run", "talker", "--image=busybox", "--", "sh", "-c", "echo hello; sleep 100000")
        kubectl("wait", "--for=condition=Ready", "pod/talker", "--timeout=20s")
        assert kubectl("logs", "talker") == "hello\n"
        assert kubectl("exec", "talker", "--", "echo", "hi") == "hi\n"
        shown = json.loads(kubectl("get", "--raw", "/api/v1/nodes/alone/proxy/configz"))["kubeletconfig"]
        assert (shown["maxPods"], shown["port"], shown["syncFrequency"]) == (7, 0, "1m0s")
        with urllib.request.urlopen(f"http://127.0.0.1:{health}/healthz", timeout=5) as answer:
            assert answer.read() == b"ok"
        uid = json.loads(kubectl("get", "pod", "talker", "-o", "json"))["status"]["containerStatuses"][0]["containerID"]
    finally:
        joined.end()
    again = Joined(tmp_path, plane.kubeconfig)
    try:
        assert "node alone of https://" in again.ready(), "with the certificates it has, nobody is asked"
        after = json.loads(kubectl("get", "pod", "talker", "-o", "json"))["status"]["containerStatuses"][0]
        assert (after["containerID"], after["restartCount"]) == (uid, 0)
        kubectl("delete", "pod", "talker", "--grace-period=1")
    finally:
        again.end()


def test_what_cannot_be(tmp_path: Path, client: Callable[..., Any]) -> None:
    def run(*args: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "sampan.cli.main", "node", "--root-dir", str(tmp_path / "root"), *args]
        return subprocess.run(words, capture_output=True, text=True, timeout=20)

    missing = run("--kubeconfig", str(tmp_path / "none"))
    assert missing.returncode == 1
    assert "No such file" in missing.stderr
    assert run().returncode == 2
    (tmp_path / "bad").write_text("port: many\n")
    bad = run("--kubeconfig", str(tmp_path / "none"), "--config", str(tmp_path / "bad"))
    assert bad.returncode == 1
    assert "port: 'many': expected a number" in bad.stderr
