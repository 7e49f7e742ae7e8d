"""The core group: pods and what they need."""

from functools import partial

from sampan.api.json import Obj
from sampan.api.names import GVK
from sampan.api.resource import ScalePaths, Subresource
from sampan.resources.row import ALL_VERBS, CREATE_ONLY, FIRST, READ_WRITE, SCALE, STATUS, Deprecation, Row, at

_row = partial(Row, group="", version="v1")
_PROXY_VERBS = ("create", "delete", "get", "patch", "update")
_STREAM_VERBS = ("create", "get")


def _options(name: str, kind: str, verbs: tuple[str, ...]) -> Subresource:
    return Subresource(name, GVK("", "v1", kind), verbs)


def _pod_ip(pod: Obj) -> str:
    ips = (pod.get("status") or {}).get("podIPs") or []
    return str(ips[0].get("ip", "")) if ips else str((pod.get("status") or {}).get("podIP") or "")


def _pod_ips(pod: Obj) -> str:
    ips = (pod.get("status") or {}).get("podIPs") or []
    return ",".join(str(entry.get("ip", "")) for entry in ips)


def _event_source(event: Obj) -> str:
    return str((event.get("source") or {}).get("component") or event.get("reportingComponent") or "")


ROWS = (
    _row(kind="Binding", plural="bindings", verbs=CREATE_ONLY),
    _row(
        kind="ComponentStatus",
        plural="componentstatuses",
        namespaced=False,
        short=("cs",),
        verbs=("get", "list"),
        deprecated=Deprecation(19),
    ),
    _row(kind="ConfigMap", plural="configmaps", short=("cm",)),
    _row(
        kind="Endpoints",
        plural="endpoints",
        short=("ep",),
        create_on_update=True,
        deprecated=Deprecation(33, use="discovery.k8s.io/v1 EndpointSlice"),
    ),
    _row(
        kind="Event",
        plural="events",
        short=("ev",),
        create_on_update=True,
        selectable={
            "involvedObject.kind": at("involvedObject", "kind"),
            "involvedObject.namespace": at("involvedObject", "namespace"),
            "involvedObject.name": at("involvedObject", "name"),
            "involvedObject.uid": at("involvedObject", "uid"),
            "involvedObject.apiVersion": at("involvedObject", "apiVersion"),
            "involvedObject.resourceVersion": at("involvedObject", "resourceVersion"),
            "involvedObject.fieldPath": at("involvedObject", "fieldPath"),
            "reason": at("reason"),
            "reportingComponent": at("reportingComponent"),
            "source": _event_source,
            "type": at("type"),
        },
    ),
    _row(kind="LimitRange", plural="limitranges", short=("limits",), create_on_update=True),
    _row(
        kind="Namespace",
        plural="namespaces",
        namespaced=False,
        short=("ns",),
        verbs=tuple(verb for verb in ALL_VERBS if verb != "deletecollection"),
        subresources=(Subresource("finalize", None, ("update",)), STATUS),
        selectable={"status.phase": at("status", "phase")},
    ),
    _row(
        kind="Node",
        plural="nodes",
        namespaced=False,
        short=("no",),
        subresources=(_options("proxy", "NodeProxyOptions", _PROXY_VERBS), STATUS),
        selectable={"spec.unschedulable": at("spec", "unschedulable", default="false")},
        status_on_create=True,
    ),
    _row(kind="PersistentVolumeClaim", plural="persistentvolumeclaims", short=("pvc",), subresources=(STATUS,)),
    _row(
        kind="PersistentVolume",
        plural="persistentvolumes",
        namespaced=False,
        short=("pv",),
        subresources=(STATUS,),
    ),
    _row(
        kind="Pod",
        plural="pods",
        short=("po",),
        categories=("all",),
        subresources=(
            _options("attach", "PodAttachOptions", _STREAM_VERBS),
            _options("binding", "Binding", CREATE_ONLY),
            Subresource("ephemeralcontainers", None, READ_WRITE),
            Subresource("eviction", GVK("policy", "v1", "Eviction"), CREATE_ONLY),
            _options("exec", "PodExecOptions", _STREAM_VERBS),
            Subresource("log", None, ("get",)),
            _options("portforward", "PodPortForwardOptions", _STREAM_VERBS),
            _options("proxy", "PodProxyOptions", _PROXY_VERBS),
            Subresource("resize", None, READ_WRITE),
            STATUS,
        ),
        subresources_since={"resize": 33},
        generation_since=33,
        selectable={
            "spec.nodeName": at("spec", "nodeName"),
            "spec.host": at("spec", "nodeName"),
            "spec.restartPolicy": at("spec", "restartPolicy"),
            "spec.schedulerName": at("spec", "schedulerName"),
            "spec.serviceAccountName": at("spec", "serviceAccountName"),
            "spec.hostNetwork": at("spec", "hostNetwork", default="false"),
            "status.phase": at("status", "phase"),
            "status.podIP": _pod_ip,
            "status.podIPs": _pod_ips,
            "status.nominatedNodeName": at("status", "nominatedNodeName"),
        },
        graceful=True,
        status_keeps=("deletionTimestamp", "ownerReferences"),
    ),
    _row(kind="PodTemplate", plural="podtemplates", generation_since=FIRST),
    _row(
        kind="ReplicationController",
        plural="replicationcontrollers",
        short=("rc",),
        categories=("all",),
        subresources=(SCALE, STATUS),
        generation_since=FIRST,
        selectable={"status.replicas": at("status", "replicas", default="0")},
        scale=ScalePaths(selector=("spec", "selector")),
    ),
    _row(kind="ResourceQuota", plural="resourcequotas", short=("quota",), subresources=(STATUS,)),
    _row(kind="Secret", plural="secrets", selectable={"type": at("type")}),
    _row(
        kind="ServiceAccount",
        plural="serviceaccounts",
        short=("sa",),
        subresources=(Subresource("token", GVK("authentication.k8s.io", "v1", "TokenRequest"), CREATE_ONLY),),
    ),
    _row(
        kind="Service",
        plural="services",
        short=("svc",),
        categories=("all",),
        subresources=(_options("proxy", "ServiceProxyOptions", _PROXY_VERBS), STATUS),
        create_on_update=True,
        selectable={"spec.clusterIP": at("spec", "clusterIP"), "spec.type": at("spec", "type")},
    ),
)
