"""CIDR values: what is refused, and what is only warned of; answers of a real API server."""

import pytest

from sampan.resources.validation.cidr import check_cidr, check_strict_cidr, warn_cidr

LEGACY = [
    ("10.0.0.0/8", ""),
    ("nope", "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"),
    ("10.0.0.0", "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"),
    ("10.0.0.0/33", "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"),
    ("010.0.0.0/8", "must not have leading 0s in IP or prefix length"),
    ("10.0.0.0/08", "must not have leading 0s in IP or prefix length"),
    ("::ffff:1.2.3.4/128", "must not have an IPv4-mapped IPv6 address"),
    ("10.0.0.1/8", "must not have bits set beyond the prefix length"),
    ("2001:DB8::/32", ""),
]


@pytest.mark.parametrize(("value", "why"), LEGACY)
def test_fields_older_than_strict_rules(value: str, why: str) -> None:
    found = check_cidr(value, "at")
    assert [error.message for error in found] == ([f'Invalid value: "{value}": {why}'] if why else [])


def test_what_was_there_before_may_stay() -> None:
    assert check_cidr("nope", "at", {"nope"}) == []


def test_strict_fields_want_the_canonical_form() -> None:
    assert [e.message for e in check_strict_cidr("2001:DB8::/32", "at")] == [
        'Invalid value: "2001:DB8::/32": must be in canonical form ("2001:db8::/32")'
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2001:DB8::/32", 'IPv6 CIDR value "2001:DB8::/32" should be in RFC 5952 canonical format ("2001:db8::/32")'),
        (
            "10.0.0.1/8",
            'CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)',
        ),
        ("10.0.0.0/08", 'non-standard CIDR value "10.0.0.0/08" is invalid: use "10.0.0.0/8"'),
    ],
)
def test_warnings(value: str, text: str) -> None:
    assert warn_cidr(value, "at") == [f"at: {text}"]
