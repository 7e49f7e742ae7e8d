"""JSON Web Tokens signed with ES256 or RS256 (RFC 7515, 7518): make and check."""

import base64
import binascii
import hashlib
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from sampan.api.json import JSONDecodeError, dumps, loads


class BadToken(ValueError):
    """Not a token of ours."""


class InvalidToken(BadToken):
    """A token of ours that does not count (any more); the text may be told."""


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Base64url without padding; raises BadToken."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadToken("not base64url") from error


def _number(value: int, length: int = 0) -> str:
    return _encode(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


class _Key(Protocol):
    """One algorithm with one key."""

    algorithm: str

    def sign(self, data: bytes) -> bytes: ...

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raises InvalidSignature."""

    def numbers(self) -> dict[str, str]:
        """The public key's members of a JSON Web Key."""


class _Es256:
    algorithm = "ES256"

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key, self._public = key, key.public_key()

    def sign(self, data: bytes) -> bytes:
        r, s = decode_dss_signature(self._key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def verify(self, signature: bytes, data: bytes) -> None:
        if len(signature) != 64:
            raise InvalidSignature
        pair = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        self._public.verify(encode_dss_signature(*pair), data, ec.ECDSA(hashes.SHA256()))

    def numbers(self) -> dict[str, str]:
        public = self._public.public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": _number(public.x, 32), "y": _number(public.y, 32)}


class _Rs256:
    algorithm = "RS256"

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key, self._public = key, key.public_key()

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())

    def verify(self, signature: bytes, data: bytes) -> None:
        self._public.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())

    def numbers(self) -> dict[str, str]:
        public = self._public.public_numbers()
        return {"kty": "RSA", "n": _number(public.n), "e": _number(public.e)}


class Signer:
    """Signs and checks with one private key (PEM): P-256 or RSA. Raises TypeError for another one."""

    def __init__(self, pem: bytes) -> None:
        key = serialization.load_pem_private_key(pem, None)
        self._key: _Key
        if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
            self._key = _Es256(key)
        elif isinstance(key, rsa.RSAPrivateKey):
            self._key = _Rs256(key)
        else:
            raise TypeError("the service account key is neither P-256 nor RSA")
        der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.key_id = _encode(hashlib.sha256(der).digest())

    @property
    def algorithm(self) -> str:
        """`ES256` or `RS256`."""
        return self._key.algorithm

    def sign(self, claims: dict[str, Any]) -> str:
        """A compact JWT."""
        head = _encode(dumps({"alg": self.algorithm, "kid": self.key_id}))
        body = f"{head}.{_encode(dumps(claims))}"
        return f"{body}.{_encode(self._key.sign(body.encode()))}"

    def verify(self, token: str) -> dict[str, Any]:
        """The claims of a token with a good signature; times and audiences are the caller's. Raises BadToken."""
        parts = token.split(".")
        if len(parts) != 3:
            raise BadToken("not three parts")
        try:
            head, claims = loads(decode(parts[0])), loads(decode(parts[1]))
        except JSONDecodeError as error:
            raise BadToken("not JSON") from error
        if not isinstance(head, dict) or head.get("alg") != self.algorithm:
            raise BadToken(f"not signed by {self.algorithm}")
        if not isinstance(claims, dict):
            raise BadToken("the claims are no object")
        try:
            self._key.verify(decode(parts[2]), f"{parts[0]}.{parts[1]}".encode())
        except InvalidSignature as error:
            raise BadToken("the signature is wrong") from error
        return claims

    def jwks(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set (RFC 7517)."""
        return {"keys": [{"use": "sig", "kid": self.key_id, "alg": self.algorithm, **self._key.numbers()}]}
