"""What is wrong with an Ingress (networking validation: ValidateIngressCreate and below)."""

from dataclasses import dataclass

from sampan.api.json import Obj
from sampan.api.meta import (
    annotations_of,
    is_dns1123_label,
    is_dns1123_subdomain,
    is_path_segment,
    is_port,
    is_port_name,
    is_wildcard_subdomain,
)
from sampan.resources.strategies.checks import Errors, Shown, invalid, not_among, required, spec_of
from sampan.resources.validation.ip import check_ip, parse_sloppy, warn_ip

CLASS = "kubernetes.io/ingress.class"
PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
NEVER_IN, NEVER_AT_END = ("//", "/./", "/../", "%2f", "%2F"), ("/..", "/.")
NULL = Shown("null")


@dataclass(frozen=True, slots=True)
class _Allowed:
    """What an Ingress that is older than a rule may keep."""

    any_secret: bool = False
    any_wildcard_rule: bool = False


def check_ingress(obj: Obj) -> Errors:
    """A new Ingress."""
    errors, spec = _spec(spec_of(obj), _Allowed()), spec_of(obj)
    old_class, name = annotations_of(obj).get(CLASS), spec.get("ingressClassName")
    if old_class is not None and name is not None and old_class != name:
        why = "must match `ingressClassName` when both are specified"
        errors.append(invalid(f"annotations.{CLASS}", old_class, why))
    return errors


def check_ingress_update(new: Obj, old: Obj) -> Errors:
    """A changed one, without its metadata."""
    before = spec_of(old)
    allowed = _Allowed(
        any(_secret_name(tls) for tls in before.get("tls") or ()),
        any("*" in (rule.get("host") or "") and _paths(rule, "") for rule in before.get("rules") or ()),
    )
    return _spec(spec_of(new), allowed)


def _spec(spec: Obj, allowed: _Allowed) -> Errors:
    rules, backend, name = spec.get("rules") or (), spec.get("defaultBackend"), spec.get("ingressClassName")
    errors: Errors = []
    if not rules and backend is None:
        shown = Shown("[]") if spec.get("rules") is not None else NULL
        errors.append(invalid("spec", shown, "either `defaultBackend` or `rules` must be specified"))
    if backend is not None:
        errors += _backend(backend, "spec.defaultBackend")
    for index, rule in enumerate(rules):
        errors += _rule(rule, f"spec.rules[{index}]", allowed)
    for index, tls in enumerate(spec.get("tls") or ()):
        errors += _tls(tls, f"spec.tls[{index}]", allowed)
    if name is not None:
        errors += [invalid("spec.ingressClassName", name, text) for text in is_dns1123_subdomain(name)]
    return errors


def _tls(tls: Obj, at: str, allowed: _Allowed) -> Errors:
    errors: Errors = []
    for index, host in enumerate(tls.get("hosts") or ()):
        problems = is_wildcard_subdomain(host) if "*" in host else is_dns1123_subdomain(host)
        errors += [invalid(f"{at}.hosts[{index}]", host, text) for text in problems]
    if not allowed.any_secret:
        errors += [invalid(f"{at}.secretName", tls["secretName"], text) for text in _secret_name(tls)]
    return errors


def _secret_name(tls: Obj) -> list[str]:
    name = tls.get("secretName")
    return is_dns1123_subdomain(name) if name else []


def _rule(rule: Obj, at: str, allowed: _Allowed) -> Errors:
    host = rule.get("host") or ""
    errors: Errors = []
    wild = "*" in host
    if host:
        if parse_sloppy(host) is not None:
            errors.append(invalid(f"{at}.host", host, "must be a DNS name, not an IP address"))
        problems = is_wildcard_subdomain(host) if wild else is_dns1123_subdomain(host)
        errors += [invalid(f"{at}.host", host, text) for text in problems]
    return errors if wild and allowed.any_wildcard_rule else errors + _paths(rule, at)


def _paths(rule: Obj, at: str) -> Errors:
    http = rule.get("http")
    if http is None:
        return []
    paths = http.get("paths") or ()
    errors: Errors = [] if paths else [required(f"{at}.http.paths")]
    for index, path in enumerate(paths):
        errors += _path(path, f"{at}.http.paths[{index}]")
    return errors


def _path(path: Obj, at: str) -> Errors:
    kind, text, here = path.get("pathType"), path.get("path") or "", f"{at}.path"
    if kind is None:
        return [required(f"{at}.pathType", "pathType must be specified")]
    errors: Errors = []
    if kind in ("Exact", "Prefix"):
        if not text.startswith("/"):
            errors.append(invalid(here, text, "must be an absolute path"))
        errors += [invalid(here, text, f"must not contain '{part}'") for part in NEVER_IN if part in text]
        errors += [invalid(here, text, f"cannot end with '{end}'") for end in NEVER_AT_END if text.endswith(end)]
    elif kind == "ImplementationSpecific":
        if text and not text.startswith("/"):
            errors.append(invalid(here, text, "must be an absolute path"))
    else:
        errors.append(not_among(f"{at}.pathType", kind, PATH_TYPES))
    return errors + _backend(path.get("backend") or {}, f"{at}.backend")


def _backend(backend: Obj, at: str) -> Errors:
    resource, service = backend.get("resource"), backend.get("service")
    if resource is not None and service is not None:
        return [invalid(at, "", "cannot set both resource and service backends")]
    if resource is not None:
        return check_reference(resource, f"{at}.resource")
    if service is None:
        return [invalid(at, "", "resource or service backend is required")]
    name, port = service.get("name") or "", service.get("port") or {}
    errors: Errors = [] if name else [required(f"{at}.service.name")]
    errors += [invalid(f"{at}.service.name", name, text) for text in (is_dns1123_label(name) if name else ())]
    port_name, number = port.get("name") or "", port.get("number") or 0
    if port_name and number:
        errors.append(invalid(at, "", "cannot set both port name & port number"))
    elif port_name:
        errors += [invalid(f"{at}.service.port.name", port_name, text) for text in is_port_name(port_name)]
    elif number:
        errors += [invalid(f"{at}.service.port.number", number, text) for text in is_port(number)]
    else:
        errors.append(required(at, "port name or number is required"))
    return errors


def check_reference(reference: Obj, at: str) -> Errors:
    """apiGroup, kind and name of an object elsewhere."""
    group = reference.get("apiGroup")
    errors: Errors = []
    if group is not None:
        errors += [invalid(f"{at}.apiGroup", group, text) for text in is_dns1123_subdomain(group)]
    for key in ("kind", "name"):
        value = reference.get(key)
        if not value:
            errors.append(required(f"{at}.{key}"))
        else:
            errors += [invalid(f"{at}.{key}", value, text) for text in is_path_segment(value)]
    return errors


def _addresses(obj: Obj) -> list[Obj]:
    return ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []


def check_ingress_status(new: Obj, old: Obj) -> Errors:
    """Addresses and names of load balancers."""
    known = {one["ip"] for one in _addresses(old) if one.get("ip")}
    errors: Errors = []
    for index, one in enumerate(_addresses(new)):
        at, host = f"status.loadBalancer.ingress[{index}]", one.get("hostname") or ""
        if one.get("ip"):
            errors += check_ip(one["ip"], f"{at}.ip", known)
        errors += check_balancer_name(host, f"{at}.hostname")
    return errors


def check_balancer_name(host: str, at: str) -> Errors:
    """The name of a load balancer, if it has one."""
    if not host:
        return []
    errors = [invalid(at, host, text) for text in is_dns1123_subdomain(host)]
    if parse_sloppy(host) is not None:
        errors.append(invalid(at, host, "must be a DNS name, not an IP address"))
    return errors


def warn_ingress(obj: Obj) -> list[str]:
    """The annotation that came before ingressClassName."""
    if CLASS not in annotations_of(obj) or spec_of(obj).get("ingressClassName") is not None:
        return []
    return [f"annotation \"{CLASS}\" is deprecated, please use 'spec.ingressClassName' instead"]


def warn_ingress_status(new: Obj) -> list[str]:
    """Addresses that are written in an unusual way."""
    at = "status.loadBalancer.ingress"
    return [
        text
        for index, one in enumerate(_addresses(new))
        if one.get("ip")
        for text in warn_ip(one["ip"], f"{at}[{index}]")
    ]
