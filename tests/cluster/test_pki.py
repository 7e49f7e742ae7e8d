"""Certificates: who they name, how long they live, who may read their keys, what a restart keeps."""

import ipaddress
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sampan.cluster.config import ClusterError
from sampan.cluster.pki import ADMIN, CA_LIFE, LIFE, Pki, Subject, apiserver_hosts, node_subject

NOW = datetime(2030, 1, 1, tzinfo=UTC)
HOSTS = ["kubernetes", "localhost", "127.0.0.1", "10.96.0.1", "::1"]


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    """A fresh directory."""
    return Pki(tmp_path / "pki", NOW)


def read(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem)


def names(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> list[str]:
    return [str(a.value) for a in certificate.subject.get_attributes_for_oid(oid)]


def test_the_ca_may_sign_and_nothing_it_signs_may(pki: Pki) -> None:
    ca = read(pki.ca.certificate)
    assert ca.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert ca.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    assert ca.not_valid_after_utc == NOW + CA_LIFE
    for pair in (pki.client("admin", ADMIN), pki.serving("apiserver", HOSTS)):
        made = read(pair.certificate)
        made.verify_directly_issued_by(ca)
        assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        assert made.not_valid_before_utc < NOW
        assert made.not_valid_after_utc == NOW + LIFE


def test_a_client_certificate_names_user_and_groups(pki: Pki) -> None:
    made = read(pki.client("node", node_subject("n1")).certificate)
    assert names(made, NameOID.COMMON_NAME) == ["system:node:n1"]
    assert names(made, NameOID.ORGANIZATION_NAME) == ["system:nodes"]
    usage = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_a_server_certificate_names_its_hosts(pki: Pki) -> None:
    made = read(pki.serving("apiserver", HOSTS).certificate)
    found = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(found.get_values_for_type(x509.DNSName)) == {"kubernetes", "localhost"}
    addresses = {ipaddress.ip_address(a) for a in ("127.0.0.1", "10.96.0.1", "::1")}
    assert set(found.get_values_for_type(x509.IPAddress)) == addresses
    usage = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_keys_are_their_owner_s_alone(pki: Pki, tmp_path: Path) -> None:
    pki.client("admin", ADMIN)
    pki.serving("apiserver", HOSTS)
    pki.signing_key()
    directory = tmp_path / "pki"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    keys = sorted(directory.glob("*.key"))
    assert [key.name for key in keys] == ["admin.key", "apiserver.key", "ca.key", "sa.key"]
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
    assert not list(directory.glob(".*"))


def test_a_restart_keeps_everything(pki: Pki, tmp_path: Path) -> None:
    again = Pki(tmp_path / "pki", NOW + timedelta(days=1))
    assert again.ca == pki.ca
    assert again.client("admin", ADMIN) == pki.client("admin", ADMIN)
    assert again.serving("apiserver", HOSTS) == pki.serving("apiserver", reversed(HOSTS))
    assert again.signing_key() == pki.signing_key()


def test_what_nears_its_end_is_made_anew(pki: Pki, tmp_path: Path) -> None:
    client, server = pki.client("admin", ADMIN), pki.serving("apiserver", HOSTS)
    early = Pki(tmp_path / "pki", NOW + LIFE - timedelta(days=31))
    assert (early.client("admin", ADMIN), early.serving("apiserver", HOSTS)) == (client, server)
    late = Pki(tmp_path / "pki", NOW + LIFE - timedelta(days=30))
    assert late.ca == pki.ca
    assert late.client("admin", ADMIN) != client
    assert late.serving("apiserver", HOSTS) != server


def test_other_hosts_need_another_certificate(pki: Pki) -> None:
    first = pki.serving("apiserver", HOSTS)
    second = pki.serving("apiserver", [*HOSTS, "other"])
    assert second != first
    assert pki.serving("apiserver", [*HOSTS, "other"]) == second


def test_another_subject_needs_another_certificate(pki: Pki) -> None:
    first = pki.client("x", Subject("jane"))
    second = pki.client("x", Subject("joe", ("dev",)))
    assert names(read(first.certificate), NameOID.COMMON_NAME) == ["jane"]
    assert names(read(second.certificate), NameOID.COMMON_NAME) == ["joe"]


def test_another_ca_s_certificates_are_not_kept(pki: Pki, tmp_path: Path) -> None:
    client = pki.client("admin", ADMIN)
    for name in ("ca.crt", "ca.key"):
        (tmp_path / "pki" / name).unlink()
    again = Pki(tmp_path / "pki", NOW)
    made = again.client("admin", ADMIN)
    assert made != client
    read(made.certificate).verify_directly_issued_by(read(again.ca.certificate))


def test_the_names_of_the_api_server() -> None:
    hosts = apiserver_hosts("192.0.2.7", "10.96.0.0/16", ["extra"])
    for name in ("kubernetes.default.svc.cluster.local", "localhost", "127.0.0.1", "10.96.0.1", "192.0.2.7", "extra"):
        assert name in hosts
    assert "0.0.0.0" not in apiserver_hosts("0.0.0.0", "10.96.0.0/16")


@pytest.mark.parametrize("damage", ["crt", "key"])
def test_a_damaged_or_mixed_pair_is_made_anew(pki: Pki, tmp_path: Path, damage: str) -> None:
    first = pki.client("admin", ADMIN)
    (tmp_path / "pki" / f"admin.{damage}").write_bytes(b"x")
    second = pki.client("admin", ADMIN)
    assert second != first
    (tmp_path / "pki" / f"admin.{damage}").write_bytes(first.certificate if damage == "crt" else first.key)
    third = pki.client("admin", ADMIN)
    assert third not in (first, second)
    assert pki.client("admin", ADMIN) == third


@pytest.mark.parametrize("damage", ["ca.crt", "ca.key"])
def test_a_damaged_ca_is_named_and_kept(pki: Pki, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "pki" / damage
    path.write_bytes(b"x")
    with pytest.raises(ClusterError, match="is damaged"):
        Pki(tmp_path / "pki", NOW)
    assert path.read_bytes() == b"x"


def test_a_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ClusterError, match="cannot be used: Not a directory"):
        Pki(tmp_path / "file" / "pki", NOW)
