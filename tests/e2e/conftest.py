"""Real clients against `sampan up` in a process of its own."""

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest


@dataclass
class Up:
    """A running `sampan up`."""

    process: subprocess.Popen[str]
    kubeconfig: Path
    data_dir: Path
    ready: str

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it, and see that it went cleanly."""
        self.process.send_signal(number)
        code = self.process.wait(20)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        said = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        if number == signal.SIGTERM:
            assert code == 0, said
            assert "Traceback" not in said, said


def start(data_dir: Path, *options: str) -> Up:
    """`sampan up` with these options; returns when its ready line is there."""
    kubeconfig = data_dir / "kubeconfig"
    command = [sys.executable, "-m", "sampan.cli.main", "up", "--port", "0", "--data-dir", str(data_dir)]
    process = subprocess.Popen(
        [*command, "--kubeconfig", str(kubeconfig), *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    ready = process.stdout.readline()
    if not ready:
        assert process.stderr is not None
        pytest.fail(process.communicate()[1])
    return Up(process, kubeconfig, data_dir, ready)


class Client:
    """A command line client with a kubeconfig and a namespace."""

    def __init__(self, program: str, kubeconfig: Path, namespace: str = "", home: Path | None = None) -> None:
        found = shutil.which(program)
        assert found, f"{program} is not on PATH: run the tests by `make test`, which fetches it"
        self.program, self.kubeconfig, self.namespace = found, kubeconfig, namespace
        self.home = home or kubeconfig.parent

    def arguments(self, *args: str) -> list[str]:
        space = ["--namespace", self.namespace] if self.namespace else []
        return [self.program, *space, *args]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.home), "PATH": os.environ["PATH"],
            "KUBECTL_EXTERNAL_DIFF": "diff -u -N",
        }  # fmt: skip

    def try_(self, *args: str, given: str = "", timeout: float = 40) -> subprocess.CompletedProcess[str]:
        """Run it, whatever comes."""
        return subprocess.run(
            self.arguments(*args), input=given, env=self.environment, capture_output=True, text=True, timeout=timeout
        )

    def __call__(self, *args: str, given: str = "", timeout: float = 40) -> str:
        """Run it; what it prints. Fails the test when it fails."""
        done = self.try_(*args, given=given, timeout=timeout)
        assert done.returncode == 0, f"{' '.join(args)}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Run it in the background; the caller ends it."""
        return subprocess.Popen(
            self.arguments(*args), env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )


@pytest.fixture(scope="session")
def start_up() -> Callable[..., Up]:
    """`start`: a `sampan up` with its data directory and options."""
    return start


@pytest.fixture(scope="session")
def client() -> type[Client]:
    """`Client`: a program, a kubeconfig and a namespace."""
    return Client


@pytest.fixture(scope="session")
def metrics() -> Callable[[Up], str]:
    """What the node agent of a running cluster counts, asked as the API server asks: by its client certificate."""
    return node_metrics


def node_metrics(up: Up) -> str:
    """The node agent's /metrics."""
    pki = up.data_dir / "pki"
    context = ssl.create_default_context(cafile=pki / "ca.crt")
    context.load_cert_chain(pki / "apiserver-kubelet-client.crt", pki / "apiserver-kubelet-client.key")
    node = json.loads(Client("kubectl", up.kubeconfig)("get", "node", "node-1", "-o", "json"))["status"]
    port = node["daemonEndpoints"]["kubeletEndpoint"]["Port"]
    host = next(a["address"] for a in node["addresses"] if a["type"] == "InternalIP")
    with urllib.request.urlopen(f"https://{host}:{port}/metrics", context=context, timeout=10) as answer:
        return str(answer.read().decode())


@pytest.fixture
def make_client() -> Callable[..., Client]:
    """Client(program, kubeconfig)."""
    return Client


@pytest.fixture(scope="session")
def up() -> Iterator[Up]:
    """A cluster with one simulated node, shared by the tests here."""
    with tempfile.TemporaryDirectory(prefix="sampan-e2e-") as folder:
        running = start(Path(folder), "--runtime", "simulated")
        yield running
        running.end()


@pytest.fixture
def kubectl(up: Up) -> Iterator[Client]:
    """kubectl in a namespace of its own."""
    namespace = f"e2e-{uuid4().hex[:6]}"
    client = Client("kubectl", up.kubeconfig, namespace)
    client("create", "namespace", namespace)
    client("wait", "--for=create", "serviceaccount/default", "--timeout=10s")
    yield client
    client("delete", "namespace", namespace, "--wait=false")


@pytest.fixture
def old_kubectl(kubectl: Client) -> Client:
    """A kubectl of nine minor versions before, in the same namespace."""
    return Client("kubectl-1.28", kubectl.kubeconfig, kubectl.namespace)


@pytest.fixture(params=["helm", "helm-3"])
def helm(kubectl: Client, request: pytest.FixtureRequest) -> Client:
    """helm in the same namespace."""
    return Client(request.param, kubectl.kubeconfig, kubectl.namespace)
