"""From the start of the process to a cluster that is ready, and the same inside Python. `python -m bench.startup`."""

import re
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop
from bench.up import up

from sampan.cluster.cluster import Cluster

Rows = list[tuple[str, str]]
ROUNDS = 5


def ready_line(nodes: int) -> float:
    """Seconds until `sampan up` prints its line, a fresh data directory each time."""
    seconds = []
    for _ in range(ROUNDS):
        with up("--nodes", str(nodes)) as running:
            seconds.append(running.seconds)
    return statistics.median(seconds)


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


def says_ready(port: int, context: ssl.SSLContext) -> bool:
    """Whether /readyz answers 200 now."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as plain, context.wrap_socket(plain) as secure:
            secure.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return secure.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def readyz() -> float:
    """Seconds until /readyz answers 200, asked every 5 ms from outside, as one waits for kube-apiserver."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    seconds = []
    for _ in range(ROUNDS):
        port = free_port()
        with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
            home = ["--data-dir", f"{folder}/data", "--kubeconfig", f"{folder}/kubeconfig", "--port", str(port)]
            command = [sys.executable, "-m", "sampan.cli.main", "up", "--runtime", "simulated", *home]
            began = time.perf_counter()
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                while not says_ready(port, context):
                    time.sleep(0.005)
                seconds.append(time.perf_counter() - began)
                process.terminate()
    return statistics.median(seconds)


async def in_process() -> float:
    """Seconds of `async with Cluster()`, store in memory, modules imported."""
    seconds = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        async with Cluster(nodes=1, runtime="simulated"):
            seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:])


def imports() -> float:
    """Milliseconds that Python takes to load what is needed to be ready."""
    code = "import time; t = time.perf_counter(); import sampan.cluster.cluster; print(time.perf_counter() - t)"
    seconds = []
    for _ in range(ROUNDS):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        found = re.search(r"[\d.e-]+", done.stdout)
        assert found
        seconds.append(float(found[0]))
    return statistics.median(seconds) * 1000


def run() -> Rows:
    """All rows: what, figure."""
    return [
        ("start to /readyz, fresh data directory", f"{readyz():.2f} s"),
        ("start to the ready line, 1 node", f"{ready_line(1):.2f} s"),
        ("start to the ready line, no nodes", f"{ready_line(0):.2f} s"),
        ("of that, importing modules", f"{imports():.0f} ms"),
        ("Cluster() in Python, in memory, 1 node", f"{uvloop.run(in_process()):.3f} s"),
    ]


if __name__ == "__main__":
    sys.stdout.writelines(f"{what:60} {figure:>12}\n" for what, figure in run())
