"""Certificates and keys of TLS Secrets: what Go's tls package says of them."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from sampan.resources.validation.key_pair import key_pair_problem


def pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture(scope="module")
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def certificate(key: ec.EllipticCurvePrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
    return made.not_valid_after(datetime(2027, 1, 1, tzinfo=UTC)).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_a_pair(key: ec.EllipticCurvePrivateKey, certificate: bytes) -> None:
    assert key_pair_problem(certificate, pem(key)) == ""


def test_not_a_pair(certificate: bytes) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    assert key_pair_problem(certificate, pem(other)) == "tls: private key does not match public key"
    another_kind = pem(ed25519.Ed25519PrivateKey.generate())
    assert key_pair_problem(certificate, another_kind) == "tls: private key type does not match public key type"


def test_what_is_missing(key: ec.EllipticCurvePrivateKey, certificate: bytes) -> None:
    assert key_pair_problem(b"x", pem(key)) == "tls: failed to find any PEM data in certificate input"
    assert "PEM inputs may have been switched" in key_pair_problem(pem(key), certificate)
    assert key_pair_problem(certificate, b"x") == "tls: failed to find any PEM data in key input"
    found = "tls: found a certificate rather than a key in the PEM for the private key"
    assert key_pair_problem(certificate, certificate) == found
