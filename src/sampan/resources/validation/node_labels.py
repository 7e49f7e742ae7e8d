"""Labels of nodes that are deprecated, and those who still select by them (upstream: pkg/api/node)."""

from typing import Final

from sampan.api.json import Obj
from sampan.api.meta import is_label_value

DEPRECATED: Final = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}


def warn_node_term(term: Obj, at: str, *, values: bool = False) -> list[str]:
    """Of the expressions of a NodeSelectorTerm; `values`: also of those that cannot be labels' values."""
    warnings: list[str] = []
    for index, expression in enumerate(term.get("matchExpressions") or ()):
        here, key = f"{at}.matchExpressions[{index}]", expression.get("key") or ""
        if key in DEPRECATED:
            warnings.append(f"{here}.key: {key} is {DEPRECATED[key]}")
        for place, value in enumerate((expression.get("values") or ()) if values else ()):
            warnings += [f"{here}.values[{place}]: {value} is invalid, {text}" for text in is_label_value(value)]
    return warnings
