"""Whether a node is one where a DaemonSet's pod belongs: name, node affinity, taints."""

from collections.abc import Sequence
from dataclasses import dataclass

from sampan.api.json import Obj
from sampan.api.meta import labels_of, name_of
from sampan.controllers.names import spec
from sampan.resources.node_selection import selects, tolerates

PREFIX = "node.kubernetes.io/"
TOLERATED = (
    ("not-ready", "NoExecute"),
    ("unreachable", "NoExecute"),
    ("disk-pressure", "NoSchedule"),
    ("memory-pressure", "NoSchedule"),
    ("pid-pressure", "NoSchedule"),
    ("unschedulable", "NoSchedule"),
)


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a new pod should run on the node, and whether one that is there may stay."""

    run: bool
    stay: bool


def tolerations(pod_spec: Obj) -> list[Obj]:
    """The template's tolerations with those that every daemon's pod has."""
    made: list[Obj] = list(pod_spec.get("tolerations") or ())
    wanted = [*TOLERATED, *((("network-unavailable", "NoSchedule"),) if pod_spec.get("hostNetwork") else ())]
    for name, effect in wanted:
        ours = {"key": PREFIX + name, "operator": "Exists", "effect": effect}
        rest = [one for one in made if {k: v for k, v in one.items() if k != "tolerationSeconds"} != ours]
        made = [*rest, ours] if len(rest) == len(made) else [ours if one not in rest else one for one in made]
    return made


def fit(template: Obj, node: Obj) -> Fit:
    """Judge one node for the pods of this template."""
    inner = template.get("spec") or {}
    if inner.get("nodeName") not in (None, "", name_of(node)) or not selects(inner, name_of(node), labels_of(node)):
        return Fit(False, False)
    tolerated = tolerations(inner)
    against = [taint for taint in spec(node).get("taints") or () if not any(tolerates(one, taint) for one in tolerated)]
    evicts = any(taint.get("effect") == "NoExecute" for taint in against)
    return Fit(not any(t.get("effect") in ("NoExecute", "NoSchedule") for t in against), not evicts)


def bound_to(inner: Obj, node: str) -> Obj:
    """The affinity of a template, with the node in place of its required terms."""
    affinity: Obj = inner.get("affinity") or {}
    terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}]
    ours = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return {**affinity, "nodeAffinity": {**(affinity.get("nodeAffinity") or {}), **ours}}


def target_of(pod: Obj) -> str:
    """The node a daemon's pod is on or is for; empty if that cannot be told."""
    if spec(pod).get("nodeName"):
        return str(spec(pod)["nodeName"])
    affinity = (spec(pod).get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for rule in term.get("matchFields") or ():
            values: Sequence[str] = rule.get("values") or ()
            if rule.get("key") == "metadata.name" and rule.get("operator") == "In" and len(values) == 1:
                return values[0]
    return ""
