"""The autoscaling group: one kind in several versions, stored as v2."""

from functools import partial

from sampan.resources.row import STATUS, Deprecation, Row

_row = partial(
    Row,
    group="autoscaling",
    kind="HorizontalPodAutoscaler",
    plural="horizontalpodautoscalers",
    short=("hpa",),
    categories=("all",),
    subresources=(STATUS,),
)

ROWS = (
    _row(version="v2"),
    _row(version="v1"),
    _row(version="v2beta2", until=25, deprecated=Deprecation(23, 26, "autoscaling/v2 HorizontalPodAutoscaler")),
)
