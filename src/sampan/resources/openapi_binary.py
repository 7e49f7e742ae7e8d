"""An OpenAPI v2 document in the protobuf form that kubectl asks for (the messages of gnostic's openapi.v2 package)."""

from typing import Any, Final

from sampan.api.protobuf.wire import delimited
from sampan.resources.openapi_messages import (
    Kind,
    Raw,
    anything,
    boolean,
    double,
    each,
    integer,
    mapping,
    message,
    one,
    text,
)


def encode(document: Raw) -> bytes:
    """A document as a message `Document`."""
    return message(_DOCUMENT, document)


def _strings(value: Any) -> bytes:
    return each(text)(1, [value] if isinstance(value, str) else value)


def _schema(value: Raw) -> bytes:
    return message(_SCHEMA, value, extensions=31)


def _items(value: Any) -> bytes:
    return each(one(_schema))(1, value if isinstance(value, list) else [value])


def _additional(value: Any) -> bytes:
    return boolean(2, value) if isinstance(value, bool) else delimited(1, _schema(value))


def _parameter(value: Raw) -> bytes:
    """A message `ParametersItem`."""
    if "$ref" in value:
        return delimited(2, message({"$ref": (1, text), "description": (2, text)}, value))
    return delimited(1, _definition(value))


def _definition(value: Raw) -> bytes:
    """A message `Parameter`."""
    if value["in"] == "body":
        return delimited(1, message(_BODY, value, extensions=6))
    number, fields, extensions = _PLACES[value["in"]]
    return delimited(2, delimited(number, message(fields, value, extensions)))


def _response(value: Raw) -> bytes:
    """A message `ResponseValue`."""
    return delimited(1, message({"description": (1, text), "schema": (2, one(_schema_item))}, value, extensions=5))


def _schema_item(value: Raw) -> bytes:
    return delimited(1, _schema(value))


def _operation(value: Raw) -> bytes:
    return message(_OPERATION, value, extensions=13)


def _path_item(value: Raw) -> bytes:
    return message(_PATH_ITEM, value, extensions=10)


def _info(value: Raw) -> bytes:
    return message({"title": (1, text), "version": (2, text)}, value)


def _security(value: Raw) -> bytes:
    """A message `SecurityDefinitionsItem` of an API key, the only kind that Kubernetes' document has."""
    fields = {"type": (1, text), "name": (2, text), "in": (3, text), "description": (4, text)}
    return delimited(2, message(fields, value, extensions=5))


_SCHEMA: Final[dict[str, tuple[int, Kind]]] = {
    "$ref": (1, text), "format": (2, text), "title": (3, text), "description": (4, text),
    "default": (5, one(anything)), "multipleOf": (6, double), "maximum": (7, double), "exclusiveMaximum": (8, boolean),
    "minimum": (9, double), "exclusiveMinimum": (10, boolean),
    "maxLength": (11, integer), "minLength": (12, integer), "pattern": (13, text),
    "maxItems": (14, integer), "minItems": (15, integer), "uniqueItems": (16, boolean), "maxProperties": (17, integer),
    "minProperties": (18, integer), "required": (19, each(text)), "enum": (20, each(one(anything))),
    "additionalProperties": (21, one(_additional)), "type": (22, one(_strings)), "items": (23, one(_items)),
    "allOf": (24, each(one(_schema))), "properties": (25, one(mapping(_schema))), "readOnly": (27, boolean),
    "example": (30, one(anything)),
}  # fmt: skip
_BODY: Final[dict[str, tuple[int, Kind]]] = {
    "description": (1, text), "name": (2, text), "in": (3, text), "required": (4, boolean),
    "schema": (5, one(_schema)),
}  # fmt: skip
_COMMON: Final[dict[str, tuple[int, Kind]]] = {
    "required": (1, boolean), "in": (2, text), "description": (3, text), "name": (4, text),
}  # fmt: skip
_HEADER_OR_PATH: Final = {**_COMMON, "type": (5, text), "format": (6, text), "uniqueItems": (19, boolean)}
_QUERY: Final = {**_COMMON, "type": (6, text), "format": (7, text), "uniqueItems": (20, boolean)}
_PLACES: Final = {"header": (1, _HEADER_OR_PATH, 22), "query": (3, _QUERY, 23), "path": (4, _HEADER_OR_PATH, 22)}
"""Where a parameter is, to its number in `NonBodyParameter`, its fields, the number of its extensions."""
_OPERATION: Final[dict[str, tuple[int, Kind]]] = {
    "tags": (1, each(text)), "summary": (2, text), "description": (3, text), "operationId": (5, text),
    "produces": (6, each(text)), "consumes": (7, each(text)), "parameters": (8, each(one(_parameter))),
    "responses": (9, one(mapping(_response))), "schemes": (10, each(text)), "deprecated": (11, boolean),
}  # fmt: skip
_PATH_ITEM: Final[dict[str, tuple[int, Kind]]] = {
    "get": (2, one(_operation)), "put": (3, one(_operation)), "post": (4, one(_operation)),
    "delete": (5, one(_operation)), "options": (6, one(_operation)), "head": (7, one(_operation)),
    "patch": (8, one(_operation)), "parameters": (9, each(one(_parameter))),
}  # fmt: skip
_DOCUMENT: Final[dict[str, tuple[int, Kind]]] = {
    "swagger": (1, text), "info": (2, one(_info)),
    "paths": (8, one(mapping(_path_item, inner=2))), "definitions": (9, one(mapping(_schema))),
    "parameters": (10, one(mapping(_definition))),
    "security": (12, each(one(mapping(_strings)))), "securityDefinitions": (13, one(mapping(_security))),
}  # fmt: skip
