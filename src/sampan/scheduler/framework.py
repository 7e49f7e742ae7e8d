"""The scheduling framework: what a plugin is, and what it says. Names and texts follow upstream's framework."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sampan.scheduler.pod import PodInfo
from sampan.scheduler.snapshot import NodeInfo, Snapshot

ClusterEvent = Literal[
    "node/add", "node/allocatable", "node/labels", "node/taints", "pod/gone", "pod/changed", "claim", "volume", "class"
]
"""What can happen in a cluster that may make a pod schedulable."""

Reasons = tuple[str, ...]
FITS: Reasons = ()


class Rejected(Exception):
    """Raised by `prepare`: this pod fits no node at all until something else changes (upstream: PreFilter failed)."""

    def __init__(self, plugin: str, reason: str) -> None:
        super().__init__(reason)
        self.plugin, self.reason = plugin, reason


class Plugin(Protocol):
    """One scheduling rule. `prepare` looks at the pod once; None means that the rule has nothing to say about it."""

    @property
    def name(self) -> str: ...

    @property
    def wakes(self) -> frozenset[ClusterEvent]:
        """Events that may make a pod fit which this plugin turned away."""

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> Any | None: ...


class Filter(Plugin, Protocol):
    """A rule that can turn nodes away."""

    def filter(self, state: Any, node: NodeInfo) -> Reasons:
        """Why the pod does not fit this node, in upstream's words; empty if it does."""


class Score(Plugin, Protocol):
    """A rule that prefers nodes."""

    @property
    def weight(self) -> int: ...

    @property
    def relative(self) -> bool:
        """Whether scores are stretched over the candidates to 0..100 before the weight counts; else they are 0..100."""

    def score(self, state: Any, node: NodeInfo) -> float:
        """Higher is better."""


@dataclass(frozen=True, slots=True)
class ClaimPlan:
    """How one unbound claim gets its volume on the chosen node: this volume, or by provisioning (volume empty)."""

    namespace: str
    claim: str
    volume: str = ""


@dataclass(frozen=True, slots=True)
class Placement:
    """The node for a pod, and what its unbound claims need first."""

    node: str
    claims: tuple[ClaimPlan, ...] = ()


@dataclass(frozen=True, slots=True)
class Unschedulable:
    """No node fits. `plugins` are those that turned nodes away; one of their events wakes the pod."""

    message: str
    plugins: frozenset[str]
