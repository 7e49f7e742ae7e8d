"""The kubeconfig by which a node joins: its current cluster and user, and what of them must be in the file itself."""

import base64
from pathlib import Path
from typing import Any

from sampan.client.kubeconfig import KubeconfigError

Document = dict[str, Any]
INLINE = (("client-certificate", "client cert"), ("client-key", "client key"))


def _entries(document: Document, section: str, field: str) -> dict[str, Document]:
    found = document.get(section) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise KubeconfigError(f"{section}: expected a list of named entries")
    return {str(one.get("name") or ""): one.get(field) or {} for one in found}


def current_cluster(document: Document) -> Document:
    """The cluster without a name if there is one, else the current context's. Raises KubeconfigError."""
    clusters = _entries(document, "clusters", "cluster")
    if "" in clusters:
        return clusters[""]
    current = str(document.get("current-context") or "")
    context = _entries(document, "contexts", "context").get(current)
    if context is None:
        raise KubeconfigError(f"the current context is invalid: {current}")
    cluster = clusters.get(str(context.get("cluster") or ""))
    if cluster is None:
        raise KubeconfigError(f"no matching cluster for the current context: {current}")
    return cluster


def current_user(document: Document) -> Document | None:
    """The user of the current context, None if it has none."""
    current = document.get("current-context")
    context = _entries(document, "contexts", "context").get(str(current)) if current else None
    name = (context or {}).get("user")
    return _entries(document, "users", "user").get(str(name)) if name else None


def has_credentials(document: Document) -> bool:
    """Whether the current user can say who it is: by token, password, certificate, command or provider."""
    user = current_user(document)
    if user is None:
        return False

    def given(*names: str) -> bool:
        return any(user.get(name) for name in names)

    return (
        given("token", "tokenFile")
        or (given("username") and given("password"))
        or (
            given("client-certificate", "client-certificate-data")
            and given("client-key", "client-key-data")
        )
        or bool((user.get("exec") or {}).get("command"))
        or bool((user.get("auth-provider") or {}).get("name"))
    )  # fmt: skip


def with_files_inside(document: Document, folder: Path) -> Document:
    """The same document with the contents of the files that its current cluster and user name; they are relative to
    `folder`. Commands and providers stay, with absolute paths. Blocks. Raises KubeconfigError."""
    cluster, user = current_cluster(document), current_user(document)
    made = {id(cluster): _inline(cluster, "certificate-authority", "certificate authority", folder)}
    if user is not None:
        fresh = user
        for field, called in INLINE:
            fresh = _inline(fresh, field, called, folder)
        if not fresh.get("token") and fresh.get("tokenFile"):
            token = _read(folder, fresh["tokenFile"], "token").decode(errors="replace")
            fresh = {key: value for key, value in fresh.items() if key != "tokenFile"} | {"token": token}
        if "/" in str((fresh.get("exec") or {}).get("command") or ""):
            fresh = {**fresh, "exec": {**fresh["exec"], "command": str((folder / fresh["exec"]["command"]).absolute())}}
        made[id(user)] = fresh
    return {
        **document,
        "clusters": _replaced(document, "clusters", "cluster", made),
        "users": _replaced(document, "users", "user", made),
    }


def _replaced(document: Document, section: str, field: str, made: dict[int, Document]) -> list[Document]:
    return [{**one, field: made.get(id(one.get(field)), one.get(field))} for one in document.get(section) or ()]


def _inline(holder: Document, field: str, called: str, folder: Path) -> Document:
    if holder.get(f"{field}-data") or not holder.get(field):
        return holder
    data = base64.b64encode(_read(folder, holder[field], called)).decode()
    return {key: value for key, value in holder.items() if key != field} | {f"{field}-data": data}


def _read(folder: Path, name: Any, called: str) -> bytes:
    try:
        return (folder / str(name)).read_bytes()
    except OSError as error:
        raise KubeconfigError(f"the {called} file {name} that the kubeconfig names: {error.strerror}") from error


def with_authority(document: Document, data: str) -> Document:
    """The same document whose current cluster has this CA (base64)."""
    cluster = current_cluster(document)
    made = {id(cluster): {**cluster, "certificate-authority-data": data}}
    return {**document, "clusters": _replaced(document, "clusters", "cluster", made)}


def by_token(cluster: Document, token: str) -> Document:
    """A kubeconfig for that cluster's address and CA, and a token."""
    kept = {key: cluster[key] for key in ("server", "certificate-authority-data") if cluster.get(key)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "kubernetes", "cluster": kept}],
        "users": [{"name": "tls-bootstrap-token-user", "user": {"token": token}}],
        "contexts": [
            {
                "name": "tls-bootstrap-token-user@kubernetes",
                "context": {"cluster": "kubernetes", "user": "tls-bootstrap-token-user"},
            }
        ],
        "current-context": "tls-bootstrap-token-user@kubernetes",
    }


def authority_of(cluster: Document) -> bytes:
    """The CA that a cluster has inside; empty: none. Raises KubeconfigError."""
    try:
        return base64.b64decode(cluster.get("certificate-authority-data") or "", validate=True)
    except (ValueError, TypeError) as error:
        raise KubeconfigError("certificate-authority-data: not base64") from error
