"""The order in which Go's encoder writes the fields of an object: that of its types; keys of maps are sorted."""

from typing import Any

from sampan.api.schema.nodes import Node


def go_ordered(value: Any, node: Node) -> Any:
    """The same value with its keys in Go's order: properties as `node` lists them, everything without a type sorted.

    Raw JSON (`fieldsV1`) stays as it is.
    """
    if isinstance(value, list):
        return [go_ordered(item, node.items) for item in value] if node.items is not None else value
    if not isinstance(value, dict):
        return value
    if node.type == "map" and node.items is not None:
        return {key: go_ordered(value[key], node.items) for key in sorted(value)}
    if node.type == "any" and node.name:
        return value
    children = node.properties
    made = {key: go_ordered(value[key], child) for key, child in children.items() if key in value}
    return made | {key: value[key] for key in sorted(value) if key not in made}
