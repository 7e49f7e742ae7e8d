"""The scheduling.k8s.io group: priority classes."""

from sampan.resources.row import FIRST, Row

ROWS = (
    Row(
        group="scheduling.k8s.io",
        version="v1",
        kind="PriorityClass",
        plural="priorityclasses",
        namespaced=False,
        short=("pc",),
        generation_since=FIRST,
    ),
)
