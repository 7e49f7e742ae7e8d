"""Maps that were given empty, in messages: decoding drops them, and Go prints them as {}, a missing one as null."""

import re
from typing import Any, Final

from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.schema.nodes import Node

NULL: Final = re.compile(r"^(Invalid|Unsupported) value: null(?=:|$)")
STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]|\[([^\]]+)\]")


def with_empties(error: StatusError, given: Any, schema: Node) -> StatusError:
    """A 422 whose causes show empty maps as they were given; `given` is the object before it was decoded."""
    causes: list[Obj] = list((error.details or {}).get("causes") or ())
    shown, message = [], error.message
    for cause in causes:
        text, field = cause["message"], cause["field"]
        if NULL.match(text) and _is_empty_map(given, schema, field):
            full = NULL.sub(r"\1 value: {}", text)
            message = message.replace(f"{field}: {text}", f"{field}: {full}")
            cause = {**cause, "message": full}
        shown.append(cause)
    if shown == causes:
        return error
    return StatusError(error.code, error.reason, message, {**(error.details or {}), "causes": shown})


def _is_empty_map(value: Any, node: Node | None, field: str) -> bool:
    """Whether a map (not a struct) without values lies at a field's path (`spec.ports[0].name`, `labels[key]`)."""
    for key, index, quoted in STEP.findall(field):
        if index:
            value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
            node = node.items if node is not None else None
        else:
            name = key or quoted
            value = value.get(name) if isinstance(value, dict) else None
            node = None if node is None else node.items if node.type == "map" else node.properties.get(name)
    return node is not None and node.type == "map" and isinstance(value, dict) and not any(map(_said, value.values()))


def _said(value: Any) -> bool:
    return value is not None
