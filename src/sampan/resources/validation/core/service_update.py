"""What of a Service may change, and its status (core validation: ValidateServiceUpdate, ValidateLoadBalancerStatus)."""

from sampan.api.json import Obj
from sampan.api.meta import annotations_of
from sampan.resources.strategies.checks import (
    Errors,
    Shown,
    forbidden,
    invalid,
    marshalled,
    not_supported,
    required,
    spec_of,
)
from sampan.resources.validation.cidr import warn_cidr
from sampan.resources.validation.core.service import HINTS, MODE, check_balancer_class, needs_health_port
from sampan.resources.validation.core.service_ips import is_headless
from sampan.resources.validation.ip import check_ip, warn_ip
from sampan.resources.validation.networking.ingress import check_balancer_name

IPS, FAMILIES, POLICY = "spec.clusterIPs[0]", "spec.ipFamilies[0]", "spec.ipFamilyPolicy"
ONCE = "may not change once set"
MODES = ("Proxy", "VIP")


def check_service_kept(new: Obj, old: Obj) -> Errors:
    """Addresses and families stay, save that the second may come and go; so do the balancer's class and health port."""
    spec, before = spec_of(new), spec_of(old)
    errors: Errors = []
    if "ExternalName" not in (spec.get("type"), before.get("type")):
        errors += _addresses(spec, before) + _families(spec, before)
    name = spec.get("loadBalancerClass")
    if spec.get("type") == before.get("type") == "LoadBalancer" and name != before.get("loadBalancerClass"):
        errors.append(invalid("spec.loadBalancerClass", name, ONCE))
    errors += check_balancer_class(spec)
    ports = [one.get("healthCheckNodePort") or 0 for one in (spec, before)]
    if needs_health_port(spec) and needs_health_port(before) and ports[0] != ports[1]:
        errors.append(forbidden("spec.healthCheckNodePort", "field is immutable"))
    return errors


def _shown(items: list[str]) -> Shown:
    """An empty list is nil there."""
    return Shown(marshalled(items or None))


def _must_be_single(spec: Obj, what: str) -> Errors:
    policy = spec.get("ipFamilyPolicy")
    if policy == "SingleStack":
        return []
    why = f"must be set to 'SingleStack' when releasing the secondary {what}"
    return [invalid(POLICY, Shown(marshalled(policy)), why)]


def _addresses(spec: Obj, before: Obj) -> Errors:
    if is_headless(spec) and is_headless(before):
        return []
    has, had = spec.get("clusterIPs") or [], before.get("clusterIPs") or []
    if len(has) == len(had):
        changed = [index for index, (one, was) in enumerate(zip(has, had, strict=True)) if one != was]
        return [invalid(f"spec.clusterIPs[{index}]", _shown(has), ONCE) for index in changed]
    errors: Errors = []
    if not has:
        errors.append(invalid(IPS, _shown(has), "primary clusterIP can not be unset"))
    if has and had and has[0] != had[0]:
        errors.append(invalid(IPS, _shown(has), ONCE))
    if len(has) == 1 and len(had) > 1:
        errors += _must_be_single(spec, "clusterIP")
    return errors


def _families(spec: Obj, before: Obj) -> Errors:
    if is_headless(spec) or is_headless(before):
        return []
    has, had, addresses = spec.get("ipFamilies") or [], before.get("ipFamilies") or [], spec.get("clusterIPs") or []
    if len(has) == len(had):
        changes = sum(one != was for one, was in zip(has, had, strict=True))
        return [invalid(FAMILIES, _shown(has), ONCE)] * changes
    errors: Errors = []
    fewer = len(has) < len(had)
    if fewer and not addresses:
        errors.append(invalid(FAMILIES, _shown(has), "primary ipFamily can not be unset"))
    if has and had and has[0] != had[0]:
        errors.append(invalid(FAMILIES, _shown(addresses), ONCE))
    return errors + _must_be_single(spec, "ipFamily") if fewer and len(has) == 1 else errors


def _balancers(obj: Obj) -> list[Obj]:
    return ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []


def check_service_status(new: Obj, old: Obj) -> Errors:
    """Load balancers' addresses and names."""
    at, ingress = "status.loadBalancer.ingress", _balancers(new)
    if spec_of(new).get("type") != "LoadBalancer":
        return [forbidden(at, "may only be used when `spec.type` is 'LoadBalancer'")] if ingress else []
    known = {one["ip"] for one in _balancers(old) if one.get("ip")}
    errors: Errors = []
    for index, one in enumerate(ingress):
        here, address, mode = f"{at}[{index}]", one.get("ip") or "", one.get("ipMode")
        if address:
            errors += check_ip(address, f"{here}.ip", known)
        if mode is None:
            if address:
                errors.append(required(f"{here}.ipMode", "must be specified when `ip` is set"))
        elif not address:
            errors.append(forbidden(f"{here}.ipMode", "may not be specified when `ip` is not set"))
        elif mode not in MODES:
            errors.append(not_supported(f"{here}.ipMode", mode, MODES))
        errors += check_balancer_name(one.get("hostname") or "", f"{here}.hostname")
    return errors


def warn_service_status(new: Obj, old: Obj) -> list[str]:
    """Addresses that are written in an unusual way."""
    at, ingress = "status.loadBalancer.ingress", _balancers(new)
    return [text for index, one in enumerate(ingress) if one.get("ip") for text in warn_ip(one["ip"], f"{at}[{index}]")]


def warn_service(obj: Obj) -> list[str]:
    """What of a Service is old, without effect, or written in an unusual way."""
    spec, found = spec_of(obj), []
    kind, address, external = spec.get("type"), spec.get("clusterIP"), spec.get("externalIPs") or ()
    if HINTS in annotations_of(obj):
        found.append(f"annotation {HINTS} is deprecated, please use {MODE} instead")
    if address and address != "None":
        for index, one in enumerate(spec.get("clusterIPs") or ()):
            found += warn_ip(one, f"spec.clusterIPs[{index}]")
    headless = kind == "ClusterIP" and address == "None"
    if headless:
        ignored = [key for key in ("loadBalancerIP", "externalIPs") if spec.get(key)]
        found += [f"spec.{key} is ignored for headless services" for key in ignored]
        if spec.get("sessionAffinity") != "None":
            found.append("spec.SessionAffinity is ignored for headless services")
    for index, one in enumerate(external):
        found += warn_ip(one, f"spec.externalIPs[{index}]")
    if external and not headless and kind != "ExternalName":
        found.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    if spec.get("loadBalancerIP"):
        found += warn_ip(spec["loadBalancerIP"], "spec.loadBalancerIP")
    for index, cidr in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        found += warn_cidr(cidr, f"spec.loadBalancerSourceRanges[{index}]")
    if kind == "ExternalName":
        return [*found, 'spec.externalIPs is ignored when spec.type is "ExternalName"'] if external else found
    if spec.get("externalName"):
        found.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("trafficDistribution") == "PreferClose":
        found.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return found
