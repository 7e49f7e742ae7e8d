"""Client certificates: the common name is the user, the organizations are the groups."""

import hashlib

from cryptography import x509
from cryptography.x509.oid import NameOID

from sampan.apiserver.context import ANONYMOUS, UserInfo

CREDENTIAL = "authentication.kubernetes.io/credential-id"
AUTHENTICATED = "system:authenticated"
(UNAUTHENTICATED,) = ANONYMOUS.groups


def with_authenticated(name: str, groups: tuple[str, ...]) -> tuple[str, ...]:
    """The groups of a user whom somebody vouches for: system:authenticated is one, unless it is nobody."""
    if name == ANONYMOUS.name or AUTHENTICATED in groups or UNAUTHENTICATED in groups:
        return groups
    return (*groups, AUTHENTICATED)


def user_of(der: bytes) -> UserInfo:
    """The user of a verified certificate."""
    subject = x509.load_der_x509_certificate(der).subject
    extra = {CREDENTIAL: (f"X509SHA256={hashlib.sha256(der).hexdigest()}",)}
    names = [str(a.value) for a in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    groups = tuple(str(a.value) for a in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME))
    return UserInfo(names[-1] if names else "", "", (*groups, AUTHENTICATED), extra)
