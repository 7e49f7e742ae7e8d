"""What a cluster needs so that nodes may join it by bootstrap tokens: kubeadm's objects, and the tokens themselves."""

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

import yaml

from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.names import ObjectRef, RestMapping
from sampan.client.api import Api
from sampan.cluster.config import ClusterError
from sampan.resources.bootstrap_tokens import (
    CLUSTER_INFO,
    DEFAULT_GROUP,
    KUBECONFIG,
    NAMESPACE,
    PREFIX,
    PUBLIC,
    TYPE,
    BootstrapToken,
    to_secret,
)
from sampan.resources.kinds import CLUSTERROLEBINDINGS, CLUSTERROLES, CONFIGMAPS, ROLEBINDINGS, ROLES, SECRETS

RBAC = "rbac.authorization.k8s.io"
REQUESTS = "system:certificates.k8s.io:certificatesigningrequests"
GET_NODES, READ_INFO = "kubeadm:get-nodes", "kubeadm:bootstrap-signer-clusterinfo"


def _binding(name: str, role: str, group: str) -> tuple[RestMapping, Obj]:
    subject = {"apiGroup": RBAC, "kind": "Group", "name": group}
    reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": role}
    return CLUSTERROLEBINDINGS, {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}


RULES: Sequence[tuple[RestMapping, Obj]] = (
    _binding("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", DEFAULT_GROUP),
    (
        CLUSTERROLES,
        {"metadata": {"name": GET_NODES}, "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["nodes"]}]},
    ),
    _binding(GET_NODES, GET_NODES, DEFAULT_GROUP),
    _binding("kubeadm:node-autoapprove-bootstrap", f"{REQUESTS}:nodeclient", DEFAULT_GROUP),
    _binding("kubeadm:node-autoapprove-certificate-rotation", f"{REQUESTS}:selfnodeclient", "system:nodes"),
    (
        ROLES,
        {
            "metadata": {"name": READ_INFO, "namespace": PUBLIC},
            "rules": [
                {"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": [CLUSTER_INFO]}
            ],
        },
    ),
    (
        ROLEBINDINGS,
        {
            "metadata": {"name": READ_INFO, "namespace": PUBLIC},
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": READ_INFO},
            "subjects": [{"apiGroup": RBAC, "kind": "User", "name": "system:anonymous"}],
        },
    ),
)
"""Tokens may ask for certificates of nodes and get them; nodes may renew their own; anybody may read cluster-info."""


async def prepare(api: Api, server: str, ca: bytes) -> None:
    """Make kubeadm's objects where they are missing, and tell in cluster-info where the cluster is. Raises
    StatusError."""
    for mapping, obj in RULES:
        await _ensure(api, mapping, obj)
    content = cluster_info(server, ca)
    meta = {"name": CLUSTER_INFO, "namespace": PUBLIC}
    try:
        await api.create(CONFIGMAPS, {"metadata": meta, "data": {KUBECONFIG: content}})
    except StatusError as error:
        if error.reason != "AlreadyExists":
            raise
        ref = ObjectRef(CONFIGMAPS, PUBLIC, CLUSTER_INFO)
        known = await api.get(ref)
        if (known.get("data") or {}).get(KUBECONFIG) != content:
            await api.patch(ref, {"data": {KUBECONFIG: content}})


async def _ensure(api: Api, mapping: RestMapping, obj: Obj) -> None:
    try:
        await api.create(mapping, obj)
    except StatusError as error:
        if error.reason != "AlreadyExists":
            raise


def cluster_info(server: str, ca: bytes) -> str:
    """The kubeconfig that anybody may read: a cluster without a name, and nothing else."""
    cluster = {"certificate-authority-data": base64.b64encode(ca).decode()} if ca else {}
    cluster["server"] = server
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "clusters": [{"cluster": cluster, "name": ""}],
        "contexts": None,
        "current-context": "",
        "kind": "Config",
        "preferences": {},
        "users": None,
    }
    text: str = yaml.safe_dump(document, width=1 << 20)
    return text


async def create_token(api: Api, token: BootstrapToken) -> None:
    """Keep a new token. Raises ClusterError if its id is taken, StatusError."""
    try:
        await api.create(SECRETS, to_secret(token))
    except StatusError as error:
        if error.reason == "AlreadyExists":
            raise ClusterError(f'a token with id "{token.id}" already exists') from error
        raise


async def list_tokens(api: Api) -> list[Obj]:
    """The Secrets that keep tokens. Raises StatusError."""
    return list((await api.list(SECRETS, NAMESPACE, fields=f"type={TYPE}")).items)


async def delete_token(api: Api, id_: str) -> None:
    """Forget a token. Raises StatusError."""
    await api.delete(ObjectRef(SECRETS, NAMESPACE, PREFIX + id_))


def pins(ca: bytes) -> list[str]:
    """`sha256:HEX` over the public key of every certificate of a bundle, as --discovery-token-ca-cert-hash takes it
    (RFC 7469). Raises ValueError."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    found = x509.load_pem_x509_certificates(ca)
    keys = [one.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for one in found]
    return [f"sha256:{hashlib.sha256(key).hexdigest()}" for key in keys]


def check_pin(text: str) -> None:
    """Raises ValueError, in upstream's words, for what --discovery-token-ca-cert-hash cannot take."""
    parts = text.split(":")
    if len(parts) != 2:
        raise ValueError('invalid hash, expected "format:hex-value". Known format(s) are: sha256')
    form, value = parts
    if form.lower() != "sha256":
        raise ValueError(f'unknown hash format "{form}". Known format(s) are: sha256')
    if len(value) // 2 != 32:
        raise ValueError(f'invalid hash "{text}", expected a 32 byte SHA-256 hash, found {len(value) // 2} bytes')
    if len(value) != 64 or set(value.lower()) - set("0123456789abcdef"):
        raise ValueError(f'invalid hash "{text}", could not decode SHA-256 from hex')


def join_command(server: str, ca: bytes, token: str) -> str:
    """What to say on the machine that joins. Raises ValueError for a CA that is none."""
    words = ["sampan join", server.removeprefix("https://"), "--token", token]
    for pin in pins(ca):
        words += ["--discovery-token-ca-cert-hash", pin]
    return " ".join(words)
