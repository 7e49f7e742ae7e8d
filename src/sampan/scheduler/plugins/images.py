"""ImageLocality: prefers nodes that have the pod's images already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sampan.scheduler.pod import PodInfo
from sampan.scheduler.snapshot import NodeInfo, Snapshot

MIN_BYTES = 23 * 1024 * 1024
MAX_BYTES_PER_CONTAINER = 1000 * 1024 * 1024


def normal_name(image: str) -> str:
    """An image name with its tag, as nodes list it."""
    return image if ":" in image.rsplit("/", 1)[-1] or "@" in image else f"{image}:latest"


@dataclass(frozen=True, slots=True)
class ImageLocality:
    """Upstream's plugin of the same name: sizes are scaled down by how few nodes have the image."""

    name: ClassVar = "ImageLocality"

    weight: int = 1

    def look(self, pod: PodInfo, snapshot: Snapshot) -> tuple[Mapping[str, float], int] | None:
        """The share of the nodes that have each image, and the number of the pod's containers."""
        having, total = snapshot.table.images, len(snapshot.nodes)
        shares = {name: having[name] / total for name in map(normal_name, pod.images) if name in having}
        return (shares, pod.containers) if shares else None

    def scores(self, state: tuple[Mapping[str, float], int], nodes: Sequence[NodeInfo]) -> list[int]:
        shares, containers = state
        most = MAX_BYTES_PER_CONTAINER * containers
        given = []
        for node in nodes:
            have = sum(int(node.images.get(image, 0) * share) for image, share in shares.items())
            given.append(100 * (min(max(have, MIN_BYTES), most) - MIN_BYTES) // (most - MIN_BYTES))
        return given
