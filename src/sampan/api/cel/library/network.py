"""URLs, IP addresses and CIDRs."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote, urlsplit

from sampan.api.cel.function import Overload, fn, member
from sampan.api.cel.types import Type
from sampan.api.cel.values import EvalError, Opaque
from sampan.api.json import dumps

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Interface | ipaddress.IPv6Interface
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _quoted(text: str) -> str:
    return dumps(text).decode()


# --- URLs


@dataclass(frozen=True, slots=True)
class Url(Opaque):
    """An absolute URL, or an absolute path."""

    cel_type: ClassVar[Type] = Type("opaque", (), "kubernetes.URL")
    scheme: str
    host: str
    hostname: str
    port: str
    path: str
    query: str


def _url(text: str) -> Url:
    def wrong(why: str) -> EvalError:
        return EvalError(f"URL parse error during conversion from string: parse {_quoted(text)}: {why}")

    if CONTROL.search(text):
        raise wrong("net/url: invalid control character in URL")
    if not text:
        raise wrong("empty url")
    if text.startswith(":"):
        raise wrong("missing protocol scheme")
    if not SCHEME.match(text) and not text.startswith("/"):
        raise wrong("invalid URI for request")
    try:
        parts = urlsplit(text)
        port = _port(parts.netloc)
        hostname = parts.netloc.rpartition("@")[2]
        hostname = hostname[: len(hostname) - len(port) - 1] if port or hostname.endswith(":") else hostname
    except ValueError as error:
        raise wrong(str(error)) from None
    if SCHEME.match(text) and not parts.netloc and not parts.path.startswith("/"):
        return Url(parts.scheme, "", "", "", "", parts.query)  # mailto:x@y
    bad = BAD_ESCAPE.search(parts.path)
    if bad:
        raise wrong(f"invalid URL escape {_quoted(bad.group())}")
    if " " in parts.netloc:
        raise wrong('invalid character " " in host name')
    path = quote(parts.path, safe="/%!$&'()*+,;=:@~-._[]")
    host = parts.netloc.rpartition("@")[2]
    return Url(parts.scheme, host, hostname.removeprefix("[").removesuffix("]"), port, path, parts.query)


def _port(netloc: str) -> str:
    host = netloc.rpartition("@")[2]
    _, mark, port = host.rpartition(":")
    if not mark or port.endswith("]"):
        return ""
    if port and not port.isdigit():
        raise ValueError(f'invalid port ":{port}" after host')
    return port


def _query(url: Url) -> dict[str, list[str]]:
    return parse_qs(url.query, keep_blank_values=True)


# --- addresses


@dataclass(frozen=True, slots=True)
class IP(Opaque):
    """An IP address."""

    cel_type: ClassVar[Type] = Type("opaque", (), "net.IP")
    address: Address


def _parse_ip(text: str) -> Address:
    if "%" in text:
        raise EvalError(f"IP address {_quoted(text)} with zone value is not allowed")
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        why = f"ParseAddr({_quoted(text)}): unable to parse IP"
        raise EvalError(f"IP Address {_quoted(text)} parse error during conversion from string: {why}") from None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        raise EvalError(f"IPv4-mapped IPv6 address {_quoted(text)} is not allowed")
    return found


def _good(parse: Any) -> Any:
    def run(text: str) -> bool:
        try:
            parse(text)
        except EvalError:
            return False
        return True

    return run


LIMITED = ipaddress.ip_address("255.255.255.255")


def _global_unicast(ip: IP) -> bool:
    one = ip.address
    return not (one.is_unspecified or one.is_loopback or one.is_multicast or one.is_link_local or one == LIMITED)


def _link_local_multicast(ip: IP) -> bool:
    one = ip.address
    if isinstance(one, ipaddress.IPv4Address):
        return one in ipaddress.IPv4Network("224.0.0.0/24")
    return one.packed[0] == 0xFF and one.packed[1] & 0x0F == 0x02


# --- CIDRs


@dataclass(frozen=True, slots=True)
class Cidr(Opaque):
    """An address with the length of its prefix."""

    cel_type: ClassVar[Type] = Type("opaque", (), "net.CIDR")
    network: Network


def _parse_cidr(text: str) -> Network:
    prefix = "network address parse error during conversion from string: "
    address, _, bits = text.rpartition("/")
    try:
        if not bits.isdigit() or (bits != "0" and bits.startswith("0")) or "%" in address:
            raise ValueError
        found = ipaddress.ip_interface(text)
    except ValueError:
        why = "unable to parse IP" if "/" in text else "no '/'"
        raise EvalError(f"{prefix}{prefix}netip.ParsePrefix({_quoted(text)}): {why}") from None
    if isinstance(found, ipaddress.IPv6Interface) and found.ip.ipv4_mapped is not None:
        raise EvalError(f"{prefix}IPv4-mapped IPv6 address {_quoted(text)} is not allowed")
    return found


def _contains_ip(cidr: Cidr, ip: IP) -> bool:
    return ip.address.version == cidr.network.version and ip.address in cidr.network.network


def _contains_cidr(cidr: Cidr, other: Cidr) -> bool:
    mine, theirs = cidr.network.network, other.network.network
    return mine.version == theirs.version and mine.prefixlen <= theirs.prefixlen and mine.overlaps(theirs)


FUNCTIONS: tuple[Overload, ...] = (
    fn("url", "(string) -> kubernetes.URL", _url),
    fn("isURL", "(string) -> bool", _good(_url)),
    member("getScheme", "(kubernetes.URL) -> string", lambda url: url.scheme),
    member("getHost", "(kubernetes.URL) -> string", lambda url: url.host),
    member("getHostname", "(kubernetes.URL) -> string", lambda url: url.hostname),
    member("getPort", "(kubernetes.URL) -> string", lambda url: url.port),
    member("getEscapedPath", "(kubernetes.URL) -> string", lambda url: url.path),
    member("getQuery", "(kubernetes.URL) -> map(string, list(string))", _query),
    fn("ip", "(string) -> net.IP", lambda text: IP(_parse_ip(text))),
    fn("isIP", "(string) -> bool", _good(_parse_ip)),
    fn("ip.isCanonical", "(string) -> bool", lambda text: str(_parse_ip(text)) == text),
    fn("string", "(net.IP) -> string", lambda ip: str(ip.address)),
    member("family", "(net.IP) -> int", lambda ip: ip.address.version),
    member("isUnspecified", "(net.IP) -> bool", lambda ip: ip.address.is_unspecified),
    member("isLoopback", "(net.IP) -> bool", lambda ip: ip.address.is_loopback),
    member("isLinkLocalMulticast", "(net.IP) -> bool", _link_local_multicast),
    member("isLinkLocalUnicast", "(net.IP) -> bool", lambda ip: ip.address.is_link_local),
    member("isGlobalUnicast", "(net.IP) -> bool", _global_unicast),
    fn("cidr", "(string) -> net.CIDR", lambda text: Cidr(_parse_cidr(text))),
    fn("isCIDR", "(string) -> bool", _good(_parse_cidr)),
    fn("string", "(net.CIDR) -> string", lambda cidr: str(cidr.network)),
    member("containsIP", "(net.CIDR, net.IP) -> bool", _contains_ip),
    member("containsIP", "(net.CIDR, string) -> bool", lambda cidr, text: _contains_ip(cidr, IP(_parse_ip(text)))),
    member("containsCIDR", "(net.CIDR, net.CIDR) -> bool", _contains_cidr),
    member("containsCIDR", "(net.CIDR, string) -> bool", lambda c, text: _contains_cidr(c, Cidr(_parse_cidr(text)))),
    member("ip", "(net.CIDR) -> net.IP", lambda cidr: IP(cidr.network.ip)),
    member("prefixLength", "(net.CIDR) -> int", lambda cidr: cidr.network.network.prefixlen),
    member("masked", "(net.CIDR) -> net.CIDR", lambda cidr: Cidr(ipaddress.ip_interface(str(cidr.network.network)))),
)
