"""Names of images: the grammar of registries (distribution/reference), default registry and tag."""

import re

HUB = "docker.io"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = rf"{_PART}(?:/{_PART})*"
_TAG = r"[\w][\w.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
HOST = re.compile(_HOST, re.ASCII)
PATH = re.compile(_PATH, re.ASCII)
ENDING = re.compile(rf"(?P<name>[^@]*?)(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?", re.ASCII)
LIKE_ID = re.compile(r"[0-9a-f]{64}")


def registry_of(image: str) -> str:
    """The registry's host, docker.io when none is named."""
    first, slash, _ = image.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost" or first != first.lower())
    return first if named else HUB


def with_tag(image: str) -> str:
    """The image as it is asked for: `latest` when it says neither tag nor digest. Raises ValueError for no image."""
    trouble = f'couldn\'t parse image name "{image}": '
    found = ENDING.fullmatch(image)
    name = found["name"] if found is not None else image
    host = registry_of(name)
    path = name.removeprefix(f"{host}/") if name.startswith(f"{host}/") else name
    if LIKE_ID.fullmatch(image):
        raise ValueError(f"{trouble}invalid repository name ({image}), cannot specify 64-byte hexadecimal strings")
    if found is None or not HOST.fullmatch(host) or not PATH.fullmatch(path):
        upper = found is not None and HOST.fullmatch(host) and PATH.fullmatch(path.lower())
        why = "repository name must be lowercase" if upper else "invalid reference format"
        raise ValueError(f"{trouble}invalid reference format: {why}" if upper else trouble + why)
    return image if found["tag"] or found["digest"] else f"{image}:latest"
