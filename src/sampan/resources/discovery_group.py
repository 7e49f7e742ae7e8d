"""The discovery.k8s.io group: endpoint slices."""

from sampan.resources.row import FIRST, Row

ROWS = (
    Row(
        group="discovery.k8s.io",
        version="v1",
        kind="EndpointSlice",
        plural="endpointslices",
        generation_since=FIRST,
    ),
)
