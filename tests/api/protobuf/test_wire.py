"""Varints, lengths and skipping."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.api.protobuf.wire import WireError, delimited, read_length, read_varint, skip, varint


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_a_varint_comes_back(value: int) -> None:
    data = varint(value)
    assert read_varint(data, 0, len(data)) == (value, len(data))
    assert all(byte >= 0x80 for byte in data[:-1])


@pytest.mark.parametrize(
    ("value", "data"),
    [(0, "00"), (127, "7f"), (128, "8001"), (300, "ac02"), (-1, "ff" * 9 + "01"), (2**63 - 1, "ff" * 8 + "7f")],
)
def test_known_varints(value: int, data: str) -> None:
    assert varint(value).hex() == data


@pytest.mark.parametrize(
    ("data", "message"),
    [("", "unexpected EOF"), ("80", "unexpected EOF"), ("80" * 10 + "01", "proto: integer overflow")],
)
def test_bad_varints(data: str, message: str) -> None:
    raw = bytes.fromhex(data)
    with pytest.raises(WireError, match=message):
        read_varint(raw, 0, len(raw))


def test_a_length_stays_within_its_message() -> None:
    data = delimited(1, b"abc")
    assert data.hex() == "0a03616263"
    assert read_length(data, 1, 5) == (2, 5)
    with pytest.raises(WireError, match="unexpected EOF"):
        read_length(data, 1, 4)
    with pytest.raises(WireError, match="negative length"):
        read_length(varint(2**63), 0, 10)


@pytest.mark.parametrize(
    ("wire", "data", "end"),
    [(0, "8001ff", 2), (1, "00" * 9, 8), (2, "02aabbff", 3), (5, "01020304ff", 4), (3, "0801131802140c", 7)],
)  # fmt: skip
def test_what_is_not_known_is_skipped(wire: int, data: str, end: int) -> None:
    raw = bytes.fromhex(data)
    assert skip(raw, 0, len(raw), wire) == end


@pytest.mark.parametrize(
    ("wire", "data", "message"),
    [
        (1, "0102", "unexpected EOF"),
        (4, "", "proto: unexpected end of group"),
        (6, "", "proto: illegal wireType 6"),
        (3, "13" * 200, "proto: exceeded max depth"),
        (3, "0801", "unexpected EOF"),
    ],
)
def test_what_cannot_be_skipped(wire: int, data: str, message: str) -> None:
    raw = bytes.fromhex(data)
    with pytest.raises(WireError, match=message):
        skip(raw, 0, len(raw), wire)
