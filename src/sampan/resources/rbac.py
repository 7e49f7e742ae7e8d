"""The rbac.authorization.k8s.io group: roles and their bindings."""

from functools import partial

from sampan.resources.row import Row

_row = partial(Row, group="rbac.authorization.k8s.io", version="v1", create_on_update=True)

ROWS = (
    _row(kind="ClusterRoleBinding", plural="clusterrolebindings", namespaced=False),
    _row(kind="ClusterRole", plural="clusterroles", namespaced=False),
    _row(kind="RoleBinding", plural="rolebindings"),
    _row(kind="Role", plural="roles"),
)
