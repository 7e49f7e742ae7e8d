"""Credentials for registries out of pull secrets (upstream: pkg/credentialprovider/keyring.go)."""

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from sampan.api.json import JSONDecodeError, Obj, loads
from sampan.kubelet.image_names import HUB, registry_of

HUB_KEY = "index.docker.io"


def credentials(image: str, secrets: Sequence[Obj]) -> list[Mapping[str, str]]:
    """Users and passwords that may be good for an image, the most specific entries first; empty if there are none.

    An entry is for a host, where `*` stands for a part of its name, or for a host and the beginning of a path. What is
    not a credential is passed over.
    """
    host = registry_of(image)
    path = image.removeprefix(f"{host}/") if image.startswith(f"{host}/") else image
    entries = sorted((entry for secret in secrets for entry in _entries(secret)), key=lambda e: e[0], reverse=True)
    found = [auth for key, auth in entries if matches(key, f"{host}/{path}")]
    if not found and host in (HUB, HUB_KEY):
        found = [auth for key, auth in entries if key == HUB_KEY]
    return found


def matches(key: str, image: str) -> bool:
    """Whether an entry is for an image; both without scheme, the image with its registry."""
    host, _, path = key.partition("/")
    its_host, _, its_path = image.partition("/")
    name, _, port = host.partition(":")
    its_name, _, its_port = its_host.partition(":")
    parts, its_parts = name.split("."), its_name.split(".")
    if port != its_port or len(parts) != len(its_parts) or not its_path.startswith(path):
        return False
    return all(fnmatchcase(its, one) for one, its in zip(parts, its_parts, strict=True))


def _entries(secret: Obj) -> Iterator[tuple[str, Mapping[str, str]]]:
    for host, entry in _config(secret).items():
        auth = _auth(entry) if isinstance(entry, Mapping) else None
        if auth is not None:
            yield _key(host), auth


def _key(host: str) -> str:
    bare = host.removeprefix("https://").removeprefix("http://")
    name, _, path = bare.partition("/")
    for version in ("v1/", "v2/"):
        path = path.removeprefix(version)
    return f"{name}/{path}" if path else name


def _auth(entry: Mapping[str, Any]) -> Mapping[str, str] | None:
    if entry.get("auth"):
        try:
            user, colon, password = b64decode(entry["auth"]).decode().partition(":")
        except (ValueError, TypeError):
            return None
        return {"username": user, "password": password} if colon else None
    if entry.get("username") or entry.get("password"):
        return {"username": str(entry.get("username") or ""), "password": str(entry.get("password") or "")}
    return None


def _config(secret: Obj) -> Mapping[str, Any]:
    data = secret.get("data") or {}
    try:
        if raw := data.get(".dockerconfigjson"):
            found = loads(b64decode(raw)).get("auths")
        elif raw := data.get(".dockercfg"):
            found = loads(b64decode(raw))
        else:
            return {}
    except (JSONDecodeError, ValueError, AttributeError):
        return {}
    return found if isinstance(found, Mapping) else {}
