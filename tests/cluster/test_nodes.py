"""Which runtime the nodes get, and why one is not used: one line each."""

import os
import random
import socket
from pathlib import Path

import pytest

from sampan.aio.clock import RealClock
from sampan.cluster import nodes
from sampan.cluster.cluster import Cluster
from sampan.cluster.config import ClusterConfig, ClusterError
from sampan.cluster.nodes import find_runtime, pod_cidr, unusable
from sampan.kubelet.simulated import SimulatedRuntime
from sampan.kubelet.simulated.server import CriServer


def dead_socket(path: Path) -> Path:
    """A socket that nobody listens on."""
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
    return path


def config(runtime: str, count: int = 1) -> ClusterConfig:
    return ClusterConfig(runtime=runtime, nodes=count)


async def refusal(runtime: str, count: int = 1) -> str:
    with pytest.raises(ClusterError) as caught:
        await find_runtime(config(runtime, count), lambda text: None)
    return str(caught.value)


async def test_simulated_is_asked_of_nobody() -> None:
    assert await find_runtime(config("simulated"), lambda text: None) is None


async def test_what_cannot_be_a_runtime_is_named(tmp_path: Path) -> None:
    assert await refusal("docker") == "--runtime docker: expected auto, simulated or unix://SOCKET"
    missing = tmp_path / "none.sock"
    assert await refusal(f"unix://{missing}") == f"--runtime unix://{missing}: there is no socket {missing}"
    plain = tmp_path / "file"
    plain.touch()
    assert await refusal(f"unix://{plain}") == f"--runtime unix://{plain}: {plain} is not a socket"
    assert await refusal(f"unix://{plain}", 2) == "--nodes 2: one container runtime serves one node"


async def test_a_socket_without_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = dead_socket(tmp_path / "cri.sock")
    monkeypatch.setattr(os, "access", lambda *args: False)
    text = await refusal(f"unix://{path}")
    assert text.startswith(f"--runtime unix://{path}: no right to use {path} (it belongs to ")
    assert text.endswith("run as that user or a member of its group")


async def test_a_socket_that_nobody_listens_on(tmp_path: Path) -> None:
    path = dead_socket(tmp_path / "cri.sock")
    assert unusable(path) == ""
    text = await refusal(f"unix://{path}")
    assert text.startswith(f"the container runtime at unix://{path} does not answer: ")


async def test_auto_takes_the_first_that_answers_and_says_what_it_passes_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, alive = dead_socket(tmp_path / "dead.sock"), tmp_path / "alive.sock"
    runtime = SimulatedRuntime("10.244.0.0/24", RealClock(), random.Random(1))
    server = CriServer(runtime)
    await server.start(alive)
    monkeypatch.setattr(nodes, "SOCKETS", (tmp_path / "none.sock", dead, alive))
    said: list[str] = []
    try:
        found = await find_runtime(config("auto"), said.append)
        assert found is not None
        assert found[1].name == "simulated"
        await found[0].close()
        assert len(said) == 1
        assert said[0].startswith(f"the container runtime at {dead} does not answer: ")
        said.clear()
        assert await find_runtime(config("auto", 3), said.append) is None
        assert said == [f"{dead}: not used, for it serves one node only; pods are simulated"]
    finally:
        await server.close()
        await runtime.close()


async def test_auto_without_any_is_simulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "SOCKETS", (tmp_path / "none.sock",))
    assert await find_runtime(config("auto"), lambda text: None) is None


def test_each_simulated_node_has_addresses_of_its_own() -> None:
    assert [pod_cidr(number) for number in (0, 1, 256)] == ["10.244.0.0/24", "10.244.1.0/24", "10.245.0.0/24"]


async def test_stages_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    file = tmp_path / "stages.yaml"
    file.write_text(
        "kind: Stage\napiVersion: sampan.dev/v1alpha1\nmetadata: {name: s}\nspec: {resourceRef: {kind: Job}}"
    )
    with pytest.raises(ClusterError, match=r"stages.yaml: s: spec.resourceRef.kind: expected one of Pod, Node"):
        await Cluster(nodes=1, runtime="simulated", simulator_stages=file).start()
    with pytest.raises(ClusterError, match="No such file"):
        await Cluster(nodes=1, runtime="simulated", simulator_stages=tmp_path / "none").start()
