"""Certificates for signing requests: what is in them, and that they let their owners in."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sampan.cluster.pki import Pki
from sampan.controllers.csr_certificate import PURPOSES, Order, sign

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())


def request(name: str = "jane", names: Sequence[x509.GeneralName] = ()) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def pki(tmp_path: Any) -> Pki:
    return Pki(tmp_path, NOW)


def signed(pki: Pki, pem: bytes, usages: Sequence[str] = ("client auth",), seconds: int | None = None) -> Any:
    order = Order(pem, tuple(usages), seconds, NOW)
    return x509.load_pem_x509_certificate(sign(pki.ca.certificate, pki.ca.key, order))


def test_it_carries_the_subject_the_key_and_the_usages(pki: Pki) -> None:
    made = signed(pki, request(), ("digital signature", "key encipherment", "client auth"))
    made.verify_directly_issued_by(x509.load_pem_x509_certificate(pki.ca.certificate))
    assert made.subject.rfc4514_string() == "CN=jane"
    assert made.public_key() == KEY.public_key()
    usage = made.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.key_encipherment
    assert not usage.key_cert_sign
    assert list(made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.CLIENT_AUTH
    ]


def test_nobody_makes_himself_an_authority(pki: Pki) -> None:
    assert not signed(pki, request()).extensions.get_extension_for_class(x509.BasicConstraints).value.ca


@pytest.mark.parametrize("name", ["jane", ""])
def test_other_names_stay_and_are_critical_without_a_subject(pki: Pki, name: str) -> None:
    found = signed(pki, request(name, [x509.DNSName("a.b")])).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert found.value.get_values_for_type(x509.DNSName) == ["a.b"]
    assert found.critical == (not name)


@pytest.mark.parametrize(
    ("seconds", "life"),
    [
        (None, timedelta(days=365, minutes=-5)),
        (10**8, timedelta(days=365, minutes=-5)),
        (60, timedelta(minutes=10)),
        (3600, timedelta(hours=1)),
        (28800, timedelta(hours=7, minutes=55)),
    ],
)
def test_how_long_it_is_good(pki: Pki, seconds: int | None, life: timedelta) -> None:
    made = signed(pki, request(), seconds=seconds)
    assert made.not_valid_before_utc == NOW - timedelta(minutes=5)
    assert made.not_valid_after_utc == NOW + life


def test_every_purpose_has_its_number(pki: Pki) -> None:
    made = signed(pki, request(), tuple(PURPOSES)).extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert [one.dotted_string for one in made.value] == list(dict.fromkeys(PURPOSES.values()))


def test_a_request_that_its_key_did_not_sign_is_refused(pki: Pki) -> None:
    der = bytearray(base64.b64decode(b"".join(request().splitlines()[1:-1])))
    der[-1] ^= 1
    broken = b"-----BEGIN CERTIFICATE REQUEST-----\n" + base64.encodebytes(bytes(der))
    with pytest.raises(ValueError, match="signature"):
        signed(pki, broken + b"-----END CERTIFICATE REQUEST-----\n")


def test_an_authority_at_its_end_signs_nothing(pki: Pki) -> None:
    late = Order(request(), ("client auth",), None, NOW + timedelta(days=4000))
    with pytest.raises(ValueError, match="expired in the past"):
        sign(pki.ca.certificate, pki.ca.key, late)
