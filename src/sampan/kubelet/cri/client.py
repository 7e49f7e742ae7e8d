"""Runtime over CRI's gRPC on a unix socket: deadlines on every call, errors as CriError, reconnecting by itself."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, TypeVar

from grpclib.client import Channel, UnaryStreamMethod, UnaryUnaryMethod
from grpclib.exceptions import GRPCError, ProtocolError, StreamTerminatedError
from h2.exceptions import H2Error

from sampan.kubelet.cri import convert
from sampan.kubelet.cri import messages_pb2 as pb
from sampan.kubelet.cri import usage as used
from sampan.kubelet.runtime import (
    Command,
    Condition,
    Container,
    ContainerConfig,
    ContainerEvent,
    CriError,
    Image,
    PodStatus,
    Resources,
    RuntimeVersion,
    Sandbox,
    SandboxConfig,
)
from sampan.kubelet.usage import ImageDisks, PodUsage

RUNTIME = "/runtime.v1.RuntimeService/"
IMAGES = "/runtime.v1.ImageService/"
MOST_AT_ONCE = 16
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds that a call may take before it fails with DEADLINE_EXCEEDED; None waits for ever."""

    ask: float = 30.0
    """Version, Status, listings and status calls."""
    act: float = 120.0
    """Calls that change something; StopContainer and ExecSync get their own timeout on top."""
    pull: float | None = None


def socket_path(endpoint: str) -> str:
    """The path of `unix:///run/x.sock`, or of a bare path."""
    return endpoint.removeprefix("unix://")


class CriRuntime:
    """containerd, CRI-O or whatever speaks CRI runtime.v1 on `endpoint` (a path, or unix:// and a path)."""

    def __init__(self, endpoint: str, deadlines: Deadlines | None = None) -> None:
        self.path = socket_path(endpoint)
        self.deadlines = deadlines or Deadlines()
        self._channel: Channel | None = None
        self.observer: Callable[[str, float, bool], None] = lambda call, seconds, failed: None
        """Told of every call: CRI's name, seconds, whether it failed."""

    # --- the wire ---

    def _open(self) -> Channel:
        if self._channel is None:
            self._channel = Channel(path=self.path)
        return self._channel

    async def _call(self, path: str, request: Any, answer: type[Answer], deadline: float | None) -> Answer:
        method: UnaryUnaryMethod[Any, Answer] = UnaryUnaryMethod(self._open(), path, type(request), answer)
        call, began, failed = path.rsplit("/", 1)[1], perf_counter(), True
        try:
            answered = await method(request, timeout=deadline)
            failed = False
            return answered
        except (GRPCError, TimeoutError, OSError, StreamTerminatedError, ProtocolError, H2Error) as error:
            raise self._translate(error, call) from error
        finally:
            self.observer(call, perf_counter() - began, failed)

    def _translate(self, error: Exception, call: str) -> CriError:
        """What went wrong, in words for whoever runs the node; the code is gRPC's name."""
        match error:
            case GRPCError():
                if error.status.name == "UNIMPLEMENTED" and call == "Version":
                    return CriError("UNIMPLEMENTED", f"{self.path} serves gRPC, but not CRI runtime.v1")
                return CriError(error.status.name, error.message or error.status.name.lower())
            case FileNotFoundError():
                return CriError("UNAVAILABLE", f"no container runtime: there is no socket {self.path}")
            case PermissionError():
                return CriError("PERMISSION_DENIED", f"no rights on the container runtime's socket {self.path}")
            case ConnectionRefusedError():
                return CriError("UNAVAILABLE", f"no container runtime listens on {self.path}")
            case TimeoutError():
                return CriError("DEADLINE_EXCEEDED", f"{call} was not answered in time by {self.path}")
            case ProtocolError() | H2Error():
                return CriError("UNAVAILABLE", f"{self.path} does not speak gRPC: {error}")
            case _:
                return CriError("UNAVAILABLE", f"{call}: the connection to {self.path} broke: {error}")

    async def close(self) -> None:
        if self._channel is not None:
            channel, self._channel = self._channel, None
            channel.close()
            await asyncio.sleep(0)

    # --- the runtime ---

    async def version(self) -> RuntimeVersion:
        asked = pb.VersionRequest(version="v1")
        deadline = min(5.0, self.deadlines.ask)
        return convert.version(await self._call(RUNTIME + "Version", asked, pb.VersionResponse, deadline))

    async def status(self) -> tuple[Condition, ...]:
        answer = await self._call(RUNTIME + "Status", pb.StatusRequest(), pb.StatusResponse, self.deadlines.ask)
        return convert.conditions(answer)

    async def cgroup_driver(self) -> Literal["cgroupfs", "systemd", ""]:
        """How the runtime makes cgroups; empty when it does not say."""
        try:
            told = await self._call(
                RUNTIME + "RuntimeConfig", pb.RuntimeConfigRequest(), pb.RuntimeConfigResponse, self.deadlines.ask
            )
            return "cgroupfs" if told.linux.cgroup_driver else "systemd"
        except CriError as error:
            if error.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
                raise
        asked = pb.StatusRequest(verbose=True)
        answer = await self._call(RUNTIME + "Status", asked, pb.StatusResponse, self.deadlines.ask)
        return convert.cgroup_driver(answer.info.get("config", ""))

    # --- sandboxes ---

    async def list_sandboxes(self) -> list[Sandbox]:
        answer = await self._call(
            RUNTIME + "ListPodSandbox", pb.ListPodSandboxRequest(), pb.ListPodSandboxResponse, self.deadlines.ask
        )
        return [convert.sandbox(item) for item in answer.items]

    async def run_sandbox(self, config: SandboxConfig) -> str:
        asked = pb.RunPodSandboxRequest(config=convert.sandbox_config(config), runtime_handler=config.runtime_handler)
        answer = await self._call(RUNTIME + "RunPodSandbox", asked, pb.RunPodSandboxResponse, self.deadlines.act)
        return answer.pod_sandbox_id

    async def stop_sandbox(self, sandbox_id: str) -> None:
        asked = pb.StopPodSandboxRequest(pod_sandbox_id=sandbox_id)
        await self._call(RUNTIME + "StopPodSandbox", asked, pb.StopPodSandboxResponse, self.deadlines.act)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        asked = pb.RemovePodSandboxRequest(pod_sandbox_id=sandbox_id)
        await self._call(RUNTIME + "RemovePodSandbox", asked, pb.RemovePodSandboxResponse, self.deadlines.act)

    async def pod_status(self, uid: str, sandbox_ids: tuple[str, ...]) -> PodStatus:
        """One status call per sandbox, and one per container if the runtime does not give them along (FACTS 1.2)."""
        limit = asyncio.Semaphore(MOST_AT_ONCE)
        seen = await asyncio.gather(*(self._sandbox(sandbox_id, limit) for sandbox_id in sandbox_ids))
        found = sorted((s for s in seen if s is not None), key=lambda s: (-s[0].created_at, s[0].id))
        sandboxes = tuple(sandbox for sandbox, _, _ in found)
        newest = sandboxes[0] if sandboxes else None
        stamps = [stamp for _, _, stamp in found]
        return PodStatus(
            uid=uid,
            name=newest.pod_name if newest else "",
            namespace=newest.pod_namespace if newest else "",
            sandboxes=sandboxes,
            containers=convert.newest_first(c for _, containers, _ in found for c in containers),
            ips=next((s.ips for s in sandboxes if s.state == 0), ()),
            timestamp=min(stamps) if stamps and all(stamps) else 0,
        )

    async def _sandbox(
        self, sandbox_id: str, limit: asyncio.Semaphore
    ) -> tuple[Sandbox, tuple[Container, ...], int] | None:
        asked = pb.PodSandboxStatusRequest(pod_sandbox_id=sandbox_id)
        try:
            async with limit:
                answer = await self._call(
                    RUNTIME + "PodSandboxStatus", asked, pb.PodSandboxStatusResponse, self.deadlines.ask
                )
        except CriError as error:
            if error.code == "NOT_FOUND":
                return None
            raise
        sandbox = convert.sandbox_status(answer.status)
        if answer.timestamp and answer.containers_statuses:  # one without the other is a known bug of containerd 2.0
            given = tuple(convert.container_status(c, sandbox.id) for c in answer.containers_statuses)
            return sandbox, given, answer.timestamp
        return sandbox, await self._containers_of(sandbox.id, limit), 0

    async def _containers_of(self, sandbox_id: str, limit: asyncio.Semaphore) -> tuple[Container, ...]:
        asked = pb.ListContainersRequest(filter=pb.ContainerFilter(pod_sandbox_id=sandbox_id))
        async with limit:
            listed = await self._call(RUNTIME + "ListContainers", asked, pb.ListContainersResponse, self.deadlines.ask)

        async def one(container_id: str) -> Container | None:
            try:
                async with limit:
                    return await self._container(container_id, sandbox_id)
            except CriError as error:
                if error.code == "NOT_FOUND":
                    return None
                raise

        found = await asyncio.gather(*(one(item.id) for item in listed.containers))
        return tuple(c for c in found if c is not None)

    # --- containers ---

    async def list_containers(self) -> list[Container]:
        answer = await self._call(
            RUNTIME + "ListContainers", pb.ListContainersRequest(), pb.ListContainersResponse, self.deadlines.ask
        )
        return [convert.container(item) for item in answer.containers]

    async def create_container(self, sandbox_id: str, config: ContainerConfig, sandbox: SandboxConfig) -> str:
        asked = pb.CreateContainerRequest(
            pod_sandbox_id=sandbox_id,
            config=convert.container_config(config),
            sandbox_config=convert.sandbox_config(sandbox),
        )
        answer = await self._call(RUNTIME + "CreateContainer", asked, pb.CreateContainerResponse, self.deadlines.act)
        return answer.container_id

    async def start_container(self, container_id: str) -> None:
        asked = pb.StartContainerRequest(container_id=container_id)
        await self._call(RUNTIME + "StartContainer", asked, pb.StartContainerResponse, self.deadlines.act)

    async def stop_container(self, container_id: str, timeout: int) -> None:
        asked = pb.StopContainerRequest(container_id=container_id, timeout=timeout)
        deadline = self.deadlines.act + timeout
        await self._call(RUNTIME + "StopContainer", asked, pb.StopContainerResponse, deadline)

    async def remove_container(self, container_id: str) -> None:
        asked = pb.RemoveContainerRequest(container_id=container_id)
        await self._call(RUNTIME + "RemoveContainer", asked, pb.RemoveContainerResponse, self.deadlines.act)

    async def container_status(self, container_id: str) -> Container:
        return await self._container(container_id, "")

    async def _container(self, container_id: str, sandbox_id: str) -> Container:
        asked = pb.ContainerStatusRequest(container_id=container_id)
        answer = await self._call(RUNTIME + "ContainerStatus", asked, pb.ContainerStatusResponse, self.deadlines.ask)
        return convert.container_status(answer.status, sandbox_id)

    async def exec_sync(self, container_id: str, command: tuple[str, ...], timeout: int) -> tuple[int, bytes, bytes]:
        asked = pb.ExecSyncRequest(container_id=container_id, cmd=command, timeout=timeout)
        deadline = self.deadlines.act + timeout if timeout else None
        answer = await self._call(RUNTIME + "ExecSync", asked, pb.ExecSyncResponse, deadline)
        return answer.exit_code, answer.stdout, answer.stderr

    async def open_command(self, asked: Command) -> str:
        streams = {"stdin": asked.stdin, "stdout": asked.stdout, "stderr": asked.stderr, "tty": asked.tty}
        if asked.command is None:
            attach = pb.AttachRequest(container_id=asked.container_id, **streams)
            return (await self._call(RUNTIME + "Attach", attach, pb.AttachResponse, self.deadlines.ask)).url
        execute = pb.ExecRequest(container_id=asked.container_id, cmd=asked.command, **streams)
        return (await self._call(RUNTIME + "Exec", execute, pb.ExecResponse, self.deadlines.ask)).url

    async def open_ports(self, sandbox_id: str, ports: tuple[int, ...]) -> str:
        wanted = pb.PortForwardRequest(pod_sandbox_id=sandbox_id, port=ports)
        return (await self._call(RUNTIME + "PortForward", wanted, pb.PortForwardResponse, self.deadlines.ask)).url

    async def reopen_log(self, container_id: str) -> None:
        asked = pb.ReopenContainerLogRequest(container_id=container_id)
        await self._call(RUNTIME + "ReopenContainerLog", asked, pb.ReopenContainerLogResponse, self.deadlines.ask)

    async def update_container(self, container_id: str, resources: Resources) -> None:
        asked = pb.UpdateContainerResourcesRequest(container_id=container_id, linux=convert.resources(resources))
        await self._call(
            RUNTIME + "UpdateContainerResources", asked, pb.UpdateContainerResourcesResponse, self.deadlines.act
        )

    async def update_sandbox(self, sandbox_id: str, overhead: Resources, resources: Resources) -> None:
        asked = pb.UpdatePodSandboxResourcesRequest(
            pod_sandbox_id=sandbox_id, overhead=convert.resources(overhead), resources=convert.resources(resources)
        )
        await self._call(
            RUNTIME + "UpdatePodSandboxResources", asked, pb.UpdatePodSandboxResourcesResponse, self.deadlines.act
        )

    # --- usage ---

    async def usage(self) -> list[PodUsage]:
        """By ListPodSandboxStats; a runtime that has not got it is asked for its containers' stats alone.

        containerd 2 refuses the whole list when one sandbox, be it of somebody else, was made without a cgroup.
        """
        asked = pb.ListPodSandboxStatsRequest()
        try:
            answer = await self._call(
                RUNTIME + "ListPodSandboxStats", asked, pb.ListPodSandboxStatsResponse, self.deadlines.ask
            )
        except CriError as error:
            if error.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
                raise
            return await self._usage_of_containers()
        return [used.pod(item) for item in answer.stats]

    async def _usage_of_containers(self) -> list[PodUsage]:
        answer = await self._call(
            RUNTIME + "ListContainerStats", pb.ListContainerStatsRequest(), pb.ListContainerStatsResponse,
            self.deadlines.ask,
        )  # fmt: skip
        by_id = {item.attributes.id: used.container(item) for item in answer.stats}
        runs, boxes = await self.list_containers(), await self.list_sandboxes()
        return [
            PodUsage(
                box.id, box.pod_uid, box.pod_name, box.pod_namespace,
                containers=tuple(by_id[run.id] for run in runs if run.sandbox_id == box.id and run.id in by_id),
            )
            for box in boxes
        ]  # fmt: skip

    async def image_disks(self) -> ImageDisks:
        asked = pb.ImageFsInfoRequest()
        return used.image_disks(
            await self._call(IMAGES + "ImageFsInfo", asked, pb.ImageFsInfoResponse, self.deadlines.ask)
        )

    # --- events ---

    async def events(self, opened: Callable[[], None] | None = None) -> AsyncIterator[ContainerEvent]:
        """GetContainerEvents. `opened` is called when the request is out on a live connection: gRPC servers send no
        headers before the first message, so a refusal (UNIMPLEMENTED) may still follow."""
        method = UnaryStreamMethod(
            self._open(), RUNTIME + "GetContainerEvents", pb.GetEventsRequest, pb.ContainerEventResponse
        )
        try:
            async with method.open() as stream:
                await stream.send_message(pb.GetEventsRequest(), end=True)
                if opened is not None:
                    opened()
                try:
                    async for message in stream:
                        event = convert.event(message)
                        if event is not None:
                            yield event
                except (GeneratorExit, asyncio.CancelledError):
                    with contextlib.suppress(Exception):
                        await stream.cancel()
                    raise
        except (GRPCError, TimeoutError, OSError, StreamTerminatedError, ProtocolError, H2Error) as error:
            raise self._translate(error, "GetContainerEvents") from error

    # --- images ---

    async def image_status(self, image: str) -> Image | None:
        asked = pb.ImageStatusRequest(image=pb.ImageSpec(image=image))
        answer = await self._call(IMAGES + "ImageStatus", asked, pb.ImageStatusResponse, self.deadlines.ask)
        return convert.image(answer.image) if answer.HasField("image") and answer.image.id else None

    async def list_images(self) -> list[Image]:
        answer = await self._call(
            IMAGES + "ListImages", pb.ListImagesRequest(), pb.ListImagesResponse, self.deadlines.ask
        )
        return [convert.image(item) for item in answer.images]

    async def pull_image(self, image: str, auth: Mapping[str, str] | None = None) -> str:
        asked = pb.PullImageRequest(image=pb.ImageSpec(image=image), auth=convert.auth_config(auth))
        answer = await self._call(IMAGES + "PullImage", asked, pb.PullImageResponse, self.deadlines.pull)
        return answer.image_ref

    async def remove_image(self, image: str) -> None:
        asked = pb.RemoveImageRequest(image=pb.ImageSpec(image=image))
        await self._call(IMAGES + "RemoveImage", asked, pb.RemoveImageResponse, self.deadlines.act)


def looks_like_socket(endpoint: str) -> bool:
    """There is a unix socket at the endpoint; whether anyone listens is another question."""
    with contextlib.suppress(OSError):
        return Path(socket_path(endpoint)).is_socket()
    return False
