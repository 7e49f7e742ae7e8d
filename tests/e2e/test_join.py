"""`sampan join`: a machine becomes a node of a cluster by what `sampan token` says, or by a kubeconfig file."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = [pytest.mark.kubectl, pytest.mark.timeout(120)]
SAMPAN = [sys.executable, "-m", "sampan.cli.main"]
PLUGIN = """#!/bin/sh
echo "$KUBERNETES_EXEC_INFO" > {folder}/asked
echo '{{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": {{"token": "{token}"}}}}'
"""


@pytest.fixture
def plane(start_up: Callable[..., Any], tmp_path: Path) -> Iterator[Any]:
    running = start_up(tmp_path / "plane", "--nodes", "0", "--kubelet-certificate-authority", "")
    yield running
    running.end()


class Joined:
    """A `sampan join` process."""

    def __init__(self, folder: Path, *words: str) -> None:
        own = ["--runtime", "simulated", "--root-dir", str(folder), "--node-ip", "127.0.0.1", "--port", "0"]
        command = [*SAMPAN, "join", *words, *own, "--healthz-port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ready(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def end(self) -> str:
        """What it said."""
        self.process.terminate()
        _, said = self.process.communicate(timeout=20)
        assert "Traceback" not in said, said
        return said


def token(plane: Any, *words: str) -> str:
    done = subprocess.run(
        [*SAMPAN, "token", "--kubeconfig", str(plane.kubeconfig), *words], capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_by_the_join_command(plane: Any, client: Callable[..., Any], tmp_path: Path) -> None:
    kubectl = client("kubectl", plane.kubeconfig, "default")
    sampan, join, *words = token(plane, "create", "--print-join-command").split()
    assert (sampan, join) == ("sampan", "join")
    root = tmp_path / "root"
    joined = Joined(root, *words, "--node-name", "newcomer")
    try:
        assert "node newcomer of https://" in joined.ready()
        kubectl("wait", "--for=condition=Ready", "node/newcomer", "--timeout=20s")
        kubectl("run", "talker", "--image=busybox", "--", "sh", "-c", "echo hello; sleep 100000")
        kubectl("wait", "--for=condition=Ready", "pod/talker", "--timeout=20s")
        assert kubectl("logs", "talker") == "hello\n"
        (request,) = json.loads(kubectl("get", "csr", "-o", "json"))["items"]
        assert request["spec"]["username"] == f"system:bootstrap:{words[2].partition('.')[0]}"
        assert (root / "kubelet.conf").stat().st_mode & 0o777 == 0o600
        assert not (root / "bootstrap-kubelet.conf").exists()
        namesake = Joined(tmp_path / "other", *words, "--node-name", "newcomer")
        assert namesake.ready() == ""
        assert 'a Node with name "newcomer" and status "Ready" already exists' in namesake.end()
        again = Joined(root, *words, "--node-name", "newcomer")
        assert again.ready() == ""
        assert "this machine is a node already" in again.end()
    finally:
        joined.end()
    assert joined.process.returncode == 0


def test_by_a_file_whose_user_is_a_command(plane: Any, client: Callable[..., Any], tmp_path: Path) -> None:
    made = token(plane, "create")
    plugin = tmp_path / "plugin"
    plugin.write_text(PLUGIN.format(folder=tmp_path, token=made))
    plugin.chmod(0o700)
    document = yaml.safe_load(plane.kubeconfig.read_text())
    command = {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin", "interactiveMode": "Never"}
    document["users"][0]["user"] = {"exec": command}
    file = tmp_path / "discovery.conf"
    file.write_text(yaml.safe_dump(document))
    joined = Joined(tmp_path / "root", "--discovery-file", str(file), "--node-name", "newcomer")
    try:
        assert "node newcomer of https://" in joined.ready()
        assert json.loads((tmp_path / "asked").read_text())["kind"] == "ExecCredential"
    finally:
        said = joined.end()
    # A user who is not anonymous may not read cluster-info: that is said, and no reason to stop.
    assert "ConfigMap may not be read" in said


def test_a_token_that_is_gone(plane: Any, tmp_path: Path) -> None:
    words = token(plane, "create", "--print-join-command").split()[2:]
    token(plane, "delete", words[2])
    joined = Joined(tmp_path / "root", *words, "--discovery-timeout", "2s")
    assert joined.ready() == ""
    assert "could not find a JWS signature in the cluster-info ConfigMap" in joined.end()
    assert not (tmp_path / "root").exists()
