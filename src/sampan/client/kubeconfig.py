"""A kubeconfig file as an endpoint and credentials."""

import base64
import binascii
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml


class KubeconfigError(Exception):
    """The file cannot be used; the text names the field."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where an API server is and who we are there. PEM bytes; None: not given."""

    server: str
    ca: bytes | None = None
    certificate: bytes | None = None
    key: bytes | None = None
    token: str = ""
    user: str = ""
    password: str = ""
    insecure: bool = False
    """Trust any server."""
    server_name: str = ""
    """The name that the server's certificate must have; empty: the one in its address."""


def load_kubeconfig(path: Path, context: str = "") -> Access:
    """The access of a context (default: the current one); raises KubeconfigError."""
    return access_of(read_kubeconfig(path), path, context)


def read_kubeconfig(path: Path) -> dict[str, Any]:
    """The file's document; raises KubeconfigError."""
    try:
        return parse_kubeconfig(path.read_text(), str(path))
    except OSError as error:
        raise KubeconfigError(f"{path}: {error.strerror}") from error


def parse_kubeconfig(text: str, name: str) -> dict[str, Any]:
    """The document of a text; `name` says in errors where it is from. Raises KubeconfigError."""
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise KubeconfigError(f"{name}: not YAML") from error
    if not isinstance(data, dict):
        raise KubeconfigError(f"{name}: not a kubeconfig")
    return data


def access_of(data: dict[str, Any], path: Path, context: str = "") -> Access:
    """The access of a context of a document; files that it names are relative to `path`. A command that it names for
    credentials is run. Blocks. Raises KubeconfigError."""
    chosen = context or data.get("current-context") or ""
    link = _named(path, data, "contexts", chosen, "context")
    cluster = _named(path, data, "clusters", link.get("cluster", ""), "cluster")
    user = _named(path, data, "users", link["user"], "user") if link.get("user") else {}
    if not cluster.get("server"):
        raise KubeconfigError(f"{path}: cluster {link.get('cluster')}: server is missing")
    token = str(user.get("token") or "").strip()
    if not token and user.get("tokenFile"):
        token = _file(path, "tokenFile", user["tokenFile"]).decode(errors="replace").strip()
    access = Access(
        server=cluster["server"],
        ca=_material(path, cluster, "certificate-authority"),
        certificate=_material(path, user, "client-certificate"),
        key=_material(path, user, "client-key"),
        token=token,
        user=str(user.get("username") or ""),
        password=str(user.get("password") or ""),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        server_name=str(cluster.get("tls-server-name") or ""),
    )
    return access if token else _from_elsewhere(path, access, user, cluster)


def _from_elsewhere(path: Path, access: Access, user: dict[str, Any], cluster: dict[str, Any]) -> Access:
    """Credentials that a command or an old provider's settings give."""
    if (user.get("exec") or {}).get("command"):
        from sampan.client.exec_plugin import PluginError, run_plugin

        if access.ca and "certificate-authority-data" not in cluster:
            cluster = {**cluster, "certificate-authority-data": base64.b64encode(access.ca).decode()}
        try:
            given = run_plugin(user["exec"], cluster, path.parent)
        except PluginError as error:
            raise KubeconfigError(f"{path}: {error}") from error
        own = replace(access, token=given.token)
        return replace(own, certificate=given.certificate, key=given.key) if given.certificate else own
    if provider := (user.get("auth-provider") or {}).get("name"):
        token = (user["auth-provider"].get("config") or {}).get("id-token") if provider == "oidc" else ""
        if not token:
            raise KubeconfigError(f"{path}: auth-provider {provider}: it has no token, and nobody here can get one")
        return replace(access, token=token)
    return access


def _named(path: Path, data: dict[str, Any], section: str, name: str, field: str) -> dict[str, Any]:
    for entry in data.get(section) or ():
        if entry.get("name") == name:
            found: dict[str, Any] = entry.get(field) or {}
            return found
    raise KubeconfigError(f"{path}: {section} has none called {name!r}")


def _material(path: Path, holder: dict[str, Any], field: str) -> bytes | None:
    if inline := holder.get(f"{field}-data"):
        try:
            return base64.b64decode(inline, validate=True)
        except (binascii.Error, ValueError, TypeError) as error:
            raise KubeconfigError(f"{path}: {field}-data: not base64") from error
    return _file(path, field, holder[field]) if holder.get(field) else None


def _file(path: Path, field: str, name: Any) -> bytes:
    """A file that the kubeconfig names, relative to it."""
    try:
        return (path.parent / str(name)).read_bytes()
    except OSError as error:
        raise KubeconfigError(f"{path}: {field} {name}: {error.strerror}") from error
