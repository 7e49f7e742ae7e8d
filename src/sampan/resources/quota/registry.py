"""The evaluator of each kind, and which kinds a quota's resources name."""

from collections.abc import Collection

from sampan.resources.quota.claims import Claims
from sampan.resources.quota.device_claims import DeviceClaims
from sampan.resources.quota.evaluator import Evaluator, ObjectCount
from sampan.resources.quota.pods import Pods
from sampan.resources.quota.services import Services

SPECIAL: dict[tuple[str, str], Evaluator] = {
    ("", "pods"): Pods(),
    ("", "services"): Services(),
    ("", "persistentvolumeclaims"): Claims(),
    ("resource.k8s.io", "resourceclaims"): DeviceClaims(),
}
IGNORED = frozenset(
    (
        ("", "bindings"), ("", "componentstatuses"), ("authentication.k8s.io", "tokenreviews"),
        ("authentication.k8s.io", "selfsubjectreviews"), ("authorization.k8s.io", "subjectaccessreviews"),
        ("authorization.k8s.io", "selfsubjectaccessreviews"), ("authorization.k8s.io", "localsubjectaccessreviews"),
        ("authorization.k8s.io", "selfsubjectrulesreviews"), ("", "events"), ("events.k8s.io", "events"),
    )
)  # fmt: skip
"""Kinds that cost nothing: reviews, which are not stored, and events."""


def evaluator_of(group: str, plural: str) -> Evaluator | None:
    """What counts objects of a kind; None for kinds that are not counted."""
    if (group, plural) in IGNORED:
        return None
    return SPECIAL.get((group, plural)) or ObjectCount(group, plural)


def counted_kind(name: str) -> tuple[str, str] | None:
    """Group and plural of a kind that a quota's resource counts objects of: `count/widgets.example.com`, `secrets`."""
    if name.startswith("count/"):
        plural, _, group = name.removeprefix("count/").partition(".")
        return group, plural
    return ("", name) if name in ("configmaps", "replicationcontrollers", "resourcequotas", "secrets") else None


def is_known(name: str, kinds: Collection[tuple[str, str]]) -> bool:
    """Whether a kind of these counts for the resource as mere objects."""
    kind = counted_kind(name)
    return kind is not None and kind in kinds and kind not in IGNORED
