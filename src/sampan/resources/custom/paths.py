"""The JSONPath subset of CRDs, for columns, selectable fields, scale: `.spec.items[0].name`, `[*]`, `['a.b']`."""

import re
from collections.abc import Callable
from typing import Any

PART = re.compile(
    r"""\.([^.\[\]]+)|\[(\d+|\*)\]|\[['"]([^'"\]]+)['"]\]|\[\?\(\s*@\.([\w.]+)\s*==\s*['"]([^'"]*)['"]\s*\)\]"""
)
Step = tuple[str, str, str]
Reader = Callable[[Any], list[Any]]


class PathError(ValueError):
    """The path is not understood."""


def compile_path(path: str) -> Reader:
    """A function that finds all values of a path in an object. Raises PathError."""
    text = path.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    steps: list[Step] = []
    position = 0
    while position < len(text):
        found = PART.match(text, position)
        if found is None:
            raise PathError(f"unrecognized part of the JSONPath at {text[position:]!r}")
        name, index, quoted, field, wanted = found.groups()
        if field is not None:
            steps.append(("filter", field, wanted))
        elif index is not None:
            steps.append(("index", index, ""))
        else:
            steps.append(("name", (name or quoted).replace("\\.", "."), ""))
        position = found.end()

    def read(obj: Any) -> list[Any]:
        values = [obj]
        for step in steps:
            values = [one for value in values for one in _follow(value, step)]
        return values

    return read


def _follow(value: Any, step: Step) -> list[Any]:
    kind, name, wanted = step
    if kind == "name":
        if isinstance(value, dict) and name in value:
            return [value[name]]
        return []
    if not isinstance(value, list):
        return list(value.values()) if name == "*" and isinstance(value, dict) else []
    if kind == "filter":
        return [one for one in value if str(_deep(one, name)) == wanted]
    if name == "*":
        return value
    return [value[int(name)]] if int(name) < len(value) else []


def _deep(value: Any, path: str) -> Any:
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def simple_path(path: str) -> tuple[str, ...]:
    """`.spec.replicas` as field names. Raises PathError for anything but names under dots."""
    parts = path.removeprefix(".").split(".")
    if not path.startswith(".") or not all(parts) or "[" in path:
        raise PathError(f"{path!r} is no plain path of field names")
    return tuple(parts)
