"""Addresses, strict and sloppy; answers of a real API server to hostAliases."""

import pytest

from sampan.resources.validation.ip import check_ip, check_strict_ip, warn_ip

NONE = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
ZEROS, MAPPED = "must not have leading 0s", "must not be an IPv4-mapped IPv6 address"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1.2.3.4", ""),
        ("2001:db8::a:b", ""),
        ("FE80:0::1", ""),
        ("", NONE),
        ("1.2.3", NONE),
        ("1.2.3.256", NONE),
        ("fe80::1%eth0", NONE),
        ("01.2.3.4", ZEROS),
        ("::1.2.3.04", ZEROS),
        ("::ffff:1.2.3.4", MAPPED),
    ],
)
def test_addresses(text: str, problem: str) -> None:
    assert [error.message for error in check_ip(text, "ip")] == (
        [f'Invalid value: "{text}": {problem}'] if problem else []
    )
    assert check_ip(text, "ip", (text,)) == []


def test_strict_addresses_are_canonical() -> None:
    (error,) = check_strict_ip("FE80:0::1", "ip")
    assert error.message == 'Invalid value: "FE80:0::1": must be in canonical form ("fe80::1")'
    assert check_strict_ip("fe80::1", "ip") == []


def test_warnings() -> None:
    assert warn_ip("1.2.3.4", "ip") == warn_ip("fe80::1", "ip") == warn_ip("nope", "ip") == []
    assert warn_ip("01.2.3.4", "ip") == ['ip: non-standard IP address "01.2.3.4" is invalid: use "1.2.3.4"']
    assert warn_ip("FE80:0::1", "ip") == [
        'ip: IPv6 address "FE80:0::1" should be in RFC 5952 canonical format ("fe80::1")'
    ]
