"""TaintToleration: NoSchedule and NoExecute taints keep pods away, PreferNoSchedule ones count against a node."""

from collections.abc import Mapping
from typing import Any

from sampan.scheduler.framework import FITS, ClusterEvent, Reasons
from sampan.scheduler.pod import PodInfo
from sampan.scheduler.snapshot import NodeInfo, Snapshot

Taint = Mapping[str, Any]


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


class TaintToleration:
    """Upstream's plugin of the same name: a filter and a score."""

    name = "TaintToleration"
    weight = 3
    relative = True
    wakes: frozenset[ClusterEvent] = frozenset(("node/add", "node/taints"))

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> tuple[Taint, ...]:
        return pod.tolerations

    def filter(self, state: tuple[Taint, ...], node: NodeInfo) -> Reasons:
        for taint in node.taints:
            if taint.get("effect") != "PreferNoSchedule" and not any(tolerates(t, taint) for t in state):
                return ("node(s) had untolerated taint(s)",)
        return FITS

    def score(self, state: tuple[Taint, ...], node: NodeInfo) -> float:
        soft = [taint for taint in node.taints if taint.get("effect") == "PreferNoSchedule"]
        return -float(sum(not any(tolerates(t, taint) for t in state) for taint in soft))
