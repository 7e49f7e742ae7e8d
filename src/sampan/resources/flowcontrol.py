"""The flowcontrol.apiserver.k8s.io group: fair queueing, in the versions each Kubernetes served, preferred first."""

from functools import partial

from sampan.resources.row import FIRST, RESET_META, STATUS, Deprecation, Row

_flow = partial(
    Row,
    group="flowcontrol.apiserver.k8s.io",
    kind="FlowSchema",
    plural="flowschemas",
    namespaced=False,
    subresources=(STATUS,),
    generation_since=FIRST,
    status_keeps=RESET_META,
)
_level = partial(_flow, kind="PriorityLevelConfiguration", plural="prioritylevelconfigurations")
_USE = "flowcontrol.apiserver.k8s.io"

ROWS = (
    _flow(version="v1", since=29),
    _level(version="v1", since=29),
    _flow(version="v1beta3", since=26, until=31, deprecated=Deprecation(29, 32, f"{_USE}/v1 FlowSchema")),
    _level(
        version="v1beta3",
        since=26,
        until=31,
        deprecated=Deprecation(29, 32, f"{_USE}/v1 PriorityLevelConfiguration"),
    ),
    _flow(version="v1beta2", until=28, deprecated=Deprecation(26, 29, f"{_USE}/v1beta3 FlowSchema")),
    _level(version="v1beta2", until=28, deprecated=Deprecation(26, 29, f"{_USE}/v1beta3 PriorityLevelConfiguration")),
    _flow(version="v1beta1", until=25, deprecated=Deprecation(23, 26, f"{_USE}/v1beta3 FlowSchema")),
    _level(version="v1beta1", until=25, deprecated=Deprecation(23, 26, f"{_USE}/v1beta3 PriorityLevelConfiguration")),
)
