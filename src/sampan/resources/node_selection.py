"""Whether a pod may be on a node: node selector, required node affinity, tolerations of taints. Pure."""

from collections.abc import Mapping
from typing import Any

from sampan.api.json import Obj

Rule = Mapping[str, Any]


def tolerates(toleration: Rule, taint: Rule) -> bool:
    """Whether one toleration matches one taint (core/v1 Toleration.ToleratesTaint)."""
    for field in ("effect", "key"):
        if toleration.get(field) and toleration[field] != taint.get(field):
            return False
    operator = toleration.get("operator") or "Equal"
    return operator == "Exists" or (
        operator == "Equal" and (toleration.get("value") or "") == (taint.get("value") or "")
    )


def selects(inner: Obj, name: str, labels: Mapping[str, str]) -> bool:
    """Whether a pod's spec admits a node, by nodeSelector and by required node affinity."""
    if any(labels.get(key) != value for key, value in (inner.get("nodeSelector") or {}).items()):
        return False
    affinity = (inner.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    return any(_term(term, name, labels) for term in required.get("nodeSelectorTerms") or ())


def _term(term: Rule, name: str, labels: Mapping[str, str]) -> bool:
    """All of its requirements; a term without any matches nothing."""
    by_label, by_field = term.get("matchExpressions") or (), term.get("matchFields") or ()
    names = {"metadata.name": name}
    return bool(by_label or by_field) and all(
        _requirement(one, values) for part, values in ((by_label, labels), (by_field, names)) for one in part
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
