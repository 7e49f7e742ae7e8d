"""Objects as stored bytes: encoded once, with a gap for the resourceVersion, so that reads never parse."""

from sampan.api.json import Obj, dumps
from sampan.store.base import Draft

_FIRST = ("name", "generateName", "namespace", "uid")


def prefix_of(api_version: str, kind: str) -> bytes:
    """What every stored value of a kind starts with; the rest of it begins with `"metadata":`."""
    return b'{"kind":%b,"apiVersion":%b,' % (dumps(kind), dumps(api_version))


def encode(prefix: bytes, obj: Obj) -> Draft:
    """The draft of an object. Its own kind, apiVersion and resourceVersion are left out."""
    metadata = obj.get("metadata") or {}
    first = {key: metadata[key] for key in _FIRST if key in metadata}
    rest = {key: value for key, value in metadata.items() if key not in _FIRST and key != "resourceVersion"}
    head = dumps(first)[:-1]
    comma = b"," if first else b""
    tail = b"," + dumps(rest)[1:] if rest else b"}"
    body = {key: value for key, value in obj.items() if key not in ("kind", "apiVersion", "metadata")}
    end = b"," + dumps(body)[1:] if body else b"}"
    return Draft(b'%b"metadata":%b%b"resourceVersion":"' % (prefix, head, comma), b'"' + tail + end)


def without_version(prefix: bytes, obj: Obj) -> bytes:
    """The bytes of an object that is not stored (a dry run): no resourceVersion, unless it has one."""
    metadata = obj.get("metadata") or {}
    body = {key: value for key, value in obj.items() if key not in ("kind", "apiVersion", "metadata")}
    return prefix + dumps({"metadata": metadata, **body})[1:]


def restamp(value: bytes, old: int, new: int) -> bytes:
    """A stored value with another resourceVersion."""
    return value.replace(b'"resourceVersion":"%d"' % old, b'"resourceVersion":"%d"' % new, 1)
