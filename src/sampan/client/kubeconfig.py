"""A kubeconfig file as an endpoint and credentials."""

import base64
import binascii
from dataclasses import dataclass
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


def load_kubeconfig(path: Path, context: str = "") -> Access:
    """The access of a context (default: the current one); raises KubeconfigError."""
    try:
        data = yaml.safe_load(path.read_text())
    except OSError as error:
        raise KubeconfigError(f"{path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise KubeconfigError(f"{path}: not YAML") from error
    if not isinstance(data, dict):
        raise KubeconfigError(f"{path}: not a kubeconfig")
    chosen = context or data.get("current-context") or ""
    link = _named(path, data, "contexts", chosen, "context")
    cluster = _named(path, data, "clusters", link.get("cluster", ""), "cluster")
    user = _named(path, data, "users", link["user"], "user") if link.get("user") else {}
    if not cluster.get("server"):
        raise KubeconfigError(f"{path}: cluster {link.get('cluster')}: server is missing")
    token = user.get("token") or ""
    if not token and user.get("tokenFile"):
        token = _file(path, "tokenFile", user["tokenFile"]).decode(errors="replace").strip()
    return Access(
        server=cluster["server"],
        ca=_material(path, cluster, "certificate-authority"),
        certificate=_material(path, user, "client-certificate"),
        key=_material(path, user, "client-key"),
        token=token,
    )


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
