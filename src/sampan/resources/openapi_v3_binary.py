"""An OpenAPI v3 document in the protobuf form of client-go (the messages of gnostic's openapi.v3 package)."""

from collections.abc import Mapping
from typing import Any, Final

from sampan.api.protobuf.wire import delimited
from sampan.resources.openapi_messages import (
    Kind,
    Raw,
    Write,
    anything,
    boolean,
    double,
    each,
    integer,
    mapping,
    message,
    named,
    one,
    text,
)

Fields = Mapping[str, tuple[int, Kind]]


def encode(document: Raw) -> bytes:
    """A document as a message `Document`."""
    return message(_DOCUMENT, document, extensions=9)


def _or_reference(write: Write) -> Write:
    """A message `...OrReference`: the thing itself, or where it is."""
    return lambda value: delimited(2, message(_REFERENCE, value)) if "$ref" in value else delimited(1, write(value))


def _schema(value: Raw) -> bytes:
    return message(_SCHEMA, value, extensions=36)


def _default(value: Any) -> bytes:
    """A message `DefaultType`, which is empty for what is no scalar."""
    if isinstance(value, bool):
        return _arm(value)
    if isinstance(value, int | float):
        return double(1, value)
    return text(3, value) if isinstance(value, str) else b""


def _arm(value: bool) -> bytes:
    """The arm `boolean` of a oneof with number 2, which is written when false too."""
    return b"\x10\x01" if value else b"\x10\x00"


def _items(value: Any) -> bytes:
    return each(one(_schema_or_reference))(1, value if isinstance(value, list) else [value])


def _additional(value: Any) -> bytes:
    return _arm(value) if isinstance(value, bool) else delimited(1, _schema_or_reference(value))


def _media_type(value: Raw) -> bytes:
    return message({"schema": (1, one(_schema_or_reference)), "example": (2, one(anything))}, value, extensions=5)


def _body(value: Raw) -> bytes:
    return message(_BODY, value, extensions=4)


def _parameter(value: Raw) -> bytes:
    return message(_PARAMETER, value, extensions=14)


def _response(value: Raw) -> bytes:
    return message({"description": (1, text), "content": (3, one(mapping(_media_type)))}, value, extensions=5)


def _responses(value: Raw) -> bytes:
    """A message `Responses`: the default one apart from those with a code."""
    write = _or_reference(_response)
    return b"".join(
        delimited(1, write(child)) if code == "default" else delimited(2, named(code, write(child)))
        for code, child in value.items()
    )


def _operation(value: Raw) -> bytes:
    return message(_OPERATION, value, extensions=13)


def _path_item(value: Raw) -> bytes:
    return message(_PATH_ITEM, value, extensions=14)


def _info(value: Raw) -> bytes:
    return message({"title": (1, text), "description": (2, text), "version": (6, text)}, value, extensions=7)


def _security(value: Raw) -> bytes:
    fields = {"type": (1, text), "description": (2, text), "name": (3, text), "in": (4, text), "scheme": (5, text)}
    return message(fields, value, extensions=9)


def _components(value: Raw) -> bytes:
    fields = {
        "schemas": (1, one(mapping(_schema_or_reference))),
        "securitySchemes": (7, one(mapping(_or_reference(_security)))),
    }
    return message(fields, value, extensions=10)


_REFERENCE: Final[Fields] = {"$ref": (1, text), "summary": (2, text), "description": (3, text)}
_schema_or_reference: Final = _or_reference(_schema)
_SCHEMA: Final[Fields] = {
    "nullable": (1, boolean), "readOnly": (3, boolean), "writeOnly": (4, boolean), "example": (7, one(anything)),
    "deprecated": (8, boolean), "title": (9, text), "multipleOf": (10, double), "maximum": (11, double),
    "exclusiveMaximum": (12, boolean), "minimum": (13, double), "exclusiveMinimum": (14, boolean),
    "maxLength": (15, integer), "minLength": (16, integer), "pattern": (17, text), "maxItems": (18, integer),
    "minItems": (19, integer), "uniqueItems": (20, boolean), "maxProperties": (21, integer),
    "minProperties": (22, integer), "required": (23, each(text)), "enum": (24, each(one(anything))),
    "type": (25, text), "allOf": (26, each(one(_schema_or_reference))), "oneOf": (27, each(one(_schema_or_reference))),
    "anyOf": (28, each(one(_schema_or_reference))), "not": (29, one(_schema)), "items": (30, one(_items)),
    "properties": (31, one(mapping(_schema_or_reference))), "additionalProperties": (32, one(_additional)),
    "default": (33, one(_default)), "description": (34, text), "format": (35, text),
}  # fmt: skip
_BODY: Final[Fields] = {
    "description": (1, text), "content": (2, one(mapping(_media_type))), "required": (3, boolean),
}  # fmt: skip
_PARAMETER: Final[Fields] = {
    "name": (1, text), "in": (2, text), "description": (3, text), "required": (4, boolean),
    "schema": (10, one(_schema_or_reference)),
}  # fmt: skip
_OPERATION: Final[Fields] = {
    "tags": (1, each(text)), "summary": (2, text), "description": (3, text), "operationId": (5, text),
    "parameters": (6, each(one(_or_reference(_parameter)))), "requestBody": (7, one(_or_reference(_body))),
    "responses": (8, one(_responses)), "deprecated": (10, boolean),
}  # fmt: skip
_PATH_ITEM: Final[Fields] = {
    "get": (4, one(_operation)), "put": (5, one(_operation)), "post": (6, one(_operation)),
    "delete": (7, one(_operation)), "options": (8, one(_operation)), "head": (9, one(_operation)),
    "patch": (10, one(_operation)), "parameters": (13, each(one(_or_reference(_parameter)))),
}  # fmt: skip
_DOCUMENT: Final[Fields] = {
    "openapi": (1, text), "info": (2, one(_info)), "paths": (4, one(mapping(_path_item))),
    "components": (5, one(_components)),
}  # fmt: skip
