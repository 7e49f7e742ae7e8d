"""What is wrong with a Service (core validation: validateService)."""

from collections.abc import Sequence
from typing import Any

from sampan.api.json import Obj
from sampan.api.meta import (
    annotations_of,
    is_dns1123_label,
    is_dns1123_subdomain,
    is_port,
    is_port_name,
    is_qualified_name,
)
from sampan.resources.strategies.checks import (
    Errors,
    Shown,
    duplicate,
    forbidden,
    invalid,
    marshalled,
    not_among,
    not_supported,
    required,
    spec_of,
)
from sampan.resources.validation.cidr import check_cidr
from sampan.resources.validation.core.service_ips import check_cluster_ips, is_headless
from sampan.resources.validation.ip import check_endpoint_ip, check_ip
from sampan.resources.validation.labels import check_labels

TYPES, NODE_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort"), ("LoadBalancer", "NodePort")
PROTOCOLS, AFFINITIES, POLICIES = ("SCTP", "TCP", "UDP"), ("ClientIP", "None"), ("Cluster", "Local")
DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
HINTS, MODE = "service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"
RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
ONLY_BALANCER = "may only be used when `type` is 'LoadBalancer'"
MOST_STICKY = 86400


def is_external(spec: Obj) -> bool:
    """Whether it is reached from outside the cluster."""
    kind = spec.get("type")
    return kind in NODE_TYPES or (kind == "ClusterIP" and bool(spec.get("externalIPs")))


def needs_health_port(spec: Obj) -> bool:
    """Whether nodes answer a load balancer's health checks for it."""
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def check_service(obj: Obj) -> Errors:
    """A new Service."""
    return check_service_again(obj, None)


def check_service_again(obj: Obj, old: Obj | None) -> Errors:
    """A Service as it is to be; addresses that `old` has may stay as they are."""
    spec, before = spec_of(obj), spec_of(old) if old is not None else {}
    errors = _annotations(obj) + _type(spec) + _ports(spec)
    if selector := spec.get("selector"):
        errors += check_labels(selector, "spec.selector")
    errors += _affinity(spec) + check_cluster_ips(spec, before)
    for index, address in enumerate(spec.get("externalIPs") or ()):
        at = f"spec.externalIPs[{index}]"
        errors += check_ip(address, at, before.get("externalIPs") or ()) or check_endpoint_ip(address, at)
    kind = spec.get("type")
    if not kind:
        errors.append(required("spec.type"))
    elif kind not in TYPES:
        errors.append(not_supported("spec.type", kind, TYPES))
    errors += _node_ports(spec) + _same_ports(spec.get("ports") or ()) + _source_ranges(obj, spec, old)
    if spec.get("allocateLoadBalancerNodePorts") is not None and kind != "LoadBalancer":
        errors.append(forbidden("spec.allocateLoadBalancerNodePorts", ONLY_BALANCER))
    if kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is None:
        errors.append(required("allocateLoadBalancerNodePorts"))
    return errors + check_balancer_class(spec) + _external_policy(spec) + _internal_policy(spec)


def _annotations(obj: Obj) -> Errors:
    annotations = annotations_of(obj)
    if HINTS in annotations and MODE in annotations and annotations[HINTS] != annotations[MODE]:
        why = f"must match annotations[{HINTS}] when both are specified"
        return [invalid(f"metadata.annotations[{MODE}]", annotations[MODE], why)]
    return []


def _type(spec: Obj) -> Errors:
    """What goes with which type."""
    kind, headless = spec.get("type"), is_headless(spec)
    errors: Errors = []
    if not spec.get("ports") and not headless and kind != "ExternalName":
        errors.append(required("spec.ports"))
    if kind in NODE_TYPES and headless:
        errors.append(invalid("spec.clusterIPs[0]", "None", f"may not be set to 'None' for {kind} services"))
    if kind != "ExternalName":
        return errors
    for key, given in (("clusterIPs", spec.get("clusterIPs")), ("ipFamilies", spec.get("ipFamilies"))):
        if given:
            errors.append(forbidden(f"spec.{key}", "may not be set for ExternalName services"))
    if spec.get("ipFamilyPolicy") is not None:
        errors.append(forbidden("spec.ipFamilyPolicy", "may not be set for ExternalName services"))
    name = (spec.get("externalName") or "").removesuffix(".")
    if not name:
        return [*errors, required("spec.externalName")]
    return errors + [invalid("spec.externalName", name, text) for text in is_dns1123_subdomain(name)]


def _ports(spec: Obj) -> Errors:
    ports: Sequence[Obj] = spec.get("ports") or ()
    errors: Errors = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        at, name = f"spec.ports[{index}]", port.get("name") or ""
        if name:
            errors += [invalid(f"{at}.name", name, text) for text in is_dns1123_label(name)]
            if name in names:
                errors.append(duplicate(f"{at}.name", name))
            names.add(name)
        elif len(ports) > 1:
            errors.append(required(f"{at}.name"))
        errors += _port(port, at)
    return errors


def _port(port: Obj, at: str) -> Errors:
    number, protocol, target, app = port.get("port") or 0, port.get("protocol"), port.get("targetPort"), None
    errors = [invalid(f"{at}.port", number, text) for text in is_port(number)]
    if not protocol:
        errors.append(required(f"{at}.protocol"))
    elif protocol not in PROTOCOLS:
        errors.append(not_supported(f"{at}.protocol", protocol, PROTOCOLS))
    problems = is_port_name(target) if isinstance(target, str) else is_port(target or 0)
    errors += [invalid(f"{at}.targetPort", target or 0, text) for text in problems]
    app = port.get("appProtocol")
    if app is not None:
        errors += [invalid(f"{at}.appProtocol", app, text) for text in is_qualified_name(app)]
    return errors


def _affinity(spec: Obj) -> Errors:
    affinity, config, at = spec.get("sessionAffinity"), spec.get("sessionAffinityConfig"), "spec.sessionAffinityConfig"
    if not affinity:
        return [required("spec.sessionAffinity")]
    if affinity not in AFFINITIES:
        return [not_supported("spec.sessionAffinity", affinity, AFFINITIES)]
    if affinity == "None":
        why = "must not be set when session affinity is None"
        return [forbidden(at, why)] if config is not None else []
    client: Any = (config or {}).get("clientIP")
    seconds = (client or {}).get("timeoutSeconds")
    for given, here in ((config, at), (client, f"{at}.clientIP"), (seconds, f"{at}.clientIP.timeoutSeconds")):
        if given is None:
            return [required(here, "when session affinity type is ClientIP")]
    if 0 < int(seconds or 0) <= MOST_STICKY:
        return []
    why = f"must be greater than 0 and less than {MOST_STICKY}"
    return [invalid(f"{at}.clientIP.timeoutSeconds", seconds, why)]


def _node_ports(spec: Obj) -> Errors:
    errors: Errors = []
    seen: set[tuple[str, int]] = set()
    ports = spec.get("ports") or ()
    if spec.get("type") == "ClusterIP":
        why = "may not be used when `type` is 'ClusterIP'"
        given = [index for index, port in enumerate(ports) if port.get("nodePort")]
        errors += [forbidden(f"spec.ports[{index}].nodePort", why) for index in given]
    for index, port in enumerate(ports):
        number = port.get("nodePort")
        if number:
            key = (port.get("protocol") or "", number)
            if key in seen:
                errors.append(duplicate(f"spec.ports[{index}].nodePort", number))
            seen.add(key)
    return errors


def _same_ports(ports: Sequence[Obj]) -> Errors:
    errors: Errors = []
    seen: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        protocol, number = port.get("protocol") or "", port.get("port") or 0
        if (protocol, number) in seen:
            key = {
                "Name": "", "Protocol": protocol, "AppProtocol": None, "Port": number, "TargetPort": 0, "NodePort": 0,
            }  # fmt: skip
            errors.append(duplicate(f"spec.ports[{index}]", Shown(marshalled(key))))
        seen.add((protocol, number))
    return errors


def _source_ranges(obj: Obj, spec: Obj, old: Obj | None) -> Errors:
    ranges, kind, said = spec.get("loadBalancerSourceRanges") or (), spec.get("type"), annotations_of(obj).get(RANGES)
    if ranges:
        at = "spec.LoadBalancerSourceRanges"
        errors: Errors = [] if kind == "LoadBalancer" else [forbidden(at, ONLY_BALANCER)]
        known = {cidr.strip() for cidr in (spec_of(old).get("loadBalancerSourceRanges") or () if old else ())}
        for index, cidr in enumerate(ranges):
            errors += check_cidr(cidr.strip(), f"{at}[{index}]", known)
        return errors
    if said is None:
        return []
    at = f"metadata.annotations[{RANGES}]"
    errors = [] if kind == "LoadBalancer" else [forbidden(at, ONLY_BALANCER)]
    if said.strip() and (old is None or annotations_of(old).get(RANGES) != said):
        for cidr in said.strip().split(","):
            errors += check_cidr(cidr.strip(), at)
    return errors


def check_balancer_class(spec: Obj) -> Errors:
    """Who provides the load balancer."""
    name, at = spec.get("loadBalancerClass"), "spec.loadBalancerClass"
    if name is None:
        return []
    if spec.get("type") != "LoadBalancer":
        return [forbidden(at, ONLY_BALANCER)]
    return [invalid(at, name, text) for text in is_qualified_name(name)]


def _external_policy(spec: Obj) -> Errors:
    policy, at = spec.get("externalTrafficPolicy") or "", "spec.externalTrafficPolicy"
    errors: Errors = []
    if not is_external(spec):
        if policy:
            why = "may only be set for externally-accessible services"
            errors.append(invalid(at, Shown(marshalled(policy)), why))
    elif not policy:
        errors.append(required(at))
    elif policy not in POLICIES:
        errors.append(not_supported(at, policy, POLICIES))
    port, at = spec.get("healthCheckNodePort") or 0, "spec.healthCheckNodePort"
    if needs_health_port(spec):
        return errors + ([invalid(at, port, text) for text in is_port(port)] if port else [required(at)])
    if port:
        why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        errors.append(invalid(at, port, why))
    return errors


def _internal_policy(spec: Obj) -> Errors:
    policy, distribution = spec.get("internalTrafficPolicy"), spec.get("trafficDistribution")
    errors: Errors = []
    if policy is None:
        if spec.get("type") in ("ClusterIP", *NODE_TYPES):
            errors.append(required("spec.internalTrafficPolicy"))
    elif policy not in POLICIES:
        errors.append(not_supported("spec.internalTrafficPolicy", policy, POLICIES))
    if distribution is not None and distribution not in DISTRIBUTIONS:
        errors.append(not_among("spec.trafficDistribution", distribution, DISTRIBUTIONS))
    return errors
