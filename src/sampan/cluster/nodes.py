"""The node agents of a cluster, the runtimes under them, and the servers in front of them."""

import asyncio
import ipaddress
import logging
import os
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sampan.aio.clock import Clock
from sampan.api.names import ObjectRef
from sampan.client.api import Api
from sampan.client.informer import Informers
from sampan.cluster.config import ClusterConfig, ClusterError
from sampan.cluster.control_plane import ControlPlane
from sampan.kubelet.cgroups import PodCgroups
from sampan.kubelet.door import Access, ReviewedDoor
from sampan.kubelet.kubelet import Kubelet
from sampan.kubelet.local_volumes import LocalVolumes
from sampan.kubelet.node import Machine, NodeFacts, has_apparmor, this_machine
from sampan.kubelet.runtime import CriError, Runtime, RuntimeVersion
from sampan.kubelet.server import NodeServer, ServerSettings
from sampan.kubelet.settings import KubeletConfig
from sampan.kubelet.simulated import SimulatedRuntime
from sampan.net.http_server import Server, serve
from sampan.net.tls import server_context
from sampan.resources.kinds import NAMESPACES

if TYPE_CHECKING:
    from sampan.simulator.simulator import Simulator

log = logging.getLogger("sampan.cluster")
SOCKETS = (Path("/run/containerd/containerd.sock"), Path("/run/crio/crio.sock"))
POD_NETWORK = "10.244.0.0/16"
MOST_AGENTS = 50
"""Simulated nodes up to this number have an agent each, as real ones do; more are simulated all by one."""
SIMULATED = Machine(
    "32",
    "256Gi",
    "1Ti",
    info={
        "machineID": "",
        "systemUUID": "",
        "bootID": "",
        "kernelVersion": "simulated",
        "osImage": "Sampan simulated node",
        "operatingSystem": "linux",
        "architecture": "amd64",
    },
)
"""What a simulated node says it has; only the scheduler ever counts it."""


@dataclass(slots=True)
class Nodes:
    """What runs."""

    runtime_name: str
    kubelets: list[Kubelet] = field(default_factory=list)
    simulator: "Simulator | None" = None
    servers: list[Server] = field(default_factory=list)
    volumes: LocalVolumes | None = None
    throw_away: bool = False
    """The cluster's state does not outlive it, so its containers must not either."""

    async def close(self) -> None:
        """End the agents; containers of a real runtime go on, unless nobody could take them over."""
        if self.volumes is not None:
            await self.volumes.close()
            self.volumes = None
        if self.simulator is not None:
            await self.simulator.close()
            self.simulator = None
        for kubelet in self.kubelets:
            await kubelet.close(evacuate=self.throw_away)
        for server in self.servers:
            await server.close()
        self.kubelets, self.servers = [], []


async def start_nodes(
    config: ClusterConfig, data_dir: Path, plane: ControlPlane, informers: Informers, clock: Clock,
    say: Callable[[str], None],
) -> Nodes:  # fmt: skip
    """Start the node agents that the settings ask for. Raises ClusterError."""
    if not config.nodes:
        return Nodes("none")
    real = await find_runtime(config, say)
    if real is None and (config.nodes > MOST_AGENTS or config.simulator_stages is not None):
        return await _simulate(config, data_dir, plane, informers, clock)
    nodes = Nodes(real[1].name if real else "simulated", throw_away=real is not None and config.data_dir is None)
    address = config.node_ip or (own_address() if real else "127.0.0.1")
    names = [f"node-{number + 1}" for number in range(config.nodes)]
    pair = plane.pki.serving("kubelet", [address, "localhost", "127.0.0.1", *names])
    context = server_context(pair.certificate, pair.key, plane.pki.ca.certificate)
    admin = Api(plane.transport("sampan-nodes", "system:masters"))
    owner = (await admin.get(ObjectRef(NAMESPACES, "", "kube-system")))["metadata"]["uid"]
    try:
        for number, name in enumerate(names):
            cidr = pod_cidr(number)
            root = data_dir / "nodes" / name
            root.mkdir(parents=True, exist_ok=True, mode=0o755)
            runtime: Runtime = real[0] if real else _simulated(config, root, cidr, clock)
            version = await runtime.version()
            machine = this_machine(root) if real else SIMULATED
            api = Api(plane.transport(f"system:node:{name}", "system:nodes"))
            showing: list[Kubelet] = []
            door = ReviewedDoor(api, name, Access(), clock)
            shown = ServerSettings({"kind": "KubeletConfiguration"}, system_logs=Path("/var/log") if real else None)
            server = await serve(NodeServer(partial(_first, showing), door, shown), address, 0, ssl=context)
            nodes.servers.append(server)
            facts = NodeFacts(
                name, address, server.port, machine, version, f"v{config.kubernetes_version}.0",
                "" if real else cidr,
            )  # fmt: skip
            settings = KubeletConfig(
                facts, root, owner=owner, pods_reachable=real is not None, master=f"{address}:{plane.server.port}",
                cgroups=await pod_cgroups(runtime) if real else None, apparmor=not real or has_apparmor(),
            )  # fmt: skip
            kubelet = Kubelet(settings, runtime, api, informers, clock)
            nodes.kubelets.append(kubelet)
            showing.append(kubelet)
            if isinstance(runtime, SimulatedRuntime):
                runtime.annotations_of = kubelet.annotations
            await kubelet.start()
        nodes.volumes = LocalVolumes(admin, informers, clock, data_dir / "volumes", frozenset(names))
        nodes.volumes.start()
    except BaseException:
        await nodes.close()
        raise
    return nodes


async def _simulate(
    config: ClusterConfig, data_dir: Path, plane: ControlPlane, informers: Informers, clock: Clock
) -> Nodes:
    """One simulator for all nodes."""
    from sampan.cluster.simulation import simulator

    networks = {f"node-{number + 1}": pod_cidr(number) for number in range(config.nodes)}
    nodes = Nodes("simulated")
    nodes.simulator = simulator(config, plane, informers, clock, networks)
    try:
        await nodes.simulator.start()
        admin = Api(plane.transport("sampan-nodes", "system:masters"))
        nodes.volumes = LocalVolumes(admin, informers, clock, data_dir / "volumes", frozenset(networks))
        nodes.volumes.start()
    except BaseException:
        await nodes.close()
        raise
    return nodes


def _first(kubelets: list[Kubelet]) -> Kubelet | None:
    return kubelets[0] if kubelets else None


def _simulated(config: ClusterConfig, root: Path, cidr: str, clock: Clock) -> Runtime:
    state = root / "runtime.json" if config.data_dir is not None else None
    return SimulatedRuntime(cidr, clock, random.Random(), state)


def pod_cidr(number: int) -> str:
    """The addresses of a simulated node's pods."""
    network = ipaddress.ip_network(POD_NETWORK)
    first = int(network.network_address) + number * 256
    return f"{ipaddress.ip_address(first)}/24"


async def find_runtime(config: ClusterConfig, say: Callable[[str], None]) -> tuple[Runtime, RuntimeVersion] | None:
    """The runtime to use; None for simulated pods. Raises ClusterError when the one asked for cannot be used."""
    wanted = config.runtime
    if wanted == "simulated":
        return None
    if wanted.startswith("unix://"):
        if config.nodes > 1:
            raise ClusterError(f"--nodes {config.nodes}: one container runtime serves one node")
        path = Path(wanted.removeprefix("unix://"))
        if problem := unusable(path):
            raise ClusterError(f"--runtime {wanted}: {problem}")
        return await _connect(path, wanted)
    if wanted != "auto":
        raise ClusterError(f"--runtime {wanted}: expected auto, simulated or unix://SOCKET")
    for path in SOCKETS:
        if not path.exists():
            continue
        if config.nodes > 1:
            say(f"{path}: not used, for it serves one node only; pods are simulated")
            return None
        if problem := unusable(path):
            say(f"{path}: {problem}; not used")
            continue
        try:
            return await _connect(path, str(path))
        except ClusterError as error:
            say(f"{error}; not used")
    return None


def unusable(path: Path) -> str:
    """Why a socket cannot be used, or nothing."""
    try:
        if not path.is_socket():
            return f"{path} is not a socket" if path.exists() else f"there is no socket {path}"
    except PermissionError:
        return f"no right to look at {path}"
    if not os.access(path, os.R_OK | os.W_OK):
        return f"no right to use {path} (it belongs to {_owner(path)}); run as that user or a member of its group"
    return ""


def _owner(path: Path) -> str:
    try:
        return f"{path.owner()}:{path.group()}"
    except KeyError:
        info = path.stat()
        return f"{info.st_uid}:{info.st_gid}"


async def _connect(path: Path, called: str) -> tuple[Runtime, RuntimeVersion]:
    from sampan.kubelet.cri.client import CriRuntime

    runtime = CriRuntime(str(path))
    try:
        return runtime, await runtime.version()
    except (CriError, OSError) as error:
        await runtime.close()
        raise ClusterError(f"the container runtime at {called} does not answer: {error}") from error


async def pod_cgroups(runtime: Runtime) -> PodCgroups | None:
    """Pods' cgroups as the runtime makes them; None where nobody knows, or they may not be made. Raises CriError."""
    from sampan.kubelet.cri.client import CriRuntime

    driver = await runtime.cgroup_driver() if isinstance(runtime, CriRuntime) else ""
    if not driver:
        return None
    made = PodCgroups(driver)
    return made if await asyncio.to_thread(lambda: made.usable) else None


def own_address() -> str:
    """The address by which this machine talks to others; 127.0.0.1 when it talks to nobody. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        address: str = probe.getsockname()[0]
        return address
