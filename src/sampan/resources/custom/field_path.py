"""Paths to fields of a schema, for rules and selectable fields: `.spec.size`, `.labels['a.b']`."""

import re
from typing import Any

from sampan.api.json import Obj

TOKEN = re.compile(r"'(?:\\.|[^'\\])*'|[.\[\]]|[^.\[\]]+", re.DOTALL)
ESCAPE = re.compile(r"\\(.)")
ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "'": "'", "\\": "\\"}
NOWHERE = "does not refer to a valid field"
END = "unexpected end of JSON path"


class PathError(ValueError):
    """The path is wrong, or leads nowhere; the text is upstream's."""


def valid_path(path: str, schema: Obj, *, brackets: bool = True) -> tuple[str, Obj]:
    """The path as errors write it, and the schema it leads to. Raises PathError."""
    tokens = TOKEN.findall(path)
    made, at, here = "", 0, schema
    while at < len(tokens):
        token = tokens[at]
        if token == "[":
            if not brackets:
                raise PathError("array notation is not allowed")
            name = _quoted(tokens[at + 1 : at + 2])
        elif token == ".":
            if at + 1 >= len(tokens):
                raise PathError(END)
            name = tokens[at + 1]
        else:
            raise PathError(f"expected [ or . but got: {token}")
        made, here = _step(made, here, name)
        at += 2
        if token == "[":
            if at >= len(tokens):
                raise PathError(END)
            if tokens[at] != "]":
                raise PathError(f"expected ] but got {tokens[at]}")
            at += 1
    return made, here


def _quoted(given: list[str]) -> str:
    if not given:
        raise PathError(END)
    text = given[0]
    if len(text) < 2 or text[0] != "'" or text[-1] != "'":
        raise PathError(f"expected single quoted string but got {text}")
    for found in ESCAPE.finditer(text[1:-1]):
        if found[1] not in ESCAPES:
            raise PathError(f"invalid string literal: invalid escape char {found[0]}")
    return ESCAPE.sub(lambda found: ESCAPES[found[1]], text[1:-1])


def _step(made: str, schema: Obj, name: str) -> tuple[str, Obj]:
    properties: Any = schema.get("properties")
    if properties:
        if name not in properties:
            raise PathError(NOWHERE)
        return f"{made}.{name}" if made else name, properties[name]
    below = schema.get("additionalProperties")
    if not isinstance(below, dict):
        raise PathError(NOWHERE)
    return f"{made}[{name}]", below
