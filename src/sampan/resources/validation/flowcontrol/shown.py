"""Specs of flow control as upstream's errors show them, and its fixed objects (apiserver: flowcontrol/bootstrap)."""

from typing import Any, Final

from sampan.api.json import Obj
from sampan.resources.validation.go_struct import Each, Pointer, Table, go_struct

NAMED: Final[Table] = (("Name", "name", ""),)
METHOD: Final[Table] = (("Type", "type", ""),)
SUBJECT: Final[Table] = (
    ("Kind", "kind", ""), ("User", "user", Pointer(NAMED)), ("Group", "group", Pointer(NAMED)),
    ("ServiceAccount", "serviceAccount", Pointer((("Namespace", "namespace", ""), ("Name", "name", "")))),
)  # fmt: skip
RESOURCE_RULE: Final[Table] = (
    ("Verbs", "verbs", None), ("APIGroups", "apiGroups", None), ("Resources", "resources", None),
    ("ClusterScope", "clusterScope", False), ("Namespaces", "namespaces", None),
)  # fmt: skip
URL_RULE: Final[Table] = (("Verbs", "verbs", None), ("NonResourceURLs", "nonResourceURLs", None))
SCHEMA: Final[Table] = (
    ("PriorityLevelConfiguration", "priorityLevelConfiguration", NAMED),
    ("MatchingPrecedence", "matchingPrecedence", 0),
    ("DistinguisherMethod", "distinguisherMethod", Pointer(METHOD)),
    ("Rules", "rules", Each((
        ("Subjects", "subjects", Each(SUBJECT)), ("ResourceRules", "resourceRules", Each(RESOURCE_RULE)),
        ("NonResourceRules", "nonResourceRules", Each(URL_RULE)),
    ))),
)  # fmt: skip
QUEUING: Final[Table] = (
    ("Queues", "queues", 0),
    ("HandSize", "handSize", 0),
    ("QueueLengthLimit", "queueLengthLimit", 0),
)
LIMITED: Final[Table] = (
    ("NominalConcurrencyShares", "nominalConcurrencyShares", 0),
    ("LimitResponse", "limitResponse", (("Type", "type", ""), ("Queuing", "queuing", Pointer(QUEUING)))),
    ("LendablePercent", "lendablePercent", None), ("BorrowingLimitPercent", "borrowingLimitPercent", None),
)  # fmt: skip
EXEMPT: Final[Table] = (
    ("NominalConcurrencyShares", "nominalConcurrencyShares", None), ("LendablePercent", "lendablePercent", None),
)  # fmt: skip
LEVEL: Final[Table] = (
    ("Type", "type", ""), ("Limited", "limited", Pointer(LIMITED)), ("Exempt", "exempt", Pointer(EXEMPT)),
)  # fmt: skip

ALL: Final = ["*"]
_RULES: Final = {
    "resourceRules": [{"verbs": ALL, "apiGroups": ALL, "resources": ALL, "clusterScope": True, "namespaces": ALL}],
    "nonResourceRules": [{"verbs": ALL, "nonResourceURLs": ALL}],
}


def _groups(*names: str) -> list[Obj]:
    return [{"kind": "Group", "group": {"name": name}} for name in names]


FIXED_SCHEMAS: Final[dict[str, Obj]] = {
    "exempt": {
        "priorityLevelConfiguration": {"name": "exempt"}, "matchingPrecedence": 1,
        "rules": [{"subjects": _groups("system:masters"), **_RULES}],
    },
    "catch-all": {
        "priorityLevelConfiguration": {"name": "catch-all"}, "matchingPrecedence": 10_000,
        "distinguisherMethod": {"type": "ByUser"},
        "rules": [{"subjects": _groups("system:unauthenticated", "system:authenticated"), **_RULES}],
    },
}  # fmt: skip
FIXED_LEVELS: Final[dict[str, Obj]] = {
    "exempt": {"type": "Exempt"},
    "catch-all": {
        "type": "Limited",
        "limited": {"nominalConcurrencyShares": 5, "lendablePercent": 0, "limitResponse": {"type": "Reject"}},
    },
}


def same(spec: Obj, fixed: Obj, table: Table) -> bool:
    """Whether two specs are one; empty lists count as none."""
    return bool(_pruned(go_struct(spec, table)) == _pruned(go_struct(fixed, table)))


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _pruned(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_pruned(part) for part in value] or None
    return value
