"""What is wrong with IP addresses (apimachinery: util/validation/ip.go, StrictIPCIDRValidation)."""

import re
from collections.abc import Container
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from sampan.resources.strategies.checks import Errors, invalid

NOT_AN_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
OCTETS = re.compile(r"\d{1,}(?:\.\d+){3}", re.ASCII)
Address = IPv4Address | IPv6Address


@lru_cache(maxsize=1024)
def parse_sloppy(text: str) -> Address | None:
    """An address, leading zeros and all (netutils.ParseIPSloppy); None if it is none. Zones are not allowed."""
    head, colon, tail = text.rpartition(":")
    if "." in tail:
        if not OCTETS.fullmatch(tail):
            return None
        octets = [part.lstrip("0") or "0" for part in tail.split(".")]
        tail = ".".join(octets)
    try:
        if colon:
            return None if "%" in text else IPv6Address(f"{head}:{tail}")
        return IPv4Address(tail)
    except AddressValueError:
        return None


def has_leading_zeros(text: str) -> bool:
    """Whether an octet of the dotted part of an address starts with a 0 that is not all of it."""
    tail = text.rpartition(":")[2]
    return "." in tail and any(len(part) > 1 and part[0] == "0" for part in tail.split("."))


def check_ip(value: str, at: str, known: Container[str] = ()) -> Errors:
    """An address in a field that is older than strict rules; `known` ones may stay as they are."""
    if value in known:
        return []
    address = parse_sloppy(value)
    if address is None:
        return [invalid(at, value, NOT_AN_ADDRESS)]
    if has_leading_zeros(value):
        return [invalid(at, value, "must not have leading 0s")]
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return [invalid(at, value, "must not be an IPv4-mapped IPv6 address")]
    return []


def canonical_text(address: Address) -> str:
    """As Go prints it: IPv4 for mapped addresses, RFC 5952 for IPv6."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


def check_strict_ip(value: str, at: str) -> Errors:
    """An address in a field that was born with strict rules: in canonical form."""
    errors = check_ip(value, at)
    address = parse_sloppy(value)
    if errors or address is None or value == canonical_text(address):
        return errors
    return [invalid(at, value, f'must be in canonical form ("{canonical_text(address)}")')]


def warn_ip(value: str, at: str) -> list[str]:
    """What should be written otherwise in an address that `check_ip` lets pass."""
    address = parse_sloppy(value)
    if address is None:
        return []
    text = canonical_text(address)
    if has_leading_zeros(value) or (isinstance(address, IPv6Address) and address.ipv4_mapped is not None):
        return [f'{at}: non-standard IP address "{value}" is invalid: use "{text}"']
    if isinstance(address, IPv6Address) and text != value:
        return [f'{at}: IPv6 address "{value}" should be in RFC 5952 canonical format ("{text}")']
    return []
