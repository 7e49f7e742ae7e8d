"""CSI on containerd: a driver registers at the node, a claim's volume and an inline one are mounted into containers."""

import json
import os
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
DRIVER = "hostpath.csi.k8s.io"
OBJECTS = """
apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: {name: hostpath.csi.k8s.io}
spec: {attachRequired: false, podInfoOnMount: true, fsGroupPolicy: File, volumeLifecycleModes: [Persistent, Ephemeral]}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  storageClassName: ""
  csi: {driver: hostpath.csi.k8s.io, volumeHandle: disk-1, fsType: ext4}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: disk}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: ""
  volumeName: disk
  resources: {requests: {storage: 1Gi}}
---
apiVersion: v1
kind: Pod
metadata: {name: writer}
spec:
  terminationGracePeriodSeconds: 1
  securityContext: {fsGroup: 4321}
  containers:
  - name: a
    image: docker.io/local/busybox:1
    imagePullPolicy: IfNotPresent
    command: [sh, -c, "echo kept > /disk/file; echo gone > /scratch/file; exec sleep infinity"]
    volumeMounts: [{name: disk, mountPath: /disk}, {name: scratch, mountPath: /scratch}]
  volumes:
  - {name: disk, persistentVolumeClaim: {claimName: disk}}
  - {name: scratch, csi: {driver: hostpath.csi.k8s.io}}
"""


@pytest.fixture
def node(containerd: str, start_up: Callable[..., Any]) -> Iterator[Any]:
    with tempfile.TemporaryDirectory(prefix="sampan-csi-") as folder:
        running = start_up(Path(folder), "--runtime", f"unix://{containerd}", "--node-ip", "127.0.0.1")
        yield running
        running.end()


@pytest.fixture
def driver(node: Any) -> Iterator[Path]:
    """The driver's data, while it runs beside the node."""
    data, root = node.data_dir / "driver", node.data_dir / "nodes" / "node-1"
    words = [sys.executable, "-m", "sampan.kubelet.csi.double", "--data", str(data), "--node-id", "this-node"]
    process = subprocess.Popen(
        [*words, "--registry", str(root / "plugins_registry")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield data
    finally:
        process.terminate()
        process.communicate(timeout=10)


def until(found: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + 30
    while not (seen := found()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return seen


def mounts(folder: Path) -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line.split()[4] for line in lines if line.split()[4].startswith(str(folder))]


def test_volumes_of_a_driver(node: Any, driver: Path, client: Callable[..., Any]) -> None:
    kubectl = client("kubectl", node.kubeconfig, "default")

    def drivers() -> list[dict[str, Any]]:
        return json.loads(kubectl("get", "csinode", "node-1", "-o", "json"))["spec"]["drivers"] or []

    assert until(drivers, "the driver registers")[0]["nodeID"] == "this-node"
    kubectl("apply", "-f", "-", given=OBJECTS)
    kubectl("wait", "--for=condition=Ready", "pod/writer", "--timeout=30s")
    kept = driver / "volumes" / "disk-1" / "file"
    assert until(lambda: kept.exists() and kept.read_text(), "the container writes") == "kept\n"
    assert os.stat(driver / "volumes" / "disk-1").st_gid == 4321
    assert kubectl("exec", "writer", "--", "cat", "/scratch/file") == "gone\n"
    root = node.data_dir / "nodes" / "node-1"
    assert len(mounts(root / "pods")) >= 2
    stats = json.loads(kubectl("get", "--raw", "/api/v1/nodes/node-1/proxy/stats/summary"))
    (pod,) = [p for p in stats["pods"] if p["podRef"]["name"] == "writer"]
    volumes = {v["name"]: v for v in pod["volume"]}
    assert volumes["disk"]["pvcRef"] == {"name": "disk", "namespace": "default"}
    assert volumes["disk"]["capacityBytes"] == 1 << 30
    metrics = kubectl("get", "--raw", "/api/v1/nodes/node-1/proxy/metrics")
    assert 'kubelet_volume_stats_used_bytes{namespace="default",persistentvolumeclaim="disk"} 4096' in metrics
    kubectl("delete", "pod", "writer")
    assert mounts(root / "pods") == []
    assert list((root / "plugins").rglob("globalmount")) == []
    assert kept.read_text() == "kept\n"
