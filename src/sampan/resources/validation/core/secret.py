"""What is wrong with a Secret (core validation: ValidateSecret)."""

import base64
import binascii
import json

from sampan.api.encoded import decoded_size
from sampan.api.json import Obj
from sampan.api.json_syntax import syntax_error
from sampan.api.meta import annotations_of
from sampan.resources.strategies.checks import Errors, invalid, required, too_long
from sampan.resources.validation.core.config_map import MOST_BYTES, check_key

ACCOUNT = "kubernetes.io/service-account.name"
TLS = "kubernetes.io/tls"
JSON_KEYS = {"kubernetes.io/dockercfg": ".dockercfg", "kubernetes.io/dockerconfigjson": ".dockerconfigjson"}
NAMES = ((str, "string"), (list, "array"))
HIDDEN = "<secret contents redacted>"


def check_secret(obj: Obj) -> Errors:
    """Keys, size, and what each type needs."""
    data = obj.get("data") or {}
    errors: Errors = []
    size = 0
    for key, value in data.items():
        errors += check_key(key, "data")
        size += decoded_size(value or "")
    if size > MOST_BYTES:
        errors.append(too_long("data", MOST_BYTES))
    return errors + _by_type(obj, data)


def _by_type(obj: Obj, data: Obj) -> Errors:
    kind = obj.get("type") or ""
    if kind in JSON_KEYS:
        return _document(data, JSON_KEYS[kind])
    if kind == TLS:
        return [required(f"data[{key}]") for key in ("tls.crt", "tls.key") if key not in data]
    if kind == "kubernetes.io/ssh-auth":
        return [] if data.get("ssh-privatekey") else [required("data[ssh-privatekey]")]
    if kind == "kubernetes.io/basic-auth":
        names = ("username", "password")
        return [] if any(name in data for name in names) else [required(f"data[{name}]") for name in names]
    if kind == "kubernetes.io/service-account-token" and not annotations_of(obj).get(ACCOUNT):
        return [required(f"metadata.annotations[{ACCOUNT}]")]
    return []


def _document(data: Obj, key: str) -> Errors:
    """A value that is a JSON object."""
    if key not in data:
        return [required(f"data[{key}]")]
    text = decoded(data, key)
    problem = syntax_error(text) or _not_an_object(text)
    return [invalid(f"data[{key}]", HIDDEN, problem)] if problem else []


def _not_an_object(text: bytes) -> str:
    """Go's complaint about good JSON that is no object; null is as good as one."""
    value = json.loads(text)
    if value is None or isinstance(value, dict):
        return ""
    found = "bool" if isinstance(value, bool) else next((n for t, n in NAMES if isinstance(value, t)), "number")
    return f"json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"


def decoded(data: Obj, key: str) -> bytes:
    """One value; empty if it is none."""
    try:
        return base64.b64decode(data.get(key) or "")
    except binascii.Error:
        return b""


def warn_secret(obj: Obj) -> list[str]:
    """A certificate and key that do not fit."""
    if obj.get("type") != TLS:
        return []
    from sampan.resources.validation.key_pair import key_pair_problem

    data = obj.get("data") or {}
    problem = key_pair_problem(decoded(data, "tls.crt"), decoded(data, "tls.key"))
    return [problem] if problem else []
