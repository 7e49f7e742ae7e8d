"""Scalars with a canonical text: quantities, times and base64, checked and rewritten as Go's decoder and encoder do.

Every function takes the text of the JSON value and gives the text that upstream stores; ValueError has Go's message.
"""

import re
from binascii import a2b_base64, b2a_base64
from datetime import UTC, datetime
from decimal import ROUND_UP
from functools import lru_cache
from typing import Final

from sampan.api.quantity import EXACT, parse, render

RFC3339: Final = "2006-01-02T15:04:05Z07:00"
RFC3339_MICRO: Final = "2006-01-02T15:04:05.000000Z07:00"
LONGEST_KEPT: Final = 40
_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def whole_milli(quantity: str) -> str:
    """A canonical quantity rounded, away from zero, to a whole thousandth: `100u` to `1m`."""
    if quantity[-1] not in "nu" and "e-" not in quantity:
        return quantity
    number, kind = parse(quantity)
    whole = EXACT.scaleb(number, 3).to_integral_value(rounding=ROUND_UP)
    return render(EXACT.scaleb(whole, -3), kind)


def canonical_time(text: str) -> str:
    """RFC 3339 in UTC, whole seconds (metav1.Time)."""
    return _recent_time(text) if len(text) <= LONGEST_KEPT else _canonical_time(text)


def _canonical_time(text: str) -> str:
    moment = _parse_time(text, RFC3339)
    if _SECONDS.fullmatch(text):
        return text
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


_recent_time = lru_cache(2048)(_canonical_time)
"""The same few times come again and again, in conditions and managedFields."""


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
