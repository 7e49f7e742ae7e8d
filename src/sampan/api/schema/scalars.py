"""Scalars with a canonical text: quantities, times and base64, checked and rewritten as Go's decoder and encoder do.

Every function takes the text of the JSON value and gives the text that upstream stores; ValueError has Go's message.
"""

import re
from binascii import a2b_base64, b2a_base64
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

FORMAT_WRONG: Final = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_QUANTITY = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)")
_EXPONENT = re.compile(r"[eE][+-]?[0-9]+")
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_DECIMAL_SUFFIX: Final = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_BINARY_SUFFIX: Final = ("", *_BINARY)
_NANO: Final = 10**9
_PRECISE: Final = 18  # digits; more than these go through arithmetic that is capped
_LARGEST: Final = (2**63 - 1) * _NANO

RFC3339: Final = "2006-01-02T15:04:05Z07:00"
RFC3339_MICRO: Final = "2006-01-02T15:04:05.000000Z07:00"
_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


@lru_cache(maxsize=4096)
def canonical_quantity(text: str) -> str:
    """`1024Mi` to `1Gi`, `0.5` to `500m` (apimachinery's resource.Quantity)."""
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or not (match[2] or match[3]):
        raise ValueError(FORMAT_WRONG)
    sign, whole, fraction, suffix = match[1], match[2], match[3] or "", match[4]
    digits = int((whole + fraction) or "0") * _NANO
    scale = 10 ** len(fraction)
    if suffix in _BINARY:
        digits *= 1 << _BINARY[suffix]
        style = "binary"
    elif suffix in _DECIMAL:
        digits, scale = _shift(digits, scale, _DECIMAL[suffix])
        style = "decimal"
    elif _EXPONENT.fullmatch(suffix):
        digits, scale = _shift(digits, scale, max(-400, min(400, int(suffix[1:]))))
        style = "exponent"
    else:
        raise ValueError("unable to parse quantity's suffix")
    nano = -(-digits // scale)  # rounded up to a billionth
    if len(whole) + len(fraction) > _PRECISE:
        nano = min(nano, _LARGEST)
    return _print_quantity("-" if sign == "-" and nano else "", nano, style)


def _shift(digits: int, scale: int, exponent: int) -> tuple[int, int]:
    return (digits * 10**exponent, scale) if exponent >= 0 else (digits, scale * 10**-exponent)


def _print_quantity(sign: str, nano: int, style: str) -> str:
    if nano == 0:
        return "0"
    if style == "binary" and nano >= 1024 * _NANO:
        value, step = -(-nano // _NANO), 0
        while value % 1024 == 0 and step < len(_BINARY):
            value, step = value // 1024, step + 1
        return f"{sign}{value}{_BINARY_SUFFIX[step]}"
    exponent = -9
    while nano % 1000 == 0 and (exponent < 18 or style == "exponent"):
        nano, exponent = nano // 1000, exponent + 3
    if style == "exponent":
        return f"{sign}{nano}e{exponent}" if exponent else f"{sign}{nano}"
    return f"{sign}{nano}{_DECIMAL_SUFFIX[exponent]}"


def whole_milli(quantity: str) -> str:
    """A canonical quantity rounded up to a whole thousandth: `100u` to `1m`."""
    if quantity[-1] not in "nu":
        return quantity
    number = int(quantity[:-1])
    return canonical_quantity(f"{-(-number // (10**6 if quantity[-1] == 'n' else 10**3))}m")


def canonical_time(text: str) -> str:
    """RFC 3339 in UTC, whole seconds (metav1.Time)."""
    moment = _parse_time(text, RFC3339)
    if _SECONDS.fullmatch(text):
        return text
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def canonical_microtime(text: str) -> str:
    """RFC 3339 in UTC with six digits of a second (metav1.MicroTime)."""
    return _parse_time(text, RFC3339_MICRO).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


_TWO = re.compile(r"\d\d", re.ASCII)
_ELEMENTS: Final = (
    ("2006", re.compile(r"\d{4}", re.ASCII)), ("-", re.compile("-")), ("01", _TWO), ("-", re.compile("-")),
    ("02", _TWO), ("T", re.compile("T")), ("15", _TWO), (":", re.compile(":")), ("04", _TWO), (":", re.compile(":")),
    ("05", _TWO),
)  # fmt: skip
_ZONE = re.compile(r"Z|[+-]\d\d:\d\d", re.ASCII)
_FRACTION = re.compile(r"[.,]\d+", re.ASCII)
_MICROS = re.compile(r"[.,]\d{6}(?!\d)", re.ASCII)


def _parse_time(text: str, layout: str) -> datetime:
    """As Go's time.Parse does with this layout; ValueError has its words."""
    rest = text
    for name, pattern in _ELEMENTS:
        rest = _eat(text, layout, rest, name, pattern)[1]
    fraction = ""
    if layout == RFC3339_MICRO:
        fraction, rest = _eat(text, layout, rest, ".000000", _MICROS)
    elif match := _FRACTION.match(rest):
        fraction, rest = match[0], rest[match.end() :]
    zone, rest = _eat(text, layout, rest, "Z07:00", _ZONE)
    if rest:
        raise ValueError(f'parsing time "{text}": extra text: "{rest}"')
    return _moment(text, text[:19], (fraction[1:] + "000000")[:6], zone)


def _eat(text: str, layout: str, rest: str, name: str, pattern: re.Pattern[str]) -> tuple[str, str]:
    match = pattern.match(rest)
    if match is None:
        raise ValueError(f'parsing time "{text}" as "{layout}": cannot parse "{rest}" as "{name}"')
    return match[0], rest[match.end() :]


def _moment(text: str, local: str, micros: str, zone: str) -> datetime:
    for name, low, high, part in (
        ("month", 1, 12, local[5:7]),
        ("day", 1, 31, local[8:10]),
        ("hour", 0, 23, local[11:13]),
        ("minute", 0, 59, local[14:16]),
        ("second", 0, 59, local[17:19]),
    ):
        if not low <= int(part) <= high:
            raise ValueError(f'parsing time "{text}": {name} out of range')
    try:
        offset = "+00:00" if zone == "Z" else zone
        return datetime.fromisoformat(f"{local}.{micros}{offset}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f'parsing time "{text}": day out of range') from None


def canonical_base64(text: str) -> str:
    """Standard base64, line breaks dropped."""
    if _BASE64.fullmatch(text):
        return text
    clean = text.replace("\n", "").replace("\r", "")
    if _BASE64.fullmatch(clean):
        return b2a_base64(a2b_base64(clean), newline=False).decode()
    good = re.match(r"[A-Za-z0-9+/\r\n]*", text)
    at = good.end() if good else 0
    if at == len(text):
        at -= len(clean) % 4
    raise ValueError(f"illegal base64 data at input byte {at}")
