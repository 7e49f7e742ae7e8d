"""Canonical texts of quantities, times and base64."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.api import quantity
from sampan.api.schema import scalars


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0", "0"), ("0m", "0"), ("-0", "0"), ("1", "1"), ("+1", "1"), ("1000m", "1"), ("0.5", "500m"), (".5", "500m"),
        ("1500m", "1500m"), ("1000", "1k"), ("1024", "1024"), ("1024Mi", "1Gi"), ("1.5Gi", "1536Mi"), ("0.5Ki", "512"),
        ("1e3", "1e3"), ("1e4", "10e3"), ("12E6", "12e6"), ("1E", "1E"), ("1.0", "1"), ("-1.5", "-1500m"),
        ("0.0000000001", "1n"), ("1e99", "1e99"), ("100M", "100M"), ("2048Ki", "2Mi"), ("0.1Ki", "102400m"),
    ],
)  # fmt: skip
def test_quantities(text: str, canonical: str) -> None:
    assert quantity.canonical(text) == canonical


@pytest.mark.parametrize("text", ["", "abc", "1.2.3", "--1", ".", "1 Gi", "e3"])
def test_bad_quantities(text: str) -> None:
    with pytest.raises(ValueError, match="quantit"):
        quantity.canonical(text)


@pytest.mark.parametrize(
    ("text", "rounded"),
    [("100u", "1m"), ("1n", "1m"), ("1500u", "2m"), ("-1500u", "-2m"), ("-100u", "-1m"), ("5m", "5m"), ("1Gi", "1Gi")],
)
def test_whole_milli(text: str, rounded: str) -> None:
    assert scalars.whole_milli(text) == rounded


@given(st.integers(-(10**12), 10**12), st.sampled_from(["", "n", "u", "m", "k", "M", "Ki", "Mi", "e3"]))
def test_canonical_quantities_are_fixed_points(number: int, suffix: str) -> None:
    once = quantity.canonical(f"{number}{suffix}")
    assert quantity.canonical(once) == once


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05Z"),
        ("2020-01-02T03:04:05.9Z", "2020-01-02T03:04:05Z"),
        ("2020-01-02T03:04:05+02:00", "2020-01-02T01:04:05Z"),
    ],
)
def test_times(text: str, canonical: str) -> None:
    assert scalars.canonical_time(text) == canonical


def test_microtimes() -> None:
    assert scalars.canonical_microtime("2020-01-02T03:04:05.100000Z") == "2020-01-02T03:04:05.100000Z"
    with pytest.raises(ValueError, match=r'cannot parse "Z" as "\.000000"'):
        scalars.canonical_microtime("2020-01-02T03:04:05Z")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("now", 'parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"'),
        ("2020-13-01T00:00:00Z", 'parsing time "2020-13-01T00:00:00Z": month out of range'),
        ("2020-02-30T00:00:00Z", 'parsing time "2020-02-30T00:00:00Z": day out of range'),
        ("2020-01-02", 'parsing time "2020-01-02" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T"'),
        ("2020-01-02T03:04:05Zx", 'parsing time "2020-01-02T03:04:05Zx": extra text: "x"'),
    ],
)
def test_bad_times_in_gos_words(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        scalars.canonical_time(text)
    assert str(caught.value) == message


def test_base64() -> None:
    assert scalars.canonical_base64("YWJj\nZA==") == "YWJjZA=="
    with pytest.raises(ValueError, match="illegal base64 data at input byte 0"):
        scalars.canonical_base64("%%%")
    with pytest.raises(ValueError, match="illegal base64 data at input byte 4"):
        scalars.canonical_base64("YWJjZA")
