"""What holds for every test: nothing blocks the loop, nothing is left behind."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

CONTAINERD = Path(__file__).resolve().parents[1] / "tools" / "containerd.py"
# What may not run on a loop. Small local files are read and written there on purpose (a page-cache read costs less
# than a hop to a thread); sockets, database work and sleeps are not.
WATCHED = {
    "time.sleep",
    "socket.socket.connect",
    "socket.socket.accept",
    "socket.socket.send",
    "socket.socket.sendall",
    "socket.socket.recv",
    "sqlite3.Connection.commit",
    "sqlite3.Cursor.executemany",
    "sqlite3.Cursor.fetchall",
}


@pytest.fixture(autouse=True)
def no_blocking_in_the_loop() -> Iterator[BlockBuster]:
    """Fail a test in which the event loop is blocked by one of the watched calls."""
    with blockbuster_ctx("sampan") as guard:
        for name, function in guard.functions.items():
            if name not in WATCHED:
                function.deactivate()
        yield guard


@pytest.fixture(autouse=True)
async def no_tasks_left() -> AsyncIterator[None]:
    """Fail an async test that ends with tasks still running."""
    before = asyncio.all_tasks()
    yield
    left = [t for t in asyncio.all_tasks() - before if not t.done() and t is not asyncio.current_task()]
    assert not left, f"tasks left running: {left}"


def sockets() -> set[str]:
    """The sockets this process has open, as the kernel names them."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(entry)
        except OSError:
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Fail a test that leaves threads, sockets or child processes of its own."""
    threads, open_sockets = set(threading.enumerate()), sockets()
    yield
    new = [t for t in threading.enumerate() if t not in threads and not t.name.startswith("asyncio_")]
    assert not new, f"threads left: {new}"
    assert not sockets() - open_sockets, "sockets left open"


@pytest.fixture(scope="session")
def containerd() -> Iterator[str]:
    """The socket of a real containerd, with busybox 1 and 2 as images; ended with all that it runs."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to run a containerd")
    if not Path("/etc/debian_version").exists():
        pytest.skip("needs Debian, whose packages the test runtime comes from")
    with tempfile.TemporaryDirectory(prefix="sampan-cri-") as folder:
        command = [sys.executable, str(CONTAINERD)]
        answer = subprocess.run([*command, "up", folder], capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stderr
        try:
            yield str(json.loads(answer.stdout.splitlines()[-1])["socket"])
        finally:
            subprocess.run([*command, "down", folder], check=True, capture_output=True)
