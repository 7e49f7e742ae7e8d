"""RFC 3339 times, MicroTime, and durations as Go and kubectl write them."""

import re
from datetime import UTC, datetime, timedelta

UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
PART = re.compile(r"(\d+\.?\d*|\.\d+)(h|ms|us|µs|μs|ns|m|s)")


def format_time(when: datetime) -> str:
    """metav1.Time: whole seconds, UTC, Z."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_micro(when: datetime) -> str:
    """metav1.MicroTime: six digits."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """Either form, any offset; raises ValueError."""
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return when


def from_nanos(nanos: int) -> datetime:
    """Nanoseconds since the epoch (CRI) as a time, exact to the microsecond."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=nanos // 1000)


def to_nanos(when: datetime) -> int:
    """The reverse of `from_nanos`."""
    return (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000


def parse_duration(text: str) -> float:
    """Go's `1h2m3.5s` in seconds; raises ValueError."""
    body = text.lstrip("+-")
    if body == "0":
        return 0.0
    total, at = 0.0, 0
    for match in PART.finditer(body):
        if match.start() != at:
            break
        total += float(match[1]) * UNITS[match[2]]
        at = match.end()
    if not body or at != len(body) or len(text) - len(body) > 1:
        raise ValueError(f'time: invalid duration "{text}"')
    return -total if text.startswith("-") else total


def format_duration(seconds: float) -> str:
    """Seconds as Go's Duration.String(): `1h2m3s`, `1.5s`, `250ms`."""
    nanos = round(seconds * 1e9)
    if not nanos:
        return "0s"
    sign, nanos = ("-" if nanos < 0 else ""), abs(nanos)
    if nanos < 1_000_000_000:
        for unit, size in (("ms", 1_000_000), ("µs", 1000), ("ns", 1)):
            if nanos >= size:
                return f"{sign}{nanos / size:.9f}".rstrip("0").rstrip(".") + unit
    minutes, rest = divmod(nanos, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest / 1e9:.9f}".rstrip("0").rstrip(".") + "s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{sign}{hours}h{text}" if hours else f"{sign}{text}"


def human_duration(seconds: float) -> str:
    """An age as kubectl prints it: at most two units, fewer the longer (apimachinery: duration.HumanDuration)."""
    total = int(seconds)
    if total < -1:
        return "<invalid>"
    if total < 0:
        return "0s"
    if total < 120:
        return f"{total}s"
    minutes, seconds_left = divmod(total, 60)
    if minutes < 10:
        return f"{minutes}m{seconds_left}s" if seconds_left else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    hours, minutes_left = divmod(minutes, 60)
    if hours < 8:
        return f"{hours}h{minutes_left}m" if minutes_left else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    days, hours_left = divmod(hours, 24)
    if hours < 192:
        return f"{days}d{hours_left}h" if hours_left else f"{days}d"
    if days < 730:
        return f"{days}d"
    years, days_left = divmod(days, 365)
    if years < 8:
        return f"{years}y{days_left}d" if days_left else f"{years}y"
    return f"{years}y"
