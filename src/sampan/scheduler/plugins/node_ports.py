"""NodePorts: a host port is free on the node for the pod's address and protocol."""

from sampan.scheduler.events import Events, on
from sampan.scheduler.framework import FITS, Reasons
from sampan.scheduler.pod import PodInfo
from sampan.scheduler.snapshot import NodeInfo, Snapshot

Port = tuple[str, str, int]
EVERY = "0.0.0.0"


def clash(a: Port, b: Port) -> bool:
    """Whether two host ports cannot stand on one node: 0.0.0.0 meets every address."""
    return a[0] == b[0] and a[2] == b[2] and (a[1] == b[1] or EVERY in (a[1], b[1]))


class NodePorts:
    """Upstream's plugin of the same name."""

    name = "NodePorts"
    local = True

    @property
    def events(self) -> Events:
        return {**on("Pod", ("Delete",), self._freed), **on("Node", ("Add",))}

    @staticmethod
    def _freed(pod: PodInfo, old: PodInfo, new: None, look: Snapshot) -> bool:
        return bool(old.node or old.nominated) and any(clash(a, b) for a in pod.ports for b in old.ports)

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> tuple[Port, ...] | None:
        return pod.ports or None

    def filter(self, state: tuple[Port, ...], node: NodeInfo) -> Reasons:
        if node.ports and any(clash(a, b) for a in state for b in node.ports):
            return ("node(s) didn't have free ports for the requested pod ports",)
        return FITS
