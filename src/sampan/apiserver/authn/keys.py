"""Public keys of token issuers (RFC 7517) and the signatures made with them (RFC 7518). Pure."""

import base64
import binascii
from collections.abc import Callable
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512,
}  # fmt: skip
CURVES: dict[str, Callable[[], ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1,
}  # fmt: skip
CURVE_OF = {"256": "secp256r1", "384": "secp384r1", "512": "secp521r1"}
ALGORITHMS = tuple(f"{family}{size}" for family in ("ES", "PS", "RS") for size in HASHES)
"""What a token may be signed with."""

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


class BadKey(ValueError):
    """A JSON Web Key that is none."""


class Key(NamedTuple):
    """A public key with its id (may be empty)."""

    id: str
    public: PublicKey


def decode(text: str) -> bytes:
    """Base64url without padding; raises ValueError."""
    if "=" in text:
        raise ValueError("padded base64url")
    try:
        return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not base64url") from error


def read_keys(document: Any) -> tuple[Key, ...]:
    """The RSA and EC keys of a JSON Web Key Set; others are passed over. Raises BadKey for what is no such set."""
    entries = document.get("keys") if isinstance(document, dict) else None
    if entries is None and isinstance(document, dict):
        return ()
    if not isinstance(entries, list):
        raise BadKey("not a JSON Web Key Set")
    found = []
    for entry in entries:
        if not isinstance(entry, dict):
            raise BadKey("a key is no object")
        if entry.get("kty") in ("RSA", "EC"):
            found.append(Key(str(entry.get("kid") or ""), _public(entry)))
    return tuple(found)


def _public(entry: dict[str, Any]) -> PublicKey:
    try:
        if entry["kty"] == "RSA":
            return rsa.RSAPublicNumbers(_number(entry["e"]), _number(entry["n"])).public_key()
        curve = CURVES[entry["crv"]]()
        return ec.EllipticCurvePublicNumbers(_number(entry["x"]), _number(entry["y"]), curve).public_key()
    except (KeyError, ValueError, AttributeError, TypeError) as error:
        raise BadKey(f"not a key of type {entry['kty']}") from error


def _number(text: str) -> int:
    return int.from_bytes(decode(text.rstrip("=")), "big")


def signed_by(key: PublicKey, algorithm: str, signature: bytes, data: bytes) -> bool:
    """Whether a signature of one of ALGORITHMS over data is this key's."""
    family, size = algorithm[:2], algorithm[2:]
    digest = HASHES[size]()
    try:
        if family == "ES":
            if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != CURVE_OF[size]:
                return False
            half = (key.curve.key_size + 7) // 8
            if len(signature) != 2 * half:
                return False
            pair = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
            key.verify(encode_dss_signature(*pair), data, ec.ECDSA(digest))
        elif not isinstance(key, rsa.RSAPublicKey):
            return False
        elif family == "RS":
            key.verify(signature, data, padding.PKCS1v15(), digest)
        else:
            key.verify(signature, data, padding.PSS(padding.MGF1(digest), padding.PSS.AUTO), digest)
    except InvalidSignature:
        return False
    return True


def bundle_problem(pem: str) -> str:
    """Why a text does not hold certificates (PEM), in client-go's words; empty if it does."""
    if "-----BEGIN CERTIFICATE-----" not in pem:
        return "data does not contain any valid RSA or ECDSA certificates"
    try:
        x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        return "x509: malformed certificate"
    return ""
