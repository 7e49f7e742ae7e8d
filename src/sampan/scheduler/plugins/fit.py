"""NodeResourcesFit and NodeResourcesBalancedAllocation: does it fit, and where is most left."""

from sampan.scheduler.framework import ClusterEvent, Reasons
from sampan.scheduler.pod import PodInfo
from sampan.scheduler.snapshot import NodeInfo, Snapshot

FIRST = ("cpu", "memory", "ephemeral-storage")


class NodeResourcesFit:
    """Upstream's plugin of the same name, with its default scoring strategy LeastAllocated over CPU and memory."""

    name = "NodeResourcesFit"
    weight = 1
    relative = False
    wakes: frozenset[ClusterEvent] = frozenset(("node/add", "node/allocatable", "pod/gone", "pod/changed"))

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> tuple[tuple[tuple[str, int], ...], tuple[int, int]]:
        wanted = [(name, pod.requests[name]) for name in FIRST if pod.requests.get(name)]
        wanted += [(name, number) for name, number in pod.requests.items() if number and name not in FIRST]
        return tuple(wanted), pod.scored

    def filter(self, state: tuple[tuple[tuple[str, int], ...], tuple[int, int]], node: NodeInfo) -> Reasons:
        reasons = []
        if len(node.pods) + 1 > node.allocatable.get("pods", 0):
            reasons.append("Too many pods")
        requested, allocatable = node.requested, node.allocatable
        for name, number in state[0]:
            if number > allocatable.get(name, 0) - requested.get(name, 0):
                reasons.append(f"Insufficient {name}")
        return tuple(reasons)

    def score(self, state: tuple[tuple[tuple[str, int], ...], tuple[int, int]], node: NodeInfo) -> float:
        cpu, memory = node.allocatable.get("cpu", 0), node.allocatable.get("memory", 0)
        if not cpu or not memory:
            return 0.0
        free_cpu = max(0, cpu - node.scored[0] - state[1][0])
        free_memory = max(0, memory - node.scored[1] - state[1][1])
        return 50.0 * (free_cpu / cpu + free_memory / memory)


class NodeResourcesBalancedAllocation:
    """Prefers nodes whose CPU and memory end up used in equal shares."""

    name = "NodeResourcesBalancedAllocation"
    weight = 1
    relative = False
    wakes: frozenset[ClusterEvent] = frozenset()

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> PodInfo | None:
        return pod if pod.requests.get("cpu") or pod.requests.get("memory") else None

    def score(self, state: PodInfo, node: NodeInfo) -> float:
        shares = []
        for name in ("cpu", "memory"):
            total = node.allocatable.get(name, 0)
            if total:
                shares.append(min(1.0, (node.requested.get(name, 0) + state.requests.get(name, 0)) / total))
        spread = (max(shares) - min(shares)) / 2 if shares else 0.0
        return 100.0 * (1.0 - spread)
