"""TaintToleration: NoSchedule and NoExecute taints keep pods away, PreferNoSchedule ones count against a node."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sampan.scheduler.framework import FITS, ClusterEvent, Hopeless, Reasons, Stretch
from sampan.scheduler.pod import PodInfo
from sampan.scheduler.snapshot import NodeInfo, Snapshot

Taint = Mapping[str, Any]
UNTOLERATED = Hopeless(("node(s) had untolerated taint(s)",))


def tolerates(toleration: Taint, taint: Taint) -> bool:
    """Whether one toleration matches one taint (core/v1 Toleration.ToleratesTaint)."""
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Exists":
        return True
    return operator == "Equal" and (toleration.get("value") or "") == (taint.get("value") or "")


def repels(tolerations: Iterable[Taint], taints: Iterable[Taint]) -> bool:
    """Whether a NoSchedule or NoExecute taint is not tolerated."""
    return any(
        taint.get("effect") != "PreferNoSchedule" and not any(tolerates(t, taint) for t in tolerations)
        for taint in taints
    )


@dataclass(frozen=True, slots=True)
class TaintToleration:
    """Upstream's plugin of the same name: a filter and a score."""

    name: ClassVar = "TaintToleration"
    local: ClassVar = True
    stretch: ClassVar[Stretch] = "inverse"
    wakes: ClassVar[frozenset[ClusterEvent]] = frozenset(("node/add", "node/taints"))

    weight: int = 3

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> tuple[Taint, ...]:
        return pod.tolerations

    def filter(self, state: tuple[Taint, ...], node: NodeInfo) -> Reasons:
        return UNTOLERATED if node.taints and repels(state, node.taints) else FITS

    def score(self, state: tuple[Taint, ...], node: NodeInfo) -> int:
        if not node.taints:
            return 0
        able = [t for t in state if t.get("effect") in (None, "", "PreferNoSchedule")]
        soft = [taint for taint in node.taints if taint.get("effect") == "PreferNoSchedule"]
        return sum(not any(tolerates(t, taint) for t in able) for taint in soft)
