"""Kubelet: one node's agent put together; wiring only."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sampan.aio.clock import Clock
from sampan.aio.tasks import Tasks
from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.names import ObjectRef
from sampan.api.quantity import value
from sampan.client.api import Api
from sampan.client.cache import Delta
from sampan.client.informer import Informers
from sampan.client.recorder import Recorder
from sampan.kubelet.admitter import Admitter
from sampan.kubelet.handlers import Handlers
from sampan.kubelet.health import ProbedHealth
from sampan.kubelet.host_usage import host_usage
from sampan.kubelet.house import House, judge
from sampan.kubelet.house_metrics import HouseMetrics
from sampan.kubelet.images import Images
from sampan.kubelet.logs import parse_options, read_log
from sampan.kubelet.metrics import KubeletMetrics, Observed, volume_text
from sampan.kubelet.node import NodeKeeper, not_ready
from sampan.kubelet.pleg import make_pleg
from sampan.kubelet.pleg.cache import PodCache
from sampan.kubelet.pleg.events import PodEventType
from sampan.kubelet.pod_state import Links
from sampan.kubelet.podspec import every_container, is_mirror
from sampan.kubelet.resizer import Resizer
from sampan.kubelet.runner import OWNER, Place, PodRunner, Reader
from sampan.kubelet.runtime import (
    Command,
    Container,
    ContainerState,
    CriError,
    Performance,
    PodStatus,
    Runtime,
    SandboxState,
)
from sampan.kubelet.sandbox_config import log_directory
from sampan.kubelet.settings import KubeletConfig
from sampan.kubelet.static_pods import Links as StaticLinks
from sampan.kubelet.static_pods import StaticPods
from sampan.kubelet.stats import Sources, Stats
from sampan.kubelet.status import CONTAINER_STATUSES
from sampan.kubelet.termination import termination_message
from sampan.kubelet.volumes import Surroundings, VolumeError, Volumes
from sampan.kubelet.workers import Workers
from sampan.kubelet.writer import WRITERS, StatusWriter
from sampan.obs.metrics import Metrics
from sampan.resources.kinds import (
    CONFIGMAPS,
    CSIDRIVERS,
    NODES,
    PODS,
    PVCS,
    PVS,
    RUNTIMECLASSES,
    SECRETS,
    SERVICEACCOUNTS,
    SERVICES,
    VOLUMEATTACHMENTS,
)

if TYPE_CHECKING:
    from sampan.kubelet.csi.mounter import CsiMounter
    from sampan.kubelet.csi.registration import Drivers

log = logging.getLogger("sampan.kubelet")
READ = {
    "ConfigMap": CONFIGMAPS,
    "Secret": SECRETS,
    "PersistentVolumeClaim": PVCS,
    "PersistentVolume": PVS,
    "CSIDriver": CSIDRIVERS,
    "RuntimeClass": RUNTIMECLASSES,
    "VolumeAttachment": VOLUMEATTACHMENTS,
    "Node": NODES,
}
RETRY = 1.0
SYNC = 60.0
"""Seconds, as upstream's syncFrequency."""
RESIZING = ("FileSystemResizePending", "Resizing", "ControllerResizeError", "NodeResizeError")
"""Conditions of a claim that end when its volume has grown."""


class Kubelet:
    """Runs the pods that are bound to its node. `informers` may be shared by the agents of one process."""

    def __init__(self, config: KubeletConfig, runtime: Runtime, api: Api, informers: Informers, clock: Clock) -> None:
        self.config, self.runtime, self.api, self.clock = config, runtime, api, clock
        facts = config.facts
        self._informers = informers
        self.registry = Metrics()
        self.cache = PodCache(clock)
        self.pleg = make_pleg(config.pleg, runtime, self.cache, clock, self.registry)
        counts = HouseMetrics(self.registry)
        self._recorder = Recorder(api, clock, "kubelet", facts.name)
        self.node = NodeKeeper(api, clock, facts, self._recorder)
        self._writer = StatusWriter(api, clock)
        around = Surroundings(lambda: self.node.node, config.dns.domain, config.pods_reachable)
        self._drivers: Drivers | None = None
        self._csi: CsiMounter | None = None
        if config.pods_reachable:
            self._begin_csi()
        self._volumes = Volumes(config.root / "pods", self._get, self._token, clock, around, self._csi)
        self._handlers = Handlers(runtime, clock, config.pods_reachable)
        self._health = ProbedHealth(self._handlers, clock, self._event, self._poke, self._passed_before, facts.address)
        reader = Reader(self._get, self._services, lambda: self.node.node)
        memory = value(facts.machine.memory)
        place = Place(
            str(config.root / "logs"), facts.address, config.dns, config.master, memory, config.owner, config.cgroups,
            str(config.root / "seccomp"),
        )  # fmt: skip
        images = Images(runtime, clock, self._event)
        self._runner = PodRunner(runtime, images, self._volumes, self._handlers, reader, self._recorder, clock, place)
        self._workers = Workers(
            Links(
                self._runner, self.cache, self._writer, clock, self._health, self._delete, self._message, facts.address,
                facts.runtime.name, Resizer(self._runner, clock, lambda: self.node.node),
                Admitter(self.node, judge(config, lambda: self.house), counts),
            )
        )  # fmt: skip
        host = partial(host_usage, config.root) if config.pods_reachable else None
        sources = Sources(
            runtime, self.cache, self._mine, self._workers.pods, self._volumes.usage, host, self._log_folder
        )
        self.stats = Stats(facts.name, facts.machine, sources, clock)
        self.house = House(config, self._runner, self._workers, self.node, self.stats, counts, clock)
        self._metrics = KubeletMetrics(
            self.registry, facts.name, facts.kubernetes_version, lambda: len(self._workers.pods())
        )
        if isinstance(runtime, Observed):
            runtime.observer = self._metrics.called
        self._tasks = Tasks()
        self._static: StaticPods | None = None
        if config.static_pods is not None:
            links = StaticLinks(
                self._workers.put, self._workers.gone, self._workers.__contains__, self._writer.mirrored,
                lambda: self.node.node,
            )  # fmt: skip
            self._static = StaticPods(config.static_pods, facts.name, api, clock, links, config.file_check)

    def _begin_csi(self) -> None:
        """CSI drivers may register here: pods of a real runtime have volumes of theirs."""
        from sampan.kubelet.csi.mounter import CsiMounter
        from sampan.kubelet.csi.mounter import Links as CsiLinks
        from sampan.kubelet.csi.registration import Drivers

        config, name = self.config, self.config.facts.name
        self._drivers = Drivers(config.root / "plugins_registry", name, self.api, self.clock, self._driver_came)
        links = CsiLinks(
            config.root, name, self._drivers, self._get, self._token, self._claim_grew, self.clock, self._report
        )
        self._csi = CsiMounter(links)
        self._csi.remember()
        self.node.in_use = self._csi.in_use

    async def _report(self) -> None:
        """The node's status, now."""
        await self.node.beat(self._wrong)

    # --- life

    async def start(self) -> None:
        """Register and begin to work; returns when the node was reported once. Raises StatusError, OSError."""
        await self.node.register()
        start = self._tasks.start
        start(self._recorder.run(), "kubelet events")
        start(self.pleg.run(), "pleg")
        if self._drivers is not None:
            await self._drivers.initialize()
            start(self._drivers.run(), "csi drivers")
        start(self._health.run(), "prober")
        start(self._workers.run(), "pod workers")
        for number in range(WRITERS):
            start(self._writer.run(), f"status writer {number}")
        pods = self._informers.of(PODS, self.config.mine)
        self._informers.of(SERVICES)
        if self._static is not None:
            await self._static.read()
            start(self._static.watch(), "static pods")
            start(self._static.run(), "mirror pods")
        await pods.synced.wait()
        for pod in sorted(pods.cache, key=lambda pod: str(pod["metadata"].get("creationTimestamp"))):
            self._pod_changed(Delta(None, pod))  # who was first is admitted first
        pods.subscribe(self._pod_changed)
        start(self._follow(), "pleg events")
        await self.cache.newer_than("", 0)
        await self._adopt()
        await self.node.beat(self._wrong)
        start(self.node.run(self._wrong), "node status")
        start(self._look_again(), "unknown containers")
        for name, work in self.house.work():
            start(work, name)

    async def close(self, *, evacuate: bool = False) -> None:
        """End the agent. Containers of a real runtime go on, unless everything is to be stopped and removed."""
        with contextlib.suppress(ValueError):
            self._informers.of(PODS, self.config.mine).unsubscribe(self._pod_changed)
        if self._static is not None:
            await self._static.close()
        await self._workers.close()
        if evacuate:
            await self._evacuate()
        await self._writer.close()
        await self._tasks.cancel()
        await self._handlers.close()
        if self._drivers is not None:
            await self._drivers.close()
        await self.runtime.close()

    async def _evacuate(self) -> None:
        for uid in list(self.cache):
            status = self.cache.peek(uid)
            if status is None or not self._ours(status):
                continue
            try:
                await self._runner.stop_all({"metadata": {}, "spec": {}}, status, 0)
                await self._runner.remove_all(status)
            except CriError as error:
                log.warning("pod %s/%s cannot be removed: %s", status.namespace, status.name, error)
            await self._runner.forget(uid)
            await self._volumes.tear_down(uid)

    # --- news

    def _pod_changed(self, delta: Delta) -> None:
        pod = delta.new or delta.old
        if pod is None or (pod.get("spec") or {}).get("nodeName") != self.config.facts.name:
            return
        if is_mirror(pod):
            if self._static is not None:
                self._static.mirror_changed(delta.new, delta.old)
            return
        if delta.old is not None and delta.new is not None and _uid(delta.old) != _uid(delta.new):
            self._workers.gone(delta.old)
        if delta.new is None:
            self._workers.gone(pod)
        else:
            self._workers.put(pod)

    async def _follow(self) -> None:
        async for event in self.pleg.events():
            if event.uid in self._workers:
                if event.type is not PodEventType.REMOVED:
                    self._workers.poke(event.uid)
            elif event.type is PodEventType.STARTED:
                await self._adopt()

    async def _look_again(self) -> None:
        """Containers whose state the runtime does not know make no events: their pods are looked at anyway."""
        while True:
            await self.clock.sleep(SYNC)
            for uid in list(self.cache):
                status = self.cache.peek(uid)
                if status is not None and any(c.state is ContainerState.UNKNOWN for c in status.containers):
                    self._workers.poke(uid)

    async def _adopt(self) -> None:
        """End what the runtime has of pods that the API has not; remove what is left of their files."""
        for uid in list(self.cache):
            status = self.cache.peek(uid)
            if status is not None and uid not in self._workers and self._ours(status):
                log.info("pod %s/%s (%s) is not in the API: ending it", status.namespace, status.name, uid)
                self._workers.orphan(status)
        for uid in await asyncio.to_thread(self._volumes.uids):
            if uid not in self._workers:
                try:
                    await self._volumes.tear_down(uid)
                except (OSError, VolumeError) as error:
                    log.warning("what is left of pod %s cannot be removed: %s", uid, error)

    def _mine(self, uid: str) -> bool:
        status = self.cache.peek(uid)
        return status is not None and self._ours(status)

    def _ours(self, status: PodStatus) -> bool:
        return any(sandbox.labels.get(OWNER) == self.config.owner for sandbox in status.sandboxes)

    async def _wrong(self) -> str:
        """What is wrong with the node."""
        try:
            conditions = await self.runtime.status()
        except CriError as error:
            return f"container runtime is down: {error.message}"
        found = not_ready(conditions, self.pleg.health(self.clock.now()))
        return ", ".join(filter(None, (found, self.house.shutdown.wrong)))

    # --- what the parts are given

    def _poke(self, uid: str) -> None:
        self._workers.poke(uid)

    def _passed_before(self, uid: str, container_id: str, kind: str) -> bool:
        return self._workers.passed_before(uid, container_id, kind)

    def _event(self, pod: Obj, type_: Any, reason: str, message: str, container: str = "") -> None:
        self._runner.event(pod, type_, reason, message, container)

    def _services(self, namespace: str) -> list[Obj]:
        """The Services that a pod's environment tells of: its namespace's, and `kubernetes`."""
        cache = self._informers.of(SERVICES).cache
        found = list(cache.list(namespace))
        main = cache.get("default", "kubernetes")
        return [*found, main] if main is not None and namespace != "default" else found

    async def _get(self, kind: str, namespace: str, name: str) -> Obj | None:
        try:
            return await self.api.get(ObjectRef(READ[kind], namespace, name))
        except StatusError as error:
            if error.code == 404:
                return None
            raise OSError(f'failed to get {kind} "{namespace}/{name}": {error}') from error

    async def _token(self, namespace: str, account: str, audience: str, seconds: int, pod: Obj) -> tuple[str, str]:
        """A token for a pod's service account: (token, when it expires). Raises OSError."""
        meta = pod["metadata"]
        bound = {"kind": "Pod", "apiVersion": "v1", "name": meta["name"], "uid": meta["uid"]}
        spec: Obj = {"expirationSeconds": seconds, "boundObjectRef": bound, "audiences": [audience] if audience else []}
        body = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": spec}
        path = SERVICEACCOUNTS.path(namespace, account, "token")
        try:
            answer = await self.api.call("POST", path, body)
        except StatusError as error:
            raise OSError(f"failed to fetch token: {error}") from error
        return answer["status"]["token"], answer["status"]["expirationTimestamp"]

    async def _delete(self, pod: Obj) -> None:
        meta = pod["metadata"]
        ref = ObjectRef(PODS, meta["namespace"], meta["name"])
        try:
            await self.api.delete(ref, uid=meta["uid"], grace_seconds=0)
        except StatusError as error:
            if error.code not in (404, 409):
                raise OSError(str(error)) from error

    async def _message(self, pod: Obj, status: PodStatus, container_id: str) -> str:
        run = next(c for c in status.containers if c.id == container_id)
        file = self._volumes.termination_file(_uid(pod), run.name, run.attempt)
        return await asyncio.to_thread(termination_message, file, self._log_path(pod, run), pod, run)

    def _log_path(self, pod: Obj, run: Container) -> Path:
        if run.log_path.startswith("/"):
            return Path(run.log_path)
        return self._log_folder(pod) / run.name / f"{run.attempt}.log"

    def _log_folder(self, pod: Obj) -> Path:
        return Path(log_directory(pod, str(self.config.root / "logs")))

    def _driver_came(self) -> None:
        """A CSI driver has registered: pods may have waited for it, and volumes of pods that have gone."""
        self._workers.poke_all()
        self._tasks.start(self._adopt(), "what is left of pods")

    async def _claim_grew(self, claim: Obj, size: str) -> None:
        """A claim has its new size on the node now."""
        meta, status = claim["metadata"], claim.get("status") or {}
        before: Obj = status.get("allocatedResourceStatuses") or {}
        conditions = [c for c in status.get("conditions") or () if c.get("type") not in RESIZING]
        patch: Obj = {
            "capacity": {"storage": size},
            "conditions": conditions or None,
            "allocatedResourceStatuses": {"storage": None} if set(before) - {"storage"} else None,
        }
        try:
            ref = ObjectRef(PVCS, meta["namespace"], meta["name"])
            await self.api.patch(ref, {"status": patch}, "merge", "status")
        except StatusError as error:
            raise OSError(f"persistentvolumeclaim {meta['name']}: {error}") from error

    # --- what its server shows

    def pods(self) -> list[Obj]:
        """The pods on this node."""
        return self._workers.pods()

    def find(self, namespace: str, name: str) -> Obj | None:
        """A pod of this node by name."""
        for pod in self._workers.pods():
            if (pod["metadata"].get("namespace"), pod["metadata"].get("name")) == (namespace, name):
                return pod
        return None

    async def metrics(self) -> bytes:
        """The agent's metrics."""
        volumes = await self.stats.volumes()
        spaces = {pod["metadata"]["uid"]: pod["metadata"].get("namespace", "") for pod in self.pods()}
        return self.registry.text() + volume_text([(spaces[uid], v) for uid, v in volumes.items() if uid in spaces])

    def observed(self, method: str, path: str) -> None:
        """A request has come to the server."""
        self._metrics.asked(method, path)

    def unhealthy(self) -> str:
        """Why /healthz is not ok, if it is not."""
        trouble = self.pleg.health(self.clock.now())
        return f"PLEG is not healthy: {trouble}" if trouble else ""

    def running(self) -> list[Obj]:
        """The pods that the runtime runs, as far as it knows them."""
        statuses = [status for uid in self.cache if (status := self.cache.peek(uid)) is not None]
        return [running_pod(status) for status in statuses if self._ours(status) and status.running]

    def annotations(self, uid: str) -> Mapping[str, str] | None:
        """A pod's annotations as the API says, by its uid."""
        pod = self._workers.pod(uid)
        return None if pod is None else pod["metadata"].get("annotations") or {}

    async def logs(self, pod: Obj, container: str, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        """A container's log. Raises LookupError when there is none yet, LogOptionError."""
        options = parse_options(dict(query), self.clock.now())
        uid = _uid(pod)
        run = self._run_of(uid, container, previous=query.get("previous") in ("true", "1"))
        if run is None:
            name = pod["metadata"]["name"]
            if query.get("previous") in ("true", "1"):
                raise LookupError(f'previous terminated container "{container}" in pod "{name}" not found')
            waiting = self._waiting(pod, container)
            raise LookupError(f'container "{container}" in pod "{name}" is waiting to start: {waiting}')

        def alive() -> bool:
            found = self.cache.peek(uid)
            runs = found.containers if found is not None else ()
            return any(c.id == run.id and c.state is ContainerState.RUNNING for c in runs)

        return read_log(self._log_path(pod, run), options, self.clock, alive)

    async def open_command(self, pod: Obj, container: str, asked: Command) -> str | Performance:
        """Begin exec or attach in a container. Raises LookupError, CriError."""
        run = self._run_of(_uid(pod), container, previous=False)
        if run is None:
            raise LookupError(f'container not found ("{container}")')
        own: Obj = next((c for c in every_container(pod) if c["name"] == container), {})
        if asked.command is None:  # whether it has a terminal was decided when it was made
            tty = bool(own.get("tty"))
            asked = replace(asked, tty=tty, stderr=asked.stderr and not tty)
        return await self.runtime.open_command(replace(asked, container_id=run.id))

    async def run_command(self, pod: Obj, container: str, command: tuple[str, ...]) -> bytes:
        """What a command prints in a container. Raises LookupError, CriError."""
        run = self._run_of(_uid(pod), container, previous=False)
        if run is None:
            raise LookupError(f"container {container!r} not found in pod {pod['metadata']['name']!r}")
        _, out, err = await self.runtime.exec_sync(run.id, command, 0)
        return out + err

    async def open_ports(self, pod: Obj, ports: tuple[int, ...]) -> str:
        """Begin to forward ports of a pod. Raises LookupError, CriError."""
        status = self.cache.peek(_uid(pod))
        for sandbox in status.sandboxes if status is not None else ():
            if sandbox.state == SandboxState.READY:
                return await self.runtime.open_ports(sandbox.id, ports)
        meta = pod["metadata"]
        raise LookupError(f'pod not found ("{meta["name"]}_{meta["namespace"]}")')

    def _run_of(self, uid: str, container: str, *, previous: bool) -> Container | None:
        status = self.cache.peek(uid)
        runs = [c for c in status.containers if c.name == container] if status is not None else []
        runs.sort(key=lambda c: (c.attempt, c.created_at))
        wanted = runs[:-1] if previous else runs
        return wanted[-1] if wanted else None

    def _waiting(self, pod: Obj, container: str) -> str:
        status = self._writer.last(_uid(pod)) or pod.get("status") or {}
        for entry in (entry for kind in CONTAINER_STATUSES for entry in status.get(kind) or ()):
            if entry["name"] == container:
                return str(((entry.get("state") or {}).get("waiting") or {}).get("reason") or "ContainerCreating")
        return "ContainerCreating"


def running_pod(status: PodStatus) -> Obj:
    """A pod as /runningpods/ shows it: what the runtime knows of it."""
    meta = {"name": status.name, "namespace": status.namespace, "uid": status.uid, "creationTimestamp": None}
    runs = [{"name": c.name, "image": c.image, "resources": {}} for c in status.running]
    return {"metadata": meta, "spec": {"containers": runs}, "status": {}}


def _uid(pod: Obj) -> str:
    uid: str = pod["metadata"]["uid"]
    return uid
