"""Servers and certificates for the tests of the wire."""

import datetime
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sampan.net.http import Handler, Limits
from sampan.net.http_server import Server, serve

Start = Callable[..., Awaitable[Server]]


@dataclass(frozen=True)
class Pki:
    """An authority, a server's and a client's certificate and key, all PEM."""

    ca: bytes
    server: bytes
    server_key: bytes
    client: bytes
    client_key: bytes


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain)


def make_pki() -> Pki:
    """A fresh one, valid for a day."""
    now = datetime.datetime.now(datetime.UTC)
    ca_key = ec.generate_private_key(ec.SECP256R1())

    def certificate(name: str, key: ec.EllipticCurvePrivateKey, is_ca: bool) -> bytes:
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name("ca"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName(
                    [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
                ),
                critical=False,
            )
        )
        return builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    server_key, client_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    return Pki(
        certificate("ca", ca_key, True),
        certificate("server", server_key, False),
        _pem(server_key),
        certificate("client", client_key, False),
        _pem(client_key),
    )


@pytest.fixture(scope="session")
def pki() -> Pki:
    return make_pki()


@pytest.fixture(scope="session")
def other_pki() -> Pki:
    """Somebody else's."""
    return make_pki()


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts servers on free ports; they are closed after the test."""
    servers: list[Server] = []

    async def run(handler: Handler, *, limits: Limits | None = None, **options: object) -> Server:
        server = await serve(handler, "127.0.0.1", 0, limits=limits, **options)  # type: ignore[arg-type]
        servers.append(server)
        return server

    yield run
    for server in servers:
        await server.close()
