"""Cron schedules with the syntax, the errors and the daylight saving rules of the library that upstream uses.

Five fields (minute, hour, day of month, month, day of week), `@daily` and its like, `@every 1h30m`, `TZ=Zone` in front.
Packages for Python differ in what they accept (7 for Sunday, L, #), in their errors, which clients see, and around
changes of the clock; so this is our own (docs/decisions).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sampan.api.times import parse_duration

YEARS = 5
"""A schedule that is not due within so many years never is."""
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86400))
MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11,
    "dec": 12,
}  # fmt: skip
DAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
NO_NAMES: dict[str, int] = {}
FIELDS = ((0, 59, NO_NAMES), (0, 23, NO_NAMES), (1, 31, NO_NAMES), (1, 12, MONTHS), (0, 6, DAYS))
DESCRIPTORS = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip


class CronError(ValueError):
    """Not a schedule; the text is upstream's."""


def location(name: str) -> tzinfo:
    """A time zone by its IANA name; raises CronError."""
    if name in ("", "UTC", "Local"):
        return UTC
    try:
        return ZoneInfo(name)
    except IsADirectoryError:
        raise CronError("is a directory") from None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CronError(f"unknown time zone {name}") from None


@dataclass(frozen=True, slots=True)
class Every:
    """The same time between all runs."""

    delay: timedelta

    def next(self, after: datetime) -> datetime | None:
        """The next time, on a whole second."""
        return after.replace(microsecond=0) + self.delay


@dataclass(frozen=True, slots=True)
class Fields:
    """Times whose minute, hour, day and month are among these."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    """Whether one of the two fields for days holds a star: then both must match, else one."""
    zone: tzinfo = UTC

    def next(self, after: datetime) -> datetime | None:
        """The next time after an aware one, in UTC; None if there is none for years."""
        at = _plus(after.astimezone(self.zone), SECOND).replace(microsecond=0)
        limit = at.year + YEARS
        whole = False
        """Whether smaller fields were set back already."""
        while at.year <= limit:
            at, whole, wrapped = self._month(at, whole)
            if not wrapped:
                at, whole, wrapped = self._day(at, whole)
            if not wrapped:
                at, whole, wrapped = self._hour(at, whole)
            if not wrapped:
                at, whole, wrapped = self._minute(at, whole)
            if not wrapped:
                return at.astimezone(UTC)
        return None

    def _month(self, at: datetime, whole: bool) -> tuple[datetime, bool, bool]:
        while at.month not in self.months:
            if not whole:
                at, whole = _date(datetime(at.year, at.month, 1), self.zone), True  # noqa: DTZ001  (wall clock)
            year, month = (at.year + 1, 1) if at.month == 12 else (at.year, at.month + 1)
            at = _date(datetime(year, month, at.day, at.hour, at.minute, at.second), self.zone)  # noqa: DTZ001
            if at.month == 1:
                return at, whole, True
        return at, whole, False

    def _day(self, at: datetime, whole: bool) -> tuple[datetime, bool, bool]:
        while not self._is_day(at):
            if not whole:
                at, whole = _date(datetime(at.year, at.month, at.day), self.zone), True  # noqa: DTZ001
            at = _date(at.replace(tzinfo=None) + DAY, self.zone)
            if at.hour:  # no midnight on that day, or two of them
                at = _plus(at, HOUR * (24 - at.hour if at.hour > 12 else -at.hour))
            if at.day == 1:
                return at, whole, True
        return at, whole, False

    def _hour(self, at: datetime, whole: bool) -> tuple[datetime, bool, bool]:
        while at.hour not in self.hours:
            if not whole:
                at, whole = _date(at.replace(minute=0, second=0, tzinfo=None, fold=0), self.zone), True
            at = _plus(at, HOUR)
            if at.hour == 0:
                return at, whole, True
        return at, whole, False

    def _minute(self, at: datetime, whole: bool) -> tuple[datetime, bool, bool]:
        while at.minute not in self.minutes:
            if not whole:
                at, whole = at.replace(second=0), True
            at = _plus(at, MINUTE)
            if at.minute == 0:
                return at, whole, True
        if at.second:  # runs are on whole minutes
            return _plus(at.replace(second=0), MINUTE), True, True
        return at, whole, False

    def _is_day(self, at: datetime) -> bool:
        in_month, in_week = at.day in self.days, at.isoweekday() % 7 in self.weekdays
        return (in_month and in_week) if self.any_day else (in_month or in_week)


Schedule = Fields | Every


def _plus(at: datetime, delta: timedelta) -> datetime:
    """That much later, whatever the clocks on the wall do."""
    return (at.astimezone(UTC) + delta).astimezone(at.tzinfo)


def _date(wall: datetime, zone: tzinfo) -> datetime:
    """The time at which clocks show this; for what they skip or show twice, upstream's choice of the two."""
    as_utc = wall.replace(tzinfo=UTC, fold=0)
    offset = as_utc.astimezone(zone).utcoffset() or timedelta()
    if offset:
        offset = (as_utc - offset).astimezone(zone).utcoffset() or timedelta()
    return (as_utc - offset).astimezone(zone)


def parse_schedule(text: str) -> Schedule:
    """A schedule; raises CronError."""
    if not text:
        raise CronError("empty spec string")
    zone: tzinfo = UTC
    if text.startswith(("TZ=", "CRON_TZ=")):
        name, space, rest = text.partition(" ")
        if not space:
            raise CronError("invalid schedule format: runtime error: slice bounds out of range [:-1]")
        name = name.partition("=")[2]
        try:
            zone = location(name)
        except CronError as error:
            raise CronError(f"provided bad location {name}: {error}") from None
        text = rest.strip()
    if text.startswith("@every "):
        return _every(text)
    if text.startswith("@"):
        if text not in DESCRIPTORS:
            raise CronError(f"unrecognized descriptor: {text}")
        text = DESCRIPTORS[text]
    parts = text.split()
    if len(parts) != len(FIELDS):
        raise CronError(f"expected exactly 5 fields, found {len(parts)}: [{' '.join(parts)}]")
    minutes, hours, days, months, weekdays = (_field(part, *at) for part, at in zip(parts, FIELDS, strict=True))
    return Fields(minutes[0], hours[0], days[0], months[0], weekdays[0], days[1] or weekdays[1], zone)


def _every(text: str) -> Every:
    try:
        seconds = parse_duration(text.removeprefix("@every "))
    except ValueError as error:
        raise CronError(f"failed to parse duration {text}: {error}") from None
    return Every(timedelta(seconds=max(1, int(seconds))))


def _field(text: str, low: int, high: int, names: dict[str, int]) -> tuple[frozenset[int], bool]:
    """The values of a field, and whether a star is among them."""
    values: set[int] = set()
    star = False
    for part in filter(None, text.split(",")):
        some, stars = _range(part, low, high, names)
        values.update(some)
        star = star or stars
    return frozenset(values), star


def _range(text: str, low: int, high: int, names: dict[str, int]) -> tuple[range, bool]:
    """`*`, `5`, `1-5`, each perhaps with `/2`."""
    pieces = text.split("/")
    ends = pieces[0].split("-")
    star = ends[0] in ("*", "?")
    if star:
        start, end = low, high
    else:
        start = end = _number(ends[0], names)
        if len(ends) == 2:
            end = _number(ends[1], names)
        elif len(ends) > 2:
            raise CronError(f"too many hyphens: {text}")
    step = 1
    if len(pieces) == 2:
        step = _number(pieces[1], NO_NAMES)
        end = high if len(ends) == 1 else end
    elif len(pieces) > 2:
        raise CronError(f"too many slashes: {text}")
    if start < low:
        raise CronError(f"beginning of range ({start}) below minimum ({low}): {text}")
    if end > high:
        raise CronError(f"end of range ({end}) above maximum ({high}): {text}")
    if start > end:
        raise CronError(f"beginning of range ({start}) beyond end of range ({end}): {text}")
    if step == 0:
        raise CronError(f"step of range should be a positive number: {text}")
    return range(start, end + 1, step), star and step == 1


def _number(text: str, names: dict[str, int]) -> int:
    known = names.get(text.lower())
    if known is not None:
        return known
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()):
        raise CronError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    number = int(text)
    if not -(2**63) <= number < 2**63:
        raise CronError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": value out of range')
    if number < 0:
        raise CronError(f"negative number ({number}) not allowed: {text}")
    return number
