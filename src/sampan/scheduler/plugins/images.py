"""ImageLocality: prefers nodes that have the pod's images already."""

from collections.abc import Mapping

from sampan.scheduler.framework import ClusterEvent
from sampan.scheduler.pod import PodInfo
from sampan.scheduler.snapshot import NodeInfo, Snapshot

MIN_BYTES = 23 * 1024 * 1024
MAX_BYTES_PER_CONTAINER = 1000 * 1024 * 1024


def normal_name(image: str) -> str:
    """An image name with its tag, as nodes list it."""
    return image if ":" in image.rsplit("/", 1)[-1] or "@" in image else f"{image}:latest"


class ImageLocality:
    """Upstream's plugin of the same name: sizes are scaled down by how few nodes have the image."""

    name = "ImageLocality"
    weight = 1
    relative = False
    wakes: frozenset[ClusterEvent] = frozenset()

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> Mapping[str, float] | None:
        nodes = snapshot.nodes.values()
        spread = {image: sum(image in node.images for node in nodes) for image in map(normal_name, pod.images)}
        shares = {image: count / len(snapshot.nodes) for image, count in spread.items() if count}
        return shares or None

    def score(self, state: Mapping[str, float], node: NodeInfo) -> float:
        have = sum(node.images.get(image, 0) * share for image, share in state.items())
        most = MAX_BYTES_PER_CONTAINER * len(state)
        return 100.0 * (min(max(have, MIN_BYTES), most) - MIN_BYTES) / (most - MIN_BYTES)
