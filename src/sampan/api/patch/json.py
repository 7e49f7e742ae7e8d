"""RFC 6902 JSON patches. Only what a patch touches is copied; the object that is patched stays as it was."""

import re
from collections.abc import Callable
from typing import Any

from sampan.api.errors import StatusError, bad_request
from sampan.api.json import dumps

MAX_OPERATIONS = 10_000
MAX_COPIED = 3 * 1024 * 1024
"""Bytes that all copies of a patch may add: copies of copies grow without bound."""


class PatchFailed(StatusError):
    """An operation could not be done (missing path, failed test): 422 without a cause, as upstream answers."""

    def __init__(self, why: str) -> None:
        super().__init__(422, "Invalid", "the server rejected our request due to an error in our request", {})
        self.why = why
        """What went wrong, as upstream's library says it."""


class TestFailed(PatchFailed):
    """The test of a patch failed."""

    __test__ = False  # no test case of pytest


def apply(target: Any, operations: Any) -> Any:
    """The patched value. Raises StatusError 400 for what is no patch, 413 for too many operations, PatchFailed."""
    if not isinstance(operations, list):
        kind = {dict: "object", str: "string", bool: "bool", type(None): "null"}.get(type(operations), "number")
        raise bad_request(
            f"error decoding patch: json: cannot unmarshal {kind} into Go value of type []handlers.jsonPatchOp"
        )
    if len(operations) > MAX_OPERATIONS:
        message = f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(operations)}"
        raise StatusError(413, "RequestEntityTooLarge", f"Request entity too large: {message}")
    copied = 0
    for operation in operations:
        if not isinstance(operation, dict):
            raise bad_request("error decoding patch: json: cannot unmarshal into Go value of type handlers.jsonPatchOp")
        if operation.get("op") == "copy":
            copied += _weight(target, operation)
            if copied > MAX_COPIED:
                raise PatchFailed(
                    f"Unable to complete the copy, the accumulated size increase of copy is {copied}, "
                    f"exceeding the limit {MAX_COPIED}"
                )
        target = _perform(target, operation)
    return target


def _weight(target: Any, operation: dict[str, Any]) -> int:
    """The bytes that a copy adds; nothing if it cannot be done."""
    try:
        return len(dumps(_from(target, operation, "copy")[1]))
    except (_Fault, PatchFailed):
        return 0


def _perform(target: Any, operation: dict[str, Any]) -> Any:
    name = operation.get("op")
    try:
        match name:
            case "add":
                return _put(target, _path(operation, name), operation.get("value"), insert=True)
            case "replace":
                return _replace(target, _path(operation, name), operation.get("value"))
            case "remove":
                return _remove(target, _path(operation, name))
            case "test":
                return _test(target, _path(operation, name), operation)
            case "copy":
                return _copy(target, operation)
            case "move":
                return _move(target, operation)
    except _NoHolder:
        raise PatchFailed(_NO_HOLDER[str(name)].format(path=operation.get("path"))) from None
    except _Fault as fault:
        what = _DOING[str(name)].format(path=operation.get("path"))
        raise PatchFailed(f"{what}: {fault}") from None
    raise PatchFailed(f"Unexpected kind: {name if isinstance(name, str) else 'unknown'}")


_NO_HOLDER = {
    "add": 'add operation does not apply: doc is missing path: "{path}": missing value',
    "remove": 'remove operation does not apply: doc is missing path: "{path}": missing value',
    "replace": "replace operation does not apply: doc is missing path: {path}: missing value",
    "test": "test operation does not apply: is missing path: {path}: missing value",
    "copy": "copy operation does not apply: doc is missing destination path: {path}: missing value",
    "move": "move operation does not apply: doc is missing destination path: {path}: missing value",
}
_DOING = {
    "add": "error in add for path: '{path}'",
    "remove": "error in remove for path: '{path}'",
    "replace": "error in remove for path: '{path}'",
    "test": "error in test for path: '{path}'",
    "copy": "error while adding value during copy",
    "move": "error in move for path: '{path}'",
}


class _NoHolder(Exception):
    """There is nothing at the path's parent that could hold a value."""


class _Fault(Exception):
    """The holder cannot do it; the text is upstream's."""


def _path(operation: dict[str, Any], name: str, key: str = "path") -> list[str]:
    given = operation.get(key)
    if not isinstance(given, str):
        missing = "missing value" if (name, key) in _SHORT else f"operation missing {key} field: missing value"
        if key == "from":
            missing = "operation, missing from field: missing value"
        raise PatchFailed(f"{name} operation failed to decode {key}: {missing}")
    if given and "/" not in given:
        raise _NoHolder
    return [part.replace("~1", "/").replace("~0", "~") for part in given.split("/")[1:]]


_SHORT = frozenset((("add", "path"), ("remove", "path"), ("copy", "path")))
"""Where upstream's library says no more than that a value is missing."""


def _replace(target: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    try:
        _get(target, path)
    except _Fault:
        text = "/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in path)
        raise PatchFailed(f"replace operation does not apply: doc is missing key: {text}: missing value") from None
    return _put(target, path, value, insert=False)


def _test(target: Any, path: list[str], operation: dict[str, Any]) -> Any:
    found = _get(target, path) if path else target
    if not equal(found, operation.get("value")):
        raise TestFailed(f"testing value {operation['path']} failed: test failed")
    return target


def _from(target: Any, operation: dict[str, Any], name: str) -> tuple[list[str], Any]:
    try:
        source = _path(operation, name, "from")
        if not source:
            raise _NoHolder
        return source, _get(target, source)
    except _NoHolder:
        text = f"{name} operation does not apply: doc is missing from path: {operation['from']}: missing value"
        raise PatchFailed(text) from None


def _copy(target: Any, operation: dict[str, Any]) -> Any:
    try:
        _, value = _from(target, operation, "copy")
    except _Fault as fault:
        raise PatchFailed(f"error in copy for from: '{operation['from']}': {fault}") from None
    return _put(target, _path(operation, "copy"), value, insert=True)


def _move(target: Any, operation: dict[str, Any]) -> Any:
    try:
        source, value = _from(target, operation, "move")
        target = _remove(target, source)
    except _Fault as fault:
        key = operation["from"].rpartition("/")[2].replace("~1", "/").replace("~0", "~")
        raise PatchFailed(f"error in move for path: '{key}': {fault}") from None
    return _put(target, _path(operation, "move"), value, insert=True)


def equal(a: Any, b: Any) -> bool:
    """JSON equality: true is not 1."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


def _number(part: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]+", part):
        raise _Fault(f'strconv.Atoi: parsing "{part}": invalid syntax')
    return int(part)


def _index(items: list[Any], part: str) -> int:
    """The place of an item that is there."""
    index, size = _number(part), len(items)
    if not -size <= index < size:
        raise _Fault(f"Unable to access invalid index: {index}: invalid index referenced")
    return index % size


def _slot(items: list[Any], part: str) -> int:
    """The place for a new item."""
    if part == "-":
        return len(items)
    try:
        index = _number(part)
    except _Fault as fault:
        raise _Fault(f"value was not a proper array index: '{part}': {fault}") from None
    size = len(items) + 1
    if not -size <= index < size:
        raise _Fault(f"Unable to access invalid index: {index}: invalid index referenced")
    return index % size


def _inside(holder: Any, part: str) -> Any:
    """The container at one part of a path to somewhere below it."""
    if isinstance(holder, dict) and part in holder:
        found = holder[part]
    elif isinstance(holder, list):
        try:
            found = holder[_index(holder, part)]
        except _Fault:
            raise _NoHolder from None
    else:
        raise _NoHolder
    if not isinstance(found, dict | list):
        raise _NoHolder
    return found


def _get(target: Any, path: list[str]) -> Any:
    """The value at a path; None for a field that is not there."""
    for part in path[:-1]:
        target = _inside(target, part)
    if isinstance(target, dict):
        return target.get(path[-1])
    if isinstance(target, list):
        return target[_index(target, path[-1])]
    raise _NoHolder


def _along(target: Any, path: list[str], change: Callable[[Any, str], Any]) -> Any:
    """Copy the holders along the path and change the last one."""
    if not path or not isinstance(target, dict | list):
        raise _NoHolder
    part = path[0]
    if len(path) == 1:
        return change(target, part)
    made = _along(_inside(target, part), path[1:], change)
    if isinstance(target, dict):
        return {**target, part: made}
    index = _index(target, part)
    return [*target[:index], made, *target[index + 1 :]]


def _put(target: Any, path: list[str], value: Any, *, insert: bool) -> Any:
    def change(holder: Any, part: str) -> Any:
        if isinstance(holder, dict):
            return {**holder, part: value}
        index = _slot(holder, part) if insert else _index(holder, part)
        return [*holder[:index], value, *holder[index + (not insert) :]]

    return _along(target, path, change)


def _remove(target: Any, path: list[str]) -> Any:
    def change(holder: Any, part: str) -> Any:
        if isinstance(holder, dict):
            if part not in holder:
                raise _Fault(f"Unable to remove nonexistent key: {part}: missing value")
            return {k: v for k, v in holder.items() if k != part}
        index = _index(holder, part)
        return [*holder[:index], *holder[index + 1 :]]

    return _along(target, path, change)
