"""NodeUnschedulable: cordoned nodes take only pods that tolerate it."""

from sampan.scheduler.framework import FITS, ClusterEvent, Hopeless, Reasons
from sampan.scheduler.plugins.taints import tolerates
from sampan.scheduler.pod import PodInfo
from sampan.scheduler.snapshot import NodeInfo, Snapshot

CORDONED = Hopeless(("node(s) were unschedulable",))
TAINT = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


class NodeUnschedulable:
    """Upstream's plugin of the same name."""

    name = "NodeUnschedulable"
    local = True
    wakes: frozenset[ClusterEvent] = frozenset(("node/add", "node/taints"))

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> PodInfo | None:
        return None if any(tolerates(t, TAINT) for t in pod.tolerations) else pod

    def filter(self, state: PodInfo, node: NodeInfo) -> Reasons:
        return CORDONED if node.unschedulable else FITS
