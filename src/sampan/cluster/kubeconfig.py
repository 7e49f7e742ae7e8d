"""Write kubeconfig files, and merge ours into the user's own."""

import base64
import os
from pathlib import Path
from typing import Any

import yaml

from sampan.aio.files import write_atomic
from sampan.cluster.config import ClusterError
from sampan.cluster.pki import Pair

NAME = "sampan"


def document(server: str, ca: bytes, client: Pair) -> dict[str, Any]:
    """A kubeconfig for one cluster and one user."""

    def inline(data: bytes) -> str:
        return base64.b64encode(data).decode()

    user = {"client-certificate-data": inline(client.certificate), "client-key-data": inline(client.key)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": {"server": server, "certificate-authority-data": inline(ca)}}],
        "users": [{"name": NAME, "user": user}],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME}}],
        "current-context": NAME,
        "preferences": {},
    }


def write(path: Path, config: dict[str, Any]) -> None:
    """Write a kubeconfig that only its owner can read."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, yaml.safe_dump(config, sort_keys=False).encode(), 0o600)
    except OSError as error:
        raise ClusterError(f"kubeconfig {path} cannot be written: {error.strerror}") from error


def user_file() -> Path:
    """The kubeconfig that kubectl would write to."""
    listed = [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return Path(listed[0]) if listed else Path.home() / ".kube" / "config"


def merge(path: Path, config: dict[str, Any]) -> None:
    """Put our context into a user's file and make it the current one; everything else in it stays.

    Raises ClusterError for a file that is no kubeconfig, which is then left alone.
    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        write(path, config)
        return
    except OSError as error:
        raise ClusterError(f"{path}: {error.strerror}") from error
    try:
        mine = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ClusterError(f"{path} is not YAML; it was not touched") from error
    if not isinstance(mine, dict) or any(
        not isinstance(mine.get(s) or [], list) for s in ("clusters", "users", "contexts")
    ):
        raise ClusterError(f"{path} is not a kubeconfig; it was not touched")
    merged = {"apiVersion": "v1", "kind": "Config", **mine, "current-context": config["current-context"]}
    for section in ("clusters", "users", "contexts"):
        others = [entry for entry in mine.get(section) or [] if entry.get("name") != NAME]
        merged[section] = [*others, *config[section]]
    if merged != mine:
        write(path, merged)
