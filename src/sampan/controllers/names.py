"""Small things that several controllers say the same way."""

import hashlib
from collections.abc import Iterable

from sampan.api.json import Obj, dumps
from sampan.api.meta import ALPHABET, condition

MAX_GENERATED = 58


def short_hash(value: object) -> str:
    """A stable hash of a JSON value in the letters that Kubernetes uses for names."""
    digest = int.from_bytes(hashlib.blake2b(dumps(value), digest_size=6).digest(), "big")
    letters = ""
    while digest:
        digest, rest = divmod(digest, len(ALPHABET))
        letters += ALPHABET[rest]
    return letters[:10] or ALPHABET[0]


def status(obj: Obj) -> Obj:
    """The status, or an empty one."""
    return obj.get("status") or {}


def spec(obj: Obj) -> Obj:
    """The spec, or an empty one."""
    return obj.get("spec") or {}


def is_ready(pod: Obj) -> bool:
    """Whether the pod's Ready condition is True."""
    return (condition(pod, "Ready") or {}).get("status") == "True"


def is_active(pod: Obj) -> bool:
    """Neither finished nor being deleted."""
    return status(pod).get("phase") not in ("Succeeded", "Failed") and not pod["metadata"].get("deletionTimestamp")


def changed(new: Obj, old: Obj, keys: Iterable[str]) -> bool:
    """Whether one of these fields differs."""
    return any(new.get(key) != old.get(key) for key in keys)
