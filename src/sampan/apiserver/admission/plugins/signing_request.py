"""What a certificate signing request asks for: its PEM read once, for the plugins that look into it. Pure."""

import base64
import binascii

from cryptography import x509
from cryptography.x509.oid import NameOID


def common_name(request: str) -> str:
    """The common name of a request's subject; `request` is base64 of PEM, as spec.request. Raises ValueError."""
    names = _subject(request).get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[-1].value) if names else ""


def organizations(request: str) -> list[str]:
    """The organizations of its subject: the groups of whoever gets the certificate. Raises ValueError."""
    return [str(one.value) for one in _subject(request).get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]


def _subject(request: str) -> x509.Name:
    try:
        pem = base64.b64decode(request, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error
    return x509.load_pem_x509_csr(pem).subject
