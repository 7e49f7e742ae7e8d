"""Asks whether pods may run on this node: the rules, with the Node as it is known."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sampan.api.errors import StatusError
from sampan.kubelet.admission.fit import Held
from sampan.kubelet.admission.judge import Judge, Verdict
from sampan.kubelet.house_metrics import HouseMetrics
from sampan.kubelet.node import NodeKeeper

log = logging.getLogger("sampan.kubelet")


@dataclass(frozen=True, slots=True)
class Admitter:
    """`node` keeps the Node object."""

    node: NodeKeeper
    judge: Judge
    counts: HouseMetrics

    def verdict(self, wanted: Held, others: Sequence[Held]) -> Verdict:
        """Whether a pod may run beside the others."""
        return self.judge.verdict(wanted, others, self.node.node, self.node.allocatable)

    async def refresh(self) -> None:
        """Read the Node, if it can be had."""
        try:
            await self.node.refresh()
        except (StatusError, OSError) as error:
            log.info("the node cannot be read: %s", error)
