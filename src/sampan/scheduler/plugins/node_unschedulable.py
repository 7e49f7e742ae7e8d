"""NodeUnschedulable: cordoned nodes take only pods that tolerate it."""

from sampan.scheduler.events import Events, on
from sampan.scheduler.framework import FITS, Hopeless, Reasons
from sampan.scheduler.plugins.taints import tolerates
from sampan.scheduler.pod import PodInfo
from sampan.scheduler.snapshot import NodeInfo, Snapshot

CORDONED = Hopeless(("node(s) were unschedulable",))
TAINT = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


class NodeUnschedulable:
    """Upstream's plugin of the same name."""

    name = "NodeUnschedulable"
    local = True

    @property
    def events(self) -> Events:
        tolerations = on("Pod", ("UpdatePodToleration",), self._tolerates)
        return {**on("Node", ("Add", "UpdateNodeTaint"), self._mended), **tolerations}

    @staticmethod
    def _tolerates(pod: PodInfo, old: PodInfo, new: PodInfo, look: Snapshot) -> bool:
        return pod.uid == new.uid and any(tolerates(t, TAINT) for t in new.tolerations)

    @staticmethod
    def _mended(pod: PodInfo, old: NodeInfo | None, new: NodeInfo, look: Snapshot) -> bool:
        return not new.unschedulable and (old is None or old.unschedulable)

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> PodInfo | None:
        return None if any(tolerates(t, TAINT) for t in pod.tolerations) else pod

    def filter(self, state: PodInfo, node: NodeInfo) -> Reasons:
        return CORDONED if node.unschedulable else FITS
