"""The storagemigration.k8s.io group: rewriting of stored objects."""

from sampan.resources.row import RESET_META, STATUS, Row

ROWS = (
    Row(
        group="storagemigration.k8s.io",
        version="v1",
        kind="StorageVersionMigration",
        plural="storageversionmigrations",
        namespaced=False,
        since=37,
        before="v1beta1",
        subresources=(STATUS,),
        status_keeps=RESET_META,
    ),
)
