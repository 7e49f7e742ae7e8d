"""When gzip is used, and that it is gzip."""

import gzip as reference

import pytest

from sampan.net.compress import THRESHOLD, accepts_gzip, gzip, gzip_if_worth


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("deflate, gzip;q=0.5", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("*", True),
        ("*;q=0, gzip", True),
        ("gzip;q=0, *", False),
        ("gzip; q=0.000", False),
        ("gzip;q=nonsense", False),
        ("identity", False),
        ("", False),
    ],
)
def test_accept_encoding(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


def test_what_is_packed_unpacks() -> None:
    body = b'{"a":1}' * 1000
    assert reference.decompress(gzip(body)) == body


def test_only_large_bodies_are_worth_it() -> None:
    assert gzip_if_worth(b"x" * THRESHOLD, "gzip") is None
    assert gzip_if_worth(b"x" * (THRESHOLD + 1), "identity") is None
    packed = gzip_if_worth(b"x" * (THRESHOLD + 1), "gzip")
    assert packed is not None
    assert len(packed) < THRESHOLD // 10
