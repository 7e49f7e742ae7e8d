"""Whether a node is one where a DaemonSet's pod belongs: name, node affinity, taints."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sampan.api.json import Obj
from sampan.api.meta import labels_of, name_of
from sampan.controllers.names import spec

Rule = Mapping[str, Any]
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
    if inner.get("nodeName") not in (None, "", name_of(node)) or not _selected(inner, node):
        return Fit(False, False)
    tolerated = tolerations(inner)
    against = [taint for taint in spec(node).get("taints") or () if not _is_tolerated(tolerated, taint)]
    evicts = any(taint.get("effect") == "NoExecute" for taint in against)
    return Fit(not any(t.get("effect") in ("NoExecute", "NoSchedule") for t in against), not evicts)


def _is_tolerated(tolerated: Iterable[Rule], taint: Rule) -> bool:
    return any(_tolerates(one, taint) for one in tolerated)


def _tolerates(toleration: Rule, taint: Rule) -> bool:
    for field in ("effect", "key"):
        if toleration.get(field) and toleration[field] != taint.get(field):
            return False
    operator = toleration.get("operator") or "Equal"
    return operator == "Exists" or (
        operator == "Equal" and (toleration.get("value") or "") == (taint.get("value") or "")
    )


def _selected(inner: Obj, node: Obj) -> bool:
    """By nodeSelector and by required node affinity."""
    labels = labels_of(node)
    if any(labels.get(key) != value for key, value in (inner.get("nodeSelector") or {}).items()):
        return False
    affinity = (inner.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    return any(_term(term, node) for term in required.get("nodeSelectorTerms") or ())


def _term(term: Rule, node: Obj) -> bool:
    """All of its requirements; a term without any matches nothing."""
    labels, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    names = {"metadata.name": name_of(node)}
    return bool(labels or fields) and all(
        _requirement(one, values) for part, values in ((labels, labels_of(node)), (fields, names)) for one in part
    )


def _requirement(rule: Rule, values: Mapping[str, str]) -> bool:
    have, wanted = values.get(rule["key"]), list(rule.get("values") or ())
    match rule["operator"]:
        case "In":
            return have is not None and have in wanted
        case "NotIn":
            return have is None or have not in wanted
        case "Exists":
            return have is not None
        case "DoesNotExist":
            return have is None
        case "Gt" | "Lt" as operator:
            try:
                number, bound = int(have or ""), int(wanted[0])
            except (ValueError, IndexError):
                return False
            return number > bound if operator == "Gt" else number < bound
    return False


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
