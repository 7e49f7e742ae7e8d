"""What is wrong with an EndpointSlice (discovery validation: ValidateEndpointSlice)."""

from collections.abc import Sequence

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label, is_dns1123_subdomain, is_label_value, is_qualified_name, labels_of
from sampan.resources.strategies.checks import (
    Errors,
    duplicate,
    immutable,
    invalid,
    not_supported,
    required,
    too_many,
)
from sampan.resources.validation.ip import check_endpoint_ip, check_ip, check_strict_ip, is_version, warn_ip
from sampan.resources.validation.labels import check_labels

ADDRESS_TYPES, PROTOCOLS = ("FQDN", "IPv4", "IPv6"), ("SCTP", "TCP", "UDP")
MOST_TOPOLOGY, MOST_ADDRESSES, MOST_PORTS, MOST_ENDPOINTS, MOST_HINTS = 16, 100, 20000, 1000, 8
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
CONTROLLERS = ("endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io")
"""Theirs may be on loopback, where the pods of a cluster on one machine can be; upstream's may not."""


def check_slice(obj: Obj) -> Errors:
    """A new slice."""
    return _type(obj) + _ports(obj.get("ports") or (), "ports") + _endpoints(obj)


def check_slice_update(new: Obj, old: Obj) -> Errors:
    """A changed slice: endpoints that are the same need not be right, the type of addresses stays."""
    errors = _type(new) + _ports(new.get("ports") or (), "ports")
    if (new.get("endpoints") or []) != (old.get("endpoints") or []):
        errors += _endpoints(new)
    return errors + immutable("addressType", new.get("addressType") or "", old.get("addressType") or "")


def _type(obj: Obj) -> Errors:
    kind = obj.get("addressType")
    if not kind:
        return [required("addressType")]
    return [] if kind in ADDRESS_TYPES else [not_supported("addressType", kind, ADDRESS_TYPES)]


def _ports(ports: Sequence[Obj], at: str) -> Errors:
    if len(ports) > MOST_PORTS:
        return [too_many(at, len(ports), MOST_PORTS)]
    errors: Errors = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        here, name, protocol = f"{at}[{index}]", port.get("name") or "", port.get("protocol")
        errors += [invalid(f"{here}.name", name, text) for text in (is_dns1123_label(name) if name else ())]
        if name in names:
            errors.append(duplicate(f"{here}.name", name))
        names.add(name)
        if protocol is None:
            errors.append(required(f"{here}.protocol"))
        elif protocol not in PROTOCOLS:
            errors.append(not_supported(f"{here}.protocol", protocol, PROTOCOLS))
        if port.get("appProtocol") is not None:
            app = port["appProtocol"]
            errors += [invalid(f"{here}.appProtocol", app, text) for text in is_qualified_name(app)]
    return errors


def _endpoints(obj: Obj) -> Errors:
    endpoints, kind = obj.get("endpoints") or (), obj.get("addressType") or ""
    loopback = labels_of(obj).get(MANAGED_BY) in CONTROLLERS
    if len(endpoints) > MOST_ENDPOINTS:
        return [too_many("endpoints", len(endpoints), MOST_ENDPOINTS)]
    errors: Errors = []
    for index, endpoint in enumerate(endpoints):
        errors += _endpoint(endpoint, f"endpoints[{index}]", kind, loopback)
    return errors


def _endpoint(endpoint: Obj, at: str, kind: str, loopback: bool) -> Errors:
    addresses, node, host = endpoint.get("addresses") or (), endpoint.get("nodeName"), endpoint.get("hostname")
    topology, hints = endpoint.get("deprecatedTopology"), endpoint.get("hints")
    errors: Errors = []
    if not addresses:
        errors.append(required(f"{at}.addresses", "must contain at least 1 address"))
    elif len(addresses) > MOST_ADDRESSES:
        errors.append(too_many(f"{at}.addresses", len(addresses), MOST_ADDRESSES))
    for index, address in enumerate(addresses):
        errors += _address(address, f"{at}.addresses[{index}]", kind, loopback)
    if node is not None:
        errors += [invalid(f"{at}.nodeName", node, text) for text in is_dns1123_subdomain(node)]
    if topology:
        if len(topology) > MOST_TOPOLOGY:
            errors.append(too_many(f"{at}.deprecatedTopology", len(topology), MOST_TOPOLOGY))
        errors += check_labels(topology, f"{at}.deprecatedTopology")
    if host is not None:
        errors += [invalid(f"{at}.hostname", host, text) for text in is_dns1123_label(host)]
    return errors if hints is None else errors + _hints(hints, f"{at}.hints")


def _address(address: str, here: str, kind: str, loopback: bool) -> Errors:
    if kind == "FQDN":
        return check_full_name(address, here)
    if kind not in ("IPv4", "IPv6"):
        return []
    errors = check_ip(address, here) if kind == "IPv4" else check_strict_ip(address, here)
    if errors:
        return errors
    if not is_version(address, 4 if kind == "IPv4" else 6):
        errors.append(invalid(here.rpartition("[")[0], address, f"must be an {kind} address"))
    return errors + check_endpoint_ip(address, here, loopback=loopback)


def check_full_name(name: str, at: str) -> Errors:
    """A domain name of two labels or more, with or without the last dot (IsFullyQualifiedDomainName)."""
    if not name:
        return [required(at)]
    name = name.removesuffix(".")
    if problems := is_dns1123_subdomain(name):
        return [invalid(at, name, ",".join(problems))]
    parts = name.split(".")
    if len(parts) < 2:
        return [invalid(at, name, "should be a domain with at least two segments separated by dots")]
    for part in parts:
        if problems := is_dns1123_label(part):
            return [invalid(at, part, ",".join(problems))]
    return []


def _hints(hints: Obj, at: str) -> Errors:
    errors: Errors = []
    for key, rule in (("forZones", is_label_value), ("forNodes", is_dns1123_subdomain)):
        named = hints.get(key) or ()
        if len(named) > MOST_HINTS:
            return [*errors, too_many(f"{at}.{key}", len(named), MOST_HINTS)]
        seen: set[str] = set()
        for index, one in enumerate(named):
            here, name = f"{at}.{key}[{index}].name", one.get("name") or ""
            if name in seen:
                errors.append(duplicate(here, name))
            seen.add(name)
            errors += [invalid(here, name, text) for text in rule(name)]
    return errors


def warn_slice(obj: Obj) -> list[str]:
    """Names in place of addresses go out of use; addresses that are written in an unusual way."""
    found = ["spec.addressType: FQDN endpoints are deprecated"] if obj.get("addressType") == "FQDN" else []
    return found + warn_slice_update(obj, obj)


def warn_slice_update(new: Obj, old: Obj) -> list[str]:
    """Addresses that are written in an unusual way, in slices that no controller made."""
    if labels_of(new).get(MANAGED_BY) in CONTROLLERS:
        return []
    return [
        text
        for index, endpoint in enumerate(new.get("endpoints") or ())
        for place, address in enumerate(endpoint.get("addresses") or ())
        for text in warn_ip(address, f"endpoints[{index}].addresses[{place}]")
    ]
