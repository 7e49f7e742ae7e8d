"""The numbers and the selector that the scale subresource of a custom kind reads."""

from typing import Any

from sampan.api.json import Obj, dumps
from sampan.api.resource import ScalePaths
from sampan.api.schema.findings import shown_number
from sampan.resources.strategies.checks import Errors, invalid

MOST = 2**31 - 1
GO_TYPES = {
    str: "string", bool: "bool", int: "int64", float: "float64", dict: "map[string]interface {}",
    list: "[]interface {}", type(None): "<nil>",
}  # fmt: skip


def scale_errors(obj: Obj, paths: ScalePaths | None) -> Errors:
    """What is wrong with the replicas wanted, the replicas there are, and the selector."""
    if paths is None:
        return []
    return _number(obj, paths.replicas) + status_scale_errors(obj, paths)


def status_scale_errors(obj: Obj, paths: ScalePaths | None) -> Errors:
    """What is wrong with the replicas there are, and with the selector."""
    if paths is None:
        return []
    errors = _number(obj, paths.status_replicas)
    if paths.selector:
        _, problem = _read(obj, paths.selector, str)
        if problem:
            errors.append(invalid("." + ".".join(paths.selector), "", problem))
    return errors


def _number(obj: Obj, path: tuple[str, ...]) -> Errors:
    at = "." + ".".join(path)
    value, problem = _read(obj, path, int)
    if problem:
        return [invalid(at, 0, problem)]
    if value < 0:
        return [invalid(at, value, "should be a non-negative integer")]
    return [invalid(at, value, f"should be less than or equal to {MOST}")] if value > MOST else []


def _read(obj: Any, path: tuple[str, ...], kind: type) -> tuple[Any, str]:
    """The value, or what is none, and why it cannot be read."""
    value = obj
    for depth, part in enumerate(path):
        if value is None:
            return kind(), ""
        if not isinstance(value, dict):
            return kind(), _wrong(path[: depth + 1], value, "map[string]interface{}")
        if part not in value:
            return kind(), ""
        value = value[part]
    if type(value) is not kind:
        return kind(), _wrong(path, value, GO_TYPES[kind])
    return value, ""


def _wrong(path: tuple[str, ...], value: Any, wanted: str) -> str:
    return (
        f".{'.'.join(path)} accessor error: {_shown(value)} is of the type {GO_TYPES[type(value)]}, expected {wanted}"
    )


def _shown(value: Any) -> str:
    """As Go prints it with %v."""
    if value is None:
        return "<nil>"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{_shown(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(_shown, value))}]"
    if type(value) in (int, float):
        return shown_number(value)
    return value if isinstance(value, str) else dumps(value).decode()
