"""The scheduling framework: what a plugin is, and what it says. Names and texts follow upstream's framework."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sampan.api.json import Obj
from sampan.scheduler.events import Events
from sampan.scheduler.pod import PodInfo
from sampan.scheduler.snapshot import NodeInfo, Snapshot

Reasons = tuple[str, ...]
FITS: Reasons = ()


class Hopeless(tuple[str, ...]):
    """Reasons that no eviction of pods from the node would mend (upstream: UnschedulableAndUnresolvable)."""

    __slots__ = ()


class Rejected(Exception):
    """Raised by `prepare`: this pod fits no node at all until something else changes (upstream: PreFilter failed)."""

    def __init__(self, plugin: str, reason: str) -> None:
        super().__init__(reason)
        self.plugin, self.reason = plugin, reason


class Broken(Exception):
    """Raised by a rule that cannot say anything, for what it looks at is wrong: the pod is tried again later."""


class Plugin(Protocol):
    """One scheduling rule."""

    @property
    def name(self) -> str: ...


class Rule(Plugin, Protocol):
    """A rule that looks at the pod once, and then at node by node."""

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> Any | None:
        """What `filter` and `score` are given; None: the rule has nothing to say about this pod. Raises Rejected."""


class Filter(Rule, Protocol):
    """A rule that can turn nodes away."""

    @property
    def events(self) -> Events:
        """Events that may make a pod fit which this plugin turned away (upstream: EventsToRegister)."""

    @property
    def local(self) -> bool:
        """Whether what it says depends on the pod's spec and that one node alone; then it is asked once for both."""

    def filter(self, state: Any, node: NodeInfo) -> Reasons:
        """Why the pod does not fit this node, in upstream's words; empty if it does. Hopeless where that is so."""


class Counting(Filter, Protocol):
    """A filter whose state counts the pods of the cluster."""

    def moved(self, state: Any, pod: PodInfo, node: NodeInfo, step: int) -> Any:
        """The state after that pod came to the node (step 1) or left it (step -1)."""


Stretch = Literal["no", "share", "inverse"]
"""How scores become 0..100: they are; by the highest one's measure; by that, and the lowest is best."""


class Score(Rule, Protocol):
    """A rule that prefers nodes by the pod's spec and the node alone."""

    @property
    def weight(self) -> int: ...

    @property
    def stretch(self) -> Stretch: ...

    def score(self, state: Any, node: NodeInfo) -> int:
        """Higher is better."""


class Weigher(Plugin, Protocol):
    """A rule that prefers nodes by what is on all of them."""

    @property
    def weight(self) -> int: ...

    def look(self, pod: PodInfo, snapshot: Snapshot) -> Any | None:
        """What `scores` is given; None: all nodes are the same to it."""

    def scores(self, state: Any, nodes: Sequence[NodeInfo]) -> Sequence[int]:
        """0..100 for each of the nodes, higher is better."""


@dataclass(frozen=True, slots=True)
class ClaimPlan:
    """How one unbound claim gets its volume on the chosen node: this volume, or by provisioning (volume empty)."""

    namespace: str
    claim: str
    volume: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class DevicePlan:
    """A ResourceClaim that is reserved for the pod, and the AllocationResult it gets if it has none."""

    claim: Obj
    allocation: Obj | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """The node for a pod, and what its unbound claims need first."""

    node: str
    claims: tuple[ClaimPlan, ...] = ()
    devices: tuple[DevicePlan, ...] = ()


@dataclass(frozen=True, slots=True)
class Unschedulable:
    """No node fits. `plugins` are those that turned nodes away; one of their events wakes the pod."""

    message: str
    plugins: frozenset[str]
    mendable: tuple[str, ...] = ()
    """Nodes that might fit if pods were evicted from them."""
    claims: tuple[Obj, ...] = ()
    """Allocated claims on devices that are of no use on some of the nodes."""
