"""A node alone on containerd: static pods, pods that it refuses, pods that write more than they may."""

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.containerd,
    pytest.mark.kubectl,
    pytest.mark.xdist_group("containerd"),
    pytest.mark.timeout(180),
]
CONFIG = """
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
port: 0
healthzPort: 0
serverTLSBootstrap: true
evictionHard: {nodefs.available: 0%}
imageGCHighThresholdPercent: 100
"""
STATIC = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: a
    image: docker.io/local/busybox:1
    imagePullPolicy: Never
    command: [sh, -c, "echo SAYS; trap 'exit 0' TERM; while true; do sleep 0.2; done"]
"""
BOUND = """
apiVersion: v1
kind: Pod
metadata: {name: NAME}
spec:
  nodeName: alone
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  volumes: [{name: v, emptyDir: {sizeLimit: 1Mi}}]
  containers:
  - name: a
    image: docker.io/local/busybox:1
    imagePullPolicy: Never
    resources: {requests: {cpu: CPU}}
    volumeMounts: [{name: v, mountPath: /v}]
    command: [sh, -c, "dd if=/dev/zero of=/v/x bs=1k count=4096; trap 'exit 3' TERM; while true; do sleep 0.2; done"]
"""


@pytest.fixture
def kubectl(containerd: str, start_up: Callable[..., Any], client: Callable[..., Any]) -> Iterator[Any]:
    """A control plane, and one node with a directory of manifests (`kubectl.home / manifests`)."""
    with tempfile.TemporaryDirectory(prefix="sampan-house-") as name:
        folder = Path(name)
        plane = start_up(folder / "plane", "--nodes", "0")
        (folder / "manifests").mkdir()
        (folder / "config.yaml").write_text(CONFIG)
        words = [sys.executable, "-m", "sampan.cli.main", "node", "--runtime", f"unix://{containerd}"]
        words += ["--node-ip", "127.0.0.1", "--hostname-override", "alone", "--config", str(folder / "config.yaml")]
        words += ["--kubeconfig", str(folder / "node.conf"), "--bootstrap-kubeconfig", str(plane.kubeconfig)]
        words += ["--root-dir", str(folder / "root"), "--pod-manifest-path", str(folder / "manifests")]
        node = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        made = client("kubectl", plane.kubeconfig, "default")
        made.home = folder
        kubectl_approve(made)
        assert node.stdout is not None
        assert "node alone of https://" in node.stdout.readline()
        yield made
        node.send_signal(signal.SIGTERM)
        _, said = node.communicate(timeout=20)
        plane.end()
        assert node.returncode == 0, said
        assert "Traceback" not in said, said


def kubectl_approve(kubectl: Any) -> None:
    """Sign the certificate that the node serves with."""

    def pending() -> list[str]:
        items = json.loads(kubectl("get", "csr", "-o", "json"))["items"]
        serving = [i for i in items if i["spec"]["signerName"].endswith("/kubelet-serving")]
        return [i["metadata"]["name"] for i in serving if "conditions" not in i.get("status", {})]

    kubectl("certificate", "approve", *until(pending, "the node asks for a serving certificate"))


def pod(kubectl: Any, name: str) -> Any:
    done = kubectl.try_("get", "pod", name, "-o", "json")
    return json.loads(done.stdout) if done.returncode == 0 else None


def until(found: Callable[[], Any], what: str, seconds: float = 40) -> Any:
    deadline = time.monotonic() + seconds
    while not (seen := found()):
        assert time.monotonic() < deadline, what
        time.sleep(0.2)
    return seen


def test_static_pods_refusals_and_limits(kubectl: Any) -> None:
    manifest = kubectl.home / "manifests" / "web.yaml"
    manifest.write_text(STATIC.replace("SAYS", "one"))
    until(lambda: "web-alone" in kubectl("get", "pods", "-o", "name"), "the mirror appears")
    kubectl("wait", "--for=condition=Ready", "pod/web-alone", "--timeout=30s")
    assert kubectl("logs", "web-alone") == "one\n"
    first = pod(kubectl, "web-alone")
    kubectl("delete", "pod", "web-alone", "--wait=false")

    def another() -> bool:
        found = pod(kubectl, "web-alone")
        return bool(found) and found["metadata"]["uid"] != first["metadata"]["uid"]

    until(another, "the mirror comes again")
    kubectl("wait", "--for=condition=Ready", "pod/web-alone", "--timeout=30s")
    runs = [pod(kubectl, "web-alone")["status"]["containerStatuses"][0]["containerID"]]
    assert runs == [first["status"]["containerStatuses"][0]["containerID"]], "the container has gone on"
    manifest.write_text(STATIC.replace("SAYS", "two"))
    until(lambda: kubectl.try_("logs", "web-alone").stdout == "two\n", "the changed manifest runs")

    kubectl("apply", "-f", "-", given=BOUND.replace("NAME", "large").replace("CPU", "'10000'"))
    until(lambda: pod(kubectl, "large")["status"]["phase"] == "Failed", "what does not fit is refused")
    assert pod(kubectl, "large")["status"]["reason"] == "OutOfcpu"

    kubectl("apply", "-f", "-", given=BOUND.replace("NAME", "writer").replace("CPU", "'0'"))
    until(lambda: pod(kubectl, "writer")["status"]["phase"] == "Failed", "who writes too much is evicted", 100)
    status = pod(kubectl, "writer")["status"]
    assert (status["reason"], status["message"]) == (
        "Evicted",
        'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ',
    )

    manifest.unlink()
    until(lambda: pod(kubectl, "web-alone") is None, "the mirror goes with its manifest")
    kubectl("delete", "pod", "large", "writer")
