"""Services, endpoints, ingresses and network policies."""

from functools import partial

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_subdomain, is_path_segment
from sampan.resources.strategies.checks import Errors
from sampan.resources.strategies.rules import Rules, each, fill, fill_absent, metadata_again, within, without
from sampan.resources.validation.core.service import check_service, check_service_again
from sampan.resources.validation.core.service_update import (
    check_service_kept,
    check_service_status,
    warn_service,
    warn_service_status,
)
from sampan.resources.validation.discovery.slice import check_slice, check_slice_update, warn_slice, warn_slice_update
from sampan.resources.validation.metadata import check_own_meta
from sampan.resources.validation.networking.addresses import (
    check_address,
    check_address_update,
    check_service_cidr,
    check_service_cidr_update,
)
from sampan.resources.validation.networking.ingress import (
    check_ingress,
    check_ingress_status,
    check_ingress_update,
    warn_ingress,
    warn_ingress_status,
)
from sampan.resources.validation.networking.ingress_class import check_controller_kept, check_ingress_class
from sampan.resources.validation.networking.policy import check_policy, check_policy_update, warn_policy

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
        spec = fill_absent(spec, internalTrafficPolicy="Cluster")
    return fill(spec, allocateLoadBalancerNodePorts=True) if kind == "LoadBalancer" else spec


def _begin_service(obj: Obj) -> Obj:
    return {**obj, "status": {"loadBalancer": {}}}


def _slice_port(port: Obj) -> Obj:
    return fill_absent({"name": "", **port} if port.get("name") is None else port, protocol="TCP")


def _slice(obj: Obj) -> Obj:
    return within(obj, "ports", partial(each, change=_slice_port))


def _rule_ports(rule: Obj) -> Obj:
    return within(rule, "ports", partial(each, change=partial(fill_absent, protocol="TCP")))


def _policy(spec: Obj) -> Obj:
    for key in ("ingress", "egress"):
        spec = within(
            spec,
            key,
            partial(
                each,
                change=lambda rule: within(rule, "ports", partial(each, change=partial(fill_absent, protocol="TCP"))),
            ),
        )
    if not spec.get("policyTypes"):
        spec = {**spec, "policyTypes": ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]}
    return spec


def _policy_of(obj: Obj) -> Obj:
    return within(obj, "spec", _policy, absent={})


def _class(obj: Obj) -> Obj:
    return within(obj, "spec", lambda s: within(s, "parameters", partial(fill_absent, scope="Cluster")))


def _balancer(one: Obj) -> Obj:
    return fill_absent(one, ipMode="VIP") if one.get("ip") else one


def default_service(obj: Obj) -> Obj:
    """A Service with its defaults."""
    obj = within(obj, "spec", _service, absent={})
    ingress = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress")
    if not ingress or obj["spec"].get("type") != "LoadBalancer":
        return obj
    return within(
        obj, "status", lambda s: within(s, "loadBalancer", lambda b: {**b, "ingress": each(ingress, _balancer)})
    )


def _change_service(new: Obj, old: Obj) -> Errors:
    return metadata_again(new, old) + check_service_kept(new, old) + check_service_again(new, old)


SERVICES = Rules(
    True,
    ("labels",),
    defaults=default_service,
    on_create=_begin_service,
    check=check_service,
    check_change=_change_service,
    check_status=check_service_status,
    warn=warn_service,
    warn_status=warn_service_status,
)


def _drop_topology(obj: Obj) -> Obj:
    """deprecatedTopology cannot be written through v1."""
    return within(obj, "endpoints", partial(each, change=lambda endpoint: without(endpoint, "deprecatedTopology")))


def _carry_topology(new: Obj, old: Obj) -> Obj:
    """Endpoints that did not change keep it."""
    return new if new.get("endpoints") == old.get("endpoints") else _drop_topology(new)


def _change_slice(new: Obj, old: Obj) -> Errors:
    return check_own_meta(new["metadata"], True, is_dns1123_subdomain) + check_slice_update(new, old)


def _change_ingress(new: Obj, old: Obj) -> Errors:
    errors = metadata_again(new, old) + check_own_meta(new["metadata"], True, is_dns1123_subdomain)
    return errors + check_ingress_update(new, old)


def _change_class(new: Obj, old: Obj) -> Errors:
    errors = metadata_again(new, old) + check_controller_kept(new, old)
    return errors + check_own_meta(new["metadata"], False, is_dns1123_subdomain) + check_ingress_class(new)


def _change_policy(new: Obj, old: Obj) -> Errors:
    return metadata_again(new, old) + check_policy_update(new, old)


def _change_address(new: Obj, old: Obj) -> Errors:
    errors = check_own_meta(new["metadata"], False, is_path_segment) + check_address(new)
    return errors + metadata_again(new, old) + check_address_update(new, old)


def _change_cidr(new: Obj, old: Obj) -> Errors:
    return metadata_again(new, old) + check_service_cidr_update(new, old)


ENDPOINT_SLICES = Rules(
    defaults=_slice,
    on_create=_drop_topology,
    on_update=_carry_topology,
    check=check_slice,
    check_change=_change_slice,
    warn=warn_slice,
    warn_update=warn_slice_update,
)
INGRESSES = Rules(
    True,
    check=check_ingress,
    check_change=_change_ingress,
    check_status=check_ingress_status,
    warn=warn_ingress,
    warn_update=lambda new, old: [],
    warn_status=lambda new, old: warn_ingress_status(new),
)
INGRESS_CLASSES = Rules(defaults=_class, check=check_ingress_class, check_change=_change_class)
NETWORK_POLICIES = Rules(defaults=_policy_of, check=check_policy, check_change=_change_policy, warn=warn_policy)
IP_ADDRESSES = Rules(check=check_address, check_change=_change_address)
SERVICE_CIDRS = Rules(True, check=check_service_cidr, check_change=_change_cidr)


def _api_service(obj: Obj) -> Obj:
    """A served group's Service is called on 443."""
    return within(obj, "spec", lambda s: within(s, "service", lambda v: fill(v, port=443)))


API_SERVICES = Rules(True, defaults=_api_service)
