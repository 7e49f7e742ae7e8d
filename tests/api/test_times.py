"""Times and durations."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.api import times

NOON = datetime(2030, 1, 2, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))


def test_texts_are_utc() -> None:
    assert times.format_time(NOON) == "2030-01-02T10:00:00Z"
    assert times.format_micro(NOON) == "2030-01-02T10:00:00.123456Z"
    assert times.parse_time("2030-01-02T12:00:00.123456+02:00") == NOON
    with pytest.raises(ValueError, match="no time zone"):
        times.parse_time("2030-01-02T12:00:00")


@given(st.integers(0, 230 * 365 * 86_400_000_000))
def test_times_are_read_back(micros: int) -> None:
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    assert times.parse_time(times.format_micro(when)) == when
    assert times.from_nanos(times.to_nanos(when)) == when


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("1h2m3.5s", 3723.5), ("250ms", 0.25), ("-1m", -60), ("1.5h", 5400), ("1us", 1e-6), (".5s", 0.5)],
)
def test_durations(text: str, seconds: float) -> None:
    assert times.parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "1", "1x", "s", "1s2", "--1s", "1 s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="invalid duration"):
        times.parse_duration(text)


@given(st.integers(-(10**15), 10**15))
def test_durations_are_read_back(micros: int) -> None:
    seconds = micros / 1e6
    assert times.parse_duration(times.format_duration(seconds)) == pytest.approx(seconds, abs=1e-6, rel=1e-12)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"), (0, "0s"), (119, "119s"), (120, "2m"), (185, "3m5s"), (601, "10m"), (10799, "179m"),
        (10800, "3h"), (3600 * 7 + 60, "7h1m"), (3600 * 9, "9h"), (3600 * 50, "2d2h"), (86400 * 9, "9d"),
        (86400 * 800, "2y70d"), (86400 * 365 * 9, "9y"),
    ],
)  # fmt: skip
def test_ages(seconds: float, text: str) -> None:
    assert times.human_duration(seconds) == text
