"""Priority classes: reserved names, the highest value, policies; what stays. Answers of a real API server."""

from typing import Any

import pytest

from sampan.resources.strategies.config import PRIORITY_CLASSES

TOO_HIGH = "value: Forbidden: maximum allowed value of a user defined priority is 1000000000"
RESERVED = (
    "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: "
)
POLICY = 'preemptionPolicy: Unsupported value: "X": supported values: "PreemptLowerPriority", "Never"'


@pytest.mark.parametrize(
    ("name", "fields", "says"),
    [
        ("a", {"value": 1_000_000_000}, []),
        ("a", {"value": 1_000_000_001}, [TOO_HIGH]),
        ("a", {"value": 2_000_000_000, "preemptionPolicy": "X"}, [TOO_HIGH, POLICY]),
        ("a", {"preemptionPolicy": ""}, ["preemptionPolicy: Required value"]),
        ("system-foo", {}, [f"{RESERVED}system-foo is not a known system priority class"]),
        (
            "system-node-critical",
            {"value": 1},
            [f"{RESERVED}value of system-node-critical PriorityClass must be 2000001000"],
        ),
        (
            "system-cluster-critical",
            {"value": 2_000_000_000, "globalDefault": True},
            [f"{RESERVED}globalDefault of system-cluster-critical PriorityClass must be false"],
        ),
    ],
)
def test_new_classes(name: str, fields: dict[str, Any], says: list[str]) -> None:
    made = PRIORITY_CLASSES.default({"metadata": {"name": name}, **fields})
    assert [f"{error.field}: {error.message}" for error in PRIORITY_CLASSES.validate_create(made)] == says


def test_value_and_policy_stay() -> None:
    old = PRIORITY_CLASSES.default({"metadata": {"name": "a"}, "value": 1})
    new = {**old, "value": 2, "preemptionPolicy": "Never"}
    assert [f"{error.field}: {error.message}" for error in PRIORITY_CLASSES.validate_update(new, old)] == [
        "value: Forbidden: may not be changed in an update.",
        'preemptionPolicy: Invalid value: "Never": field is immutable',
    ]
