"""String formats of OpenAPI as upstream checks them; unknown formats pass."""

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Final
from urllib.parse import urlsplit

from sampan.api.schema.scalars import canonical_base64, canonical_time

_UUID = re.compile(r"(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?([0-9a-f])[0-9a-f]{3}-?([0-9a-f])[0-9a-f]{3}-?[0-9a-f]{12}")
_HOSTNAME = re.compile(
    r"(?=.{1,255}\.?$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\.?"
)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_MAC = re.compile(r"(?i)[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}")
_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
_DURATION = re.compile(
    r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h)(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))*|[+-]?0"
    r"|\d+ ?(?:ns|nanos?(?:econds?)?|us|micros?(?:econds?)?|ms|millis?(?:econds?)?|s|secs?|seconds?|m|mins?|minutes?"
    r"|h|hr|hours?|d|days?|w|wks?|weeks?)"
)
_DNS1123: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_LONG_NAME = re.compile(rf"(?=.{{1,253}}$){_DNS1123}(\.{_DNS1123})*")


def _accepts(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return check


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


def _uuid(version: str) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        match = _UUID.fullmatch(text)
        return match is not None and match[1] == version and (version == "3" or match[2].lower() in "89ab")

    return check


def _uri(text: str) -> bool:
    parts = urlsplit(text)
    return bool(text) and " " not in text and (bool(parts.scheme) or text.startswith("/"))


FORMATS: Final[Mapping[str, Callable[[str], bool]]] = {
    "byte": _accepts(canonical_base64),
    "cidr": _accepts(lambda text: ip_network(text, strict=False) if "/" in text else int("no prefix")),
    "date": _matches(_DATE),
    "date-time": _accepts(canonical_time),
    "datetime": _accepts(canonical_time),
    "duration": _matches(_DURATION),
    "email": _matches(_EMAIL),
    "hostname": _matches(_HOSTNAME),
    "ipv4": _accepts(IPv4Address),
    "ipv6": _accepts(IPv6Address),
    "k8s-long-name": _matches(_LONG_NAME),
    "k8s-short-name": _matches(re.compile(_DNS1123)),
    "mac": _matches(_MAC),
    "uri": _accepts(lambda text: None if _uri(text) else int("no URI")),
    "uuid": _matches(_UUID),
    "uuid3": _uuid("3"),
    "uuid4": _uuid("4"),
    "uuid5": _uuid("5"),
}
