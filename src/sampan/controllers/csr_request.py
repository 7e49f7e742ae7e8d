"""What a certificate signing request asks for, and whether its signer may give it (upstream: apis/certificates)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sampan.api.json import Obj
from sampan.controllers.names import spec, status

CLIENT, KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client", "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING, LEGACY = "kubernetes.io/kubelet-serving", "kubernetes.io/legacy-unknown"
SIGN, WRAP, FOR_CLIENTS, FOR_SERVERS = "digital signature", "key encipherment", "client auth", "server auth"
NODES, NODE_PREFIX = "system:nodes", "system:node:"


@dataclass(frozen=True, slots=True)
class Asked:
    """The subject and the alternative names of a request."""

    common_name: str = ""
    organizations: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()


def read_request(pem: bytes) -> Asked:
    """Raises ValueError for what is not a PKCS#10 request in PEM (RFC 2986)."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    request = x509.load_pem_x509_csr(pem)
    names = [str(one.value) for one in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    organizations = [str(one.value) for one in request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    found: dict[str, tuple[str, ...]] = {}
    try:
        others = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        pass
    else:
        found = {
            "dns": tuple(others.get_values_for_type(x509.DNSName)),
            "emails": tuple(others.get_values_for_type(x509.RFC822Name)),
            "addresses": tuple(map(str, others.get_values_for_type(x509.IPAddress))),
            "uris": tuple(others.get_values_for_type(x509.UniformResourceIdentifier)),
        }
    return Asked(names[-1] if names else "", tuple(organizations), **found)


Check = Callable[[Asked, Sequence[str]], str]
"""From a request and its usages to what is wrong with it; empty: nothing."""


def kubelet_client(asked: Asked, usages: Sequence[str]) -> str:
    """A node's own client certificate."""
    if asked.organizations != (NODES,):
        return "subject organization is not system:nodes"
    for names, kind in ((asked.dns, "DNS"), (asked.emails, "Email"), (asked.addresses, "IP"), (asked.uris, "URI")):
        if names:
            return f"{kind} subjectAltNames are not allowed"
    if not asked.common_name.startswith(NODE_PREFIX):
        return "subject common name does not begin with system:node:"
    return _usages(usages, FOR_CLIENTS)


def kubelet_serving(asked: Asked, usages: Sequence[str]) -> str:
    """A node's server certificate."""
    if asked.organizations != (NODES,):
        return "subject organization is not system:nodes"
    if not asked.dns and not asked.addresses:
        return "DNS or IP subjectAltName is required"
    for names, kind in ((asked.emails, "Email"), (asked.uris, "URI")):
        if names:
            return f"{kind} subjectAltNames are not allowed"
    wrong = _usages(usages, FOR_SERVERS)
    if wrong:
        return wrong
    return "" if asked.common_name.startswith(NODE_PREFIX) else "subject common name does not begin with system:node:"


def _usages(usages: Sequence[str], purpose: str) -> str:
    """Keys other than RSA encipher nothing."""
    if set(usages) in ({SIGN, purpose}, {SIGN, WRAP, purpose}):
        return ""
    return f"usages did not match [{' '.join(sorted((SIGN, WRAP, purpose)))}]"


def api_client(asked: Asked, usages: Sequence[str]) -> str:
    """Any client of the API server."""
    for usage in usages:
        if usage not in (SIGN, WRAP, FOR_CLIENTS):
            return f"invalid usage for client certificate: {usage}"
    return "" if FOR_CLIENTS in usages else "missing required usage for client certificate: client auth"


def anything(asked: Asked, usages: Sequence[str]) -> str:
    """The signer of old, which promises nothing."""
    return ""


SIGNERS: Mapping[str, Check] = {
    CLIENT: api_client,
    KUBELET_CLIENT: kubelet_client,
    KUBELET_SERVING: kubelet_serving,
    LEGACY: anything,
}
"""Signers of the cluster and what they demand."""


def conditions(csr: Obj) -> Sequence[dict[str, Any]]:
    """The conditions of its status."""
    return status(csr).get("conditions") or ()


def is_approved(csr: Obj) -> bool:
    """Approved, and not denied."""
    types = {one["type"] for one in conditions(csr)}
    return "Approved" in types and "Denied" not in types


def has_failed(csr: Obj) -> bool:
    """Whether its signer has given up."""
    return any(one["type"] == "Failed" and one.get("status", "True") in ("", "True") for one in conditions(csr))


def usages_of(csr: Obj) -> tuple[str, ...]:
    """What the certificate is to be used for."""
    return tuple(spec(csr).get("usages") or ())
