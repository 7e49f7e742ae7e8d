"""Calls of a CSI driver's node service and of its registration socket, over gRPC on unix sockets."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from grpclib.client import Channel, UnaryUnaryMethod
from grpclib.exceptions import GRPCError, ProtocolError, StreamTerminatedError
from h2.exceptions import H2Error

from sampan.kubelet.csi import messages_pb2 as pb
from sampan.kubelet.csi.records import Capability, DriverInfo, Mounting, NodeInfo, VolumeStats

NODE, REGISTRATION = "/csi.v1.Node/", "/pluginregistration.Registration/"
DEADLINE = 120.0
"""Seconds that a call may take, upstream's csiTimeout."""
BYTES, INODES = 1, 2
Answer = TypeVar("Answer")


class CsiError(Exception):
    """A call that the driver refused or did not answer; `code` is gRPC's name."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"rpc error: code = {_go_name(code)} desc = {message}")
        self.code = code

    @property
    def final(self) -> bool:
        """Whether the driver has ended the operation; else it may still be under way."""
        return self.code not in ("CANCELLED", "DEADLINE_EXCEEDED", "UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED")


def _go_name(code: str) -> str:
    return "".join(part.capitalize() for part in code.split("_"))


class Caller:
    """One socket; connects when it is first used."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._channel: Channel | None = None

    async def call(self, path: str, request: Any, answer: type[Answer], deadline: float = DEADLINE) -> Answer:
        """Raises CsiError."""
        if self._channel is None:
            self._channel = Channel(path=self.path)
        method: UnaryUnaryMethod[Any, Answer] = UnaryUnaryMethod(self._channel, path, type(request), answer)
        try:
            return await method(request, timeout=deadline)
        except GRPCError as error:
            raise CsiError(error.status.name, error.message or "") from error
        except TimeoutError as error:
            raise CsiError("DEADLINE_EXCEEDED", "context deadline exceeded") from error
        except (OSError, StreamTerminatedError, ProtocolError, H2Error) as error:
            raise CsiError("UNAVAILABLE", f"{self.path}: {error}") from error

    async def close(self) -> None:
        """Hang up."""
        if self._channel is not None:
            channel, self._channel = self._channel, None
            channel.close()
            await asyncio.sleep(0)


@dataclass(slots=True)
class CsiNode:
    """The node service of one driver."""

    caller: Caller
    capabilities: frozenset[Capability] = field(default_factory=frozenset)

    async def info(self) -> NodeInfo:
        """Who this node is to the driver; learns its capabilities. Raises CsiError."""
        told = await self.caller.call(NODE + "NodeGetInfo", pb.NodeGetInfoRequest(), pb.NodeGetInfoResponse, 10.0)
        able = await self.caller.call(
            NODE + "NodeGetCapabilities", pb.NodeGetCapabilitiesRequest(), pb.NodeGetCapabilitiesResponse, 10.0
        )
        known = {int(capability) for capability in Capability}
        self.capabilities = frozenset(Capability(c.rpc.type) for c in able.capabilities if c.rpc.type in known)
        return NodeInfo(told.node_id, told.max_volumes_per_node, dict(told.accessible_topology.segments))

    async def stage(self, mounting: Mounting, path: str, secrets: Mapping[str, str]) -> None:
        """NodeStageVolume. Raises CsiError."""
        asked = pb.NodeStageVolumeRequest(
            volume_id=mounting.volume_id, publish_context=mounting.publish_context, staging_target_path=path,
            volume_capability=_capability(mounting), secrets=secrets, volume_context=mounting.context,
        )  # fmt: skip
        await self.caller.call(NODE + "NodeStageVolume", asked, pb.NodeStageVolumeResponse)

    async def unstage(self, volume_id: str, path: str) -> None:
        """NodeUnstageVolume. Raises CsiError."""
        asked = pb.NodeUnstageVolumeRequest(volume_id=volume_id, staging_target_path=path)
        await self.caller.call(NODE + "NodeUnstageVolume", asked, pb.NodeUnstageVolumeResponse)

    async def publish(self, mounting: Mounting, staging: str, target: str, secrets: Mapping[str, str]) -> None:
        """NodePublishVolume. Raises CsiError."""
        asked = pb.NodePublishVolumeRequest(
            volume_id=mounting.volume_id, publish_context=mounting.publish_context, staging_target_path=staging,
            target_path=target, volume_capability=_capability(mounting), readonly=mounting.readonly, secrets=secrets,
            volume_context=mounting.context,
        )  # fmt: skip
        await self.caller.call(NODE + "NodePublishVolume", asked, pb.NodePublishVolumeResponse)

    async def unpublish(self, volume_id: str, target: str) -> None:
        """NodeUnpublishVolume. Raises CsiError."""
        asked = pb.NodeUnpublishVolumeRequest(volume_id=volume_id, target_path=target)
        await self.caller.call(NODE + "NodeUnpublishVolume", asked, pb.NodeUnpublishVolumeResponse)

    async def stats(self, volume_id: str, path: str, staging: str) -> VolumeStats:
        """NodeGetVolumeStats. Raises CsiError."""
        asked = pb.NodeGetVolumeStatsRequest(volume_id=volume_id, volume_path=path, staging_target_path=staging)
        told = await self.caller.call(NODE + "NodeGetVolumeStats", asked, pb.NodeGetVolumeStatsResponse)
        by_unit = {usage.unit: (usage.total, usage.available, usage.used) for usage in told.usage}
        abnormal = told.volume_condition.abnormal if told.HasField("volume_condition") else None
        return VolumeStats(by_unit.get(BYTES), by_unit.get(INODES), abnormal)

    async def expand(self, mounting: Mounting, path: str, staging: str, size: int) -> int:
        """NodeExpandVolume: the size it has then, 0 if the driver does not say. Raises CsiError."""
        asked = pb.NodeExpandVolumeRequest(
            volume_id=mounting.volume_id, volume_path=path, capacity_range=pb.CapacityRange(required_bytes=size),
            staging_target_path=staging, volume_capability=_capability(mounting),
        )  # fmt: skip
        told = await self.caller.call(NODE + "NodeExpandVolume", asked, pb.NodeExpandVolumeResponse)
        return told.capacity_bytes


def _capability(mounting: Mounting) -> pb.VolumeCapability:
    group = "" if mounting.group is None else str(mounting.group)
    mount = pb.MountVolume(fs_type=mounting.fs_type, mount_flags=mounting.flags, volume_mount_group=group)
    return pb.VolumeCapability(mount=mount, access_mode=pb.AccessMode(mode=mounting.access))


async def plugin_info(caller: Caller) -> DriverInfo:
    """What a socket in the registry says it is. Raises CsiError."""
    told = await caller.call(REGISTRATION + "GetInfo", pb.InfoRequest(), pb.PluginInfo, 10.0)
    return DriverInfo(told.type, told.name, told.endpoint or caller.path, tuple(told.supported_versions))


async def notify(caller: Caller, error: str = "") -> None:
    """Tell a plugin that it is registered, or why not. Raises CsiError."""
    asked = pb.RegistrationStatus(plugin_registered=not error, error=error)
    await caller.call(REGISTRATION + "NotifyRegistrationStatus", asked, pb.RegistrationStatusResponse, 10.0)
