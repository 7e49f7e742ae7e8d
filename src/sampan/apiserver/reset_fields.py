"""Fields that an endpoint never writes: nobody comes to own them by writing there (rest.ResetFieldsStrategy)."""

from collections.abc import Mapping
from typing import Final

from sampan.api.patch.fields import LEAF, FieldSet, paths_set

Key = tuple[str, str, str]
_STATUS: Final = paths_set("status")
_SPEC: Final = paths_set("spec")
_ALL_BUT_STATUS: Final = paths_set("metadata", "spec")
_CSR: Final = ("certificates.k8s.io", "certificatesigningrequests")
_SPECIAL: Final[Mapping[Key, FieldSet]] = {
    ("apps", "deployments", "status"): paths_set("metadata.labels", "spec"),
    (*_CSR, ""): paths_set("spec", "status"),
    (*_CSR, "status"): paths_set("spec", "status.conditions"),
    (*_CSR, "approval"): paths_set("spec", "status.certificate"),
    ("", "namespaces", "finalize"): _STATUS,
    ("", "pods", "status"): paths_set("metadata.deletionTimestamp", "metadata.ownerReferences", "spec"),
    ("certificates.k8s.io", "podcertificaterequests", ""): LEAF,
}
_SPEC_ONLY: Final = frozenset(
    (
        ("apps", "daemonsets"), ("apps", "replicasets"), ("apps", "statefulsets"),
        ("autoscaling", "horizontalpodautoscalers"), ("batch", "cronjobs"), ("batch", "jobs"),
        ("certificates.k8s.io", "podcertificaterequests"), ("", "namespaces"), ("", "nodes"),
        ("", "persistentvolumes"), ("", "persistentvolumeclaims"), ("", "replicationcontrollers"),
        ("", "resourcequotas"), ("", "services"), ("networking.k8s.io", "ingresses"),
        ("policy", "poddisruptionbudgets"),
    )
)  # fmt: skip
"""Kinds whose status endpoint lets metadata be written."""


def reset_fields(group: str, plural: str, subresource: str, has_status: bool) -> FieldSet:
    """The fields that writes to an endpoint do not reach."""
    found = _SPECIAL.get((group, plural, subresource))
    if found is not None:
        return found
    if subresource == "status":
        return _SPEC if (group, plural) in _SPEC_ONLY else _ALL_BUT_STATUS
    return _STATUS if not subresource and has_status else LEAF
