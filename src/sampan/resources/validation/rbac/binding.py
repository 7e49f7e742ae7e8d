"""What is wrong with RoleBindings and ClusterRoleBindings (rbac validation: ValidateRoleBinding and its like)."""

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_subdomain, is_path_segment
from sampan.resources.strategies.checks import Errors, invalid, not_among, plain, required
from sampan.resources.strategies.rules import metadata_again
from sampan.resources.validation.go_struct import Table, shown_struct
from sampan.resources.validation.metadata import check_own_meta

GROUP = "rbac.authorization.k8s.io"
REFERENCE: Table = (("APIGroup", "apiGroup", ""), ("Kind", "kind", ""), ("Name", "name", ""))
SUBJECTS = ("ServiceAccount", "User", "Group")


def check_binding(obj: Obj) -> Errors:
    """A RoleBinding."""
    return _binding(obj, ("Role", "ClusterRole"), True)


def check_binding_update(new: Obj, old: Obj) -> Errors:
    """A changed RoleBinding."""
    errors = check_own_meta(new["metadata"], True, is_path_segment) + check_binding(new)
    return errors + metadata_again(new, old) + _same_role(new, old)


def check_cluster_binding(obj: Obj) -> Errors:
    """A ClusterRoleBinding."""
    return _binding(obj, ("ClusterRole",), False)


def check_cluster_binding_update(new: Obj, old: Obj) -> Errors:
    """A changed ClusterRoleBinding."""
    errors = check_own_meta(new["metadata"], False, is_path_segment) + check_cluster_binding(new)
    return errors + metadata_again(new, old) + _same_role(new, old)


def _binding(obj: Obj, kinds: tuple[str, ...], namespaced: bool) -> Errors:
    role = obj.get("roleRef") or {}
    group, kind, name = role.get("apiGroup") or "", role.get("kind") or "", role.get("name") or ""
    errors: Errors = []
    if group != GROUP:
        errors.append(not_among("roleRef.apiGroup", plain(group), (GROUP,)))
    if kind not in kinds:
        errors.append(not_among("roleRef.kind", plain(kind), kinds))
    if not name:
        errors.append(required("roleRef.name"))
    else:
        errors += [invalid("roleRef.name", name, problem) for problem in is_path_segment(name)]
    for index, subject in enumerate(obj.get("subjects") or ()):
        errors += _subject(subject, f"subjects[{index}]", namespaced)
    return errors


def _subject(subject: Obj, at: str, namespaced: bool) -> Errors:
    kind, name, group = subject.get("kind") or "", subject.get("name") or "", subject.get("apiGroup") or ""
    errors: Errors = [] if name else [required(f"{at}.name")]
    if kind == "ServiceAccount":
        if name:
            errors += [invalid(f"{at}.name", name, problem) for problem in is_dns1123_subdomain(name)]
        if group:
            errors.append(not_among(f"{at}.apiGroup", plain(group), ("",)))
        if not namespaced and not subject.get("namespace"):
            errors.append(required(f"{at}.namespace"))
    elif kind in ("User", "Group"):
        if group != GROUP:
            errors.append(not_among(f"{at}.apiGroup", plain(group), (GROUP,)))
    else:
        errors.append(not_among(f"{at}.kind", plain(kind), SUBJECTS))
    return errors


def _same_role(new: Obj, old: Obj) -> Errors:
    role = new.get("roleRef") or {}
    if role == (old.get("roleRef") or {}):
        return []
    return [invalid("roleRef", shown_struct(role, REFERENCE), "cannot change roleRef")]
