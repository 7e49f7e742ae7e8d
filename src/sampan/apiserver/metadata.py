"""The rules for metadata that hold for every kind (apimachinery: api/validation/objectmeta.go). Pure."""

from collections.abc import Mapping

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label, is_dns1123_subdomain, is_path_segment
from sampan.resources.validation.ip import strict_ip_problems
from sampan.resources.validation.metadata import Names

WIPED = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion")
RBAC = "rbac.authorization.k8s.io"


def _any_name(_: str) -> list[str]:
    """Names that need only be a segment of a path, which the storage looks at."""
    return []


NAME_RULES: Mapping[tuple[str, str], Names] = {
    ("", "Namespace"): is_dns1123_label,
    ("", "Service"): is_dns1123_label,
    ("apps", "StatefulSet"): is_dns1123_label,
    (RBAC, "Role"): is_path_segment,
    (RBAC, "RoleBinding"): is_path_segment,
    (RBAC, "ClusterRole"): is_path_segment,
    (RBAC, "ClusterRoleBinding"): is_path_segment,
    ("networking.k8s.io", "IPAddress"): strict_ip_problems,
    ("policy", "PodDisruptionBudget"): is_path_segment,
    ("", "Event"): is_path_segment,
    ("certificates.k8s.io", "CertificateSigningRequest"): _any_name,
    ("apiregistration.k8s.io", "APIService"): is_path_segment,
}


def name_rule(group: str, kind: str) -> Names:
    """What names of a kind may be."""
    return NAME_RULES.get((group, kind), is_dns1123_subdomain)


def prepare_create(metadata: Obj, uid: str, now: str) -> Obj:
    """Metadata of a new object: what only the server may set is set by it."""
    kept = {key: value for key, value in metadata.items() if key not in WIPED}
    return {**kept, "uid": uid, "creationTimestamp": now}


def carry_over(new: Obj, old: Obj) -> Obj:
    """Metadata of an update: what an update may not change stays; an absent uid is the old one's."""
    made = dict(new)
    for key in ("generation", "creationTimestamp"):
        if key in old:
            made[key] = old[key]
        else:
            made.pop(key, None)
    if not made.get("uid") and "uid" in old:
        made["uid"] = old["uid"]
    if "deletionTimestamp" in old:
        made["deletionTimestamp"] = old["deletionTimestamp"]
    if "deletionGracePeriodSeconds" in old and made.get("deletionGracePeriodSeconds") is None:
        made["deletionGracePeriodSeconds"] = old["deletionGracePeriodSeconds"]
    return made
