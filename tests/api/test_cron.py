"""Cron schedules: what upstream's library answers for the same text and time, also where clocks are changed."""

from datetime import datetime
from itertools import islice

import pytest

from sampan.api.cron import CronError, parse_schedule
from sampan.api.times import format_time


def times(text: str, after: str, count: int) -> list[str]:
    schedule, at = parse_schedule(text), datetime.fromisoformat(after)

    def walk() -> list[str]:
        found: list[str] = []
        now = at
        for _ in range(count):
            due = schedule.next(now)
            if due is None:
                return [*found, "never"]
            found.append(format_time(due))
            now = due
        return found

    return list(islice(walk(), count))


@pytest.mark.parametrize(
    ("text", "after", "due"),
    [
        ("* * * * *", "2026-01-01T00:00:30Z", ["2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"]),
        ("*/20 1-3/2 * * *", "2026-01-01T00:00:00Z", ["2026-01-01T01:00:00Z", "2026-01-01T01:20:00Z"]),
        ("50/5 * * * *", "2026-01-01T00:00:00Z", ["2026-01-01T00:50:00Z", "2026-01-01T00:55:00Z"]),
        ("0 0 13 * FRI", "2026-02-10T00:00:00Z", ["2026-02-13T00:00:00Z", "2026-02-20T00:00:00Z"]),
        ("0 0 */2 * mon", "2026-01-01T00:00:00Z", ["2026-01-03T00:00:00Z", "2026-01-05T00:00:00Z"]),
        ("0 0 * jan,? 1", "2026-01-06T00:00:00Z", ["2026-01-12T00:00:00Z", "2026-01-19T00:00:00Z"]),
        ("0 0 29 2 *", "2026-01-01T00:00:00Z", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
        ("0 0 31 2 *", "2026-01-01T00:00:00Z", ["never"]),
        ("@every 1h30m", "2026-01-01T00:00:00Z", ["2026-01-01T01:30:00Z", "2026-01-01T03:00:00Z"]),
        ("@every 10ms", "2026-01-01T00:00:00Z", ["2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"]),
        ("@weekly", "2026-01-01T00:00:00Z", ["2026-01-04T00:00:00Z", "2026-01-11T00:00:00Z"]),
        ("TZ=Asia/Kolkata 0 9 * * *", "2026-01-01T00:00:00Z", ["2026-01-01T03:30:00Z", "2026-01-02T03:30:00Z"]),
        # the hour that is skipped, and the one that comes twice
        ("TZ=America/New_York 30 2 * * *", "2026-03-07T12:00:00Z", ["2026-03-09T06:30:00Z", "2026-03-10T06:30:00Z"]),
        ("TZ=America/New_York 30 1 * * *", "2026-11-01T00:00:00Z", ["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"]),
        ("TZ=Europe/Berlin 0 * * * *", "2026-03-29T00:30:00Z", ["2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"]),
        ("TZ=America/Sao_Paulo 0 0 * * *", "2018-11-03T12:00:00Z", ["2018-11-05T02:00:00Z", "2018-11-06T02:00:00Z"]),
    ],
)  # fmt: skip
def test_next_times(text: str, after: str, due: list[str]) -> None:
    assert times(text, after, len(due)) == due


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty spec string"),
        ("* * *", "expected exactly 5 fields, found 3: [* * *]"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("* * * * 7", "end of range (7) above maximum (6): 7"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("1/2/3 * * * *", "too many slashes: 1/2/3"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
        ("@noon", "unrecognized descriptor: @noon"),
        ("@every x", 'failed to parse duration @every x: time: invalid duration "x"'),
        ("TZ=Nowhere/X * * * * *", "provided bad location Nowhere/X: unknown time zone Nowhere/X"),
        ("TZ=0", "invalid schedule format: runtime error: slice bounds out of range [:-1]"),
    ],
)
def test_what_is_no_schedule(text: str, why: str) -> None:
    with pytest.raises(CronError) as error:
        parse_schedule(text)
    assert str(error.value) == why
