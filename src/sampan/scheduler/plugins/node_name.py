"""NodeName: a pod that names its node goes there or nowhere."""

from sampan.scheduler.events import Events, on
from sampan.scheduler.framework import FITS, Hopeless, Reasons
from sampan.scheduler.pod import PodInfo
from sampan.scheduler.snapshot import NodeInfo, Snapshot

OTHER = Hopeless(("node(s) didn't match the requested node name",))


class NodeName:
    """Upstream's plugin of the same name."""

    name = "NodeName"
    local = True

    @property
    def events(self) -> Events:
        return on("Node", ("Add",))

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> str | None:
        return pod.node or None

    def filter(self, state: str, node: NodeInfo) -> Reasons:
        return FITS if node.name == state else OTHER
