"""Users of client certificates."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sampan.apiserver.authn.certificates import user_of
from sampan.cluster.pki import Pki, Subject


def der(tmp_path: Path, subject: Subject) -> bytes:
    pair = Pki(tmp_path, datetime(2030, 1, 1, tzinfo=UTC)).client("c", subject)
    return x509.load_pem_x509_certificate(pair.certificate).public_bytes(serialization.Encoding.DER)


def test_the_name_is_the_user_and_organizations_are_groups(tmp_path: Path) -> None:
    data = der(tmp_path, Subject("jane", ("dev", "ops")))
    user = user_of(data)
    assert user.name == "jane"
    assert user.groups == ("dev", "ops", "system:authenticated")
    credential = f"X509SHA256={hashlib.sha256(data).hexdigest()}"
    assert user.extra == {"authentication.kubernetes.io/credential-id": (credential,)}


def test_a_certificate_without_a_name_names_nobody() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "dev")])
    start = datetime(2030, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(start).not_valid_after(start + timedelta(days=1))
    made = builder.sign(key, hashes.SHA256())
    assert user_of(made.public_bytes(serialization.Encoding.DER)).name == ""
