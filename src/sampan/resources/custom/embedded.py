"""Resources within custom resources (x-kubernetes-embedded-resource): their kind, apiVersion and metadata."""

from typing import Any

from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.api.meta import is_dns1035_label, is_path_segment
from sampan.api.schema.nodes import Node
from sampan.resources.strategies.checks import Errors, invalid, required
from sampan.resources.validation.metadata import check_meta

BOTH = ("apiVersion", "kind")


def coercion_errors(value: Any, node: Node, path: str, *, root: bool = False) -> Errors:
    """The first kind or apiVersion that is no string. `root`: the value itself is a resource."""
    if isinstance(value, dict):
        if root or node.embedded:
            for key in BOTH:
                if key in value and not isinstance(value[key], str):
                    return [invalid(_at(path, key), value[key], "must be a string")]
        for key, child, inner in _children(value, node):
            if found := coercion_errors(child, inner, _at(path, key)):
                return found
    elif isinstance(value, list) and node.items is not None:
        for index, child in enumerate(value):
            if found := coercion_errors(child, node.items, f"{path}[{index}]"):
                return found
    return []


def embedded_errors(value: Any, node: Node, path: str, *, root: bool = False) -> Errors:
    """What is wrong with kind, apiVersion and metadata of all resources within a value."""
    found: Errors = []
    if isinstance(value, dict):
        if root or node.embedded:
            found += _resource(value, path)
        for key, child, inner in _children(value, node):
            known = key in node.properties
            found += embedded_errors(child, inner, _at(path, key) if known else f"{path}[{key}]")
    elif isinstance(value, list) and node.items is not None:
        for index, child in enumerate(value):
            found += embedded_errors(child, node.items, f"{path}[{index}]")
    return found


def has_embedded(node: Node) -> bool:
    """Whether a schema has resources within it."""
    if node.embedded or (node.items is not None and has_embedded(node.items)):
        return True
    return any(has_embedded(child) for child in node.properties.values())


def _at(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _children(value: Obj, node: Node) -> list[tuple[str, Any, Node]]:
    return [
        (key, child, inner)
        for key, child in value.items()
        if isinstance(child, dict | list) and (inner := node.properties.get(key) or node.items) is not None
    ]


def _resource(value: Obj, path: str) -> Errors:
    found = [required(_at(path, key)) for key in BOTH if key not in value]
    for key, given in value.items():
        match key:
            case "apiVersion":
                found += _version(given, _at(path, key))
            case "kind":
                found += _kind(given, _at(path, key))
            case "metadata":
                found += _metadata(given, path)
    return found


def _version(given: Any, at: str) -> Errors:
    if not isinstance(given, str):
        return [invalid(at, given, "must be a string")]
    if not given:
        return [invalid(at, given, "must not be empty")]
    if given.count("/") > 1:
        return [invalid(at, given, f"unexpected GroupVersion string: {given}")]
    return []


def _kind(given: Any, at: str) -> Errors:
    if not isinstance(given, str):
        return [invalid(at, given, "must be a string")]
    if not given:
        return [invalid(at, given, "must not be empty")]
    if problems := is_dns1035_label(given.lower()):
        return [invalid(at, given, f"may have mixed case, but should otherwise match: {','.join(problems)}")]
    return []


def _metadata(given: Any, path: str) -> Errors:
    if not isinstance(given, dict):
        return []
    named = given if given.get("name") else {**given, "name": "fakename"}
    found = check_meta(named, bool(given.get("namespace")), is_path_segment)
    return [_below(error, path) for error in found]


def _below(error: FieldError, path: str) -> FieldError:
    return error._replace(field=f"{path}.{error.field}") if path else error
