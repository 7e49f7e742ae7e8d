"""What volumes are to their users: a path on the node, or an error that names volume and cause."""

from dataclasses import dataclass
from typing import Protocol

from sampan.kubelet.csi.records import Wanted
from sampan.kubelet.summary import VolumeUsage


class VolumeError(Exception):
    """A volume cannot be set up; the text is upstream's and names the volume."""


@dataclass(frozen=True, slots=True)
class VolumePath:
    """Where a volume of a pod is on this node."""

    path: str
    readonly: bool = False
    """Nobody may write it, whatever the mount says (a projected volume, a claim used read-only)."""
    wide: bool = True
    """Content that belongs to the pod alone; False for what is shared with the node."""
    image: str = ""
    """The runtime's reference of the image that it is; there is no path then."""


class CsiVolumes(Protocol):
    """The volumes that CSI drivers mount. Raises VolumeError."""

    async def mount(self, wanted: Wanted) -> VolumePath: ...
    async def refresh(self, uid: str) -> None: ...
    def refreshes(self, uid: str) -> bool: ...
    async def usage(self, uid: str) -> list[VolumeUsage]: ...
    async def unmount_pod(self, uid: str) -> None: ...
