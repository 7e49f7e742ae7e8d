"""HostPathDouble: a CSI driver whose volumes are directories, speaking as upstream's hostpath driver does; for tests.

python -m sampan.kubelet.csi.double --data DIR --registry ROOT/plugins_registry
"""

import argparse
import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.server import Stream

from sampan.kubelet.csi import messages_pb2 as pb
from sampan.kubelet.csi.records import Capability
from sampan.kubelet.simulated.server import ForgetfulServer
from sampan.kubelet.volumes.removal import is_mounted

NAME = "hostpath.csi.k8s.io"
NODE, REGISTRATION = "/csi.v1.Node/", "/pluginregistration.Registration/"
CAPABILITIES = (
    Capability.STAGE_UNSTAGE_VOLUME, Capability.GET_VOLUME_STATS, Capability.EXPAND_VOLUME,
    Capability.SINGLE_NODE_MULTI_WRITER,
)  # fmt: skip
SIZE = 1 << 30


@dataclass(slots=True)
class HostPathDouble:
    """`data` holds the volumes, one directory each; made when they are first staged or published.

    With `mounting` it bind-mounts (needs root), else a target is a directory with a note of its volume.
    """

    data: Path
    name: str = NAME
    node_id: str = "node-x"
    mounting: bool = True
    capabilities: tuple[Capability, ...] = CAPABILITIES
    topology: Mapping[str, str] = field(default_factory=dict)
    most: int = 0
    calls: list[tuple[str, Any]] = field(default_factory=list)
    """Every call of the node service: its name and its request."""
    refusals: dict[str, list[GRPCError]] = field(default_factory=dict)
    """What the next calls of a name are refused with."""
    told: list[tuple[bool, str]] = field(default_factory=list)
    """What the kubelet said of the registration."""
    _servers: list[ForgetfulServer] = field(default_factory=list)
    _sockets: list[Path] = field(default_factory=list)

    async def start(self, registry: Path) -> None:
        """Serve the driver and its registration, as the driver's pod and its registrar do."""
        self.data.mkdir(parents=True, exist_ok=True)
        endpoint, socket = self.data / "csi.sock", registry / f"{self.name}-reg.sock"
        await self._listen(_Service(self._node_calls()), endpoint)
        await self._listen(_Service(self._registration_calls(str(endpoint))), socket)

    async def _listen(self, service: "_Service", path: Path) -> None:
        path.unlink(missing_ok=True)
        server = ForgetfulServer([service])
        await server.start(path=str(path))
        self._servers.append(server)
        self._sockets.append(path)

    async def close(self) -> None:
        """End; its sockets vanish, its mounts stay."""
        for server in self._servers:
            server.close()
            await server.wait_closed()
        for path in self._sockets:
            path.unlink(missing_ok=True)
        self._servers, self._sockets = [], []

    def refuse(self, call: str, status: Status, text: str = "refused", times: int = 1) -> None:
        """Refuse the next calls of this name."""
        self.refusals.setdefault(call, []).extend([GRPCError(status, text)] * times)

    def named(self, *calls: str) -> list[str]:
        """The names of the calls so far that are of these, or all that change something."""
        wanted = calls or ("NodeStageVolume", "NodeUnstageVolume", "NodePublishVolume", "NodeUnpublishVolume")
        return [name for name, _ in self.calls if name in wanted]

    def last(self, call: str) -> Any:
        """The last request of a name."""
        return next(request for name, request in reversed(self.calls) if name == call)

    # --- services

    def _registration_calls(self, endpoint: str) -> dict[str, Any]:
        async def info(asked: Any) -> Any:
            return pb.PluginInfo(type="CSIPlugin", name=self.name, endpoint=endpoint, supported_versions=["1.0.0"])

        async def notified(asked: Any) -> Any:
            self.told.append((asked.plugin_registered, asked.error))
            return pb.RegistrationStatusResponse()

        return {
            f"{REGISTRATION}GetInfo": (pb.InfoRequest, pb.PluginInfo, info),
            f"{REGISTRATION}NotifyRegistrationStatus": (
                pb.RegistrationStatus, pb.RegistrationStatusResponse, notified,
            ),
        }  # fmt: skip

    def _node_calls(self) -> dict[str, Any]:
        table: dict[str, tuple[type, type, Callable[[Any], Any]]] = {
            "NodeGetInfo": (pb.NodeGetInfoRequest, pb.NodeGetInfoResponse, self._info),
            "NodeGetCapabilities": (
                pb.NodeGetCapabilitiesRequest, pb.NodeGetCapabilitiesResponse, self._capabilities,
            ),
            "NodeStageVolume": (pb.NodeStageVolumeRequest, pb.NodeStageVolumeResponse, self._stage),
            "NodeUnstageVolume": (pb.NodeUnstageVolumeRequest, pb.NodeUnstageVolumeResponse, self._unstage),
            "NodePublishVolume": (pb.NodePublishVolumeRequest, pb.NodePublishVolumeResponse, self._publish),
            "NodeUnpublishVolume": (
                pb.NodeUnpublishVolumeRequest, pb.NodeUnpublishVolumeResponse, self._unpublish,
            ),
            "NodeGetVolumeStats": (pb.NodeGetVolumeStatsRequest, pb.NodeGetVolumeStatsResponse, self._stats),
            "NodeExpandVolume": (pb.NodeExpandVolumeRequest, pb.NodeExpandVolumeResponse, self._expand),
        }  # fmt: skip

        def counted(name: str, function: Callable[[Any], Any]) -> Callable[[Any], Awaitable[Any]]:
            async def answer(asked: Any) -> Any:
                self.calls.append((name, asked))
                if self.refusals.get(name):
                    raise self.refusals[name].pop(0)
                return await asyncio.to_thread(function, asked)

            return answer

        return {f"{NODE}{name}": (a, b, counted(name, function)) for name, (a, b, function) in table.items()}

    def _info(self, asked: Any) -> Any:
        topology = pb.Topology(segments=self.topology) if self.topology else None
        return pb.NodeGetInfoResponse(
            node_id=self.node_id, max_volumes_per_node=self.most, accessible_topology=topology
        )  # fmt: skip

    def _capabilities(self, asked: Any) -> Any:
        able = [pb.NodeServiceCapability(rpc=pb.NodeRpc(type=int(c))) for c in self.capabilities]
        return pb.NodeGetCapabilitiesResponse(capabilities=able)

    def _place(self, volume_id: str) -> Path:
        place = self.data / "volumes" / volume_id
        place.mkdir(parents=True, exist_ok=True)
        return place

    def _stage(self, asked: Any) -> Any:
        if not asked.staging_target_path:
            raise GRPCError(Status.INVALID_ARGUMENT, "Staging target path missing in request")
        self._place(asked.volume_id)
        return pb.NodeStageVolumeResponse()

    def _unstage(self, asked: Any) -> Any:
        return pb.NodeUnstageVolumeResponse()

    def _publish(self, asked: Any) -> Any:
        target, place = Path(asked.target_path), self._place(asked.volume_id)
        if is_mounted(target):
            return pb.NodePublishVolumeResponse()
        target.mkdir(exist_ok=True)
        if self.mounting:
            subprocess.run(["mount", "--bind", str(place), str(target)], check=True)
            if asked.readonly:
                subprocess.run(["mount", "-o", "remount,bind,ro", str(target)], check=True)
        return pb.NodePublishVolumeResponse()

    def _unpublish(self, asked: Any) -> Any:
        target = Path(asked.target_path)
        if is_mounted(target):
            subprocess.run(["umount", str(target)], check=True)
        with suppress(FileNotFoundError):
            target.rmdir()
        return pb.NodeUnpublishVolumeResponse()

    def _stats(self, asked: Any) -> Any:
        usage = [
            pb.VolumeUsage(available=SIZE - 4096, total=SIZE, used=4096, unit=1),
            pb.VolumeUsage(available=99, total=100, used=1, unit=2),
        ]
        return pb.NodeGetVolumeStatsResponse(
            usage=usage, volume_condition=pb.VolumeCondition(abnormal=False, message="fine")
        )  # fmt: skip

    def _expand(self, asked: Any) -> Any:
        return pb.NodeExpandVolumeResponse(capacity_bytes=asked.capacity_range.required_bytes)


class _Service:
    """A table of calls as grpclib wants it."""

    def __init__(self, calls: dict[str, Any]) -> None:
        self._calls = calls

    def __mapping__(self) -> Mapping[str, Handler]:
        return {
            path: Handler(_unary(function), Cardinality.UNARY_UNARY, asked, answered)
            for path, (asked, answered, function) in self._calls.items()
        }


def _unary(function: Callable[[Any], Awaitable[Any]]) -> Callable[[Stream[Any, Any]], Awaitable[None]]:
    async def answer(stream: Stream[Any, Any]) -> None:
        await stream.send_message(await function(await stream.recv_message()))

    return answer


async def _serve(options: argparse.Namespace) -> None:
    double = HostPathDouble(options.data, options.name, options.node_id)
    await double.start(options.registry)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--registry", type=Path, required=True)
    parser.add_argument("--name", default=NAME)
    parser.add_argument("--node-id", default="node-x")
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
