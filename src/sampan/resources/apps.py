"""The apps group: deployments and the other controllers of pods."""

from functools import partial

from sampan.api.resource import ScalePaths
from sampan.resources.row import FIRST, SCALE, STATUS, Row

_row = partial(Row, group="apps", version="v1")
_ALL = ("all",)
_SPEC_SELECTOR = ScalePaths(selector=("spec", "selector"))

ROWS = (
    _row(kind="ControllerRevision", plural="controllerrevisions"),
    _row(
        kind="DaemonSet",
        plural="daemonsets",
        short=("ds",),
        categories=_ALL,
        subresources=(STATUS,),
        generation_since=FIRST,
    ),
    _row(
        kind="Deployment",
        plural="deployments",
        short=("deploy",),
        categories=_ALL,
        subresources=(SCALE, STATUS),
        generation_since=FIRST,
        scale=_SPEC_SELECTOR,
        status_keeps=("labels",),
    ),
    _row(
        kind="ReplicaSet",
        plural="replicasets",
        short=("rs",),
        categories=_ALL,
        subresources=(SCALE, STATUS),
        generation_since=FIRST,
        scale=_SPEC_SELECTOR,
    ),
    _row(
        kind="StatefulSet",
        plural="statefulsets",
        short=("sts",),
        categories=_ALL,
        subresources=(SCALE, STATUS),
        generation_since=FIRST,
        scale=_SPEC_SELECTOR,
    ),
)
