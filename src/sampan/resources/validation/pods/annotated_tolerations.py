"""Tolerations that stand as JSON in an annotation, read as Go reads them (GetTolerationsFromPodAnnotations)."""

import json
from typing import Any, Final

from sampan.api.json import Obj
from sampan.api.json_syntax import syntax_error

FIELDS: Final = {
    "key": ("key", "string"),
    "operator": ("operator", "core.TolerationOperator"),
    "value": ("value", "string"),
    "effect": ("effect", "core.TaintEffect"),
    "tolerationseconds": ("tolerationSeconds", "int64"),
}
"""By the name in small letters, which is all that Go looks at: the name here, and Go's type."""


def read_tolerations(text: str) -> tuple[list[Obj], str]:
    """The tolerations, and Go's error if they cannot be read."""
    if error := syntax_error(text.encode()):
        return [], error
    value = json.loads(text)
    if value is None:
        return [], ""
    if not isinstance(value, list):
        return [], f"json: cannot unmarshal {_kind(value)} into Go value of type []core.Toleration"
    made: list[Obj] = []
    wrong = ""
    for item in value:
        if item is None:
            made.append({})
        elif not isinstance(item, dict):
            wrong = wrong or f"json: cannot unmarshal {_kind(item)} into Go value of type core.Toleration"
        else:
            toleration, error = _toleration(item)
            made.append(toleration)
            wrong = wrong or error
    return made, wrong


def _toleration(item: Obj) -> tuple[Obj, str]:
    made: Obj = {}
    wrong = ""
    for key, value in item.items():
        known = FIELDS.get(key.lower())
        if known is None or value is None:
            continue
        field, kind = known
        if _fits(value, kind):
            made[field] = value
        else:
            shown = f"number {json.dumps(value)}" if kind == "int64" and isinstance(value, float) else _kind(value)
            place = f"Toleration.{field[0].upper()}{field[1:]}"
            wrong = wrong or f"json: cannot unmarshal {shown} into Go struct field {place} of type {kind}"
    return made, wrong


def _fits(value: Any, kind: str) -> bool:
    if kind == "int64":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, str)


def _kind(value: Any) -> str:
    """What Go calls a JSON value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"
