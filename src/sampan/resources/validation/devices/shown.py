"""Claims and what was given to them as errors show them: structs of Go's internal API."""

from typing import Final

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Shown, marshalled
from sampan.resources.validation.go_struct import Each, Pointer, Sorted, Table, go_struct, shown_struct

_REQUIREMENTS: Final = Each((("Key", "key", ""), ("Operator", "operator", ""), ("Values", "values", None)))
NODE_SELECTOR: Final[Table] = (
    ("NodeSelectorTerms", "nodeSelectorTerms", Each((
        ("MatchExpressions", "matchExpressions", _REQUIREMENTS), ("MatchFields", "matchFields", _REQUIREMENTS),
    ))),
)  # fmt: skip
TOLERATIONS: Final = Each((
    ("Key", "key", ""), ("Operator", "operator", ""), ("Value", "value", ""), ("Effect", "effect", ""),
    ("TolerationSeconds", "tolerationSeconds", None),
))  # fmt: skip
WISH: Final[Table] = (
    ("DeviceClassName", "deviceClassName", ""),
    ("Selectors", "selectors", Each((("CEL", "cel", Pointer((("Expression", "expression", ""),))),))),
    ("AllocationMode", "allocationMode", ""), ("Count", "count", 0),
)  # fmt: skip
CAPACITY: Final[Table] = (("Capacity", "capacity", Pointer((("Requests", "requests", Sorted()),))),)
EXACTLY: Final[Table] = (
    *WISH, ("AdminAccess", "adminAccess", None), ("Tolerations", "tolerations", TOLERATIONS), *CAPACITY,
)  # fmt: skip
ALTERNATIVE: Final[Table] = (("Name", "name", ""), *WISH, ("Tolerations", "tolerations", TOLERATIONS), *CAPACITY)
OPAQUE: Final = Pointer((("Driver", "driver", ""), ("Parameters", "parameters", None)))
DEVICES: Final[Table] = (
    ("Requests", "requests", Each((
        ("Name", "name", ""), ("Exactly", "exactly", Pointer(EXACTLY)),
        ("FirstAvailable", "firstAvailable", Each(ALTERNATIVE)),
    ))),
    ("Constraints", "constraints", Each((
        ("Requests", "requests", None), ("MatchAttribute", "matchAttribute", None),
        ("DistinctAttribute", "distinctAttribute", None),
    ))),
    ("Config", "config", Each((("Requests", "requests", None), ("Opaque", "opaque", OPAQUE)))),
)  # fmt: skip
CLAIM: Final[Table] = (("Devices", "devices", DEVICES),)
ALLOCATION: Final[Table] = (
    ("Devices", "devices", (
        ("Results", "results", Each((
            ("Request", "request", ""), ("Driver", "driver", ""), ("Pool", "pool", ""), ("Device", "device", ""),
            ("AdminAccess", "adminAccess", None), ("Tolerations", "tolerations", TOLERATIONS),
            ("BindingConditions", "bindingConditions", None),
            ("BindingFailureConditions", "bindingFailureConditions", None), ("ShareID", "shareID", None),
            ("ConsumedCapacity", "consumedCapacity", Sorted()),
        ))),
        ("Config", "config", Each((
            ("Source", "source", ""), ("Requests", "requests", None), ("Opaque", "opaque", OPAQUE),
        ))),
    )),
    ("NodeSelector", "nodeSelector", Pointer(NODE_SELECTOR)), ("AllocationTimestamp", "allocationTimestamp", None),
)  # fmt: skip
META = (
    "name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation", "creationTimestamp",
    "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers",
)  # fmt: skip


def shown_claim(spec: Obj) -> Shown:
    """The spec of a claim."""
    return shown_struct(spec, CLAIM)


def shown_template(spec: Obj) -> Shown:
    """The spec of a template: its metadata stands inside it."""
    meta = spec.get("metadata") or {}
    made = {key: meta[key] for key in META if meta.get(key)}
    return Shown(marshalled({**made, "Spec": go_struct(spec.get("spec"), CLAIM)}))


def shown_allocation(allocation: Obj) -> Shown:
    """What a claim was given."""
    return shown_struct(allocation, ALLOCATION, pointer=True)
