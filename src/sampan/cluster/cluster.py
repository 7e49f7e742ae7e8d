"""Cluster: a whole Kubernetes cluster in this process; the composition root."""

import asyncio
import random
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sampan.aio.clock import Clock, RealClock
from sampan.aio.tasks import Tasks
from sampan.api.names import Key
from sampan.client.api import Api
from sampan.client.discovery import served_kinds
from sampan.client.informer import Informers
from sampan.cluster import kubeconfig
from sampan.cluster.config import ClusterConfig, ClusterError, enabled
from sampan.cluster.control_plane import ControlPlane, start_control_plane
from sampan.cluster.instance import DataDirLock, Instance
from sampan.cluster.pki import ADMIN, Pki
from sampan.cluster.sync import SyncApi
from sampan.resources.kinds import RESOURCECLAIMS, SERVICEACCOUNTS
from sampan.store.base import Store, StoreError
from sampan.store.open import open_store

if TYPE_CHECKING:
    from sampan.advisories.serve import FeedService
    from sampan.cluster.nodes import Nodes
    from sampan.kubelet.kubelet import Kubelet
    from sampan.reconcile.loop import Manager
    from sampan.scheduler.configuration.profiles import Settings
    from sampan.scheduler.loop import Scheduler

MASTERS = "system:masters"


class Cluster:
    """A cluster. `async with Cluster(nodes=2) as cluster:` in a loop, `with Cluster(nodes=2) as cluster:` elsewhere.

    Settings are ClusterConfig's, given as one record or by name. Raises ClusterError when it cannot be started.
    """

    def __init__(
        self, config: ClusterConfig | None = None, *, progress: Callable[[str], None] | None = None,
        clock: Clock | None = None, **settings: Any,
    ) -> None:  # fmt: skip
        self.config = replace(config or ClusterConfig(), **settings)
        self.clock = clock or RealClock()
        self._say = progress or (lambda text: None)
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._lock: DataDirLock | None = None
        self._store: Store | None = None
        self._plane: ControlPlane | None = None
        self._informers: Informers | None = None
        self._manager: Manager | None = None
        self._scheduler: Scheduler | None = None
        self._nodes: Nodes | None = None
        self._feed: FeedService | None = None
        self._death: asyncio.Future[str] | None = None
        self._tasks = Tasks(self._died)
        self._new_kinds = asyncio.Event()
        self._thread: _LoopThread | None = None
        self.kubeconfig = Path()
        self.server = ""
        self.runtime_name = ""

    # ---- life

    async def start(self) -> None:
        """Bring everything up; returns when /readyz is ok and the controllers run."""
        self._death = asyncio.get_running_loop().create_future()
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        config = self.config
        if config.controllers != "*":
            _enabled(config.controllers)  # a name that is none is told before anything is made
        settings = None
        if config.scheduler_config is not None:
            from sampan.cluster.scheduling import read_scheduler

            settings = read_scheduler(config.scheduler_config)
        data_dir = self._claim_data_dir()
        self._say("opening the store")
        self._store = await self._open_store(data_dir)
        pki = Pki(data_dir / "pki", self.clock.now())
        self._plane = plane = await start_control_plane(config, self._store, pki, self.clock, self._say)
        self.server = f"https://{_reachable(config.host)}:{plane.server.port}"
        self._write_kubeconfig(data_dir, pki)
        # The API is served now; what comes is loaded only here, for reading so many modules takes its time.
        from sampan.cluster.nodes import start_nodes
        from sampan.cluster.storage import default_storage_class

        wanted = _enabled(config.controllers)
        api = Api(plane.transport("system:kube-controller-manager", MASTERS))
        self._informers = Informers(api, self.clock)
        self._say("starting controllers and scheduler")
        await self._start_controllers(api, wanted, data_dir)
        if "default-scheduler" in wanted:
            await self._start_scheduler(settings)
        if config.default_storage_class:
            await default_storage_class(api)
        self._say("starting nodes")
        self._nodes = await start_nodes(config, data_dir, plane, self._informers, self.clock, self._say)
        self.runtime_name = self._nodes.runtime_name
        if config.cve_feed:
            await self._start_feed(data_dir)
        if self._lock is not None:
            self._lock.publish(self._instance())

    async def _start_feed(self, data_dir: Path) -> None:
        from sampan.advisories.serve import FeedConfig, FeedService

        config = self.config
        assert self._plane is not None
        settings = FeedConfig(data_dir / "cve-feed", config.cve_feed, host=config.host, port=config.cve_feed_port)
        self._feed = FeedService(settings, self.clock, self._plane.app.parts.metrics)
        try:
            await self._feed.start()
        except OSError as error:
            raise ClusterError(f"the CVE feed cannot be served on port {config.cve_feed_port}: {error}") from error

    @property
    def cve_feed(self) -> str:
        """Where the CVE feed is served; empty: it was not asked for."""
        return f"http://{_reachable(self.config.host)}:{self._feed.port}/" if self._feed is not None else ""

    async def _start_controllers(self, api: Api, wanted: frozenset[str], data_dir: Path) -> None:
        from sampan.controllers import Settings, controllers
        from sampan.controllers.csr_certificate import sign
        from sampan.reconcile.loop import Kit, Manager

        assert self._informers is not None
        served = await served_kinds(api)
        kinds = [s.mapping for s in served if {"list", "watch", "delete"} <= s.verbs]
        assert self._plane is not None
        ca = self._plane.pki.ca
        settings = Settings(
            ca.certificate.decode(), str(data_dir / "volumes"), kinds, partial(sign, ca.certificate, ca.key),
            self._plane.accounts.issue_legacy,
        )  # fmt: skip
        known = set(kinds)
        mine = [c for c in controllers(settings) if c.name in wanted]
        chosen = [c for c in mine if known.issuperset(w.mapping for w in c.watches)]
        self._manager = Manager(chosen, Kit(api, self._informers, self.clock, kinds, self._plane.app.parts.metrics))
        await self._manager.start()
        self._plane.app.kit.live.on_change(self._kinds_changed)
        self._tasks.start(self._follow_kinds(api), "kinds for controllers")
        if "serviceaccount-controller" in wanted:  # without it no pod can be made: kubectl right after `up` would fail
            accounts = self._informers.of(SERVICEACCOUNTS)
            await accounts.synced.wait()
            await accounts.appeared(Key("default", "default"), "")

    async def _start_scheduler(self, settings: "Settings | None") -> None:
        from sampan.scheduler.configuration.profiles import Settings
        from sampan.scheduler.loop import Kit, Scheduler
        from sampan.scheduler.profile import DEFAULT

        assert self._plane is not None
        assert self._informers is not None
        api = Api(self._plane.transport("system:kube-scheduler", MASTERS))
        devices = RESOURCECLAIMS in [one.mapping for one in await served_kinds(api)]
        kit = Kit(settings or Settings({DEFAULT.name: DEFAULT}), self._plane.app.parts.metrics, devices)
        self._scheduler = Scheduler(api, self._informers, self.clock, random.Random(), kit)
        await self._scheduler.start()

    def _kinds_changed(self) -> None:
        self._new_kinds.set()

    async def _follow_kinds(self, api: Api) -> None:
        """Tell the controllers of every kind what custom kinds come and go."""
        while True:
            await self._new_kinds.wait()
            self._new_kinds.clear()
            served = await served_kinds(api)
            if self._manager is not None:
                await self._manager.serve([s.mapping for s in served if {"list", "watch", "delete"} <= s.verbs])

    async def stop(self) -> None:
        """Take everything down, in the reverse order; safe to call at any point and more than once."""
        if self._feed is not None:
            await self._feed.close()
            self._feed = None
        if self._nodes is not None:
            await self._nodes.close()
        await self._tasks.cancel()
        if self._scheduler is not None:
            await self._scheduler.close()
        if self._manager is not None:
            await self._manager.close()
        if self._informers is not None:
            await self._informers.close()
        if self._plane is not None:
            await self._plane.close()
        if self._store is not None:
            await self._store.close()
        self._nodes = self._scheduler = self._manager = self._informers = self._plane = self._store = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None
        if self._death is not None and not self._death.done():
            self._death.cancel()

    async def failed(self) -> str:
        """Wait until a part of the cluster dies by itself, and say which."""
        assert self._death is not None
        return await asyncio.shield(self._death)

    def _died(self, name: str, error: BaseException) -> None:
        if self._death is not None and not self._death.done():
            self._death.set_result(f"{name}: {error}")

    # ---- pieces

    def _claim_data_dir(self) -> Path:
        if self.config.data_dir is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="sampan-")
            return Path(self._temporary.name)
        self._lock = DataDirLock(self.config.data_dir)
        return self.config.data_dir

    async def _open_store(self, data_dir: Path) -> Store:
        url = self.config.store or ("memory:" if self.config.data_dir is None else f"sqlite:{data_dir / 'state.db'}")
        try:
            return await open_store(url, self.clock)
        except StoreError as error:
            raise ClusterError(f"the store {url} cannot be used: {error}") from error
        except OSError as error:
            raise ClusterError(f"the store {url} cannot be opened: {error.strerror or error}") from error

    def _write_kubeconfig(self, data_dir: Path, pki: Pki) -> None:
        document = kubeconfig.document(self.server, pki.ca.certificate, pki.client("admin", ADMIN))
        self.kubeconfig = self.config.kubeconfig or data_dir / "kubeconfig"
        kubeconfig.write(self.kubeconfig, document)
        if self.config.kubeconfig is None and self.config.data_dir is not None:
            kubeconfig.merge(kubeconfig.user_file(), document)

    def _instance(self) -> Instance:
        import os

        config = self.config
        return Instance(
            os.getpid(), self.server, str(self.kubeconfig), self.runtime_name, config.kubernetes_version, config.nodes
        )

    def api(self) -> Api:
        """The API as cluster admin, for callers in this cluster's loop."""
        if self._plane is None:
            raise ClusterError("the cluster does not run")
        return Api(self._plane.transport("kubernetes-admin", MASTERS))

    @property
    def kubelets(self) -> "list[Kubelet]":
        """The node agents of this process."""
        return list(self._nodes.kubelets) if self._nodes is not None else []

    # ---- with and async with

    async def __aenter__(self) -> "Cluster":
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def __enter__(self) -> "Cluster":
        self._thread = _LoopThread()
        try:
            self._thread.call(self.start())
        except BaseException:
            self._thread.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._thread is not None
        try:
            self._thread.call(self.stop())
        finally:
            self._thread.close()
            self._thread = None

    def client(self) -> Any:
        """The API as cluster admin: an `Api` in a loop, the same with plain functions in a `with` block."""
        if self._thread is None:
            return self.api()
        return SyncApi(self.api(), self._thread.call)


def _enabled(selection: str) -> frozenset[str]:
    from sampan.controllers import NAMES

    return enabled(selection, (*NAMES, "default-scheduler"))


def _reachable(host: str) -> str:
    """A host that clients on this machine can call."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)


class _LoopThread:
    """An event loop in a thread of its own, for `with Cluster()`."""

    def __init__(self) -> None:
        import uvloop

        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sampan", daemon=True)
        self._thread.start()

    def call(self, coroutine: Any) -> Any:
        """Run a coroutine there and wait for its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
