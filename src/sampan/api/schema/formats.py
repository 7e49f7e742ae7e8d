"""String formats of OpenAPI as upstream checks them; unknown formats pass."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from ipaddress import IPv6Address
from typing import Final

from sampan.api.schema.codes import credit_card, isbn10, isbn13

_HEX: Final = r"[0-9a-f]"
_UUID: Final = rf"(?i){_HEX}{{8}}-?{_HEX}{{4}}-?%s{_HEX}{{3}}-?%s{_HEX}{{3}}-?{_HEX}{{12}}"
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+"
_ADDRESS: Final = rf'(?:{_ATOM}(?:\.{_ATOM})*|"(?:[^"\\]|\\.)*")@{_ATOM}(?:\.{_ATOM})*'
_EMAIL = re.compile(rf"\s*(?:{_ADDRESS}|(?:[^<>@,;:]*\s*)<{_ADDRESS}>)\s*")
_MAC = re.compile(
    "(?i)"
    + "|".join(
        [rf"{_HEX}{{2}}(?:{sign}{_HEX}{{2}}){{{count}}}" for sign in ":-" for count in (5, 7, 19)]
        + [rf"{_HEX}{{4}}(?:\.{_HEX}{{4}}){{{count}}}" for count in (2, 3, 9)]
        + [rf"{_HEX}{{{count}}}" for count in (12, 16, 40)]
    )
)
_TIME = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|[+-][0-9]{2}:[0-9]{2})")
_GO_PART: Final = r"(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h)"
_GO_DURATION = re.compile(rf"[+-]?(?:(?:{_GO_PART})+|0)")
_WORDY_DURATION = re.compile(r"(\d+)\s*([A-Za-zµ]+)")
_UNITS: Final = frozenset(("ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk"))
_LONG_UNITS: Final = ("nano", "micro", "milli", "sec", "min", "hour", "day", "week")
_BASE64: Final = r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})"
_BYTE: Final = r"\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*"
_DNS1123: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_LONGEST_HOST, _LONGEST_LABEL = 255, 63


def _matches(pattern: str, longest: int = 0) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII if "\\d" in pattern else 0)
    return lambda text: compiled.fullmatch(text) is not None and (not longest or len(text) <= longest)


def _uuid(version: str = _HEX, variant: str = _HEX) -> Callable[[str], bool]:
    return _matches(_UUID % (version, variant))


def _ipv4(text: str) -> bool:
    """With leading zeros, and as the end of an IPv6 address."""
    if ":" in text:
        return "." in text and _ipv6(text)
    parts = text.split(".")
    return len(parts) == 4 and all(part.isascii() and part.isdigit() and int(part) < 256 for part in parts)


def _ipv6(text: str) -> bool:
    try:
        return "%" not in text and ":" in text and bool(IPv6Address(text).packed)
    except ValueError:
        return False


def _cidr(text: str) -> bool:
    address, slash, bits = text.partition("/")
    if not slash or not (bits.isascii() and bits.isdigit()):
        return False
    return int(bits) <= (128 if _ipv6(address) else 32 if _ipv4(address) else -1)


def _date(text: str) -> bool:
    try:
        return len(text) == 10 and text[4] == text[7] == "-" and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _date_time(text: str) -> bool:
    day, _, rest = text.lower().partition("t")
    found = _TIME.fullmatch(rest.partition("t")[0])
    return _date(day) and found is not None and found[1] <= "23" and found[2] <= "59" and found[3] <= "59"


def _duration(text: str) -> bool:
    if _GO_DURATION.fullmatch(text):
        return True
    units = (unit.lower() for _, unit in _WORDY_DURATION.findall(text))
    return any(unit in _UNITS or unit.startswith(_LONG_UNITS) for unit in units)


def _letter(char: str) -> bool:
    """Letters, ASCII digits and symbols of any script."""
    import unicodedata

    return (char.isascii() and char.isalnum()) or unicodedata.category(char)[0] in "SL"


def _hostname(text: str) -> bool:
    """One label, or several of which the last is a name of letters; symbols are letters (emoji have domains)."""
    if len(text.encode()) > _LONGEST_HOST:
        return False
    labels = text.split(".")
    if len(labels) == 1:
        rest = text[1:].removeprefix("-")
        return len(text.encode()) <= _LONGEST_LABEL and bool(text) and all(map(_letter, text[0] + rest))
    for label in labels:
        if not label or len(label.encode()) > _LONGEST_LABEL or label[0] == "-" or label[-1] == "-":
            return False
        if not all(char == "-" or _letter(char) for char in label):
            return False
    return len(labels[-1]) > 1 and all(char.isalpha() for char in labels[-1])


def _uri(text: str) -> bool:
    """What Go's url.ParseRequestURI takes, as far as that matters."""
    if not text or any(ord(char) < 32 or ord(char) == 127 for char in text):
        return False
    scheme = _SCHEME.match(text)
    if scheme is None:
        return text[0] == "/" or text == "*"
    rest = text[scheme.end() :]
    if not rest.startswith("//"):
        return True
    host = rest[2:].partition("/")[0].partition("?")[0].rpartition("@")[2]
    name, colon, port = host.rpartition(":")
    if colon and "]" not in port:
        return " " not in name and (not port or port.isdigit())
    return " " not in host


FORMATS: Final[Mapping[str, Callable[[str], bool]]] = {
    "bsonobjectid": _matches(r"[0-9a-fA-F]{24}"),
    "byte": _matches(_BASE64),
    "cidr": _cidr,
    "creditcard": credit_card,
    "date": _date,
    "date-time": _date_time,
    "datetime": _date_time,
    "duration": _duration,
    "email": lambda text: _EMAIL.fullmatch(text) is not None,
    "hexcolor": _matches("#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})"),
    "hostname": _hostname,
    "ipv4": _ipv4,
    "ipv6": _ipv6,
    "isbn": lambda text: isbn10(text) or isbn13(text),
    "isbn10": isbn10,
    "isbn13": isbn13,
    "k8s-long-name": _matches(rf"{_DNS1123}(\.{_DNS1123})*", 253),
    "k8s-short-name": _matches(_DNS1123, 63),
    "mac": lambda text: _MAC.fullmatch(text) is not None,
    "password": lambda text: True,
    "rgbcolor": _matches(rf"rgb\({_BYTE},{_BYTE},{_BYTE}\)"),
    "ssn": _matches(r"\d{3}[- ]\d{2}[- ]\d{4}"),
    "uri": _uri,
    "uuid": _uuid(),
    "uuid3": _uuid("3"),
    "uuid4": _uuid("4", "[89ab]"),
    "uuid5": _uuid("5", "[89ab]"),
}
