"""Timestamps and durations: their texts, arithmetic and calendar parts."""

import re
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sampan.api.cel.values import EPOCH, SECOND, Duration, EvalError, Timestamp

STAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))")
PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
UNITS = {"ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 10**6, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND}
OFFSET = re.compile(r"([+-]?)(\d\d):(\d\d)")
FIRST, LAST = -62135596800 * SECOND, 253402300800 * SECOND
LONGEST = 2**63 - 1


def parse_timestamp(text: str) -> Timestamp:
    """RFC 3339. Raises EvalError."""
    found = STAMP.fullmatch(text)
    if found is None:
        raise EvalError("type conversion error from 'string' to 'google.protobuf.Timestamp'")
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    try:
        whole = datetime(year, month, day, hour, minute, second, tzinfo=EPOCH.tzinfo)
    except ValueError as error:
        raise EvalError("type conversion error from 'string' to 'google.protobuf.Timestamp'") from error
    nanos = ((whole - EPOCH) // timedelta(seconds=1)) * SECOND + int((found[7] or "0").ljust(9, "0")[:9])
    if found[8]:
        shift = (int(found[9]) * 60 + int(found[10])) * 60 * SECOND
        nanos += -shift if found[8] == "+" else shift
    return stamp(nanos)


def stamp(nanos: int) -> Timestamp:
    """A timestamp of the years 1 to 9999. Raises EvalError."""
    if not FIRST <= nanos < LAST:
        raise EvalError("timestamp overflow")
    return Timestamp(nanos)


def span(nanos: int) -> Duration:
    """A duration that fits. Raises EvalError."""
    if abs(nanos) > LONGEST:
        raise EvalError("duration overflow")
    return Duration(nanos)


def parse_duration(text: str) -> Duration:
    """Go's notation: `1h30m`. Raises EvalError."""
    body = text[1:] if text[:1] in ("+", "-") else text
    total, at = 0, 0
    while at < len(body):
        found = PART.match(body, at)
        if found is None:
            break
        whole, _, fraction = found[1].partition(".")
        unit = UNITS[found[2]]
        total += int(whole or 0) * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0)
        at = found.end()
    if (not body or at < len(body)) and body != "0":
        raise EvalError("type conversion error from 'string' to 'google.protobuf.Duration'")
    return span(-total if text[:1] == "-" else total)


def format_timestamp(when: Timestamp) -> str:
    """RFC 3339 in UTC, with as many digits as are needed."""
    seconds, nanos = divmod(when.nanos, SECOND)
    text = (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    year, rest = text.split("-", 1)
    fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
    return f"{year.zfill(4)}-{rest}{fraction}Z"


def format_duration(length: Duration) -> str:
    """Seconds, as CEL writes durations: `5400s`."""
    sign, nanos = ("-" if length.nanos < 0 else ""), abs(length.nanos)
    whole, rest = divmod(nanos, SECOND)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{sign}{whole}{fraction}s"


def zone(name: str) -> tzinfo:
    """A time zone by name or offset. Raises EvalError."""
    found = OFFSET.fullmatch(name)
    if found is not None:
        minutes = int(found[2]) * 60 + int(found[3])
        return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise EvalError(f"unknown time zone {name}") from None


def local(when: Timestamp, where: str = "UTC") -> datetime:
    """The wall clock of a zone."""
    try:
        return when.moment().astimezone(zone(where))
    except OverflowError:
        raise EvalError("timestamp overflow") from None
