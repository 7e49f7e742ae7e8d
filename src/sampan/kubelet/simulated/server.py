"""CriServer: any Runtime behind CRI's gRPC on a unix socket, for node agents that want to be spoken to like that."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakSet

from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.protocol import H2Protocol
from grpclib.server import Server, Stream

from sampan.kubelet.cri import messages_pb2 as pb
from sampan.kubelet.cri import usage
from sampan.kubelet.cri.convert import limits
from sampan.kubelet.runtime import CriError, Runtime
from sampan.kubelet.simulated import wire

RUNTIME = "/runtime.v1.RuntimeService/"
IMAGES = "/runtime.v1.ImageService/"
Answer = Callable[[Any], Awaitable[Any]]


@contextmanager
def told_as_grpc() -> Iterator[None]:
    """A refusal of the runtime is gRPC's."""
    try:
        yield
    except CriError as error:
        known = error.code in Status.__members__
        raise GRPCError(Status[error.code] if known else Status.UNKNOWN, error.message) from error


class ForgetfulServer(Server):
    """grpclib's server, which forgets its connections: a runtime that ends takes them along."""

    def __init__(self, handlers: list[Any]) -> None:
        super().__init__(handlers)
        self._protocols: WeakSet[H2Protocol] = WeakSet()

    def _protocol_factory(self) -> H2Protocol:
        made = super()._protocol_factory()
        self._protocols.add(made)
        return made

    def close(self) -> None:
        super().close()
        for protocol in self._protocols:
            if hasattr(protocol, "connection"):  # it has not when the peer came this very moment
                protocol.connection.close()


class CriServer:
    """Serves `runtime`, which stays the caller's to close; the part of CRI runtime.v1 that node agents use.

    The socket is made by `start`, with rights for its owner only, and taken away by `close`.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._path: Path | None = None
        self._server: ForgetfulServer | None = None

    async def start(self, path: Path) -> str:
        """Listen on the path; returns the endpoint, unix:// and the path. Raises OSError."""
        self._server = ForgetfulServer([self])
        await self._server.start(path=str(path))
        await asyncio.to_thread(os.chmod, path, 0o600)
        self._path = path
        return f"unix://{path}"

    async def close(self) -> None:
        """End all calls and connections."""
        if self._server is None:
            return
        self._server.close()
        await self._server.wait_closed()
        self._server = None
        if self._path is not None:
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()

    def __mapping__(self) -> Mapping[str, Handler]:
        """What grpclib asks for: every call by its path."""
        made: dict[str, Handler] = {}
        for path, (asked, answered, function) in self._calls().items():
            made[path] = Handler(_unary(function), Cardinality.UNARY_UNARY, asked, answered)
        events = RUNTIME + "GetContainerEvents"
        made[events] = Handler(
            self._events, Cardinality.UNARY_STREAM, pb.GetEventsRequest, pb.ContainerEventResponse
        )  # fmt: skip
        return made

    def _calls(self) -> dict[str, tuple[type, type, Answer]]:
        return {
            RUNTIME + "Version": (pb.VersionRequest, pb.VersionResponse, self._version),
            RUNTIME + "Status": (pb.StatusRequest, pb.StatusResponse, self._status),
            RUNTIME + "ListPodSandbox": (pb.ListPodSandboxRequest, pb.ListPodSandboxResponse, self._list_sandboxes),
            RUNTIME + "PodSandboxStatus": (
                pb.PodSandboxStatusRequest, pb.PodSandboxStatusResponse, self._sandbox_status,
            ),
            RUNTIME + "RunPodSandbox": (pb.RunPodSandboxRequest, pb.RunPodSandboxResponse, self._run_sandbox),
            RUNTIME + "StopPodSandbox": (pb.StopPodSandboxRequest, pb.StopPodSandboxResponse, self._stop_sandbox),
            RUNTIME + "RemovePodSandbox": (
                pb.RemovePodSandboxRequest, pb.RemovePodSandboxResponse, self._remove_sandbox,
            ),
            RUNTIME + "ListContainers": (pb.ListContainersRequest, pb.ListContainersResponse, self._list_containers),
            RUNTIME + "ContainerStatus": (
                pb.ContainerStatusRequest, pb.ContainerStatusResponse, self._container_status,
            ),
            RUNTIME + "CreateContainer": (
                pb.CreateContainerRequest, pb.CreateContainerResponse, self._create_container,
            ),
            RUNTIME + "StartContainer": (pb.StartContainerRequest, pb.StartContainerResponse, self._start_container),
            RUNTIME + "StopContainer": (pb.StopContainerRequest, pb.StopContainerResponse, self._stop_container),
            RUNTIME + "RemoveContainer": (
                pb.RemoveContainerRequest, pb.RemoveContainerResponse, self._remove_container,
            ),
            RUNTIME + "ExecSync": (pb.ExecSyncRequest, pb.ExecSyncResponse, self._exec_sync),
            RUNTIME + "ReopenContainerLog": (
                pb.ReopenContainerLogRequest, pb.ReopenContainerLogResponse, self._reopen_log,
            ),
            RUNTIME + "UpdateContainerResources": (
                pb.UpdateContainerResourcesRequest, pb.UpdateContainerResourcesResponse, self._update_container,
            ),
            RUNTIME + "ListPodSandboxStats": (
                pb.ListPodSandboxStatsRequest, pb.ListPodSandboxStatsResponse, self._usage,
            ),
            IMAGES + "ImageFsInfo": (pb.ImageFsInfoRequest, pb.ImageFsInfoResponse, self._image_disks),
            IMAGES + "ImageStatus": (pb.ImageStatusRequest, pb.ImageStatusResponse, self._image_status),
            IMAGES + "ListImages": (pb.ListImagesRequest, pb.ListImagesResponse, self._list_images),
            IMAGES + "PullImage": (pb.PullImageRequest, pb.PullImageResponse, self._pull_image),
            IMAGES + "RemoveImage": (pb.RemoveImageRequest, pb.RemoveImageResponse, self._remove_image),
        }  # fmt: skip

    # --- the runtime

    async def _version(self, asked: pb.VersionRequest) -> pb.VersionResponse:
        return wire.version(await self.runtime.version())

    async def _status(self, asked: pb.StatusRequest) -> pb.StatusResponse:
        return wire.conditions(await self.runtime.status())

    async def _events(self, stream: Stream[pb.GetEventsRequest, pb.ContainerEventResponse]) -> None:
        await stream.recv_message()
        with told_as_grpc():
            async with aclosing(self.runtime.events()) as events:  # type: ignore[type-var]
                async for event in events:
                    await stream.send_message(wire.event(event))

    # --- sandboxes

    async def _list_sandboxes(self, asked: pb.ListPodSandboxRequest) -> pb.ListPodSandboxResponse:
        return pb.ListPodSandboxResponse(items=[wire.sandbox(box) for box in await self.runtime.list_sandboxes()])

    async def _sandbox_status(self, asked: pb.PodSandboxStatusRequest) -> pb.PodSandboxStatusResponse:
        status = await self.runtime.pod_status("", (asked.pod_sandbox_id,))
        if not status.sandboxes:
            raise CriError(
                "NOT_FOUND", f"an error occurred when try to find sandbox: {asked.pod_sandbox_id}: not found"
            )
        told = status.containers if status.timestamp else ()  # both or neither, as CRI wants it
        return pb.PodSandboxStatusResponse(
            status=wire.sandbox_status(status.sandboxes[0]),
            containers_statuses=[wire.container_status(run) for run in told],
            timestamp=status.timestamp,
        )

    async def _run_sandbox(self, asked: pb.RunPodSandboxRequest) -> pb.RunPodSandboxResponse:
        config = wire.sandbox_config(asked.config, asked.runtime_handler)
        return pb.RunPodSandboxResponse(pod_sandbox_id=await self.runtime.run_sandbox(config))

    async def _stop_sandbox(self, asked: pb.StopPodSandboxRequest) -> pb.StopPodSandboxResponse:
        await self.runtime.stop_sandbox(asked.pod_sandbox_id)
        return pb.StopPodSandboxResponse()

    async def _remove_sandbox(self, asked: pb.RemovePodSandboxRequest) -> pb.RemovePodSandboxResponse:
        await self.runtime.remove_sandbox(asked.pod_sandbox_id)
        return pb.RemovePodSandboxResponse()

    # --- containers

    async def _list_containers(self, asked: pb.ListContainersRequest) -> pb.ListContainersResponse:
        which = asked.filter
        found = [
            run
            for run in await self.runtime.list_containers()
            if which.id in ("", run.id) and which.pod_sandbox_id in ("", run.sandbox_id)
        ]
        return pb.ListContainersResponse(containers=[wire.container(run) for run in found])

    async def _container_status(self, asked: pb.ContainerStatusRequest) -> pb.ContainerStatusResponse:
        run = await self.runtime.container_status(asked.container_id)
        return pb.ContainerStatusResponse(status=wire.container_status(run))

    async def _create_container(self, asked: pb.CreateContainerRequest) -> pb.CreateContainerResponse:
        made = await self.runtime.create_container(
            asked.pod_sandbox_id, wire.container_config(asked.config), wire.sandbox_config(asked.sandbox_config)
        )
        return pb.CreateContainerResponse(container_id=made)

    async def _start_container(self, asked: pb.StartContainerRequest) -> pb.StartContainerResponse:
        await self.runtime.start_container(asked.container_id)
        return pb.StartContainerResponse()

    async def _stop_container(self, asked: pb.StopContainerRequest) -> pb.StopContainerResponse:
        await self.runtime.stop_container(asked.container_id, asked.timeout)
        return pb.StopContainerResponse()

    async def _remove_container(self, asked: pb.RemoveContainerRequest) -> pb.RemoveContainerResponse:
        await self.runtime.remove_container(asked.container_id)
        return pb.RemoveContainerResponse()

    async def _exec_sync(self, asked: pb.ExecSyncRequest) -> pb.ExecSyncResponse:
        code, stdout, stderr = await self.runtime.exec_sync(asked.container_id, tuple(asked.cmd), asked.timeout)
        return pb.ExecSyncResponse(stdout=stdout, stderr=stderr, exit_code=code)

    async def _reopen_log(self, asked: pb.ReopenContainerLogRequest) -> pb.ReopenContainerLogResponse:
        await self.runtime.reopen_log(asked.container_id)
        return pb.ReopenContainerLogResponse()

    async def _update_container(
        self, asked: pb.UpdateContainerResourcesRequest
    ) -> pb.UpdateContainerResourcesResponse:  # fmt: skip
        await self.runtime.update_container(asked.container_id, limits(asked.linux))
        return pb.UpdateContainerResourcesResponse()

    async def _usage(self, asked: pb.ListPodSandboxStatsRequest) -> pb.ListPodSandboxStatsResponse:
        return pb.ListPodSandboxStatsResponse(stats=[usage.pod_message(found) for found in await self.runtime.usage()])

    # --- images

    async def _image_disks(self, asked: pb.ImageFsInfoRequest) -> pb.ImageFsInfoResponse:
        found = await self.runtime.image_disks()
        return pb.ImageFsInfoResponse(
            image_filesystems=[usage.disk_message(d) for d in found.images],
            container_filesystems=[usage.disk_message(d) for d in found.containers],
        )

    async def _image_status(self, asked: pb.ImageStatusRequest) -> pb.ImageStatusResponse:
        found = await self.runtime.image_status(asked.image.image)
        return pb.ImageStatusResponse(image=None if found is None else wire.image(found))

    async def _list_images(self, asked: pb.ListImagesRequest) -> pb.ListImagesResponse:
        return pb.ListImagesResponse(images=[wire.image(found) for found in await self.runtime.list_images()])

    async def _pull_image(self, asked: pb.PullImageRequest) -> pb.PullImageResponse:
        auth = {field.name: value for field, value in asked.auth.ListFields()}
        return pb.PullImageResponse(image_ref=await self.runtime.pull_image(asked.image.image, auth or None))

    async def _remove_image(self, asked: pb.RemoveImageRequest) -> pb.RemoveImageResponse:
        await self.runtime.remove_image(asked.image.image)
        return pb.RemoveImageResponse()


def _unary(function: Answer) -> Callable[[Stream[Any, Any]], Awaitable[None]]:
    async def answer(stream: Stream[Any, Any]) -> None:
        asked = await stream.recv_message()
        with told_as_grpc():
            answered = await function(asked)
        await stream.send_message(answered)

    return answer
