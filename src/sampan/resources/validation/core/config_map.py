"""What is wrong with a ConfigMap (core validation: ValidateConfigMap), and what an immutable object keeps."""

from sampan.api.encoded import decoded_size
from sampan.api.json import Obj
from sampan.api.meta import is_config_key
from sampan.resources.strategies.checks import Errors, forbidden, invalid, too_long

MOST_BYTES = 1024 * 1024
FROZEN = "field is immutable when `immutable` is set"


def check_config_map(obj: Obj) -> Errors:
    """Keys, no key in both maps, total size."""
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    errors: Errors = []
    size = 0
    for key, value in data.items():
        errors += check_key(key, "data")
        if key in binary:
            errors.append(invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
        size += len(value.encode(errors="surrogatepass"))
    for key, value in binary.items():
        errors += check_key(key, "binaryData")
        size += decoded_size(value)
    return [*errors, too_long("[]", MOST_BYTES)] if size > MOST_BYTES else errors


def check_key(key: str, at: str) -> Errors:
    """A key of a ConfigMap or Secret."""
    return [invalid(f"{at}[{key}]", key, problem) for problem in is_config_key(key)]


def check_frozen(new: Obj, old: Obj, fields: tuple[str, ...]) -> Errors:
    """What an object with immutable: true keeps."""
    if not old.get("immutable"):
        return []
    errors: Errors = [] if new.get("immutable") else [forbidden("immutable", FROZEN)]
    return errors + [forbidden(key, FROZEN) for key in fields if (new.get(key) or {}) != (old.get(key) or {})]
