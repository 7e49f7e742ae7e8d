"""The cluster's certificates and keys, made at first start and kept in DIR/pki."""

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sampan.aio.files import write_atomic
from sampan.cluster.config import ClusterError

CA_LIFE, LIFE, RENEW_BEFORE = timedelta(days=3650), timedelta(days=365), timedelta(days=30)
SERVICE_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Subject:
    """Who a client certificate speaks for."""

    user: str
    groups: tuple[str, ...] = ()


ADMIN = Subject("kubernetes-admin", ("system:masters",))
KUBELET_CLIENT = Subject("kube-apiserver-kubelet-client", ("system:masters",))


FRONT_PROXY = Subject("front-proxy-client")
"""As whom the API server comes to extension API servers."""


def node_subject(name: str) -> Subject:
    """A node agent's."""
    return Subject(f"system:node:{name}", ("system:nodes",))


def new_key() -> ec.EllipticCurvePrivateKey:
    """P-256: made in a tenth of a millisecond, where RSA takes a tenth of a second."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    """PKCS#8 PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


SIGNING_KEY = "sa.key"


class Pki:
    """One directory of certificates. Everything is made when it is first asked for, and renewed near its end."""

    def __init__(self, directory: Path, now: datetime) -> None:
        """Raises ClusterError for a directory that cannot be used, or a CA that cannot be read."""
        self._dir, self._now = directory, now
        self._signing: Thread | None = None
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.ca = self._load_ca()
        except OSError as error:
            raise ClusterError(f"the certificates in {directory} cannot be used: {error.strerror}") from error
        try:
            self._ca_key = serialization.load_pem_private_key(self.ca.key, None)
            self._ca_certificate = x509.load_pem_x509_certificate(self.ca.certificate)
        except ValueError as error:
            raise ClusterError(f"{directory}/ca.crt or ca.key is damaged; without both, new ones are made") from error

    def _load_ca(self) -> Pair:
        pair = self._read("ca")
        if pair is not None:
            return pair
        key = new_key()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
        builder = self._builder(name, key, CA_LIFE).issuer_name(name)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(_usage(ca=True), critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        certificate = builder.sign(key, hashes.SHA256())
        return self._write("ca", Pair(certificate.public_bytes(serialization.Encoding.PEM), key_pem(key)))

    def serving(self, name: str, hosts: Iterable[str]) -> Pair:
        """A server certificate for these DNS names and IP addresses; made anew when they change."""
        wanted = sorted(set(hosts))
        kept = self._read(name)
        if kept is not None and self._good(kept) and self._hosts(kept) == wanted:
            return kept
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wanted[0] if wanted else name)])
        alternative = x509.SubjectAlternativeName([_general_name(host) for host in wanted])
        return self._write(name, self._issue(subject, ExtendedKeyUsageOID.SERVER_AUTH, alternative))

    def client(self, name: str, subject: Subject) -> Pair:
        """A client certificate."""
        attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in subject.groups]
        full = x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, subject.user)])
        kept = self._read(name)
        if kept is not None and self._good(kept) and x509.load_pem_x509_certificate(kept.certificate).subject == full:
            return kept
        return self._write(name, self._issue(full, ExtendedKeyUsageOID.CLIENT_AUTH, None))

    def front_proxy(self) -> "Pki":
        """The authority that extension API servers trust to name users; it signs nothing else."""
        return Pki(self._dir / "front-proxy", self._now)

    def begin_signing_key(self) -> None:
        """Make the key for service account tokens in a thread, if there is none: RSA keys take their time."""
        if not (self._dir / SIGNING_KEY).exists():
            self._signing = Thread(target=self._make_signing_key, name="signing key")
            self._signing.start()

    def signing_key(self) -> bytes:
        """The key that signs service account tokens, PEM: RSA, as kubeadm's."""
        path = self._dir / SIGNING_KEY
        if self._signing is not None:
            self._signing.join()
            self._signing = None
        if not path.exists():
            self._make_signing_key()
        return path.read_bytes()

    def _make_signing_key(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        write_atomic(self._dir / SIGNING_KEY, key_pem(key), 0o600)

    def _issue(
        self, subject: x509.Name, usage: x509.ObjectIdentifier, alternative: x509.SubjectAlternativeName | None
    ) -> Pair:
        key = new_key()
        builder = self._builder(subject, key, LIFE).issuer_name(self._ca_certificate.subject)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(ca=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        issuer = self._ca_certificate.public_key()
        assert isinstance(issuer, ec.EllipticCurvePublicKey)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer)
        builder = builder.add_extension(authority, critical=False)
        if alternative is not None:
            builder = builder.add_extension(alternative, critical=False)
        assert isinstance(self._ca_key, ec.EllipticCurvePrivateKey)
        certificate = builder.sign(self._ca_key, hashes.SHA256())
        return Pair(certificate.public_bytes(serialization.Encoding.PEM), key_pem(key))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, life: timedelta) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - timedelta(minutes=5))
            .not_valid_after(self._now + life)
        )

    def _good(self, pair: Pair) -> bool:
        """Whether a kept pair can be used for a while: whole, of this CA, and not near its end."""
        try:
            certificate = x509.load_pem_x509_certificate(pair.certificate)
            key = serialization.load_pem_private_key(pair.key, None)
            certificate.verify_directly_issued_by(self._ca_certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return (
            certificate.public_key() == key.public_key() and certificate.not_valid_after_utc - RENEW_BEFORE > self._now
        )

    @staticmethod
    def _hosts(pair: Pair) -> list[str]:
        certificate = x509.load_pem_x509_certificate(pair.certificate)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return sorted([*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))])

    def _read(self, name: str) -> Pair | None:
        try:
            return Pair((self._dir / f"{name}.crt").read_bytes(), (self._dir / f"{name}.key").read_bytes())
        except FileNotFoundError:
            return None

    def _write(self, name: str, pair: Pair) -> Pair:
        write_atomic(self._dir / f"{name}.key", pair.key, 0o600)
        write_atomic(self._dir / f"{name}.crt", pair.certificate)
        return pair


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not ca,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def apiserver_hosts(listen: str, service_cidr: str, extra: Sequence[str] = ()) -> list[str]:
    """The names by which the API server is called."""
    first = str(next(ipaddress.ip_network(service_cidr).hosts()))
    hosts = [*SERVICE_NAMES, "localhost", "127.0.0.1", first, socket.gethostname().lower(), *extra]
    return hosts if listen in ("0.0.0.0", "::", *hosts) else [*hosts, listen]
