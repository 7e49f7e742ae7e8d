"""The resource.k8s.io group: devices and claims on them."""

from functools import partial

from sampan.resources.row import FIRST, RESET_META, STATUS, Row, at

_row = partial(Row, group="resource.k8s.io", version="v1", since=34, before="v1beta1")

ROWS = (
    _row(kind="DeviceClass", plural="deviceclasses", namespaced=False, generation_since=FIRST),
    _row(
        kind="DeviceTaintRule",
        plural="devicetaintrules",
        namespaced=False,
        since=37,
        before="v1beta2",
        subresources=(STATUS,),
        generation_since=FIRST,
        status_keeps=RESET_META,
    ),
    _row(kind="ResourceClaim", plural="resourceclaims", subresources=(STATUS,), status_keeps=RESET_META),
    _row(kind="ResourceClaimTemplate", plural="resourceclaimtemplates"),
    _row(
        kind="ResourceSlice",
        plural="resourceslices",
        namespaced=False,
        generation_since=FIRST,
        selectable={"spec.nodeName": at("spec", "nodeName"), "spec.driver": at("spec", "driver")},
    ),
)
