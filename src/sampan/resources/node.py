"""The node.k8s.io group: runtime classes."""

from sampan.resources.row import Row

ROWS = (
    Row(
        group="node.k8s.io",
        version="v1",
        kind="RuntimeClass",
        plural="runtimeclasses",
        namespaced=False,
        create_on_update=True,
        unconditional_update=False,
    ),
)
