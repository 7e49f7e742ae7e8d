"""Schema trees to and from OpenAPI v3: nodes of CRDs are made here, and any node can be written down."""

from collections.abc import Mapping
from typing import Any, Final

from sampan.api.schema.nodes import Node, NodeType

_SCALARS: Final[Mapping[str, NodeType]] = {
    "string": "string", "integer": "integer", "number": "number", "boolean": "boolean",
}  # fmt: skip
_STRUCTURAL: Final = frozenset({
    "type", "properties", "items", "additionalProperties", "required", "format", "enum", "nullable", "default",
    "description", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource", "x-kubernetes-int-or-string",
})  # fmt: skip
_SPECIAL: Final[Mapping[str, dict[str, Any]]] = {
    "quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
    "int-or-string": {"x-kubernetes-int-or-string": True},
    "time": {"type": "string", "format": "date-time"},
    "microtime": {"type": "string", "format": "date-time"},
    "bytes": {"type": "string", "format": "byte"},
    "any": {"x-kubernetes-preserve-unknown-fields": True},
}


def from_openapi(schema: Mapping[str, Any]) -> Node:
    """A structural schema (of a CRD, as decoded JSON) as a node; properties are compiled on first use."""
    properties = schema.get("properties")
    additional = schema.get("additionalProperties")
    node = Node(
        _type(schema),
        required=tuple(schema.get("required") or ()),
        list_type=schema.get("x-kubernetes-list-type") or "atomic",
        map_keys=tuple(schema.get("x-kubernetes-list-map-keys") or ()),
        atomic=schema.get("x-kubernetes-map-type") == "atomic",
        format=schema.get("format", ""),
        enum=tuple(schema.get("enum") or ()),
        nullable=bool(schema.get("nullable")),
        default=schema.get("default"),
        has_default="default" in schema,
        preserve_unknown=bool(schema.get("x-kubernetes-preserve-unknown-fields")),
        embedded=bool(schema.get("x-kubernetes-embedded-resource")),
        description=schema.get("description", ""),
        extra={key: value for key, value in schema.items() if key not in _STRUCTURAL},
    )
    if properties:
        node.resolve = lambda: {key: from_openapi(child) for key, child in properties.items()}
    items = schema.get("items")
    if isinstance(items, Mapping):
        node.items = from_openapi(items)
    elif isinstance(additional, Mapping):
        node.items = from_openapi(additional)
    elif additional is True:
        node.items = Node("any")  # upstream keeps the values, without what objects among them hold
    return node


def _type(schema: Mapping[str, Any]) -> NodeType:
    if schema.get("x-kubernetes-int-or-string"):
        return "int-or-string"
    kind = schema.get("type")
    if kind == "array":
        return "array"
    if kind == "object":
        is_map = schema.get("additionalProperties") and not schema.get("properties")
        return "map" if is_map else "object"
    return _SCALARS.get(str(kind), "any")


def to_openapi(node: Node) -> dict[str, Any]:
    """The node as an OpenAPI v3 schema, its children in place."""
    schema: dict[str, Any] = dict(_SPECIAL.get(node.type, {}))
    if node.type in ("object", "map"):
        schema["type"] = "object"
    elif node.type == "array" or node.type in _SCALARS:
        schema["type"] = node.type
    if node.type in ("object", "map") and node.properties:
        schema["properties"] = {key: to_openapi(child) for key, child in node.properties.items()}
    if node.items is not None:
        schema["items" if node.type == "array" else "additionalProperties"] = to_openapi(node.items)
    schema |= {key: value for key, value in _facts(node).items() if value}
    if node.has_default:
        schema["default"] = node.default
    return schema | dict(node.extra)


def _facts(node: Node) -> dict[str, Any]:
    listed = node.type == "array" and (node.list_type != "atomic" or node.map_keys)
    return {
        "description": node.description,
        "required": list(node.required),
        "format": node.format,
        "enum": list(node.enum),
        "nullable": node.nullable,
        "x-kubernetes-list-type": node.list_type if listed else "",
        "x-kubernetes-list-map-keys": list(node.map_keys),
        "x-kubernetes-map-type": "atomic" if node.atomic else "",
        "x-kubernetes-preserve-unknown-fields": node.preserve_unknown,
        "x-kubernetes-embedded-resource": node.embedded,
    }
