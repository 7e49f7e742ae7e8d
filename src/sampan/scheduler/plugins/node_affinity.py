"""NodeAffinity: node selectors, required and preferred node affinity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sampan.scheduler.events import Events, on
from sampan.scheduler.framework import FITS, Hopeless, Reasons, Stretch
from sampan.scheduler.pod import PodInfo
from sampan.scheduler.snapshot import NodeInfo, Snapshot

Term = Mapping[str, Any]
NO_MATCH = Hopeless(("node(s) didn't match Pod's node affinity/selector",))
NOT_ENFORCED = Hopeless(("node(s) didn't match scheduler-enforced node affinity",))


def expression_matches(expression: Term, values: Mapping[str, str]) -> bool:
    """One NodeSelectorRequirement against labels (or fields)."""
    key, wanted = expression["key"], list(expression.get("values") or ())
    present = key in values
    match expression["operator"]:
        case "In":
            return present and values[key] in wanted
        case "NotIn":
            return not present or values[key] not in wanted
        case "Exists":
            return present
        case "DoesNotExist":
            return not present
        case "Gt" | "Lt" as operator:
            try:
                have, bound = int(values[key]), int(wanted[0])
            except (KeyError, ValueError, IndexError):
                return False
            return have > bound if operator == "Gt" else have < bound
    return False


def term_matches(term: Term, node: NodeInfo) -> bool:
    """A NodeSelectorTerm: all its expressions; an empty term matches nothing."""
    labels, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not labels and not fields:
        return False
    names = {"metadata.name": node.name}
    return all(expression_matches(e, node.labels) for e in labels) and all(expression_matches(e, names) for e in fields)


def selector_matches(selector: Mapping[str, Any], node: NodeInfo) -> bool:
    """A NodeSelector: any of its terms."""
    terms: Sequence[Term] = selector.get("nodeSelectorTerms") or ()
    return any(term_matches(term, node) for term in terms)


def required_matches(pod: PodInfo, node: NodeInfo) -> bool:
    """Whether the node is one that the pod's nodeSelector and required node affinity admit."""
    labels = node.labels
    if pod.node_selector and any(labels.get(key) != value for key, value in pod.node_selector.items()):
        return False
    required = pod.node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution") if pod.node_affinity else None
    return not required or selector_matches(required, node)


@dataclass(frozen=True, slots=True)
class NodeAffinity:
    """Upstream's plugin of the same name: a filter and a score."""

    name: ClassVar = "NodeAffinity"
    local: ClassVar = True
    stretch: ClassVar[Stretch] = "share"

    added: Mapping[str, Any] = field(default_factory=dict)
    """Affinity that all pods of the profile have besides their own (NodeAffinityArgs.addedAffinity)."""
    weight: int = 2

    @property
    def events(self) -> Events:
        return on("Node", ("Add", "UpdateNodeLabel"), self._mended)

    def _mended(self, pod: PodInfo, old: NodeInfo | None, new: NodeInfo, look: Snapshot) -> bool:
        required = self.added.get("requiredDuringSchedulingIgnoredDuringExecution")
        if (required and not selector_matches(required, new)) or not required_matches(pod, new):
            return False
        return old is None or not required_matches(pod, old)

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> PodInfo | None:
        return pod if pod.node_selector or pod.node_affinity or self.added else None

    def filter(self, state: PodInfo, node: NodeInfo) -> Reasons:
        required = self.added.get("requiredDuringSchedulingIgnoredDuringExecution")
        if required and not selector_matches(required, node):
            return NOT_ENFORCED
        return FITS if required_matches(state, node) else NO_MATCH

    def score(self, state: PodInfo, node: NodeInfo) -> int:
        preferred = [
            *(self.added.get("preferredDuringSchedulingIgnoredDuringExecution") or ()),
            *(state.node_affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()),
        ]
        return sum(p["weight"] for p in preferred if term_matches(p["preference"], node))
