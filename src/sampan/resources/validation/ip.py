"""What is wrong with IP addresses (apimachinery: util/validation/ip.go, StrictIPCIDRValidation)."""

import re
from collections.abc import Container
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address
from typing import Final

from sampan.resources.strategies.checks import Errors, invalid

NOT_AN_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
OCTETS = re.compile(r"\d{1,}(?:\.\d+){3}", re.ASCII)
Address = IPv4Address | IPv6Address
LOCAL_GROUPS: Final = IPv4Network("224.0.0.0/24")


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
    return [] if value in known else [invalid(at, value, text) for text in _problems(value)]


def _problems(value: str) -> list[str]:
    address = parse_sloppy(value)
    if address is None:
        return [NOT_AN_ADDRESS]
    if has_leading_zeros(value):
        return ["must not have leading 0s"]
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return ["must not be an IPv4-mapped IPv6 address"]
    return []


def parse_interface_address(text: str) -> str | None:
    """An address with the length of its network's prefix, as it is best written; None if it is none."""
    head, slash, size = text.partition("/")
    address = parse_sloppy(head)
    if not slash or address is None or not size.isascii() or not size.isdigit() or len(size) > 3:
        return None
    bits = int(size)
    if bits > address.max_prefixlen:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None and bits > 32:
        bits -= 96
    return f"{canonical_text(address)}/{bits}"


def canonical_text(address: Address) -> str:
    """As Go prints it: IPv4 for mapped addresses, RFC 5952 for IPv6."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


def check_strict_ip(value: str, at: str) -> Errors:
    """An address in a field that was born with strict rules: in canonical form."""
    return [invalid(at, value, text) for text in strict_ip_problems(value)]


def strict_ip_problems(value: str) -> list[str]:
    """What is wrong with it, in words alone: an address may be a name."""
    if problems := _problems(value):
        return problems
    address = parse_sloppy(value)
    text = canonical_text(address) if address is not None else value
    return [] if value == text else [f'must be in canonical form ("{text}")']


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


def is_version(value: str, version: int) -> bool:
    """Whether it is an address of that family; mapped IPv4 addresses are IPv4 (netutils.IsIPv4String)."""
    address = parse_sloppy(value)
    if address is None:
        return False
    mapped = isinstance(address, IPv6Address) and address.ipv4_mapped is not None
    return (4 if mapped else address.version) == version


def is_local_group(address: Address) -> bool:
    """Whether it is a multicast address that no router passes on."""
    if isinstance(address, IPv4Address):
        return address in LOCAL_GROUPS
    return int(address) >> 112 & 0xFF0F == 0xFF02


def check_endpoint_ip(value: str, at: str, *, loopback: bool = False) -> Errors:
    """An address that packets may be sent to (core validation: ValidateEndpointIP); `loopback`: also to this host."""
    address = parse_sloppy(value)
    if address is None:
        return [invalid(at, value, "must be a valid IP address")]
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    errors: Errors = []
    if address.is_unspecified:
        errors.append(invalid(at, value, f"may not be unspecified ({value})"))
    if address.is_loopback and not loopback:
        errors.append(invalid(at, value, "may not be in the loopback range (127.0.0.0/8, ::1/128)"))
    if address.is_link_local:
        errors.append(invalid(at, value, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"))
    if is_local_group(address):
        why = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
        errors.append(invalid(at, value, why))
    return errors
