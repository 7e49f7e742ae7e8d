"""RFC 6902 JSON patches. Only what a patch touches is copied; the object that is patched stays as it was."""

import re
from collections.abc import Callable
from typing import Any

from sampan.api.errors import StatusError, bad_request

MAX_OPERATIONS = 10_000


class PatchFailed(StatusError):
    """An operation could not be done (missing path, failed test): 422 without a cause, as upstream answers."""

    def __init__(self, why: str) -> None:
        super().__init__(422, "Invalid", "the server rejected our request due to an error in our request", {})
        self.why = why


class _Missing:
    """Stands for "no value"."""


MISSING = _Missing()


def pointer(path: Any) -> list[str]:
    """An RFC 6901 pointer as its parts; what stands before the first slash does not count, as in upstream's library."""
    if not isinstance(path, str):
        raise PatchFailed("the path is missing or no string")
    if path == "":
        return []
    if "/" not in path:
        raise PatchFailed(f"missing path {path}")
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def apply(target: Any, operations: Any) -> Any:
    """The patched value. Raises StatusError 400 for what is no patch, 413 for too many operations, PatchFailed."""
    if not isinstance(operations, list):
        kind = {dict: "object", str: "string", bool: "bool", type(None): "null"}.get(type(operations), "number")
        raise bad_request(
            f"error decoding patch: json: cannot unmarshal {kind} into Go value of type []handlers.jsonPatchOp"
        )
    if len(operations) > MAX_OPERATIONS:
        message = f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(operations)}"
        raise StatusError(413, "RequestEntityTooLarge", message)
    for operation in operations:
        if not isinstance(operation, dict):
            raise bad_request("error decoding patch: json: cannot unmarshal into Go value of type handlers.jsonPatchOp")
        target = _perform(target, operation)
    return target


def _perform(target: Any, operation: dict[str, Any]) -> Any:
    path = pointer(operation.get("path", MISSING))
    match operation.get("op"):
        case "add":
            return _put(target, path, operation.get("value"), insert=True)
        case "replace":
            _get(target, path, default=None)
            return _put(target, path, operation.get("value"), insert=False)
        case "remove":
            return _remove(target, path)
        case "test":
            if not equal(_get(target, path, default=None), operation.get("value")):
                raise PatchFailed(f"testing value {operation['path']} failed")
            return target
        case "copy":
            return _put(target, path, _get(target, pointer(operation.get("from", MISSING))), insert=True)
        case "move":
            source = pointer(operation.get("from", MISSING))
            value = _get(target, source)
            return _put(_remove(target, source), path, value, insert=True)
    raise PatchFailed(f"unexpected kind: {operation.get('op')}")


def equal(a: Any, b: Any) -> bool:
    """JSON equality: true is not 1."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


def _index(items: list[Any], part: str, *, insert: bool = False) -> int:
    if part == "-" and insert:
        return len(items)
    if not re.fullmatch(r"[+-]?[0-9]+", part):
        raise PatchFailed(f"{part} is no index")
    index, size = int(part), len(items) + insert
    if not -size <= index < size:
        raise PatchFailed(f"index {part} is out of bounds")
    return index % size


def _get(target: Any, path: list[str], default: Any = MISSING) -> Any:
    for position, part in enumerate(path):
        if isinstance(target, dict):
            if part not in target:
                if default is MISSING or position < len(path) - 1:
                    raise PatchFailed(f"missing path /{'/'.join(path)}")
                return default
            target = target[part]
        elif isinstance(target, list):
            target = target[_index(target, part)]
        else:
            raise PatchFailed(f"missing path /{'/'.join(path)}")
    return target


def _along(target: Any, path: list[str], change: Callable[[Any, str], Any]) -> Any:
    """Copy the holders along the path and change the last one."""
    if len(path) == 1:
        return change(target, path[0])
    part = path[0]
    if isinstance(target, dict):
        if part not in target:
            raise PatchFailed(f"missing path {part}")
        return {**target, part: _along(target[part], path[1:], change)}
    if isinstance(target, list):
        index = _index(target, part)
        return [*target[:index], _along(target[index], path[1:], change), *target[index + 1 :]]
    raise PatchFailed(f"missing path {part}")


def _put(target: Any, path: list[str], value: Any, *, insert: bool) -> Any:
    if not path:
        return value

    def change(holder: Any, part: str) -> Any:
        if isinstance(holder, dict):
            return {**holder, part: value}
        if isinstance(holder, list):
            index = _index(holder, part, insert=insert)
            return [*holder[:index], value, *holder[index + (not insert) :]]
        raise PatchFailed(f"{part}: its holder is neither object nor array")

    return _along(target, path, change)


def _remove(target: Any, path: list[str]) -> Any:
    if not path:
        return None

    def change(holder: Any, part: str) -> Any:
        if isinstance(holder, dict):
            if part not in holder:
                raise PatchFailed(f"missing path {part}")
            return {k: v for k, v in holder.items() if k != part}
        if isinstance(holder, list):
            index = _index(holder, part)
            return [*holder[:index], *holder[index + 1 :]]
        raise PatchFailed(f"{part}: its holder is neither object nor array")

    return _along(target, path, change)
