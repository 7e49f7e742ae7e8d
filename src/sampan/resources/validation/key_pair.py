"""Whether a certificate and a private key are one pair, in the words of Go's tls.X509KeyPair."""

import base64
import binascii
import re
from collections.abc import Callable, Iterator

BLOCK = re.compile(
    rb"(?:^|\n)-----BEGIN ([^\n-][^\n]*?|)-----[ \t\r]*\n(.*?)-----END \1-----[ \t\r]*(?:\n|\Z)", re.DOTALL
)
HEADER = re.compile(rb"[^\n:]+:[^\n]*\n")


def _blocks(text: bytes) -> Iterator[tuple[str, bytes]]:
    """The PEM blocks that can be decoded: type and content."""
    place = 0
    while (found := BLOCK.search(text, place)) is not None:
        place = found.end() - 1 if found[0].endswith(b"\n") else found.end()
        body = found[2]
        while (header := HEADER.match(body)) is not None:
            body = body[header.end() :]
        try:
            yield found[1].decode(errors="replace"), base64.b64decode(b"".join(body.split()), validate=True)
        except binascii.Error:
            continue


def key_pair_problem(certificate: bytes, key: bytes) -> str:
    """What is wrong with the two; empty if they are a pair."""
    skipped: list[str] = []
    leaf = _find(certificate, lambda kind: kind == "CERTIFICATE", skipped)
    if leaf is None:
        return _no_certificate(skipped)
    skipped = []
    private = _find(key, lambda kind: kind == "PRIVATE KEY" or kind.endswith(" PRIVATE KEY"), skipped)
    return _no_key(skipped) if private is None else _compare(leaf, private)


def _find(text: bytes, wanted: Callable[[str], bool], skipped: list[str]) -> bytes | None:
    for kind, content in _blocks(text):
        if wanted(kind):
            return content
        skipped.append(kind)
    return None


def _no_certificate(skipped: list[str]) -> str:
    if not skipped:
        return "tls: failed to find any PEM data in certificate input"
    if len(skipped) == 1 and skipped[0].endswith("PRIVATE KEY"):
        found = "but did find a private key; PEM inputs may have been switched"
        return f"tls: failed to find certificate PEM data in certificate input, {found}"
    listing = " ".join(skipped)
    wanted = 'tls: failed to find "CERTIFICATE" PEM block in certificate input'
    return f"{wanted} after skipping PEM blocks of the following types: [{listing}]"


def _no_key(skipped: list[str]) -> str:
    if not skipped:
        return "tls: failed to find any PEM data in key input"
    if skipped == ["CERTIFICATE"]:
        return "tls: found a certificate rather than a key in the PEM for the private key"
    listing = " ".join(skipped)
    wanted = 'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input'
    return f"{wanted} after skipping PEM blocks of the following types: [{listing}]"


def _compare(leaf: bytes, private: bytes) -> str:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        public = x509.load_der_x509_certificate(leaf).public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "x509: malformed certificate"
    kinds = (rsa.RSAPublicKey, ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey)
    if not isinstance(public, kinds):
        return "tls: unknown public key algorithm"
    try:
        key = load_der_private_key(private, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "tls: failed to parse private key"
    mine = key.public_key()
    for kind in kinds:
        if isinstance(public, kind) and not isinstance(mine, kind):
            return "tls: private key type does not match public key type"
    return "" if mine == public else "tls: private key does not match public key"
