"""kubectl exec, attach, cp and port-forward, by WebSocket and by SPDY, on containers and on simulated pods."""

import base64
import contextlib
import fcntl
import os
import pty
import select
import ssl
import struct
import subprocess
import tempfile
import termios
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.net.http_client import HttpClient
from sampan.net.websocket import WebSocket
from sampan.net.websocket_handshake import ask

pytestmark = [
    pytest.mark.containerd,
    pytest.mark.kubectl,
    pytest.mark.xdist_group("containerd"),
    pytest.mark.timeout(120),
]
BUSYBOX = ("--image=docker.io/local/busybox:1", "--image-pull-policy=IfNotPresent")
SERVER = ("--", "httpd", "-f", "-p", "8080", "-h", "/www")


@pytest.fixture(scope="module")
def node(containerd: str, start_up: Callable[..., Any]) -> Iterator[Any]:
    """A cluster whose one node runs containers."""
    with tempfile.TemporaryDirectory(prefix="sampan-streams-") as folder:
        running = start_up(Path(folder), "--runtime", f"unix://{containerd}", "--node-ip", "127.0.0.1")
        yield running
        running.end()


@pytest.fixture(scope="module")
def cluster(node: Any, client: Callable[..., Any]) -> Iterator[Any]:
    """kubectl, with a web server's pod `web` running."""
    kubectl = client("kubectl", node.kubeconfig, "default")
    kubectl("run", "web", *BUSYBOX, *SERVER)
    kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=30s")
    yield kubectl
    kubectl("delete", "pod", "web", "--grace-period=1")


@pytest.fixture(params=["websocket", "spdy"])
def kubectl(cluster: Any, request: pytest.FixtureRequest) -> Any:
    """kubectl that speaks one of the two protocols."""
    return Speaking(cluster, "true" if request.param == "websocket" else "false")


class Speaking:
    """kubectl with its protocol chosen, and with bytes in and out."""

    def __init__(self, kubectl: Any, websockets: str) -> None:
        self._kubectl = kubectl
        chosen = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": websockets, "KUBECTL_PORT_FORWARD_WEBSOCKETS": websockets}
        self.environment = {**kubectl.environment, **chosen}

    def __call__(self, *args: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            self._kubectl.arguments(*args), input=given, env=self.environment, capture_output=True, timeout=60
        )

    def start(self, *args: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._kubectl.arguments(*args), env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip


def descriptors(node: Any) -> int:
    """How many files and sockets the cluster's process has open."""
    return len(os.listdir(f"/proc/{node.process.pid}/fd"))


def until(found: Callable[[], bool], what: str) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + 20
    while not found():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_exec_shows_both_outputs_and_the_exit_code(kubectl: Any) -> None:
    done = kubectl("exec", "web", "--", "echo", "hi")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"hi\n", b"")
    done = kubectl("exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 42")
    assert (done.returncode, done.stdout) == (42, b"out\n")
    assert done.stderr == b"err\ncommand terminated with exit code 42\n"


def test_exec_ends_with_its_stdin(kubectl: Any) -> None:
    data = os.urandom(2_000_000)
    done = kubectl("exec", "-i", "web", "--", "cat", given=data)
    assert (done.returncode, done.stdout == data) == (0, True)
    assert kubectl("exec", "-i", "web", "--", "wc", "-c", given=b"").stdout == b"0\n"


def test_exec_of_what_is_not_there(kubectl: Any) -> None:
    done = kubectl("exec", "web", "--", "nothing")
    assert done.returncode != 0
    assert b'"nothing": executable file not found' in done.stderr
    done = kubectl("exec", "web", "-c", "other", "--", "true")
    assert done.returncode == 1
    assert b"container other" in done.stderr


def test_exec_with_a_terminal_of_the_same_size(kubectl: Any) -> None:
    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
        # the size is told behind the start: the shell waits until it is there
        script = "tty; until busybox stty size | grep -v '^0 0$'; do sleep 0.1; done; exit 5"
        command = kubectl._kubectl.arguments("exec", "-it", "web", "--", "sh", "-c", script)
        with subprocess.Popen(command, env=kubectl.environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
            assert process.wait(20) == 5
        os.set_blocking(ours, False)
        said = os.read(ours, 4096)
        assert said.startswith(b"/dev/pts/")
        assert b"33 77\r\n" in said
    finally:
        os.close(ours)
        os.close(theirs)


def test_cp_both_ways(kubectl: Any, tmp_path: Path) -> None:
    folder = tmp_path / "sent"
    (folder / "deeper").mkdir(parents=True)
    (folder / "deeper" / "data").write_bytes(os.urandom(1_000_000))
    (folder / "empty").write_bytes(b"")
    assert kubectl("cp", str(folder), "web:/tmp/there").returncode == 0
    assert kubectl("cp", "web:/tmp/there", str(tmp_path / "back")).returncode == 0
    back = {p.relative_to(tmp_path / "back"): p.read_bytes() for p in (tmp_path / "back").rglob("*") if p.is_file()}
    assert back == {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert kubectl("exec", "web", "--", "rm", "-r", "/tmp/there").returncode == 0


@contextlib.contextmanager
def forwarded(kubectl: Any, port: int) -> Iterator[int]:
    """The local port that leads to a pod's."""
    process = kubectl.start("port-forward", "--address=127.0.0.1", "pod/web", f":{port}")
    try:
        line = process.stdout.readline()
        assert line.startswith("Forwarding from 127.0.0.1:"), line + process.stdout.read()
        yield int(line.split(":")[1].split(" ")[0])
    finally:
        process.terminate()
        process.communicate()


def test_port_forward_carries_requests(kubectl: Any) -> None:
    with forwarded(kubectl, 8080) as port:
        for _ in range(3):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/version", timeout=10) as answer:
                assert answer.read() == b"version 1\n"


def test_port_forward_to_a_port_that_nobody_listens_on(kubectl: Any) -> None:
    with forwarded(kubectl, 9) as port, pytest.raises(OSError):  # noqa: PT011
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10)


def test_run_attaches(kubectl: Any) -> None:
    done = kubectl(
        "run", "once", "-i", "--rm", "--quiet", "--restart=Never", *BUSYBOX, "--command", "--", "cat", given=b"a\nb\n"
    )
    assert (done.returncode, done.stdout) == (0, b"a\nb\n"), done.stderr


def test_a_client_that_leaves_takes_its_connections_with_it(kubectl: Any, node: Any) -> None:
    kubectl("exec", "web", "--", "true")
    before = descriptors(node)
    running = [kubectl.start("exec", "web", "--", "sh", "-c", "echo up; exec sleep 1000") for _ in range(3)]
    assert [process.stdout.readline() for process in running] == ["up\n"] * 3
    assert descriptors(node) >= before + 9
    for process in running:
        process.kill()
        process.communicate()
    until(lambda: descriptors(node) <= before + 2, "connections are left")


def test_an_open_exec_does_not_hold_up_the_end(
    containerd: str, start_up: Callable[..., Any], client: Callable[..., Any], tmp_path: Path
) -> None:
    running = start_up(tmp_path, "--runtime", f"unix://{containerd}", "--node-ip", "127.0.0.1")
    kubectl = client("kubectl", running.kubeconfig, "default")
    kubectl("run", "long", *BUSYBOX, *SERVER)
    kubectl("wait", "--for=condition=Ready", "pod/long", "--timeout=30s")
    waiting = kubectl.start("exec", "long", "--", "sh", "-c", "echo up; exec sleep 1000")
    assert waiting.stdout.readline() == "up\n"
    kubectl("delete", "pod", "long", "--grace-period=1", "--wait=false")
    running.end()
    waiting.communicate(timeout=10)


# -- simulated pods


@pytest.fixture(scope="module")
def simulated(start_up: Callable[..., Any], client: Callable[..., Any]) -> Iterator[Any]:
    """kubectl in a cluster of simulated nodes, with a pod `web`."""
    with tempfile.TemporaryDirectory(prefix="sampan-simulated-") as folder:
        running = start_up(Path(folder), "--runtime", "simulated", "--nodes", "2")
        kubectl = client("kubectl", running.kubeconfig, "default")
        kubectl("run", "web", "--image=web:1")
        kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=20s")
        yield kubectl
        running.end()


@pytest.fixture(params=["true", "false"], ids=["websocket", "spdy"])
def pretend(simulated: Any, request: pytest.FixtureRequest) -> Any:
    """kubectl for simulated pods that speaks one of the two protocols."""
    return Speaking(simulated, request.param)


def test_simulated_exec_knows_a_few_words(pretend: Any) -> None:
    done = pretend("exec", "web", "--", "sh", "-c", "echo hi; exit 3")
    assert (done.returncode, done.stdout) == (3, b"hi\n")
    data = os.urandom(100_000)
    done = pretend("exec", "-i", "web", "--", "cat", given=data)
    assert (done.returncode, done.stdout == data) == (0, True)
    done = pretend("exec", "web", "--", "ps")
    assert (done.returncode, done.stderr.splitlines()[0]) == (127, b"ps: not known to a simulated container")


def test_simulated_pods_have_no_ports(pretend: Any) -> None:
    done = pretend("port-forward", "web", "0:80")
    assert done.returncode == 1
    assert b"this pod is simulated: it has no ports to forward to" in done.stderr


def test_a_kubectl_of_1_28(simulated: Any, client: Callable[..., Any]) -> None:
    old = client("kubectl-1.28", simulated.kubeconfig, "default")
    assert old("exec", "web", "--", "echo", "old") == "old\n"


def test_without_the_right_to_create(simulated: Any) -> None:
    simulated("create", "role", "looks", "--verb=get", "--resource=pods,pods/exec")
    simulated("create", "rolebinding", "looks", "--role=looks", "--user=eve")
    for websockets in ("true", "false"):
        done = Speaking(simulated, websockets)("exec", "web", "--as=eve", "--", "echo", "hi")
        assert done.returncode == 1
        assert b"is forbidden" in done.stderr.lower() or b"Forbidden" in done.stderr
        assert b"hi" not in done.stdout


async def test_port_forward_by_websocket_channels(cluster: Any) -> None:
    """As the Python client does it: two channels a port, each of which begins with the port's number."""
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    user, server = config["users"][0]["user"], config["clusters"][0]["cluster"]
    paths: list[Path] = []
    for text in (server["certificate-authority-data"], user["client-certificate-data"], user["client-key-data"]):
        paths.append(cluster.home / f"part-{len(paths)}.pem")
        paths[-1].write_bytes(base64.b64decode(text))
    context = ssl.create_default_context(cafile=str(paths[0]))
    context.load_cert_chain(str(paths[1]), str(paths[2]))
    url = f"{server['server']}/api/v1/namespaces/default/pods/web/portforward?ports=8080"
    async with HttpClient(context) as browser:
        answer = await browser.upgrade("GET", url, ask(bytes(16), ["v4.channel.k8s.io"]))
        assert answer.status == 101, answer.body
        socket = WebSocket(answer.reader, answer.writer, client=True)
        await socket.send(b"\x00GET /version HTTP/1.0\r\n\r\n")
        came = b""
        while not came.endswith(b"version 1\n"):
            message = await socket.receive()
            assert message is not None, came
            if message[0] == 0:
                came += message[1:]
        assert came.startswith((8080).to_bytes(2, "little") + b"HTTP/1.")
        await socket.close()
        answer.writer.close()
        with contextlib.suppress(OSError):
            await answer.writer.wait_closed()


def test_debug_looks_into_a_running_pod(cluster: Any) -> None:
    """kubectl debug -it: a container beside the server, which sees the server's processes, and ends without the pod."""
    ours, theirs = pty.openpty()
    image = ("--image=docker.io/local/busybox:1", "--image-pull-policy=IfNotPresent", "--target=web")
    words = cluster.arguments("debug", "web", *image, "-c", "looker", "-it", "--", "sh")
    try:
        shell = subprocess.Popen(words, env=cluster.environment, stdin=theirs, stdout=theirs, stderr=theirs)
        try:
            shown = shows(ours, b"# ")
            os.write(ours, b"ps; exit 3\n")
            shown = shows(ours, b"httpd -f")
            assert shell.wait(20) == 0, shown
        finally:
            shell.kill()
            shell.wait()
    finally:
        os.close(ours)
        os.close(theirs)
    path = "-o=jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.exitCode}"
    until(lambda: cluster("get", "pod", "web", path) == "3", "the end of the container is told")
    assert "httpd -f" in cluster("logs", "web", "-c", "looker")
    assert cluster("get", "pod", "web", "-o=jsonpath={.status.phase}") == "Running"


def shows(terminal: int, what: bytes) -> bytes:
    """Read a terminal until it shows something."""
    seen = b""
    deadline = time.monotonic() + 20
    while what not in seen:
        assert time.monotonic() < deadline, seen
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 4096)
    return seen
