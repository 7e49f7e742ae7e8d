"""Real pods: a Deployment on containerd from its first container to nothing left; kills seen; restarts survived."""

import json
import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
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
BUSYBOX = ("--image=docker.io/local/busybox:1", "--image-pull-policy=IfNotPresent")
STREAMED, MISSED = "kubelet_evented_pleg_notifications_received_total", "kubelet_evented_pleg_missed_events_total"
RELISTS = "kubelet_pleg_relist_duration_seconds_count"

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: docker.io/local/busybox:1
        imagePullPolicy: IfNotPresent
        command: [httpd, -f, -p, "8080", -h, /www]
        readinessProbe: {httpGet: {path: /version, port: 8080}, periodSeconds: 1}
"""


@pytest.fixture(scope="module")
def node(containerd: str, start_up: Callable[..., Any]) -> Iterator[Any]:
    """A cluster whose one node runs containers."""
    with tempfile.TemporaryDirectory(prefix="sampan-node-") as folder:
        running = start_up(Path(folder), "--runtime", f"unix://{containerd}", "--node-ip", "127.0.0.1")
        yield running
        running.end()


@pytest.fixture
def kubectl(node: Any, client: Callable[..., Any]) -> Any:
    """kubectl in the default namespace of that cluster."""
    return client("kubectl", node.kubeconfig, "default")


def page(ip: str, path: str = "version") -> str:
    """What a pod answers."""
    with urllib.request.urlopen(f"http://{ip}:8080/{path}", timeout=5) as answer:
        return str(answer.read().decode().strip())


def pods(kubectl: Any, selector: str = "app=web") -> list[dict[str, Any]]:
    """The pods that are not being deleted."""
    items = json.loads(kubectl("get", "pods", "-l", selector, "-o", "json"))["items"]
    return [item for item in items if not item["metadata"].get("deletionTimestamp")]


def processes(container_id: str) -> list[int]:
    """The processes in a container."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if container_id in (entry / "cgroup").read_text():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def left_behind(socket: str) -> dict[str, list[str]]:
    """Containers, sandboxes' mounts and network namespaces below a containerd's directory."""
    folder = str(Path(socket).parent)
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    shims = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_text()
            except OSError:
                continue
            if "containerd-shim" in command and folder in command:
                shims.append(command)
    return {"mounts": [m for m in mounts if m.startswith(folder)], "shims": shims}


def test_a_deployment_from_first_to_last(kubectl: Any, containerd: str, node: Any) -> None:
    before = left_behind(containerd)
    kubectl("apply", "-f", "-", given=WEB)
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    assert [page(pod["status"]["podIP"]) for pod in pods(kubectl)] == ["version 1"] * 3
    kubectl("scale", "deployment/web", "--replicas=4")
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    assert len(pods(kubectl)) == 4
    kubectl("set", "image", "deployment/web", "web=docker.io/local/busybox:2")
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    assert {page(pod["status"]["podIP"]) for pod in pods(kubectl)} == {"version 2"}
    kubectl("rollout", "undo", "deployment/web")
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    assert {page(pod["status"]["podIP"]) for pod in pods(kubectl)} == {"version 1"}
    kubectl("delete", "deployment", "web")
    kubectl("wait", "--for=delete", "pod", "-l", "app=web", "--timeout=60s")
    assert left_behind(containerd) == before
    assert list((node.data_dir / "nodes/node-1/pods").iterdir()) == []
    assert list((node.data_dir / "nodes/node-1/logs").iterdir()) == []


def test_logs_of_a_container_and_of_its_run_before(kubectl: Any) -> None:
    script = "echo run; sleep 0.3; exit 3"
    kubectl("run", "talk", *BUSYBOX, "--", "sh", "-c", script)
    kubectl("wait", "--for=jsonpath={.status.containerStatuses[0].restartCount}=1", "pod/talk", "--timeout=30s")
    assert kubectl("logs", "talk", "--previous") == "run\n"
    following = kubectl.start("logs", "-f", "talk")
    try:
        assert following.stdout.readline() == "run\n"
    finally:
        following.kill()
        following.communicate()
    last = json.loads(kubectl("get", "pod", "talk", "-o", "json"))["status"]["containerStatuses"][0]["lastState"]
    assert last["terminated"]["exitCode"] == 3
    kubectl("delete", "pod", "talk", "--grace-period=1")


def test_a_killed_container_is_seen_by_the_stream_and_restarted(
    kubectl: Any, metrics: Callable[[Any], str], node: Any
) -> None:
    kubectl("apply", "-f", "-", given=WEB.replace("replicas: 3", "replicas: 1"))
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    before = counters(metrics(node))
    pod = pods(kubectl)[0]
    name, container = pod["metadata"]["name"], pod["status"]["containerStatuses"][0]["containerID"].rpartition("/")[2]
    for process in processes(container):
        os.kill(process, signal.SIGKILL)
    kubectl("wait", "--for=jsonpath={.status.containerStatuses[0].restartCount}=1", f"pod/{name}", "--timeout=20s")
    kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=20s")
    after = counters(metrics(node))
    assert after[STREAMED] > before[STREAMED]
    assert after[MISSED] == before[MISSED]
    assert after[RELISTS] <= before[RELISTS] + 1  # a look that a removal spoils is followed by one; none each second
    kubectl("delete", "deployment", "web")
    kubectl("wait", "--for=delete", "pod", "-l", "app=web", "--timeout=60s")


def counters(text: str) -> dict[str, float]:
    """The plain samples of an exposition."""
    return {m[1]: float(m[2]) for m in re.finditer(r"^(\w+) ([\d.e+-]+)$", text, re.M)}


def test_killed_and_started_again_it_takes_over_its_pods(
    containerd: str, start_up: Callable[..., Any], client: Callable[..., Any], tmp_path: Path
) -> None:
    options = ("--runtime", f"unix://{containerd}", "--node-ip", "127.0.0.1")
    running = start_up(tmp_path, *options)
    kubectl = client("kubectl", running.kubeconfig, "default")
    kubectl("apply", "-f", "-", given=WEB.replace("replicas: 3", "replicas: 2"))
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    ids = {p["metadata"]["uid"]: p["status"]["containerStatuses"][0]["containerID"] for p in pods(kubectl)}
    running.end(signal.SIGKILL)
    running = start_up(tmp_path, *options)
    try:
        again = {p["metadata"]["uid"]: p["status"]["containerStatuses"][0]["containerID"] for p in pods(kubectl)}
        assert again == ids
        for pod in pods(kubectl):
            container = pod["status"]["containerStatuses"][0]
            assert page(pod["status"]["podIP"]) == "version 1"
            assert container["restartCount"] == 0
            assert len(processes(container["containerID"].rpartition("/")[2])) >= 1
        kubectl("delete", "deployment", "web")
        kubectl("wait", "--for=delete", "pod", "-l", "app=web", "--timeout=60s")
    finally:
        running.end()


def test_pods_deleted_while_nobody_looked_are_ended(
    containerd: str, start_up: Callable[..., Any], client: Callable[..., Any], tmp_path: Path
) -> None:
    options = ("--runtime", f"unix://{containerd}", "--node-ip", "127.0.0.1")
    running = start_up(tmp_path, *options)
    kubectl = client("kubectl", running.kubeconfig, "default")
    kubectl("run", "lost", *BUSYBOX, "--", "sleep", "1000")
    kubectl("wait", "--for=condition=Ready", "pod/lost", "--timeout=30s")
    status = json.loads(kubectl("get", "pod", "lost", "-o", "json"))["status"]
    container = status["containerStatuses"][0]["containerID"].rpartition("/")[2]
    running.end()
    running = start_up(tmp_path, "--nodes", "0")
    kubectl("delete", "pod", "lost", "--force", "--grace-period=0")
    running.end()
    assert processes(container)
    running = start_up(tmp_path, *options)
    try:
        deadline = time.monotonic() + 45
        while processes(container):
            assert time.monotonic() < deadline, "the container still runs"
            time.sleep(0.1)
    finally:
        running.end()


CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""
CLASS = """
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: late, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: sampan.dev/local-path
volumeBindingMode: WaitForFirstConsumer
"""
WRITER = """
apiVersion: v1
kind: Pod
metadata: {name: NAME}
spec:
  terminationGracePeriodSeconds: 1
  restartPolicy: Never
  containers:
  - name: c
    image: docker.io/local/busybox:1
    imagePullPolicy: IfNotPresent
    command: [sh, -c, COMMAND]
    volumeMounts: [{name: v, mountPath: /data}]
  volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]
"""


def test_a_claim_without_class_gets_the_late_default_and_keeps_its_data(
    containerd: str, start_up: Callable[..., Any], client: Callable[..., Any], tmp_path: Path
) -> None:
    options = ("--runtime", f"unix://{containerd}", "--node-ip", "127.0.0.1", "--no-default-storage-class")
    running = start_up(tmp_path, *options)
    try:
        kubectl = client("kubectl", running.kubeconfig, "default")
        kubectl("apply", "-f", "-", given=CLAIM)
        assert kubectl("get", "pvc", "data", "-o", "jsonpath={.status.phase}/{.spec.storageClassName}") == "Pending/"
        kubectl("apply", "-f", "-", given=CLASS)
        kubectl("wait", "--for=jsonpath={.spec.storageClassName}=late", "pvc/data", "--timeout=5s")
        kubectl(
            "apply", "-f", "-", given=WRITER.replace("NAME", "first").replace("COMMAND", "'echo kept > /data/file'")
        )
        kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/first", "--timeout=30s")
        assert kubectl("get", "pvc", "data", "-o", "jsonpath={.status.phase}") == "Bound"
        kubectl("delete", "pod", "first")
        kubectl("apply", "-f", "-", given=WRITER.replace("NAME", "second").replace("COMMAND", "'cat /data/file'"))
        kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/second", "--timeout=30s")
        assert kubectl("logs", "second") == "kept\n"
        folders = list((tmp_path / "volumes").iterdir())
        assert [(folder / "file").read_text() for folder in folders] == ["kept\n"]
        kubectl("delete", "pod", "second")
        kubectl("delete", "pvc", "data", "--timeout=20s")
        kubectl("wait", "--for=delete", f"pv/{folders[0].name}", "--timeout=20s")
        assert list((tmp_path / "volumes").iterdir()) == []
    finally:
        running.end()


def test_a_temporary_cluster_takes_its_containers_with_it(containerd: str) -> None:
    code = (
        "from sampan import Cluster\n"
        "from sampan.resources.kinds import PODS\n"
        "import time\n"
        f"with Cluster(runtime='unix://{containerd}', node_ip='127.0.0.1') as c:\n"
        "    api = c.client()\n"
        "    c = {'name': 'c', 'image': 'docker.io/local/busybox:1', 'command': ['sleep', '1000']}\n"
        "    spec = {'containers': [{**c, 'imagePullPolicy': 'IfNotPresent'}]}\n"
        "    api.create(PODS, {'metadata': {'name': 'p', 'namespace': 'default'}, 'spec': spec})\n"
        "    while not (pods := api.list(PODS, 'default').items)[0]['status'].get('phase') == 'Running':\n"
        "        time.sleep(0.05)\n"
        "    print(pods[0]['status']['containerStatuses'][0]['containerID'].rpartition('/')[2])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert processes(done.stdout.strip()) == []


def test_the_node_tells_what_its_pods_use(kubectl: Any, node: Any, metrics: Callable[..., str]) -> None:
    kubectl("run", "busy", *BUSYBOX, "--", "sh", "-c", "while :; do :; done")
    try:
        kubectl("wait", "--for=condition=Ready", "pod/busy", "--timeout=30s")

        def used() -> tuple[dict[str, Any], dict[str, Any]]:
            found = json.loads(kubectl("get", "--raw", "/api/v1/nodes/node-1/proxy/stats/summary"))
            (pod,) = [p for p in found["pods"] if p["podRef"]["name"] == "busy"]
            return found["node"], pod

        node_before, before = used()
        wait_until(lambda: used()[1]["cpu"].get("usageNanoCores", 0) > 100_000_000, "it uses the CPU")
        node_after, after = used()
        assert after["cpu"]["usageCoreNanoSeconds"] > before["cpu"]["usageCoreNanoSeconds"]
        assert node_after["cpu"]["usageCoreNanoSeconds"] > node_before["cpu"]["usageCoreNanoSeconds"]
        (container,) = after["containers"]
        assert container["memory"]["workingSetBytes"] > 0
        assert container["rootfs"]["availableBytes"] > 0
        assert after["ephemeral-storage"]["usedBytes"] > 0
        text = kubectl("get", "--raw", "/api/v1/nodes/node-1/proxy/metrics/resource")
        assert 'container_cpu_usage_seconds_total{container="busy",namespace="default",pod="busy"}' in text
        assert 'kubelet_runtime_operations_total{operation_type="run_podsandbox"}' in metrics(node)
    finally:
        kubectl("delete", "pod", "busy", "--grace-period=1")


def wait_until(found: Callable[[], bool], what: str) -> None:
    """Look until it is so."""
    deadline = time.monotonic() + 20
    while not found():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def test_a_token_opens_what_its_rights_allow(kubectl: Any, node: Any) -> None:
    """The node's server reviews tokens: a service account reads metrics when it may, and nothing else."""
    status = json.loads(kubectl("get", "node", "node-1", "-o", "json"))["status"]
    port = status["daemonEndpoints"]["kubeletEndpoint"]["Port"]
    kubectl("create", "serviceaccount", "reader")
    kubectl("create", "clusterrole", "reads-metrics", "--verb=get", "--resource=nodes/metrics")
    kubectl("create", "clusterrolebinding", "reads", "--clusterrole=reads-metrics", "--serviceaccount=default:reader")
    token = kubectl("create", "token", "reader").strip()
    context = ssl.create_default_context(cafile=node.data_dir / "pki" / "ca.crt")

    def code(path: str, with_token: bool = True) -> int:
        headers = {"Authorization": f"Bearer {token}"} if with_token else {}
        asked = urllib.request.Request(f"https://127.0.0.1:{port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(asked, context=context, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    assert [code("/metrics"), code("/metrics/resource"), code("/pods"), code("/stats/summary")] == [200, 200, 403, 403]
    assert code("/metrics", with_token=False) == 401


SIZED = """
apiVersion: v1
kind: Pod
metadata: {name: sized}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: a
    image: docker.io/local/busybox:1
    imagePullPolicy: IfNotPresent
    command: [sleep, infinity]
    resources: {requests: {cpu: 100m, memory: 32Mi}, limits: {cpu: 200m, memory: 64Mi}}
"""


def test_a_running_container_gets_other_limits(kubectl: Any) -> None:
    kubectl("apply", "-f", "-", given=SIZED)
    try:
        kubectl("wait", "--for=condition=Ready", "pod/sized", "--timeout=30s")
        pod = json.loads(kubectl("get", "pod", "sized", "-o", "json"))
        before, uid = pod["status"]["containerStatuses"][0], pod["metadata"]["uid"]
        assert before["resources"]["limits"] == {"cpu": "200m", "memory": "64Mi"}
        wanted = {"requests": {"cpu": "300m"}, "limits": {"cpu": "500m", "memory": "96Mi"}}
        patch = {"spec": {"containers": [{"name": "a", "resources": wanted}]}}
        kubectl("patch", "pod", "sized", "--subresource", "resize", "--patch", json.dumps(patch))

        def status() -> dict[str, Any]:
            found: dict[str, Any] = json.loads(kubectl("get", "pod", "sized", "-o", "json"))["status"]
            return found

        wait_until(
            lambda: status()["containerStatuses"][0]["resources"]["limits"] == wanted["limits"], "it has other limits"
        )
        after = status()["containerStatuses"][0]
        assert after["allocatedResources"] == {"cpu": "300m", "memory": "32Mi"}
        assert (after["containerID"], after["restartCount"]) == (before["containerID"], 0)
        (process,) = processes(after["containerID"].removeprefix("containerd://"))[:1]
        assert cgroup(process, "cpu.cfs_quota_us", "cpu.max") in ("50000", "50000 100000")
        assert cgroup(process, "memory.limit_in_bytes", "memory.max") == str(96 << 20)
        assert f"/kubepods/burstable/pod{uid}/" in Path(f"/proc/{process}/cgroup").read_text()
        wait_until(
            lambda: not [c for c in status()["conditions"] if c["type"].startswith("PodResize")], "nothing is under way"
        )
    finally:
        kubectl("delete", "pod", "sized")
    assert not list(Path("/sys/fs/cgroup").glob(f"**/pod{uid}"))


def cgroup(process: int, version1: str, version2: str) -> str:
    """A file of a process's cgroup, by its name in either version."""
    for line in Path(f"/proc/{process}/cgroup").read_text().splitlines():
        _, kinds, path = line.split(":", 2)
        for kind in kinds.split(","):
            file = Path("/sys/fs/cgroup", kind, path.lstrip("/"), version1 if kind else version2)
            if file.exists():
                return file.read_text().strip()
    pytest.fail(f"no {version1} nor {version2} of process {process}")


READER = """
apiVersion: v1
kind: Pod
metadata: {name: reader}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: a
    image: docker.io/local/busybox:1
    imagePullPolicy: IfNotPresent
    command: [sleep, infinity]
    volumeMounts: [{name: tools, mountPath: /tools}]
  volumes:
  - {name: tools, image: {reference: "docker.io/local/busybox:2", pullPolicy: IfNotPresent}}
"""


def test_an_image_as_a_volume(kubectl: Any) -> None:
    kubectl("apply", "-f", "-", given=READER)
    try:
        kubectl("wait", "--for=condition=Ready", "pod/reader", "--timeout=30s")
        assert kubectl("exec", "reader", "--", "cat", "/tools/www/version") == "version 2\n"
        done = kubectl.try_("exec", "reader", "--", "touch", "/tools/x")
        assert "Read-only file system" in done.stderr
    finally:
        kubectl("delete", "pod", "reader")


GREEDY = """
apiVersion: v1
kind: Pod
metadata: {name: greedy}
spec:
  restartPolicy: Never
  containers:
  - name: a
    image: docker.io/local/busybox:1
    imagePullPolicy: IfNotPresent
    command: [sh, -c, "x=a; while :; do x=$x$x; done"]
    resources: {limits: {memory: 16Mi}}
"""


def test_a_container_that_takes_too_much_memory(kubectl: Any) -> None:
    kubectl("apply", "-f", "-", given=GREEDY)
    try:
        kubectl("wait", "--for=jsonpath={.status.phase}=Failed", "pod/greedy", "--timeout=40s")
        end = json.loads(kubectl("get", "pod", "greedy", "-o", "json"))["status"]["containerStatuses"][0]["state"]
        assert (end["terminated"]["reason"], end["terminated"]["exitCode"]) == ("OOMKilled", 137)
    finally:
        kubectl("delete", "pod", "greedy", "--grace-period=1")
