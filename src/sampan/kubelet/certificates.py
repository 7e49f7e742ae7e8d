"""A node's own certificates: asked for by signing requests, kept in files, renewed in time; as upstream's kubelet."""

import asyncio
import base64
import ipaddress
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sampan.aio.clock import Clock
from sampan.aio.files import write_atomic
from sampan.api.json import Obj
from sampan.api.names import ObjectRef
from sampan.client.api import Api
from sampan.resources.kinds import CSRS

log = logging.getLogger("sampan.kubelet")
CLIENT, SERVING = "kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/kubelet-serving"
USAGES = {CLIENT: ["digital signature", "client auth"], SERVING: ["digital signature", "server auth"]}
LOOK_FIRST, LOOK_EVERY = 0.1, 2.0
"""Seconds after which a request is looked at for the first time, and at most until the next look."""
RENEW_AT = 0.8
"""Part of a certificate's life after which the next one is asked for; upstream takes a moment between 0.7 and 0.9."""
SELF_SIGNED_LIFE = timedelta(days=365)


class CertificateDenied(Exception):
    """The signing request was denied, or failed."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate chain and its private key, both PEM."""

    certificate: bytes
    key: bytes

    def renew_at(self) -> datetime:
        """When the next one is to be asked for."""
        found = x509.load_pem_x509_certificate(self.certificate)
        life = found.not_valid_after_utc - found.not_valid_before_utc
        return found.not_valid_before_utc + life * RENEW_AT

    def good(self, now: datetime) -> bool:
        """Whether it can be used now."""
        try:
            found = x509.load_pem_x509_certificate(self.certificate)
            key = serialization.load_pem_private_key(self.key, None)
        except (ValueError, TypeError):
            return False
        return found.public_key() == key.public_key() and found.not_valid_before_utc <= now < found.not_valid_after_utc


def load_pair(path: Path) -> KeyPair | None:
    """A pair from one file that has both, None when there is none. Blocks."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    keys = [part for part in _blocks(data) if b"PRIVATE KEY" in part]
    certificates = [part for part in _blocks(data) if b"BEGIN CERTIFICATE" in part]
    return KeyPair(b"".join(certificates), keys[0]) if keys and certificates else None


def _blocks(data: bytes) -> list[bytes]:
    parts = data.split(b"-----BEGIN ")[1:]
    return [b"-----BEGIN " + part.rstrip() + b"\n" for part in parts]


def store_pair(path: Path, pair: KeyPair) -> None:
    """Keep a pair in one private file. Blocks."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomic(path, pair.certificate + pair.key, 0o600)


async def request(api: Api, clock: Clock, node: str, signer: str, hosts: Sequence[str] = ()) -> KeyPair:
    """Ask for a certificate and wait until it is there. Raises CertificateDenied, StatusError, OSError."""
    key = ec.generate_private_key(ec.SECP256R1())
    body: Obj = {
        "kind": "CertificateSigningRequest",
        "apiVersion": "certificates.k8s.io/v1",
        "metadata": {"generateName": "csr-"},
        "spec": {
            "signerName": signer,
            "usages": USAGES[signer],
            "request": base64.b64encode(_asking(key, node, hosts)).decode(),
        },
    }
    made = await api.create(CSRS, body)
    name = made["metadata"]["name"]
    log.info("certificate signing request %s of %s waits for its approval", name, signer)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # fmt: skip
    wait = LOOK_FIRST
    while True:
        status = made.get("status") or {}
        for condition in status.get("conditions") or ():
            if condition.get("type") in ("Denied", "Failed"):
                raise CertificateDenied(f"certificate signing request {name}: {condition.get('message') or 'denied'}")
        if status.get("certificate"):
            return KeyPair(base64.b64decode(status["certificate"]), pem)
        await clock.sleep(wait)
        wait = min(2 * wait, LOOK_EVERY)
        made = await api.get(ObjectRef(CSRS, "", name))


def _asking(key: ec.EllipticCurvePrivateKey, node: str, hosts: Sequence[str]) -> bytes:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"system:node:{node}"),
        ]
    )
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_host(h) for h in hosts]), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def self_signed(name: str, hosts: Sequence[str], now: datetime) -> KeyPair:
    """A serving certificate that nobody vouches for: what a kubelet without one makes itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name}@{int(now.timestamp())}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + SELF_SIGNED_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_host(h) for h in hosts]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # fmt: skip
    return KeyPair(certificate.public_bytes(serialization.Encoding.PEM), pem)


async def kept(path: Path, clock: Clock) -> KeyPair | None:
    """The pair of a file, if it can be used now."""
    pair = await asyncio.to_thread(load_pair, path)
    return pair if pair is not None and pair.good(clock.now()) else None
