"""Quantities as exact numbers."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.api import quantity
from sampan.api.quantity import BINARY, DECIMAL, QuantityError

SUFFIXES = st.sampled_from([*BINARY, *DECIMAL, "e3", "e-3", "E6", "e99", "e-20", "E+2"])
DIGITS = st.integers(0, 10**17).map(str)
FRACTIONS = st.one_of(st.just(""), st.integers(0, 999_999).map(lambda n: f".{n}"))
SIGNS = st.sampled_from(["", "-", "+"])
QUANTITIES = st.builds(
    lambda sign, whole, part, suffix: f"{sign}{whole}{part}{suffix}", SIGNS, DIGITS, FRACTIONS, SUFFIXES
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", "0"), ("1", "1"), ("-1", "-1"), ("+1", "1"), ("1.5", "1.5"), (".5", "0.5"), ("1.", "1"), ("100m", "0.1"),
        ("1Ki", "1024"), ("1.5Gi", "1610612736"), ("1k", "1000"), ("2E", "2e18"), ("1e3", "1000"), ("1E3", "1000"),
        ("12e-3", "0.012"), ("1n", "1e-9"), ("0.5n", "1e-9"), ("-0.5n", "-1e-9"), ("1e-20", "1e-9"), ("1e99", "1e99"),
        ("1e-400", "1e-9"), ("0e5", "0"), (" 1 ", "1"), ("100000000000000000000", "1e20"),
    ],
)  # fmt: skip
def test_numbers(text: str, number: str) -> None:
    assert quantity.number(text) == Decimal(number)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0", "0"), ("-0", "0"), ("1024Mi", "1Gi"), ("0.5", "500m"), ("1000m", "1"), ("1000", "1k"), ("1500m", "1500m"),
        ("1000000", "1M"), ("1023Ki", "1023Ki"), ("0.5Ki", "512"), ("0.5Gi", "512Mi"), ("1e3", "1e3"),
        ("1000e3", "1e6"),
        ("1e99", "1e99"), ("12345e6", "12345e6"), ("1e1", "10"), ("1e-3", "1e-3"), ("-1536Mi", "-1536Mi"),
        ("1Ei", "1Ei"), ("8.1Ei", "9223372036854775807"), ("-9Ei", "-9223372036854775807"),
        ("1000E", "1000E"), ("100000000000000000000", "100E"), ("0.0001Ki", "102400u"),
    ],
)  # fmt: skip
def test_canonical_texts(text: str, canonical: str) -> None:
    assert quantity.canonical(text) == canonical


@pytest.mark.parametrize(
    "text", ["", " ", "x", "1x", "1 Gi", "--1", "1..2", "Gi", ".", "-", "1e", "1KiB", "1i", "0x1", "१", "1e1.5"]
)
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(QuantityError):
        quantity.parse(text)
    with pytest.raises(QuantityError):
        quantity.canonical(text)


@given(QUANTITIES)
def test_the_canonical_text_is_stable_and_means_the_same(text: str) -> None:
    canonical = quantity.canonical(text)
    number, again = quantity.number(text), quantity.number(canonical)
    if "i" not in text:
        assert quantity.canonical(canonical) == canonical
        assert again == number
    else:  # binary texts hold no fraction (it is rounded up), and without a suffix they are read as decimal ones
        assert 0 <= abs(again) - abs(number) < 1


@given(QUANTITIES)
def test_parse_and_render_agree_with_canonical(text: str) -> None:
    assert quantity.render(*quantity.parse(text)) == quantity.canonical(text)


@given(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12))
def test_sums(a: int, b: int) -> None:
    x, y = f"{a}m", f"{b}m"
    assert quantity.number(quantity.add(x, y)) == quantity.number(x) + quantity.number(y)
    assert quantity.number(quantity.subtract(x, y)) == quantity.number(x) - quantity.number(y)
    assert quantity.compare(x, y) == (a > b) - (a < b)


def test_a_sum_keeps_the_first_one_s_notation() -> None:
    assert quantity.add("1Gi", "1Gi") == "2Gi"
    assert quantity.add("0", "1Gi") == "1Gi"
    assert quantity.add("1", "500m") == "1500m"
    assert quantity.subtract("1e3", "1") == "999"


@pytest.mark.parametrize(
    ("text", "whole", "milli"),
    [
        ("1", 1, 1000),
        ("1.1", 2, 1100),
        ("1m", 1, 1),
        ("1u", 1, 1),
        ("-1.5", -1, -1500),
        ("1Ki", 1024, 1024000),
        ("1e99", 10**99, 10**102),
    ],
)
def test_whole_numbers_are_rounded_up(text: str, whole: int, milli: int) -> None:
    assert quantity.value(text) == whole
    assert quantity.milli_value(text) == milli


def test_numbers_of_json() -> None:
    assert quantity.number(3) == 3
    assert quantity.value(0.5) == 1
