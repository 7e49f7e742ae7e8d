"""Make the certificate that a signing request asks for (upstream: controller/certificates/authority)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509

LIFE, LEAST, BACKDATE, SHORT = timedelta(days=365), timedelta(minutes=10), timedelta(minutes=5), timedelta(hours=8)
KEY_USAGES = {
    "signing": "digital_signature",
    "digital signature": "digital_signature",
    "content commitment": "content_commitment",
    "key encipherment": "key_encipherment",
    "key agreement": "key_agreement",
    "data encipherment": "data_encipherment",
    "cert sign": "key_cert_sign",
    "crl sign": "crl_sign",
    "encipher only": "encipher_only",
    "decipher only": "decipher_only",
}
PURPOSES = {
    "any": "2.5.29.37.0",
    "server auth": "1.3.6.1.5.5.7.3.1",
    "client auth": "1.3.6.1.5.5.7.3.2",
    "code signing": "1.3.6.1.5.5.7.3.3",
    "email protection": "1.3.6.1.5.5.7.3.4",
    "s/mime": "1.3.6.1.5.5.7.3.4",
    "ipsec end system": "1.3.6.1.5.5.7.3.5",
    "ipsec tunnel": "1.3.6.1.5.5.7.3.6",
    "ipsec user": "1.3.6.1.5.5.7.3.7",
    "timestamping": "1.3.6.1.5.5.7.3.8",
    "ocsp signing": "1.3.6.1.5.5.7.3.9",
    "microsoft sgc": "1.3.6.1.4.1.311.10.3.3",
    "netscape sgc": "2.16.840.1.113730.4.1",
}
"""Extended key usages (RFC 5280, 4.2.1.12), in the order in which a certificate names them."""


@dataclass(frozen=True, slots=True)
class Order:
    """A request in PEM, what its certificate is for, for how many seconds (None: a year), and the time it is."""

    request: bytes
    usages: tuple[str, ...]
    seconds: int | None
    now: datetime


def lifetime(seconds: int | None) -> timedelta:
    """What was asked for, between ten minutes and a year."""
    return LIFE if seconds is None else min(LIFE, max(LEAST, timedelta(seconds=seconds)))


def sign(ca: bytes, key: bytes, order: Order) -> bytes:
    """The certificate, PEM. The CA and its EC key are PEM too.

    Raises ValueError for a request that cannot be read or that its own key did not sign, and for a CA at its end.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    request, issuer = x509.load_pem_x509_csr(order.request), x509.load_pem_x509_certificate(ca)
    private = serialization.load_pem_private_key(key, None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    if not request.is_signature_valid:
        raise ValueError("unable to verify certificate request signature")
    now, end = order.now, issuer.not_valid_after_utc
    if now >= end:
        raise ValueError(f"refusing to sign a certificate that expired in the past: NotAfter={end}")
    life = lifetime(order.seconds)
    builder = (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(issuer.subject)
        .public_key(request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(min(end, now + life if life < SHORT else now + life - BACKDATE))
    )
    for extension, critical in _extensions(request, issuer, order.usages):
        builder = builder.add_extension(extension, critical)
    return builder.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _extensions(
    request: "x509.CertificateSigningRequest", issuer: "x509.Certificate", usages: Sequence[str]
) -> "list[tuple[x509.ExtensionType, bool]]":
    """Nothing of the request's own extensions but its other names is taken over."""
    from cryptography import x509

    made: list[tuple[x509.ExtensionType, bool]] = []
    wanted = {KEY_USAGES[usage] for usage in usages if usage in KEY_USAGES}
    if wanted - {"encipher_only", "decipher_only"}:
        if "key_agreement" not in wanted:  # the two say nothing without it (RFC 5280, 4.2.1.3)
            wanted -= {"encipher_only", "decipher_only"}
        made.append((x509.KeyUsage(**{name: name in wanted for name in dict.fromkeys(KEY_USAGES.values())}), True))
    purposes = [oid for usage, oid in PURPOSES.items() if usage in usages]
    if purposes:
        made.append((x509.ExtendedKeyUsage(map(x509.ObjectIdentifier, dict.fromkeys(purposes))), False))
    made.append((x509.BasicConstraints(ca=False, path_length=None), True))
    try:
        identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        made.append((x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False))
    except x509.ExtensionNotFound:
        pass
    try:
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        made.append((names, not list(request.subject)))
    except x509.ExtensionNotFound:
        pass
    return made
