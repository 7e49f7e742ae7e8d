"""Policies of Jobs and templates of pods as upstream's errors show them."""

from typing import Final

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Shown, marshalled
from sampan.resources.validation.go_struct import Each, Pointer, Table
from sampan.resources.validation.pods.internal import internal_spec

CODES: Final[Table] = (
    ("ContainerName", "containerName", None),
    ("Operator", "operator", ""),
    ("Values", "values", None),
)
FAILURE: Final[Table] = (
    ("Rules", "rules", Each((
        ("Action", "action", ""), ("OnExitCodes", "onExitCodes", Pointer(CODES)),
        ("OnPodConditions", "onPodConditions", Each((("Type", "type", ""), ("Status", "status", "")))),
    ))),
)  # fmt: skip
SUCCESS: Final[Table] = (
    ("Rules", "rules", Each((
        ("SucceededIndexes", "succeededIndexes", None), ("SucceededCount", "succeededCount", None),
    ))),
)  # fmt: skip
META: Final = (
    "name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation", "creationTimestamp",
    "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers",
    "managedFields",
)  # fmt: skip


def shown_template(template: Obj) -> Shown:
    """A pod template: its metadata under JSON names, its spec under those of the internal type."""
    meta = template.get("metadata") or {}
    made: Obj = {key: _sorted(meta[key]) for key in META if meta.get(key)}
    return Shown(marshalled({**made, "Spec": internal_spec(template.get("spec") or {})}))


def _sorted(value: object) -> object:
    return dict(sorted(value.items())) if isinstance(value, dict) else value
