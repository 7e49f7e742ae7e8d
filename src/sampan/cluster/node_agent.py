"""NodeAgent: one node of any API server, in a process of its own: credentials, certificates, servers, agent."""

import asyncio
import contextlib
import logging
import random
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import yaml

from sampan.aio.clock import Clock
from sampan.aio.tasks import Tasks
from sampan.api.errors import StatusError
from sampan.client.api import Api
from sampan.client.http import HttpTransport
from sampan.client.informer import Informers
from sampan.client.kubeconfig import Access, KubeconfigError, load_kubeconfig
from sampan.client.request import Answer, ApiRequest
from sampan.client.transport import Transport
from sampan.cluster.config import DEFAULT_VERSION, ClusterConfig, ClusterError
from sampan.cluster.nodes import SIMULATED, find_runtime, own_address, pod_cgroups
from sampan.kubelet.certificates import (
    CLIENT,
    SERVING,
    CertificateDenied,
    KeyPair,
    kept,
    request,
    self_signed,
    store_pair,
)
from sampan.kubelet.configuration import ConfigurationError, Loaded, resolv_conf
from sampan.kubelet.door import ReviewedDoor
from sampan.kubelet.house_settings import eviction_rules, image_policy, shutdown_graces
from sampan.kubelet.kubelet import Kubelet
from sampan.kubelet.node import NodeFacts, has_apparmor, this_machine
from sampan.kubelet.pleg.base import PlegConfig
from sampan.kubelet.runtime import Runtime
from sampan.kubelet.sandbox_config import Dns
from sampan.kubelet.server import NodeServer, ServerSettings, health
from sampan.kubelet.settings import KubeletConfig
from sampan.kubelet.simulated import SimulatedRuntime
from sampan.net.http import Request, Response
from sampan.net.http_server import Server, serve
from sampan.net.tls import server_context

log = logging.getLogger("sampan.node")
CURRENT = "kubelet-client-current.pem"
SERVING_FILE = "kubelet-server-current.pem"
SELF_SIGNED = "kubelet.pem"
SIMULATED_PODS = "10.244.0.0/24"
RETRY = 2.0


@dataclass(frozen=True, slots=True)
class NodeAgentConfig:
    """What `sampan node` is started with."""

    settings: Loaded
    kubeconfig: Path
    root: Path
    name: str = ""
    """Empty: this machine's host name."""
    bootstrap: Path | None = None
    """Credentials for the first signing request, used when `kubeconfig` is not there yet."""
    cert_dir: Path | None = None
    """None: `pki` below the root."""
    node_ip: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    runtime: str = "auto"

    @property
    def node(self) -> str:
        return self.name or socket.gethostname().lower()

    @property
    def certificates(self) -> Path:
        return self.cert_dir or self.root / "pki"


class Changing:
    """A Transport whose credentials may be changed while requests are under way; they end with the old ones."""

    def __init__(self, first: Transport) -> None:
        self._now = first
        self._old: list[Transport] = []

    def change(self, new: Transport) -> None:
        """From now on use this one."""
        self._old.append(self._now)
        self._now = new

    async def send(self, request: ApiRequest) -> Answer:
        return await self._now.send(request)

    async def stream(self, request: ApiRequest) -> AsyncIterator[bytes]:
        async with contextlib.aclosing(self._now.stream(request)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                yield chunk

    async def close(self) -> None:
        for transport in (*self._old, self._now):
            await transport.close()


class NodeAgent:
    """Start it, wait as long as you like, stop it; containers of a real runtime go on."""

    def __init__(self, config: NodeAgentConfig, clock: Clock, say: Callable[[str], None]) -> None:
        self.config, self._clock, self._say = config, clock, say
        self._transport: Changing | None = None
        self._informers: Informers | None = None
        self._servers: list[Server] = []
        self.kubelet: Kubelet | None = None
        self._tasks = Tasks()
        self.runtime_name = self.server = ""
        self.port = self.healthz_port = 0

    async def start(self) -> None:
        """Register and begin to work. Raises ClusterError."""
        try:
            await self._start()
        except (KubeconfigError, CertificateDenied, ConfigurationError) as error:
            await self.stop()
            raise ClusterError(str(error)) from error
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        config, settings = self.config, self.config.settings
        await asyncio.to_thread(config.root.mkdir, parents=True, exist_ok=True, mode=0o750)
        access = await self._access()
        self.server = access.server
        self._transport = Changing(HttpTransport(access, agent="sampan-node"))
        api = Api(self._transport)
        version = await self._version(api)
        real = await find_runtime(ClusterConfig(runtime=config.runtime), self._say)
        address = config.node_ip or own_address()
        serving = await self._serving(api, address)
        shown: list[Kubelet] = []
        self.port = await self._serve(api, access, serving, shown)
        runtime: Runtime
        if real is not None:
            runtime, told = real
        else:
            cidr = settings.at("podCIDR") or SIMULATED_PODS
            runtime = SimulatedRuntime(cidr, self._clock, random.Random(), config.root / "runtime.json")
            told = await runtime.version()
        self.runtime_name = told.name
        machine = await asyncio.to_thread(this_machine, config.root) if real else SIMULATED
        facts = NodeFacts(
            config.node, address, self.port, replace(machine, pods=int(settings.at("maxPods"))), told, version,
            "" if real else settings.at("podCIDR") or "", dict(config.labels),
            settings.at("registerWithTaints") or (),
        )  # fmt: skip
        kubelet_config = KubeletConfig(
            facts, config.root, await self._dns(), owner=_owner(access), pods_reachable=real is not None,
            master=access.server.partition("://")[2], pleg=PlegConfig(evented=settings.evented), alone=True,
            cgroups=await pod_cgroups(runtime) if real and settings.at("cgroupsPerQOS") else None,
            eviction=eviction_rules(settings), images=image_policy(settings), shutdown=shutdown_graces(settings),
            apparmor=real is None or await asyncio.to_thread(has_apparmor),
            static_pods=Path(settings.at("staticPodPath")) if settings.at("staticPodPath") else None,
            file_check=settings.seconds("fileCheckFrequency"),
            sysctls=settings.sysctls(str(machine.info.get("kernelVersion") or "")),
        )  # fmt: skip
        self._informers = Informers(api, self._clock)
        self.kubelet = Kubelet(kubelet_config, runtime, api, self._informers, self._clock)
        shown.append(self.kubelet)
        if isinstance(runtime, SimulatedRuntime):
            runtime.annotations_of = self.kubelet.annotations
        try:
            await self.kubelet.start()
        except StatusError as error:
            raise ClusterError(f"the API server does not take the node {config.node}: {error}") from error
        if settings.at("rotateCertificates") and access.certificate is not None:
            self._tasks.start(self._rotate(api), "certificate rotation")

    async def stop(self) -> None:
        """End everything; safe to call at any point."""
        if self.kubelet is not None:
            await self.kubelet.close()
        await self._tasks.cancel()
        for server in self._servers:
            await server.close()
        self._servers = []
        if self._informers is not None:
            await self._informers.close()
        if self._transport is not None:
            await self._transport.close()
        self.kubelet = self._informers = self._transport = None

    # --- credentials

    async def _access(self) -> Access:
        """The kubeconfig's access; by the bootstrap one a certificate is asked for first, and a kubeconfig written."""
        config = self.config
        if config.bootstrap is None or config.kubeconfig.exists():
            access = await asyncio.to_thread(load_kubeconfig, config.kubeconfig)
            renewed = await kept(config.certificates / CURRENT, self._clock)
            return replace(access, certificate=renewed.certificate, key=renewed.key) if renewed else access
        first = await asyncio.to_thread(load_kubeconfig, config.bootstrap)
        pair = await kept(config.certificates / CURRENT, self._clock)
        if pair is None:
            self._say("asking for a certificate")
            transport = HttpTransport(first, agent="sampan-node")
            try:
                await self._version(Api(transport))
                pair = await request(Api(transport), self._clock, config.node, CLIENT)
            except (StatusError, OSError) as error:
                raise ClusterError(f"no certificate for the node: {error}") from error
            finally:
                await transport.close()
            await asyncio.to_thread(store_pair, config.certificates / CURRENT, pair)
        await asyncio.to_thread(_write_kubeconfig, config, first)
        return replace(first, certificate=pair.certificate, key=pair.key, token="", user="", password="")

    async def _rotate(self, api: Api) -> None:
        """Ask for the next client certificate when most of the present one's life is over."""
        path = self.config.certificates / CURRENT
        while True:
            access = await self._access()
            assert access.certificate is not None
            assert access.key is not None
            at = KeyPair(access.certificate, access.key).renew_at()
            await self._clock.sleep(max(0.0, (at - self._clock.now()).total_seconds()))
            try:
                pair = await request(api, self._clock, self.config.node, CLIENT)
            except (StatusError, OSError, CertificateDenied) as error:
                log.warning("the node's certificate is not renewed: %s", error)
                await self._clock.sleep(60.0)
                continue
            await asyncio.to_thread(store_pair, path, pair)
            assert self._transport is not None
            renewed = replace(access, certificate=pair.certificate, key=pair.key)
            self._transport.change(HttpTransport(renewed, agent="sampan-node"))

    async def _version(self, api: Api) -> str:
        """Wait for the API server; the version that the node is to say: not newer than the server's."""
        told = False
        while True:
            try:
                answer = await api.call("GET", "/version")
                break
            except OSError as error:
                if not told:
                    self._say(f"the API server does not answer yet: {error}")
                told = True
                await self._clock.sleep(RETRY)
            except StatusError as error:
                raise ClusterError(f"the API server does not let us in: {error}") from error
        ours = tuple(map(int, DEFAULT_VERSION.split(".")))
        try:
            theirs = int(answer["major"]), int(str(answer["minor"]).rstrip("+"))
        except (KeyError, ValueError):
            theirs = (ours[0], ours[1])
        major, minor = min(ours, theirs)
        return f"v{major}.{minor}.0"

    # --- servers

    async def _serving(self, api: Api, address: str) -> KeyPair:
        """The certificate to serve with: files given, signed by the cluster if asked to, else our own."""
        config, settings = self.config, self.config.settings
        files = settings.at("tlsCertFile"), settings.at("tlsPrivateKeyFile")
        if all(files):
            try:
                return KeyPair(*[await asyncio.to_thread(Path(name).read_bytes) for name in files])
            except OSError as error:
                raise ClusterError(f"tlsCertFile, tlsPrivateKeyFile: {error}") from error
        hosts = [config.node, address]
        signed = bool(settings.at("serverTLSBootstrap"))
        path = config.certificates / (SERVING_FILE if signed else SELF_SIGNED)
        pair = await kept(path, self._clock)
        if pair is None and signed:
            self._say("asking for a serving certificate; somebody has to approve it")
            try:
                pair = await request(api, self._clock, config.node, SERVING, hosts)
            except (StatusError, OSError) as error:
                raise ClusterError(f"no serving certificate: {error}") from error
        if pair is None:
            pair = self_signed(config.node, hosts, self._clock.now())
        await asyncio.to_thread(store_pair, path, pair)
        return pair

    async def _serve(self, api: Api, access: Access, pair: KeyPair, shown: list[Kubelet]) -> int:
        """Listen; the port."""
        settings = self.config.settings
        file = settings.at("authentication", "x509", "clientCAFile")
        try:
            ca = await asyncio.to_thread(Path(file).read_bytes) if file else access.ca
        except OSError as error:
            raise ClusterError(f"authentication.x509.clientCAFile: {error}") from error
        door = ReviewedDoor(api, self.config.node, settings.access(), self._clock)
        own = ServerSettings(
            settings.values, bool(settings.at("enableDebuggingHandlers")),
            Path("/var/log") if settings.at("enableSystemLogHandler") else None,
        )  # fmt: skip
        context = server_context(pair.certificate, pair.key, ca)
        node_server = NodeServer(lambda: shown[0] if shown else None, door, own)
        try:
            server = await serve(node_server, settings.at("address"), int(settings.at("port")), ssl=context)
            self._servers.append(server)
            if settings.at("healthzPort"):
                plain = await serve(
                    _Healthz(shown), settings.at("healthzBindAddress"), int(settings.at("healthzPort"))
                )  # fmt: skip
                self._servers.append(plain)
                self.healthz_port = plain.port
        except OSError as error:
            raise ClusterError(f"cannot listen: {error}") from error
        return server.port

    async def _dns(self) -> Dns:
        settings = self.config.settings
        path = settings.at("resolvConf")
        try:
            text = await asyncio.to_thread(Path(path).read_text) if path else ""
        except OSError as error:
            raise ClusterError(f"resolvConf: {error}") from error
        servers, searches, options = resolv_conf(text)
        cluster = tuple(settings.at("clusterDNS") or ())
        return Dns(cluster, settings.at("clusterDomain") or "cluster.local", servers, searches, options)


class _Healthz:
    """The plain server of healthzPort."""

    def __init__(self, shown: list[Kubelet]) -> None:
        self._shown = shown

    async def __call__(self, request: Request) -> Response:
        parts = request.path.strip("/").split("/")
        if parts[0] != "healthz" or not self._shown:
            return Response(404 if self._shown else 503, [("Content-Type", "text/plain")], b"")
        return health(self._shown[0], parts[1:], verbose=request.query.startswith("verbose"))


def _owner(access: Access) -> str:
    """The cluster, as sandboxes are labelled: its CA, or where it is. Labels take 63 characters."""
    return "ca-" + sha256(access.ca or access.server.encode()).hexdigest()[:40]


def _write_kubeconfig(config: NodeAgentConfig, first: Access) -> None:
    """A kubeconfig that names the files of our certificate."""
    from sampan.cluster.kubeconfig import write

    current = str(config.certificates / CURRENT)
    cluster = yaml.safe_load(config.bootstrap.read_text())["clusters"] if config.bootstrap is not None else []
    user = {"client-certificate": current, "client-key": current}
    named = next((c for c in cluster if (c.get("cluster") or {}).get("server") == first.server), cluster[0])
    context = {"cluster": "default-cluster", "user": "default-auth"}
    write(
        config.kubeconfig,
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "default-cluster", "cluster": named["cluster"]}],
            "users": [{"name": "default-auth", "user": user}],
            "contexts": [{"name": "default-context", "context": context}],
            "current-context": "default-context",
        },
    )
