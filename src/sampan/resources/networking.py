"""The networking.k8s.io group: ingress, policies and the address ranges of services."""

from functools import partial

from sampan.resources.row import FIRST, RESET_META, STATUS, Row

_row = partial(Row, group="networking.k8s.io", version="v1")

ROWS = (
    _row(kind="IngressClass", plural="ingressclasses", namespaced=False, generation_since=FIRST),
    _row(kind="Ingress", plural="ingresses", short=("ing",), subresources=(STATUS,), generation_since=FIRST),
    _row(kind="IPAddress", plural="ipaddresses", namespaced=False, since=33, before="v1beta1", short=("ip",)),
    _row(kind="NetworkPolicy", plural="networkpolicies", short=("netpol",), generation_since=FIRST),
    _row(
        kind="ServiceCIDR",
        plural="servicecidrs",
        namespaced=False,
        since=33,
        before="v1beta1",
        subresources=(STATUS,),
        status_keeps=RESET_META,
    ),
)
