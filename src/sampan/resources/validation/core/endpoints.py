"""What is wrong with Endpoints (core validation: ValidateEndpoints)."""

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label, is_dns1123_subdomain, is_port, is_qualified_name, labels_of
from sampan.resources.strategies.checks import Errors, invalid, not_supported, required
from sampan.resources.validation.ip import check_endpoint_ip, check_ip, warn_ip

PROTOCOLS = ("SCTP", "TCP", "UDP")
MANAGED_BY, CONTROLLER = "endpoints.kubernetes.io/managed-by", "endpoint-controller"
"""Its own may be on loopback, where the pods of a cluster on one machine can be; upstream's may not."""
ADDRESSES = ("addresses", "notReadyAddresses")


def check_endpoints(obj: Obj) -> Errors:
    """Each subset has sound addresses and ports."""
    errors: Errors = []
    loopback = labels_of(obj).get(MANAGED_BY) == CONTROLLER
    for index, subset in enumerate(obj.get("subsets") or ()):
        at, ports = f"subsets[{index}]", subset.get("ports") or ()
        if not any(subset.get(key) for key in ADDRESSES):
            errors.append(required(at, "must specify `addresses` or `notReadyAddresses`"))
        for key in ADDRESSES:
            for place, address in enumerate(subset.get(key) or ()):
                errors += _address(address, f"{at}.{key}[{place}]", loopback)
        for place, port in enumerate(ports):
            errors += _port(port, f"{at}.ports[{place}]", len(ports) > 1)
    return errors


def check_endpoints_changed(new: Obj, old: Obj) -> Errors:
    """The same subsets need not be right."""
    return [] if (new.get("subsets") or []) == (old.get("subsets") or []) else check_endpoints(new)


def _address(address: Obj, at: str, loopback: bool) -> Errors:
    ip, host, node = address.get("ip") or "", address.get("hostname") or "", address.get("nodeName")
    errors = check_ip(ip, f"{at}.ip")
    errors += [invalid(f"{at}.hostname", host, text) for text in (is_dns1123_label(host) if host else ())]
    if node is not None:
        errors += [invalid(f"{at}.nodeName", node, text) for text in is_dns1123_subdomain(node)]
    return errors + check_endpoint_ip(ip, f"{at}.ip", loopback=loopback)


def _port(port: Obj, at: str, named: bool) -> Errors:
    name, number, protocol, app = port.get("name") or "", port.get("port") or 0, port.get("protocol"), None
    errors: Errors = []
    if name:
        errors += [invalid(f"{at}.name", name, text) for text in is_dns1123_label(name)]
    elif named:
        errors.append(required(f"{at}.name"))
    errors += [invalid(f"{at}.port", number, text) for text in is_port(number)]
    if not protocol:
        errors.append(required(f"{at}.protocol"))
    elif protocol not in PROTOCOLS:
        errors.append(not_supported(f"{at}.protocol", protocol, PROTOCOLS))
    app = port.get("appProtocol")
    return errors + [
        invalid(f"{at}.appProtocol", app, text) for text in (is_qualified_name(app) if app is not None else ())
    ]


def warn_endpoints(obj: Obj) -> list[str]:
    """Addresses that are written in an unusual way."""
    if labels_of(obj).get(MANAGED_BY) == CONTROLLER:
        return []
    return [
        text
        for index, subset in enumerate(obj.get("subsets") or ())
        for key in ADDRESSES
        for place, address in enumerate(subset.get(key) or ())
        for text in warn_ip(address.get("ip") or "", f"subsets[{index}].{key}[{place}].ip")
    ]
