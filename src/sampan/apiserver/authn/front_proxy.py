"""Users whom an authenticating proxy in front of this server names by headers (upstream: request/headerrequest)."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

from sampan.apiserver.authn.certificates import user_of, with_authenticated
from sampan.apiserver.context import UserInfo
from sampan.net.http import Request


@dataclass(frozen=True, slots=True)
class HeaderNames:
    """Which headers say what; lower-case, the first that is there counts, of groups and extras all."""

    users: tuple[str, ...] = ("x-remote-user",)
    uids: tuple[str, ...] = ("x-remote-uid",)
    groups: tuple[str, ...] = ("x-remote-group",)
    extras: tuple[str, ...] = ("x-remote-extra-",)
    """Beginnings of names."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a client certificate is worth."""

    front: bool
    """Its bearer may name users."""
    user: UserInfo | None
    """Whom it is of; None for one that no authority of clients signed."""


class FrontProxy:
    """Tells proxies from other clients: by the authority that signed their certificate, and its common name."""

    def __init__(self, proxies: bytes, clients: bytes, names: Sequence[str], headers: HeaderNames) -> None:
        """`proxies`, `clients`: the authorities, PEM. `names`: of proxies; any, if there are none."""
        self._proxies = x509.load_pem_x509_certificates(proxies)
        self._clients = x509.load_pem_x509_certificates(clients)
        self._names, self._headers = frozenset(names), headers

    def standing(self, der: bytes) -> Standing:
        """Of a certificate that TLS has verified by one of the authorities."""
        found = x509.load_der_x509_certificate(der)
        names = {str(one.value) for one in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)}
        front = bool(not self._names or names & self._names) and _signed(found, self._proxies)
        return Standing(front, user_of(der) if _signed(found, self._clients) else None)

    def user_of(self, request: Request) -> UserInfo | None:
        """Whom a proxy names, if it names anybody."""
        name = self._first(request, self._headers.users)
        if not name:
            return None
        groups = tuple(value for key in self._headers.groups for value in request.values(key) if value)
        extra: dict[str, tuple[str, ...]] = {}
        for start in self._headers.extras:
            for header in request.headers:
                if header.startswith(start):
                    key = unquote(header.removeprefix(start))
                    extra[key] = (*extra.get(key, ()), *request.values(header))
        return UserInfo(name, self._first(request, self._headers.uids), with_authenticated(name, groups), extra)

    @staticmethod
    def _first(request: Request, names: Sequence[str]) -> str:
        return next((values[0] for name in names if (values := request.values(name)) and values[0]), "")

    def forget(self, request: Request) -> None:
        """Take the headers out: nobody further in is to trust them."""
        whole = {*self._headers.users, *self._headers.uids, *self._headers.groups}
        for header in [one for one in request.headers if one in whole or one.startswith(self._headers.extras)]:
            del request.headers[header]
            if request.repeated is not None:
                request.repeated.pop(header, None)


def _signed(certificate: x509.Certificate, authorities: Sequence[x509.Certificate]) -> bool:
    for authority in authorities:
        try:
            certificate.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return True
    return False
