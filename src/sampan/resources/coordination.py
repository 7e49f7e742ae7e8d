"""The coordination.k8s.io group: leases."""

from sampan.resources.row import Row

ROWS = (
    Row(
        group="coordination.k8s.io",
        version="v1",
        kind="Lease",
        plural="leases",
        create_on_update=True,
        unconditional_update=False,
    ),
)
