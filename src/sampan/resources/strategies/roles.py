"""Roles and their bindings (rbac.authorization.k8s.io)."""

from functools import partial

from sampan.api.json import Obj
from sampan.resources.strategies.rules import Rules, each, fill, within
from sampan.resources.validation.rbac.binding import (
    GROUP,
    check_binding,
    check_binding_update,
    check_cluster_binding,
    check_cluster_binding_update,
)
from sampan.resources.validation.rbac.role import (
    check_cluster_role,
    check_cluster_role_update,
    check_role,
    check_role_update,
)


def _subject(subject: Obj) -> Obj:
    return fill(subject, apiGroup=GROUP) if subject.get("kind") in ("User", "Group") else subject


def _binding(obj: Obj) -> Obj:
    obj = within(obj, "roleRef", partial(fill, apiGroup=GROUP), absent={})
    return within(obj, "subjects", partial(each, change=_subject)) if obj.get("subjects") else obj


ROLES = Rules(check=check_role, check_change=check_role_update)
CLUSTER_ROLES = Rules(check=check_cluster_role, check_change=check_cluster_role_update)
ROLE_BINDINGS = Rules(defaults=_binding, check=check_binding, check_change=check_binding_update)
CLUSTER_ROLE_BINDINGS = Rules(defaults=_binding, check=check_cluster_binding, check_change=check_cluster_binding_update)
