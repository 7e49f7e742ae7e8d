"""What is wrong with IPAddresses and ServiceCIDRs (networking validation; KEP-1880)."""

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_subdomain, is_path_segment
from sampan.resources.strategies.checks import (
    IMMUTABLE,
    Errors,
    Shown,
    immutable,
    invalid,
    marshalled,
    required,
    spec_of,
)
from sampan.resources.validation.cidr import check_strict_cidr, parse_cidr

CIDRS = "spec.cidrs"


def check_address(obj: Obj) -> Errors:
    """Whom the address belongs to."""
    parent, at = spec_of(obj).get("parentRef"), "spec.parentRef"
    if parent is None:
        return [required(at)]
    group, namespace = parent.get("group"), parent.get("namespace")
    errors: Errors = []
    if group:
        errors += [invalid(f"{at}.group", group, text) for text in is_dns1123_subdomain(group)]
    for key in ("resource", "name"):
        value = parent.get(key)
        if not value:
            errors.append(required(f"{at}.{key}"))
        else:
            errors += [invalid(f"{at}.{key}", value, text) for text in is_path_segment(value)]
    if namespace:
        errors += [invalid(f"{at}.namespace", namespace, text) for text in is_path_segment(namespace)]
    return errors


def _shown_parent(parent: Obj | None) -> Shown:
    names = ("Group", "Resource", "Namespace", "Name")
    made = None if parent is None else {name: parent.get(name.lower()) or "" for name in names}
    return Shown(marshalled(made))


def check_address_update(new: Obj, old: Obj) -> Errors:
    """An address keeps its owner."""
    after, before = spec_of(new).get("parentRef"), spec_of(old).get("parentRef")
    return [] if after == before else [invalid("spec.parentRef", _shown_parent(after), IMMUTABLE)]


def check_service_cidr(obj: Obj) -> Errors:
    """One CIDR, or one of each family."""
    return _cidrs(spec_of(obj).get("cidrs") or [])


def _cidrs(cidrs: list[str]) -> Errors:
    if not cidrs:
        return [required(CIDRS, "at least one CIDR required")]
    if len(cidrs) > 2:
        return [invalid(CIDRS, Shown(marshalled({"CIDRs": cidrs})), "may only hold up to 2 values")]
    errors: Errors = []
    for index, cidr in enumerate(cidrs):
        errors += check_strict_cidr(cidr, f"{CIDRS}[{index}]")
    parsed = [parse_cidr(cidr) for cidr in cidrs]
    if len(parsed) == 2 and parsed[0] and parsed[1] and parsed[0][1].version == parsed[1][1].version:
        why = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
        errors.append(invalid(CIDRS, cidrs, why))
    return errors


def check_service_cidr_update(new: Obj, old: Obj) -> Errors:
    """CIDRs stay, but a second one may come."""
    after, before = spec_of(new).get("cidrs") or [], spec_of(old).get("cidrs") or []
    if len(after) == len(before):
        errors: Errors = []
        for index, (cidr, was) in enumerate(zip(after, before, strict=True)):
            errors += immutable(f"{CIDRS}[{index}]", cidr, was)
        return errors
    if (len(before), len(after)) == (1, 2):
        return immutable(f"{CIDRS}[0]", after[0], before[0]) + _cidrs(after)
    return [invalid(CIDRS, after or None, IMMUTABLE)]
