"""An issuer of tokens (OpenID Connect) over HTTPS on loopback."""

import base64
import datetime
import ipaddress
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from sampan.apiserver.authn.jwt import Signer
from sampan.net.http import Request, Response
from sampan.net.http_server import Server, serve
from sampan.net.tls import server_context

Obj = dict[str, Any]
PLAIN = serialization.NoEncryption()
PKCS8 = serialization.PrivateFormat.PKCS8


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, PKCS8, PLAIN)


def self_signed() -> tuple[bytes, bytes]:
    """Certificate and key for loopback."""
    now, key = datetime.datetime.now(datetime.UTC), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM), pem(key)


class IssuerServer:
    """Issuers below one address, `URL/NAME`, all with the same two keys; what is asked is counted by path."""

    def __init__(self) -> None:
        self.certificate, self.key = self_signed()
        self.rsa = rsa.generate_private_key(65537, 2048)
        self.signers = {"RS256": Signer(pem(self.rsa)), "ES256": Signer(pem(ec.generate_private_key(ec.SECP256R1())))}
        self.published: list[Obj] = [one.jwks()["keys"][0] for one in self.signers.values()]
        self.pages: dict[str, Response] = {}
        self.asked: dict[str, int] = {}
        self.headers: dict[str, str] = {}
        self.cache_control = ""
        self.server: Server | None = None

    @property
    def url(self) -> str:
        assert self.server is not None
        return f"https://127.0.0.1:{self.server.port}"

    @property
    def ca(self) -> str:
        return self.certificate.decode()

    async def handle(self, request: Request) -> Response:
        path = request.path
        self.asked[path] = self.asked.get(path, 0) + 1
        self.headers = dict(request.headers.items())
        kind = [("content-type", "application/json")]
        if path in self.pages:
            return self.pages[path]
        if path == "/keys":
            if self.cache_control:
                kind.append(("cache-control", self.cache_control))
            return Response(200, kind, json.dumps({"keys": self.published}).encode())
        issuer, found, _ = path.partition("/.well-known/openid-configuration")
        if not found:
            return Response(404, [], b"no such page")
        said = {"issuer": self.url + issuer, "jwks_uri": f"{self.url}/keys"}
        return Response(200, kind, json.dumps(said).encode())

    def jwt(self, name: str, **more: Any) -> Obj:
        """An entry of `jwt` for the issuer of a name."""
        return {
            "issuer": {"url": f"{self.url}/{name}", "audiences": ["me"], "certificateAuthority": self.ca},
            "claimMappings": {"username": {"claim": "sub", "prefix": f"{name}:"}},
            **more,
        }

    def token(self, name: str, algorithm: str = "RS256", **claims: Any) -> str:
        """A token of the issuer of a name, good for a day."""
        until = int(datetime.datetime.now(datetime.UTC).timestamp()) + 86400
        return self.signers[algorithm].sign(
            {"iss": f"{self.url}/{name}", "aud": "me", "exp": until, "sub": "jane", **claims}
        )

    def headed(self, name: str, header: Any) -> str:
        """A token that says of itself what one likes, signed as RS256 and PS256 would be."""
        body = self.token(name).split(".")[1]
        data = f"{base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b'=').decode()}.{body}"
        pss = isinstance(header, dict) and header.get("alg") == "PS256"
        shape = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if pss else padding.PKCS1v15()
        signature = self.rsa.sign(data.encode(), shape, hashes.SHA256())
        return f"{data}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


@pytest.fixture
async def issuer_server() -> AsyncIterator[IssuerServer]:
    """Issuers of tokens."""
    made = IssuerServer()
    made.server = await serve(made.handle, "127.0.0.1", 0, ssl=server_context(made.certificate, made.key))
    yield made
    await made.server.close()
