"""What is wrong with ConfigMaps and Secrets (core validation)."""

import base64

from sampan.api.json import Obj
from sampan.api.meta import is_config_key
from sampan.resources.strategies.checks import Errors, duplicate, forbidden, immutable, invalid, required

MAX_BYTES = 1024 * 1024
NEEDS: dict[str, tuple[str, ...]] = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
}
ACCOUNT = "kubernetes.io/service-account.name"


def _keys(obj: Obj, field: str) -> Errors:
    found = (obj.get(field) or {}).keys()
    return [invalid(f"{field}[{key}]", key, problem) for key in found for problem in is_config_key(key)]


def check_config_map(obj: Obj) -> Errors:
    """Keys, no key in both maps, total size."""
    errors = _keys(obj, "data") + _keys(obj, "binaryData")
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    errors += [
        invalid(f"data[{key}]", key, f'duplicate of key present in binaryData: "{key}"')
        for key in data
        if key in binary
    ]
    size = sum(len(v.encode()) for v in data.values()) + sum(len(base64.b64decode(v)) for v in binary.values())
    if size > MAX_BYTES:
        errors.append(invalid("", "", "")._replace(reason="FieldValueTooLong", message=_too_long()))
    return errors


def _too_long() -> str:
    return f"Too long: may not be more than {MAX_BYTES} bytes"


def _frozen(new: Obj, old: Obj, fields: tuple[str, ...]) -> Errors:
    """What an object with immutable: true keeps."""
    if not old.get("immutable"):
        return []
    errors: Errors = []
    if not new.get("immutable"):
        errors.append(forbidden("immutable", "field is immutable when `immutable` is set"))
    for field in fields:
        if (new.get(field) or {}) != (old.get(field) or {}):
            errors.append(forbidden(field, "field is immutable when `immutable` is set"))
    return errors


def check_config_map_update(new: Obj, old: Obj) -> Errors:
    """An immutable ConfigMap stays."""
    return _frozen(new, old, ("data", "binaryData"))


def check_secret(obj: Obj) -> Errors:
    """Keys, size, and what each type needs."""
    errors = _keys(obj, "data")
    data, kind = obj.get("data") or {}, obj.get("type") or ""
    if sum(len(base64.b64decode(v)) for v in data.values()) > MAX_BYTES:
        errors.append(duplicate("data", "")._replace(reason="FieldValueTooLong", message=_too_long()))
    errors += [required(f"data[{key}]") for key in NEEDS.get(kind, ()) if key not in data]
    if kind == "kubernetes.io/basic-auth" and not {"username", "password"} & data.keys():
        errors += [required("data[username]"), required("data[password]")]
    if kind == "kubernetes.io/service-account-token":
        account = ((obj.get("metadata") or {}).get("annotations") or {}).get(ACCOUNT)
        errors += [] if account else [required(f"metadata.annotations[{ACCOUNT}]")]
    return errors


def check_secret_update(new: Obj, old: Obj) -> Errors:
    """The type stays; an immutable Secret stays whole."""
    return immutable("type", new.get("type"), old.get("type")) + _frozen(new, old, ("data",))
