"""Services, endpoints, ingresses and network policies."""

from functools import partial

from sampan.api.json import Obj
from sampan.resources.strategies.rules import Rules, each, fill, within, without
from sampan.resources.strategies.service_rules import check_service, check_service_update

EXTERNAL = ("LoadBalancer", "NodePort")
STICKY_SECONDS = 10800


def _port(port: Obj) -> Obj:
    port = fill(port, protocol="TCP")
    return port if port.get("targetPort") else {**port, "targetPort": port.get("port")}


def _service(spec: Obj) -> Obj:
    spec = fill(spec, sessionAffinity="None", type="ClusterIP")
    if spec["sessionAffinity"] == "None":
        spec = without(spec, "sessionAffinityConfig")
    elif spec["sessionAffinity"] == "ClientIP":
        client = ((spec.get("sessionAffinityConfig") or {}).get("clientIP")) or {}
        if client.get("timeoutSeconds") is None:
            spec = {**spec, "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": STICKY_SECONDS}}}
    if spec.get("ports"):
        spec = within(spec, "ports", partial(each, change=_port))
    kind = spec["type"]
    if kind in EXTERNAL or (kind == "ClusterIP" and spec.get("externalIPs")):
        spec = fill(spec, externalTrafficPolicy="Cluster")
    if kind in ("ClusterIP", *EXTERNAL):
        spec = fill(spec, internalTrafficPolicy="Cluster")
    return fill(spec, allocateLoadBalancerNodePorts=True) if kind == "LoadBalancer" else spec


def _begin_service(obj: Obj) -> Obj:
    return {**obj, "status": {"loadBalancer": {}}}


def _subset(subset: Obj) -> Obj:
    return within(subset, "ports", partial(each, change=partial(fill, protocol="TCP")))


def _endpoints(obj: Obj) -> Obj:
    return within(obj, "subsets", partial(each, change=_subset))


def _slice_port(port: Obj) -> Obj:
    return fill({"name": "", **port} if port.get("name") is None else port, protocol="TCP")


def _slice(obj: Obj) -> Obj:
    return within(obj, "ports", partial(each, change=_slice_port))


def _policy(spec: Obj) -> Obj:
    for key in ("ingress", "egress"):
        spec = within(
            spec,
            key,
            partial(
                each, change=lambda rule: within(rule, "ports", partial(each, change=partial(fill, protocol="TCP")))
            ),
        )
    if not spec.get("policyTypes"):
        spec = {**spec, "policyTypes": ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]}
    return spec


def _policy_of(obj: Obj) -> Obj:
    return within(obj, "spec", _policy, absent={})


def _class(obj: Obj) -> Obj:
    return within(obj, "spec", lambda s: within(s, "parameters", partial(fill, scope="Cluster")))


HINTS, MODE = "service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"


def _warn_service(obj: Obj) -> list[str]:
    """What of a Service is old, or is without effect."""
    spec, found = obj.get("spec") or {}, []
    if HINTS in ((obj.get("metadata") or {}).get("annotations") or {}):
        found.append(f"annotation {HINTS} is deprecated, please use {MODE} instead")
    headless = spec.get("clusterIP") == "None" and spec.get("type") == "ClusterIP"
    if headless:
        found += [
            f"spec.{key} is ignored for headless services" for key in ("loadBalancerIP", "externalIPs") if spec.get(key)
        ]
        if spec.get("sessionAffinity") not in (None, "None"):
            found.append("spec.SessionAffinity is ignored for headless services")
    elif spec.get("externalIPs") and spec.get("type") == "ExternalName":
        found.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    elif spec.get("externalIPs"):
        found.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    return found


SERVICES = Rules(
    True,
    ("labels",),
    defaults=lambda obj: within(obj, "spec", _service, absent={}),
    on_create=_begin_service,
    check=check_service,
    check_update=check_service_update,
    warn=_warn_service,
)
ENDPOINTS = Rules(defaults=_endpoints)
ENDPOINT_SLICES = Rules(defaults=_slice)
OLD_CLASS = "kubernetes.io/ingress.class"


def _warn_ingress(obj: Obj) -> list[str]:
    if OLD_CLASS not in (obj["metadata"].get("annotations") or {}):
        return []
    return [f"annotation \"{OLD_CLASS}\" is deprecated, please use 'spec.ingressClassName' instead"]


INGRESSES = Rules(warn=_warn_ingress)
NETWORK_POLICIES = Rules(defaults=_policy_of)


def _api_service(obj: Obj) -> Obj:
    """A served group's Service is called on 443."""
    return within(obj, "spec", lambda s: within(s, "service", lambda v: fill(v, port=443)))


API_SERVICES = Rules(True, defaults=_api_service)
INGRESS_CLASSES = Rules(defaults=_class)
