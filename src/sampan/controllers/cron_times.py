"""When a CronJob is due: its latest time that was not served, how many were missed, and when to look again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sampan.api.cron import Schedule
from sampan.api.json import Obj
from sampan.api.times import parse_time
from sampan.controllers.names import spec, status

MANY = 100
"""Missed times from which a warning is due."""
PADDING = 0.1
"""Seconds after the due time: clocks differ."""


class NeverDue(Exception):
    """A schedule of days that do not exist; the text is upstream's."""


@dataclass(frozen=True, slots=True)
class Due:
    """What the schedule says at this moment."""

    since: datetime
    """From where on times count: the last run, the creation, or the starting deadline."""
    latest: datetime | None
    """The latest time that is over and was not served."""
    missed: int


def due(cron: Obj, schedule: Schedule, now: datetime, *, deadline: bool) -> Due:
    """Where a CronJob stands; `deadline`: times before its starting deadline do not count. Raises NeverDue."""
    since = parse_time(status(cron).get("lastScheduleTime") or cron["metadata"]["creationTimestamp"])
    seconds = spec(cron).get("startingDeadlineSeconds")
    if deadline and seconds is not None:
        since = max(since, now - timedelta(seconds=seconds))
    first = schedule.next(since)
    second = schedule.next(first) if first is not None else None
    if first is None or second is None:
        raise NeverDue("time difference between two schedules is less than 1 second")
    if now < first:
        return Due(since, None, 0)
    if now < second:
        return Due(since, first, 0)
    between = round((second - first).total_seconds())
    missed = int((now - first).total_seconds()) // between + 1
    latest = None
    at = schedule.next(first + timedelta(seconds=(missed - 2) * between))
    while at is not None and at <= now:
        latest, at = at, schedule.next(at)
    return Due(since, latest, missed)


def wait(cron: Obj, schedule: Schedule, now: datetime) -> float:
    """Seconds until the CronJob is to be looked at again."""
    try:
        seen = due(cron, schedule, now, deadline=False)
        start = seen.latest or (now if seen.missed else seen.since)
    except NeverDue:
        start = now
    at = schedule.next(start)
    return max(PADDING, (at - now).total_seconds() + PADDING) if at is not None else 86400.0
