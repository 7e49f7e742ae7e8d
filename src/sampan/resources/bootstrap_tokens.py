"""Bootstrap tokens: how Secrets keep them, and how they vouch for cluster-info (upstream: cluster-bootstrap)."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sampan.api.json import Obj, dumps
from sampan.api.times import format_time, parse_time

TYPE = "bootstrap.kubernetes.io/token"
NAMESPACE = "kube-system"
PREFIX = "bootstrap-token-"
ID, SECRET, EXPIRATION, DESCRIPTION = "token-id", "token-secret", "expiration", "description"
EXTRA_GROUPS, USAGE = "auth-extra-groups", "usage-bootstrap-"
USAGES = ("signing", "authentication")
USER_PREFIX, GROUP = "system:bootstrap:", "system:bootstrappers"
DEFAULT_GROUP = "system:bootstrappers:kubeadm:default-node-token"
TOKEN_PATTERN, ID_PATTERN = r"\A([a-z0-9]{6})\.([a-z0-9]{16})\z", r"\A([a-z0-9]{6})\z"
GROUP_PATTERN = r"\Asystem:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]\z"
"""As upstream writes them, for messages."""
_TOKEN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
_ID = re.compile(r"[a-z0-9]{6}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:\d\d)")
_GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")

CLUSTER_INFO, PUBLIC = "cluster-info", "kube-public"
KUBECONFIG, SIGNATURE = "kubeconfig", "jws-kubeconfig-"
"""Keys of the ConfigMap cluster-info in kube-public: what is signed, and each token's signature."""


def split_token(token: str) -> tuple[str, str] | None:
    """Id and secret of `abcdef.0123456789abcdef`; None for what is no bootstrap token."""
    match = _TOKEN.fullmatch(token)
    return (match[1], match[2]) if match else None


def is_id(text: str) -> bool:
    """Whether it is the id of a token."""
    return _ID.fullmatch(text) is not None


def is_group(name: str) -> bool:
    """Whether a token may be in that group."""
    return _GROUP.fullmatch(name) is not None


def is_token(secret: Obj) -> bool:
    """Whether a Secret is meant to keep a token."""
    return secret.get("type") == TYPE and secret["metadata"].get("namespace") == NAMESPACE


def data_of(secret: Obj, key: str) -> str:
    """A value of a Secret as text; empty if it is not there."""
    value = (secret.get("data") or {}).get(key)
    if not value:
        return ""
    try:
        return base64.b64decode(value).decode(errors="replace")
    except binascii.Error:
        return ""


def seconds_left(secret: Obj, now: datetime) -> float | None:
    """Until the token expires, not above zero if it has; None: it never does. A time that is none has passed."""
    text = data_of(secret, EXPIRATION)
    if not text:
        return None
    try:
        return (parse_time(text) - now).total_seconds() if _TIME.fullmatch(text) else 0.0
    except ValueError:
        return 0.0


def has_expired(secret: Obj, now: datetime) -> bool:
    """Whether the token's time is over."""
    left = seconds_left(secret, now)
    return left is not None and left <= 0


def serves(secret: Obj, usage: str) -> bool:
    """Whether the token is for `signing` or `authentication`."""
    return data_of(secret, USAGE + usage) == "true"


def groups_of(secret: Obj) -> tuple[str, ...]:
    """The groups of a token's user, sorted. Raises ValueError for one that no token may be in."""
    extra = data_of(secret, EXTRA_GROUPS)
    named = extra.split(",") if extra else []
    for name in named:
        check_group(name)
    return tuple(sorted({GROUP, *named}))


def check_group(name: str) -> None:
    """Raises ValueError in upstream's words unless a token may be in that group."""
    if not is_group(name):
        raise ValueError(f'bootstrap group "{name}" is invalid (must match {GROUP_PATTERN})')


def signing_pair(secret: Obj, now: datetime) -> tuple[str, str] | None:
    """Id and secret of a token that may sign now; None for others."""
    id_, key = data_of(secret, ID), data_of(secret, SECRET)
    named = secret["metadata"]["name"].removeprefix(PREFIX)
    if not is_id(named) or secret["metadata"]["name"] != PREFIX + named or named != id_ or not key:
        return None
    return (id_, key) if serves(secret, "signing") and not has_expired(secret, now) else None


def detached_signature(content: str, id_: str, key: str) -> str:
    """A JWS (RFC 7515, HS256) over the content with its payload left out: `header..signature`."""
    head = _encode(dumps({"alg": "HS256", "kid": id_}))
    signed = f"{head}.{_encode(content.encode())}".encode()
    return f"{head}..{_encode(hmac.new(key.encode(), signed, hashlib.sha256).digest())}"


def is_signed(content: str, signature: str, id_: str, key: str) -> bool:
    """Whether the token has signed the content."""
    return hmac.compare_digest(signature.encode(), detached_signature(content, id_, key).encode())


@dataclass(frozen=True, slots=True)
class BootstrapToken:
    """A token as people see it."""

    id: str
    secret: str
    description: str = ""
    expires: str = ""
    """RFC 3339; empty: never."""
    usages: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """`id.secret`"""
        return f"{self.id}.{self.secret}"


def expiry(now: datetime, seconds: float) -> str:
    """When a token that lives so long expires; no time at all: never."""
    return format_time(now + timedelta(seconds=seconds)) if seconds > 0 else ""


def to_secret(token: BootstrapToken) -> Obj:
    """The Secret that keeps a token."""
    values = {ID: token.id, SECRET: token.secret, DESCRIPTION: token.description, EXPIRATION: token.expires}
    values |= {USAGE + usage: "true" for usage in token.usages} | {EXTRA_GROUPS: ",".join(token.groups)}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in sorted(values.items()) if value}
    return {"metadata": {"name": PREFIX + token.id, "namespace": NAMESPACE}, "type": TYPE, "data": data}


def from_secret(secret: Obj) -> BootstrapToken:
    """The token of a Secret. Raises ValueError for one that is malformed."""
    name, id_, key = secret["metadata"]["name"], data_of(secret, ID), data_of(secret, SECRET)
    if not id_:
        raise ValueError(f"bootstrap Token Secret has no token-id data: {name}")
    if name != PREFIX + id_:
        wanted = f'Actual: "{name}". Expected: "{PREFIX}{id_}"'
        raise ValueError(f"bootstrap token name is not of the form '{PREFIX}(token-id)'. {wanted}")
    if not key:
        raise ValueError(f"bootstrap Token Secret has no token-secret data: {name}")
    if split_token(f"{id_}.{key}") is None:
        raise ValueError(f"bootstrap Token Secret is invalid and couldn't be parsed: {name}")
    expires = data_of(secret, EXPIRATION)
    if expires and not _TIME.fullmatch(expires):
        raise ValueError(f'can\'t parse expiration time of bootstrap token "{name}"')
    keys: Iterable[str] = secret.get("data") or {}
    named = (key.removeprefix(USAGE) for key in keys if key.startswith(USAGE))
    groups = data_of(secret, EXTRA_GROUPS)
    return BootstrapToken(
        id_, key, data_of(secret, DESCRIPTION), expires,
        tuple(sorted(usage for usage in named if serves(secret, usage))),
        tuple(groups.split(",")) if groups and not groups.startswith(",") else (),
    )  # fmt: skip


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
