"""What is wrong with CIDR values (apimachinery: util/validation/ip.go, StrictIPCIDRValidation)."""

import re
from collections.abc import Container
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from sampan.api.quote import go_quoted
from sampan.resources.strategies.checks import Errors, invalid
from sampan.resources.validation.ip import Address, canonical_text, has_leading_zeros, parse_sloppy

NOT_A_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
DIGITS = re.compile(r"[0-9]+")
Network = IPv4Network | IPv6Network


@lru_cache(maxsize=1024)
def parse_cidr(text: str) -> tuple[Address, Network] | None:
    """The address as it is written and the network, leading zeros and all (netutils.ParseCIDRSloppy); None if none."""
    host, slash, length = text.partition("/")
    address = parse_sloppy(host)
    if address is None or not slash or not DIGITS.fullmatch(length) or len(length) > 8:
        return None
    bits = int(length)
    if bits > address.max_prefixlen:
        return None
    if isinstance(address, IPv4Address):
        return address, IPv4Network((int(address), bits), strict=False)
    return address, IPv6Network((int(address), bits), strict=False)


def network_text(network: Network) -> str:
    """As Go prints it; a mapped IPv4 address as IPv4 with the length that its mask has then."""
    address = network.network_address
    return f"{canonical_text(address)}/{network.prefixlen}"


def check_cidr(value: str, at: str, known: Container[str] = ()) -> Errors:
    """A CIDR in a field that is older than strict rules; `known` ones may stay as they are."""
    if value in known:
        return []
    parsed = parse_cidr(value)
    if parsed is None:
        return [invalid(at, value, NOT_A_CIDR)]
    address, network = parsed
    host, _, length = value.partition("/")
    if has_leading_zeros(host) or (len(length) > 1 and length[0] == "0"):
        return [invalid(at, value, "must not have leading 0s in IP or prefix length")]
    if getattr(address, "ipv4_mapped", None) is not None:
        return [invalid(at, value, "must not have an IPv4-mapped IPv6 address")]
    if address != network.network_address:
        return [invalid(at, value, "must not have bits set beyond the prefix length")]
    return []


def check_strict_cidr(value: str, at: str) -> Errors:
    """A CIDR in a field that was born with strict rules: in canonical form."""
    errors, parsed = check_cidr(value, at), parse_cidr(value)
    if errors or parsed is None or value == network_text(parsed[1]):
        return errors
    return [invalid(at, value, f"must be in canonical form ({go_quoted(network_text(parsed[1]))})")]


def warn_cidr(value: str, at: str) -> list[str]:
    """What should be written otherwise in a CIDR that `check_cidr` lets pass."""
    parsed = parse_cidr(value)
    if parsed is None:
        return []
    address, network = parsed
    found, said = [], go_quoted(value)
    host, _, length = value.partition("/")
    if address != network.network_address:
        single = f"{canonical_text(address)}/{address.max_prefixlen}"
        options = f"{go_quoted(network_text(network))} or {go_quoted(single)}"
        found.append(f"{at}: CIDR value {said} is ambiguous in this context (should be {options}?)")
    zeros = has_leading_zeros(host) or (len(length) > 1 and length[0] == "0")
    if zeros or getattr(address, "ipv4_mapped", None) is not None:
        found.append(f"{at}: non-standard CIDR value {said} is invalid: use {go_quoted(network_text(network))}")
    text = f"{canonical_text(address)}/{length}"
    if not found and address.version == 6 and text != value:
        found.append(f"{at}: IPv6 CIDR value {said} should be in RFC 5952 canonical format ({go_quoted(text)})")
    return found
