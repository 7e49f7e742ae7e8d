"""Does to one pod what was decided: sandbox, containers, hooks, their end and their removal."""

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from sampan.aio.clock import Clock
from sampan.api.json import Obj
from sampan.client.recorder import Recorder
from sampan.kubelet.actions import Start
from sampan.kubelet.cgroups import Limits, PodCgroups, widest
from sampan.kubelet.cgroups import limits_of as limits_of_pod
from sampan.kubelet.container_config import container_config, limits_of, must_not_be_root, oom_score, refuse_root
from sampan.kubelet.env import ConfigError, environment
from sampan.kubelet.handlers import Handlers
from sampan.kubelet.images import ImageError, Images
from sampan.kubelet.podspec import ephemeral_containers, every_container, init_containers, is_sidecar, spec
from sampan.kubelet.resize import Amounts, Update, after, too_small
from sampan.kubelet.runtime import (
    Container,
    ContainerState,
    CriError,
    PodStatus,
    Runtime,
    SandboxConfig,
    SandboxState,
    Security,
)
from sampan.kubelet.sandbox_config import Dns, log_directory, sandbox_config
from sampan.kubelet.status import Waiting
from sampan.kubelet.volumes import VolumeError, VolumePath, Volumes

log = logging.getLogger("sampan.kubelet")
OWNER = "dev.sampan.cluster"
"""Label of sandboxes: whose they are."""
HOOK_TIMEOUT = 120.0
MINIMUM_GRACE = 2
"""Seconds a container gets to end after a preStop hook that used up its time, as upstream gives."""


class NotStarted(Exception):
    """A container could not be started; `waiting` is what its status shows."""

    def __init__(self, waiting: Waiting) -> None:
        super().__init__(waiting.message)
        self.waiting = waiting


@dataclass(frozen=True, slots=True)
class Place:
    """Where pods run: paths and addresses of this node."""

    log_root: str
    host_ip: str
    dns: Dns
    master: str
    """host:port by which pods call the API server; service environment variables say it."""
    memory: int
    """The node's, in bytes."""
    owner: str
    """The cluster's id: a label of its sandboxes."""
    cgroups: PodCgroups | None = None
    """None: containers are where the runtime puts them."""
    seccomp: str = "/var/lib/kubelet/seccomp"
    """Where profiles of type Localhost are."""


class Reader:
    """What of the API a pod's containers are made from: live reads, and what informers have."""

    def __init__(
        self,
        get: Callable[[str, str, str], Awaitable[Obj | None]],
        services: Callable[[str], Sequence[Obj]],
        node: Callable[[], Obj],
    ) -> None:
        self.get, self.services, self.node = get, services, node


@dataclass(frozen=True, slots=True)
class PodRunner:
    """All calls that change something in the runtime go through here."""

    runtime: Runtime
    images: Images
    volumes: Volumes
    handlers: Handlers
    reader: Reader
    recorder: Recorder
    clock: Clock
    place: Place

    def event(self, pod: Obj, type_: Literal["Normal", "Warning"], reason: str, message: str, name: str = "") -> None:
        """Post an Event about a pod, or about one of its containers."""
        if not pod["metadata"].get("name"):
            return  # a pod that only the runtime knows
        about: dict[str, Any] = {"kind": "Pod", "apiVersion": "v1", "metadata": pod["metadata"]}
        if name:
            about["fieldPath"] = f"spec.{field_of(pod, name)}{{{name}}}"
        self.recorder.event(about, type_, reason, message)

    # --- starting

    async def sandbox(self, pod: Obj, attempt: int) -> tuple[str, SandboxConfig]:
        """A new sandbox. Raises CriError."""
        await self._cgroup(pod)
        config = self._sandbox_config(pod, attempt)
        config = replace(config, labels={**config.labels, OWNER: self.place.owner})
        await asyncio.to_thread(Path(config.log_directory).mkdir, parents=True, exist_ok=True)
        try:
            config = replace(config, runtime_handler=await self._handler(pod))
            return await self.runtime.run_sandbox(config), config
        except CriError as error:
            text = f"Failed to create pod sandbox: {error.message}"
            self.event(pod, "Warning", "FailedCreatePodSandBox", text)
            raise

    def _sandbox_config(self, pod: Obj, attempt: int) -> SandboxConfig:
        parent = self.place.cgroups.parent(pod) if self.place.cgroups is not None else ""
        return sandbox_config(pod, attempt, self.place.log_root, self.place.dns, parent)

    async def _cgroup(self, pod: Obj, limits: Limits | None = None) -> None:
        """Make the pod's cgroup, or change its limits. Raises CriError."""
        if self.place.cgroups is None:
            return
        try:
            await asyncio.to_thread(self.place.cgroups.set_up, pod, limits)
        except OSError as error:
            raise CriError("INTERNAL", f"failed to set up the pod's cgroup: {error}") from error

    async def _handler(self, pod: Obj) -> str:
        """The runtime's handler of the pod's RuntimeClass. Raises CriError."""
        name = spec(pod).get("runtimeClassName")
        if not name:
            return ""
        try:
            found = await self.reader.get("RuntimeClass", "", name)
        except OSError as error:
            raise CriError("UNAVAILABLE", str(error)) from error
        if found is None:
            raise CriError("NOT_FOUND", f'failed to get sandbox runtime: RuntimeClass "{name}" not found')
        return str(found.get("handler") or "")

    async def forget(self, uid: str) -> None:
        """The pod's containers have ended for good: its cgroup goes."""
        if self.place.cgroups is not None:
            await asyncio.to_thread(self.place.cgroups.remove, uid)

    async def start(
        self, pod: Obj, start: Start, sandbox_id: str, ips: tuple[str, ...], paths: Mapping[str, VolumePath]
    ) -> str:
        """Pull, create and start a container; its id. Raises NotStarted."""
        name = start.name
        container = next(c for c in every_container(pod) if c["name"] == name)
        try:
            secrets = await self._pull_secrets(pod)
            image_ref = await self.images.ensure(pod, container, secrets)
            paths = {**paths, **await self._image_volumes(pod, container, secrets)}
        except ImageError as error:
            raise NotStarted(Waiting(error.reason, error.message)) from error
        container_id = await self._create(pod, container, start, image_ref, sandbox_id, ips, paths)
        self.event(pod, "Normal", "Created", "Container created", name)
        try:
            await self.runtime.start_container(container_id)
        except CriError as error:
            self.event(pod, "Warning", "Failed", f"Error: {error.message}", name)
            raise NotStarted(Waiting("RunContainerError", error.message)) from error
        self.event(pod, "Normal", "Started", "Container started", name)
        return container_id

    async def _image_volumes(self, pod: Obj, container: Obj, secrets: Sequence[Obj]) -> dict[str, VolumePath]:
        """The image volumes that a container mounts, pulled. Raises ImageError."""
        mounted = {mount["name"] for mount in container.get("volumeMounts") or ()}
        found = {}
        for volume in spec(pod).get("volumes") or ():
            source = volume.get("image")
            if source and volume["name"] in mounted:
                asked = {"name": "", "image": source.get("reference"), "imagePullPolicy": source.get("pullPolicy")}
                ref = await self.images.ensure(pod, asked, secrets)
                found[volume["name"]] = VolumePath("", readonly=True, wide=False, image=ref)
        return found

    async def _create(
        self, pod: Obj, container: Obj, start: Start, image_ref: str, sandbox_id: str, ips: tuple[str, ...],
        paths: Mapping[str, VolumePath],
    ) -> str:  # fmt: skip
        name = container["name"]
        try:
            env = await self._environment(pod, container, ips)
            mounts = await asyncio.to_thread(self.volumes.mounts, pod, container, start.attempt, paths, env, ips)
            config = container_config(
                pod, container, start.attempt, image_ref, env, mounts, self.place.memory, self.place.seccomp
            )
            config = replace(config, security=_beside(config.security, container, start.target))
            if must_not_be_root(pod, container) and config.security.run_as_user is None:
                refuse_root(pod, container, await self.images.user(image_ref))
        except (ConfigError, VolumeError, ValueError, OSError) as error:
            self.event(pod, "Warning", "Failed", f"Error: {error}", name)
            raise NotStarted(Waiting("CreateContainerConfigError", str(error))) from error
        sandbox = self._sandbox_config(pod, 0)
        if config.log_path:
            folder = (Path(sandbox.log_directory) / config.log_path).parent
            await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        try:
            return await self.runtime.create_container(sandbox_id, config, sandbox)
        except CriError as error:
            self.event(pod, "Warning", "Failed", f"Error: {error.message}", name)
            raise NotStarted(Waiting("CreateContainerError", error.message)) from error

    async def _environment(self, pod: Obj, container: Obj, ips: tuple[str, ...]) -> list[tuple[str, str]]:
        namespace = pod["metadata"]["namespace"]
        found = {}
        for kind, name in config_sources(container):
            found[kind, name] = await self.reader.get(kind, namespace, name)
        services = self.reader.services(namespace)
        return environment(
            pod, container, ips, self.place.host_ip, self.reader.node(), lambda kind, ns, name: found.get((kind, name)),
            services, self.place.master,
        )  # fmt: skip

    async def _pull_secrets(self, pod: Obj) -> list[Obj]:
        names = [ref["name"] for ref in spec(pod).get("imagePullSecrets") or () if ref.get("name")]
        found = []
        for name in names:
            try:
                found.append(await self.reader.get("Secret", pod["metadata"]["namespace"], name))
            except OSError as error:
                log.info("pull secret %s: %s", name, error)
                found.append(None)
        missing = [name for name, secret in zip(names, found, strict=True) if secret is None]
        if missing:
            text = f"Unable to retrieve some image pull secrets ({', '.join(missing)}); attempting to pull the image "
            self.event(pod, "Warning", "FailedToRetrieveImagePullSecret", f"{text}may not succeed.")
        return [secret for secret in found if secret is not None]

    # --- resizing

    async def resize(self, pod: Obj, todo: Sequence[Update], actual: dict[str, Amounts]) -> None:
        """Give running containers other limits, one by one; notes in `actual` what is done. Raises CriError."""
        shrinks = any(u.kind == "memory" and u.new.memory_limit for u in todo)
        if shrinks and (problem := too_small(todo, await self._memory_used(pod))):
            raise CriError("FAILED_PRECONDITION", problem)
        await self.regroup(pod, todo)
        for update in todo:
            container = next(c for c in every_container(pod) if c["name"] == update.name)
            target = after(update, actual[update.name])
            score = oom_score(pod, container, self.place.memory)
            await self.runtime.update_container(update.container_id, limits_of(target, score))
            actual[update.name] = target
        await self._cgroup(pod)

    async def regroup(self, pod: Obj, todo: Sequence[Update]) -> None:
        """Give a pod's cgroup room for what its containers have and for what they are to get. Raises CriError."""
        final = limits_of_pod(pod)
        await self._cgroup(pod, widest(final, limits_of_pod(_as_before(pod, todo))) if todo else final)

    async def _memory_used(self, pod: Obj) -> dict[str, int | None]:
        uid = pod["metadata"]["uid"]
        used = [c for p in await self.runtime.usage() if p.uid == uid for c in p.containers]
        return {c.name: c.memory.usage if c.memory is not None else None for c in used}

    # --- ending

    def _ip(self, ips: tuple[str, ...]) -> str:
        return next(iter(ips), self.place.host_ip)

    async def post_start(self, pod: Obj, container: Obj, container_id: str, ips: tuple[str, ...]) -> bool:
        """Run the postStart hook, if there is one; False when it failed."""
        hook = (container.get("lifecycle") or {}).get("postStart")
        if not hook:
            return True
        limit = float("inf") if "sleep" in hook else HOOK_TIMEOUT
        outcome = await self.handlers.run(container, hook, container_id, self._ip(ips), limit, "lifecycle")
        if not outcome.ok:
            log.info("postStart hook of %s: %s", container["name"], outcome.message)
            self.event(pod, "Warning", "FailedPostStartHook", "PostStartHook failed", container["name"])
        return bool(outcome.ok)

    async def stop(self, pod: Obj, run: Container, message: str, grace: int, ips: tuple[str, ...] = ()) -> None:
        """Run the preStop hook and stop a container within `grace` seconds. What is gone already is fine."""
        name = run.name
        container: Obj = next((c for c in every_container(pod) if c["name"] == name), {"name": name})
        self.event(pod, "Normal", "Killing", message or f"Stopping container {name}", name)
        began = self.clock.monotonic()
        if grace > 0 and ((container.get("lifecycle") or {}).get("preStop")):
            hook = container["lifecycle"]["preStop"]
            outcome = await self.handlers.run(container, hook, run.id, self._ip(ips), float(grace), "lifecycle")
            if not outcome.ok:
                log.info("preStop hook of %s: %s", name, outcome.message)
                self.event(pod, "Warning", "FailedPreStopHook", "PreStopHook failed", name)
            left = grace - round(self.clock.monotonic() - began)
            grace = max(left, MINIMUM_GRACE)
        try:
            await self.runtime.stop_container(run.id, grace)
        except CriError as error:
            if error.code != "NOT_FOUND":
                raise

    async def stop_all(self, pod: Obj, status: PodStatus, grace: int) -> None:
        """Stop all containers at once, sidecars after the others in reverse order, then the sandboxes."""
        alive = (ContainerState.RUNNING, ContainerState.UNKNOWN)
        running = [c for c in status.containers if c.state in alive]
        sidecars = [c["name"] for c in init_containers(pod) if is_sidecar(c)]
        began = self.clock.monotonic()
        first = [c for c in running if c.name not in sidecars]
        await asyncio.gather(*(self.stop(pod, run, "", grace, status.ips) for run in first))
        for name in reversed(sidecars):
            left = max(0, grace - round(self.clock.monotonic() - began)) if grace else 0
            for run in (c for c in running if c.name == name):
                await self.stop(pod, run, "", max(left, MINIMUM_GRACE) if grace else 0, status.ips)
        for sandbox in status.sandboxes:
            await self._gone(self.runtime.stop_sandbox(sandbox.id))

    async def remove_all(self, status: PodStatus, *, logs: bool = True) -> None:
        """Remove what has been stopped, and its logs."""
        for run in status.containers:
            await self._gone(self.runtime.remove_container(run.id))
        for sandbox in status.sandboxes:
            await self._gone(self.runtime.remove_sandbox(sandbox.id))
        if status.name and logs:
            meta = {"namespace": status.namespace, "name": status.name, "uid": status.uid}
            folder = log_directory({"metadata": meta}, self.place.log_root)
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def remove_old(self, pod: Obj, status: PodStatus) -> bool:
        """Remove runs that nobody can ask for any more: all but the newest two of a container; old sandboxes."""
        removed = False
        for container in every_container(pod):
            runs = sorted(
                (c for c in status.containers if c.name == container["name"]), key=lambda c: (c.attempt, c.created_at)
            )
            for run in runs[:-2]:
                if run.state is ContainerState.EXITED:
                    await self._gone(self.runtime.remove_container(run.id))
                    removed = True
        used = {c.sandbox_id for c in status.containers}
        newest = max(status.sandboxes, key=lambda s: (s.attempt, s.created_at), default=None)
        for sandbox in status.sandboxes:
            if sandbox is not newest and sandbox.state is not SandboxState.READY and sandbox.id not in used:
                await self._gone(self.runtime.remove_sandbox(sandbox.id))
                removed = True
        return removed

    @staticmethod
    async def _gone(call: Awaitable[None]) -> None:
        try:
            await call
        except CriError as error:
            if error.code != "NOT_FOUND":
                raise


def _as_before(pod: Obj, todo: Sequence[Update]) -> Obj:
    """The pod with what its containers have until they are resized."""
    old = {u.name: u.old for u in todo}

    def before(container: Obj) -> Obj:
        had = old.get(container["name"])
        if had is None:
            return container
        limits = {"cpu": f"{had.cpu_limit}m", "memory": str(had.memory_limit)}
        requests = {"cpu": f"{had.cpu_request}m", "memory": str(had.memory_request)}
        return {**container, "resources": {"requests": requests, "limits": limits}}

    kinds = {key: [before(c) for c in spec(pod)[key]] for key in ("containers", "initContainers") if spec(pod).get(key)}
    return {**pod, "spec": {**spec(pod), **kinds}}


def field_of(pod: Obj, name: str) -> str:
    """Under which field of the spec a container is."""
    if any(c["name"] == name for c in init_containers(pod)):
        return "initContainers"
    return "ephemeralContainers" if any(c["name"] == name for c in ephemeral_containers(pod)) else "containers"


def _beside(security: Security, container: Obj, target: str) -> Security:
    """Security of a container that is to see the processes of its target. Raises ConfigError when that is not there."""
    wanted = container.get("targetContainerName")
    if not wanted:
        return security
    if not target:
        raise ConfigError(f"unable to find target container {wanted}")
    shared = security.host_pid or security.share_pid
    return security if shared else replace(security, target_id=target)


def config_sources(container: Obj) -> list[tuple[str, str]]:
    """The ConfigMaps and Secrets that a container's environment is made from: kind and name."""
    found = []
    for source in container.get("envFrom") or ():
        for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if ref := source.get(key):
                found.append((kind, ref.get("name", "")))
    for variable in container.get("env") or ():
        origin = variable.get("valueFrom") or {}
        for key, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            if ref := origin.get(key):
                found.append((kind, ref.get("name", "")))
    return found
