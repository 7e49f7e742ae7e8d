"""NodeAffinity: node selectors, required and preferred node affinity."""

from collections.abc import Mapping, Sequence
from typing import Any

from sampan.scheduler.framework import FITS, ClusterEvent, Reasons
from sampan.scheduler.pod import PodInfo
from sampan.scheduler.snapshot import NodeInfo, Snapshot

Term = Mapping[str, Any]


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


class NodeAffinity:
    """Upstream's plugin of the same name: a filter and a score."""

    name = "NodeAffinity"
    weight = 2
    relative = True
    wakes: frozenset[ClusterEvent] = frozenset(("node/add", "node/labels"))

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> PodInfo | None:
        return pod if pod.node_selector or pod.node_affinity else None

    def filter(self, state: PodInfo, node: NodeInfo) -> Reasons:
        labels = node.labels
        fits = all(labels.get(key) == value for key, value in state.node_selector.items())
        required = state.node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
        if fits and required:
            fits = selector_matches(required, node)
        return FITS if fits else ("node(s) didn't match Pod's node affinity/selector",)

    def score(self, state: PodInfo, node: NodeInfo) -> float:
        preferred = state.node_affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        return float(sum(p["weight"] for p in preferred if term_matches(p["preference"], node)))
