"""Key paths as Stage objects write them: the simple ones of jq, `.status.conditions[] | select(.type == "Ready")`."""

import re
from collections.abc import Callable
from typing import Any

Step = Callable[[Any], list[Any]]
Path = Callable[[Any], list[Any]]
TOKEN = re.compile(
    r"""\s*(?:
    (?P<each>\.?\[\s*\])
  | \.?\[\s*(?P<quoted>"(?:[^"\\]|\\.)*")\s*\]
  | \.?\[\s*(?P<index>-?\d+)\s*\]
  | \.(?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<pipe>\|)
  | select\(\s*(?P<left>[^=!()]+?)\s*(?P<operator>==|!=)\s*(?P<right>"[^"]*"|-?\d+|true|false|null)\s*\)
  | (?P<self>\.)(?=\s*(?:\||$))
    )""",
    re.VERBOSE,
)
LITERALS: dict[str, Any] = {"true": True, "false": False, "null": None}


class PathError(ValueError):
    """A path that is not one of the simple ones."""


def compile_path(text: str) -> Path:
    """The values that a path leads to in an object; a field that is absent gives null, as in jq. Raises PathError.

    Supported: `.a.b`, `.a["b"]`, `.a[0]`, `.a[]`, `.a.[]`, and after a `|` further paths and `select(PATH == VALUE)`.
    """
    steps: list[Step] = []
    position, text = 0, text.strip()
    if not text:
        raise PathError("is empty")
    while position < len(text):
        found = TOKEN.match(text, position)
        if found is None:
            raise PathError(f"{text!r}: {text[position:].strip()!r} is not understood")
        position = found.end()
        if (step := _step(found)) is not None:
            steps.append(step)

    def follow(obj: Any) -> list[Any]:
        values = [obj]
        for step in steps:
            values = [after for value in values for after in step(value)]
        return values

    return follow


def _step(found: re.Match[str]) -> Step | None:
    if name := found["name"]:
        return lambda value: [value.get(name) if isinstance(value, dict) else None]
    if quoted := found["quoted"]:
        key = _literal(quoted)
        return lambda value: [value.get(key) if isinstance(value, dict) else None]
    if index := found["index"]:
        at = int(index)
        return lambda value: [value[at] if isinstance(value, list) and -len(value) <= at < len(value) else None]
    if found["each"]:
        return _each
    if found["left"]:
        return _select(compile_path(found["left"]), found["operator"] == "==", _literal(found["right"]))
    return None


def _each(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _select(path: Path, equal: bool, wanted: Any) -> Step:
    def select(value: Any) -> list[Any]:
        return [value] if any((found == wanted) is equal for found in path(value)) else []

    return select


def _literal(text: str) -> Any:
    if text.startswith('"'):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return LITERALS[text] if text in LITERALS else int(text)
