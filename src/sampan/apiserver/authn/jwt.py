"""JSON Web Tokens signed with ES256 (RFC 7515, 7518): make and check."""

import base64
import binascii
import hashlib
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from sampan.api.json import JSONDecodeError, dumps, loads


class BadToken(ValueError):
    """Not a token of ours."""


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise BadToken("not base64url") from error


class Signer:
    """Signs and checks with one P-256 key (PEM)."""

    def __init__(self, pem: bytes) -> None:
        key = serialization.load_pem_private_key(pem, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("the service account key is no elliptic curve key")
        self._key = key
        self._public = key.public_key()
        der = self._public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.key_id = _encode(hashlib.sha256(der).digest())

    def sign(self, claims: dict[str, Any]) -> str:
        """A compact JWT."""
        head = _encode(dumps({"alg": "ES256", "kid": self.key_id}))
        body = f"{head}.{_encode(dumps(claims))}"
        r, s = decode_dss_signature(self._key.sign(body.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{body}.{_encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def verify(self, token: str) -> dict[str, Any]:
        """The claims of a token with a good signature; times and audiences are the caller's. Raises BadToken."""
        parts = token.split(".")
        if len(parts) != 3:
            raise BadToken("not three parts")
        try:
            head, claims = loads(_decode(parts[0])), loads(_decode(parts[1]))
        except JSONDecodeError as error:
            raise BadToken("not JSON") from error
        signature = _decode(parts[2])
        if not isinstance(head, dict) or head.get("alg") != "ES256" or len(signature) != 64:
            raise BadToken("not an ES256 signature")
        if not isinstance(claims, dict):
            raise BadToken("the claims are no object")
        pair = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        try:
            signed = f"{parts[0]}.{parts[1]}".encode()
            self._public.verify(encode_dss_signature(*pair), signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature as error:
            raise BadToken("the signature is wrong") from error
        return claims

    def jwks(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set (RFC 7517)."""
        numbers = self._public.public_numbers()
        key = {
            "use": "sig",
            "kty": "EC",
            "kid": self.key_id,
            "crv": "P-256",
            "alg": "ES256",
            "x": _encode(numbers.x.to_bytes(32, "big")),
            "y": _encode(numbers.y.to_bytes(32, "big")),
        }
        return {"keys": [key]}
