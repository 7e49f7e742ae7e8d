"""An OpenAPI v2 document in the protobuf form that kubectl asks for (the messages of gnostic's openapi.v2 package)."""

import json
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

from sampan.api.protobuf.wire import delimited, varint

Raw = Mapping[str, Any]
Write = Callable[[Any], bytes]
"""A JSON value as the contents of one length-delimited field."""


def encode(document: Raw) -> bytes:
    """A document as a message `Document`."""
    return _message(_DOCUMENT, document)


def _message(fields: "Mapping[str, tuple[int, _Kind]]", value: Raw, extensions: int = 0) -> bytes:
    """The fields that the message knows, and the value's `x-...` members as vendor extensions."""
    parts = []
    for key, child in value.items():
        field = fields.get(key)
        if field is not None:
            parts.append(field[1](field[0], child))
        elif extensions and key.startswith("x-"):
            parts.append(delimited(extensions, _named(key, _any(child))))
    return b"".join(parts)


_Kind = Callable[[int, Any], bytes]


def _text(number: int, value: Any) -> bytes:
    return delimited(number, str(value).encode())


def _bool(number: int, value: Any) -> bytes:
    return varint(number << 3) + b"\1" if value else b""


def _int(number: int, value: Any) -> bytes:
    return varint(number << 3) + varint(int(value))


def _double(number: int, value: Any) -> bytes:
    return varint(number << 3 | 1) + struct.pack("<d", float(value))


def _one(write: Write) -> _Kind:
    return lambda number, value: delimited(number, write(value))


def _each(kind: _Kind) -> _Kind:
    return lambda number, value: b"".join(kind(number, child) for child in value)


def _map(write: Write, inner: int = 1) -> Write:
    """An object as a message whose field `inner` is a list of names and values."""
    return lambda value: b"".join(delimited(inner, _named(key, write(child))) for key, child in value.items())


def _named(name: str, value: bytes) -> bytes:
    return delimited(1, name.encode()) + delimited(2, value)


def _any(value: Any) -> bytes:
    """A message `Any`: YAML text, of which JSON is a part."""
    return delimited(2, json.dumps(value).encode())


def _strings(value: Any) -> bytes:
    return _each(_text)(1, [value] if isinstance(value, str) else value)


def _schema(value: Raw) -> bytes:
    return _message(_SCHEMA, value, extensions=31)


def _items(value: Any) -> bytes:
    return _each(_one(_schema))(1, value if isinstance(value, list) else [value])


def _additional(value: Any) -> bytes:
    return _bool(2, value) if isinstance(value, bool) else delimited(1, _schema(value))


def _parameter(value: Raw) -> bytes:
    """A message `ParametersItem`."""
    if "$ref" in value:
        return delimited(2, _message({"$ref": (1, _text), "description": (2, _text)}, value))
    return delimited(1, _definition(value))


def _definition(value: Raw) -> bytes:
    """A message `Parameter`."""
    if value["in"] == "body":
        return delimited(1, _message(_BODY, value, extensions=6))
    number, fields, extensions = _PLACES[value["in"]]
    return delimited(2, delimited(number, _message(fields, value, extensions)))


def _response(value: Raw) -> bytes:
    """A message `ResponseValue`."""
    return delimited(1, _message({"description": (1, _text), "schema": (2, _one(_schema_item))}, value, extensions=5))


def _schema_item(value: Raw) -> bytes:
    return delimited(1, _schema(value))


def _operation(value: Raw) -> bytes:
    return _message(_OPERATION, value, extensions=13)


def _path_item(value: Raw) -> bytes:
    return _message(_PATH_ITEM, value, extensions=10)


def _info(value: Raw) -> bytes:
    return _message({"title": (1, _text), "version": (2, _text)}, value)


def _security(value: Raw) -> bytes:
    """A message `SecurityDefinitionsItem` of an API key, the only kind that Kubernetes' document has."""
    fields = {"type": (1, _text), "name": (2, _text), "in": (3, _text), "description": (4, _text)}
    return delimited(2, _message(fields, value, extensions=5))


_SCHEMA: Final[dict[str, tuple[int, _Kind]]] = {
    "$ref": (1, _text), "format": (2, _text), "title": (3, _text), "description": (4, _text),
    "default": (5, _one(_any)), "multipleOf": (6, _double), "maximum": (7, _double), "exclusiveMaximum": (8, _bool),
    "minimum": (9, _double), "exclusiveMinimum": (10, _bool),
    "maxLength": (11, _int), "minLength": (12, _int), "pattern": (13, _text),
    "maxItems": (14, _int), "minItems": (15, _int), "uniqueItems": (16, _bool), "maxProperties": (17, _int),
    "minProperties": (18, _int), "required": (19, _each(_text)), "enum": (20, _each(_one(_any))),
    "additionalProperties": (21, _one(_additional)), "type": (22, _one(_strings)), "items": (23, _one(_items)),
    "allOf": (24, _each(_one(_schema))), "properties": (25, _one(_map(_schema))), "readOnly": (27, _bool),
    "example": (30, _one(_any)),
}  # fmt: skip
_BODY: Final[dict[str, tuple[int, _Kind]]] = {
    "description": (1, _text), "name": (2, _text), "in": (3, _text), "required": (4, _bool),
    "schema": (5, _one(_schema)),
}  # fmt: skip
_COMMON: Final[dict[str, tuple[int, _Kind]]] = {
    "required": (1, _bool), "in": (2, _text), "description": (3, _text), "name": (4, _text),
}  # fmt: skip
_HEADER_OR_PATH: Final = {**_COMMON, "type": (5, _text), "format": (6, _text), "uniqueItems": (19, _bool)}
_QUERY: Final = {**_COMMON, "type": (6, _text), "format": (7, _text), "uniqueItems": (20, _bool)}
_PLACES: Final = {"header": (1, _HEADER_OR_PATH, 22), "query": (3, _QUERY, 23), "path": (4, _HEADER_OR_PATH, 22)}
"""Where a parameter is, to its number in `NonBodyParameter`, its fields, the number of its extensions."""
_OPERATION: Final[dict[str, tuple[int, _Kind]]] = {
    "tags": (1, _each(_text)), "summary": (2, _text), "description": (3, _text), "operationId": (5, _text),
    "produces": (6, _each(_text)), "consumes": (7, _each(_text)), "parameters": (8, _each(_one(_parameter))),
    "responses": (9, _one(_map(_response))), "schemes": (10, _each(_text)), "deprecated": (11, _bool),
}  # fmt: skip
_PATH_ITEM: Final[dict[str, tuple[int, _Kind]]] = {
    "get": (2, _one(_operation)), "put": (3, _one(_operation)), "post": (4, _one(_operation)),
    "delete": (5, _one(_operation)), "options": (6, _one(_operation)), "head": (7, _one(_operation)),
    "patch": (8, _one(_operation)), "parameters": (9, _each(_one(_parameter))),
}  # fmt: skip
_DOCUMENT: Final[dict[str, tuple[int, _Kind]]] = {
    "swagger": (1, _text), "info": (2, _one(_info)),
    "paths": (8, _one(_map(_path_item, inner=2))), "definitions": (9, _one(_map(_schema))),
    "parameters": (10, _one(_map(_definition))),
    "security": (12, _each(_one(_map(_strings)))), "securityDefinitions": (13, _one(_map(_security))),
}  # fmt: skip
