"""The storage.k8s.io group: classes, CSI drivers and attachments."""

from functools import partial

from sampan.resources.row import RESET_META, STATUS, Deprecation, Row

_row = partial(Row, group="storage.k8s.io", version="v1", namespaced=False)

ROWS = (
    _row(kind="CSIDriver", plural="csidrivers", unconditional_update=False),
    _row(kind="CSINode", plural="csinodes", unconditional_update=False),
    _row(kind="CSIStorageCapacity", plural="csistoragecapacities", namespaced=True, unconditional_update=False),
    _row(
        version="v1beta1",
        kind="CSIStorageCapacity",
        plural="csistoragecapacities",
        namespaced=True,
        until=26,
        unconditional_update=False,
        deprecated=Deprecation(24, 27, "storage.k8s.io/v1 CSIStorageCapacity"),
    ),
    _row(kind="StorageClass", plural="storageclasses", short=("sc",)),
    _row(
        kind="VolumeAttachment",
        plural="volumeattachments",
        subresources=(STATUS,),
        unconditional_update=False,
        status_keeps=RESET_META,
    ),
    _row(kind="VolumeAttributesClass", plural="volumeattributesclasses", since=34, before="v1beta1", short=("vac",)),
)
