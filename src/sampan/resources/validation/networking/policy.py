"""What is wrong with a NetworkPolicy (networking validation: ValidateNetworkPolicy)."""

from collections.abc import Container, Iterator

from sampan.api.json import Obj
from sampan.api.meta import is_port, is_port_name
from sampan.resources.strategies.checks import Errors, forbidden, invalid, not_among, required, spec_of
from sampan.resources.validation.cidr import check_cidr, parse_cidr, warn_cidr
from sampan.resources.validation.labels import check_label_selector

PROTOCOLS, TYPES = ("TCP", "UDP", "SCTP"), ("Ingress", "Egress")
SIDES = (("ingress", "from"), ("egress", "to"))


def check_policy(obj: Obj) -> Errors:
    """A new policy."""
    return _spec(spec_of(obj), (), False)


def check_policy_update(new: Obj, old: Obj) -> Errors:
    """A changed policy: blocks that it has may stay as they are, and so may values in selectors if some were wrong."""
    before = spec_of(old)
    any_value = bool(check_label_selector(before.get("podSelector"), ""))
    return _spec(spec_of(new), {cidr for _, cidr in _blocks(before)}, any_value)


def _spec(spec: Obj, known: Container[str], any_value: bool) -> Errors:
    errors = check_label_selector(spec.get("podSelector"), "spec.podSelector", any_value=any_value)
    for side, peers in SIDES:
        for index, rule in enumerate(spec.get(side) or ()):
            at = f"spec.{side}[{index}]"
            for place, port in enumerate(rule.get("ports") or ()):
                errors += _port(port, f"{at}.ports[{place}]")
            for place, peer in enumerate(rule.get(peers) or ()):
                errors += _peer(peer, f"{at}.{peers}[{place}]", known, any_value)
    types = spec.get("policyTypes") or ()
    if len(types) > len(TYPES):
        return [*errors, invalid("spec.policyTypes", types, "may not specify more than two policyTypes")]
    for index, kind in enumerate(types):
        if kind not in TYPES:
            errors.append(not_among(f"spec.policyTypes[{index}]", kind, TYPES))
    return errors


def _port(port: Obj, at: str) -> Errors:
    errors: Errors = []
    protocol, number, end = port.get("protocol"), port.get("port"), port.get("endPort")
    if protocol is not None and protocol not in PROTOCOLS:
        errors.append(not_among(f"{at}.protocol", protocol, PROTOCOLS))
    if number is None:
        if end is not None:
            errors.append(invalid(f"{at}.endPort", end, "may not be specified when `port` is not specified"))
    elif isinstance(number, int):
        errors += [invalid(f"{at}.port", number, text) for text in is_port(number)]
        if end is not None:
            if end < number:
                errors.append(invalid(f"{at}.endPort", number, "must be greater than or equal to `port`"))
            errors += [invalid(f"{at}.endPort", end, text) for text in is_port(end)]
    else:
        if end is not None:
            errors.append(invalid(f"{at}.endPort", end, "may not be specified when `port` is non-numeric"))
        errors += [invalid(f"{at}.port", number, text) for text in is_port_name(number)]
    return errors


def _peer(peer: Obj, at: str, known: Container[str], any_value: bool) -> Errors:
    errors: Errors = []
    count = 0
    for name in ("podSelector", "namespaceSelector"):
        selector = peer.get(name)
        if selector is not None:
            count += 1
            errors += check_label_selector(selector, f"{at}.{name}", any_value=any_value)
    block = peer.get("ipBlock")
    if block is not None:
        count += 1
        errors += _block(block, f"{at}.ipBlock", known)
    if not count:
        errors.append(required(at, "must specify a peer"))
    elif count > 1 and block is not None:
        errors.append(forbidden(at, "may not specify both ipBlock and another peer"))
    return errors


def _block(block: Obj, at: str, known: Container[str]) -> Errors:
    cidr = block.get("cidr") or ""
    if not cidr:
        return [required(f"{at}.cidr")]
    errors, whole = check_cidr(cidr, f"{at}.cidr", known), parse_cidr(cidr)
    if whole is None:
        return errors
    for index, value in enumerate(block.get("except") or ()):
        here = f"{at}.except[{index}]"
        errors += check_cidr(value, here, known)
        part = parse_cidr(value)
        if part is None:
            continue
        inside = part[1].version == whole[1].version and part[1].network_address in whole[1]
        if not inside or whole[1].prefixlen >= part[1].prefixlen:
            errors.append(invalid(here, value, "must be a strict subset of `cidr`"))
    return errors


def _blocks(spec: Obj) -> Iterator[tuple[str, str]]:
    """Where CIDRs stand, and the CIDRs."""
    for side, peers in SIDES:
        for index, rule in enumerate(spec.get(side) or ()):
            for place, peer in enumerate(rule.get(peers) or ()):
                block = peer.get("ipBlock")
                if block is not None:
                    at = f"spec.{side}[{index}].{peers}[{place}].ipBlock"
                    yield f"{at}.cidr", block.get("cidr") or ""
                    for number, value in enumerate(block.get("except") or ()):
                        yield f"{at}.except[{number}]", value


def warn_policy(obj: Obj) -> list[str]:
    """CIDRs that are written in an unusual way."""
    return [text for at, cidr in _blocks(spec_of(obj)) for text in warn_cidr(cidr, at)]
