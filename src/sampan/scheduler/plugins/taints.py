"""TaintToleration: NoSchedule and NoExecute taints keep pods away, PreferNoSchedule ones count against a node."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sampan.scheduler.events import Events, on
from sampan.scheduler.framework import FITS, Hopeless, Reasons, Stretch
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

    weight: int = 3

    @property
    def events(self) -> Events:
        tolerations = on("Pod", ("UpdatePodToleration",), lambda pod, old, new, look: pod.uid == new.uid)
        return {**on("Node", ("Add", "UpdateNodeTaint"), self._mended), **tolerations}

    @staticmethod
    def _mended(pod: PodInfo, old: NodeInfo | None, new: NodeInfo, look: Snapshot) -> bool:
        was = old is None or repels(pod.tolerations, old.taints)
        return was and not repels(pod.tolerations, new.taints)

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
