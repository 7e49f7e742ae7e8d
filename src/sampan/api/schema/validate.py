"""Value validation against a schema, for custom resources, in the words of kube-openapi's validator."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from sampan.api import json
from sampan.api.errors import FieldError
from sampan.api.schema.formats import FORMATS
from sampan.api.schema.nodes import Node
from sampan.api.schema.openapi import from_openapi

_KINDS: Final = {
    str: "string", bool: "boolean", int: "integer", float: "number", dict: "object", list: "array", type(None): "null",
}  # fmt: skip
_INT_LIMITS: Final = {"int32": 2**31, "int64": 2**63}
_NOWHERE: Final = "<nil>"


def validate(value: Any, node: Node, path: str = "", name: str | None = None) -> list[FieldError]:
    """What is wrong with the value, in schema order; empty when nothing is.

    `path` is where the value stands (for the causes' fields), `name` how messages call it when that differs.
    """
    errors: list[FieldError] = []
    _check(value, node, path, path if name is None else name, errors)
    return errors


def _child(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _check(value: Any, node: Node, path: str, name: str, errors: list[FieldError]) -> None:
    if value is None and (node.nullable or node.type == "any"):
        return
    if not _fits(value, node):
        _wrong_type(value, node, path, name, errors)
        if type(value) is not float or node.type != "integer":
            return
    if isinstance(value, dict):
        _check_object(value, node, path, name, errors)
    elif isinstance(value, list):
        _check_list(value, node, path, name, errors)
    elif isinstance(value, str):
        _check_string(value, node, path, name, errors)
    elif type(value) in (int, float):
        _check_number(value, node, path, name, errors)
    if node.enum and value not in node.enum:
        allowed = ", ".join(json.dumps(one).decode() for one in node.enum)
        message = f"Unsupported value: {_show(value)}: supported values: {allowed}"
        errors.append(FieldError("FieldValueNotSupported", path, message))
    _check_composites(value, node, path, name, errors)


def _show(value: Any) -> str:
    return json.dumps(value).decode()


def _fits(value: Any, node: Node) -> bool:
    kind = type(value)
    match node.type:
        case "object" | "map":
            return kind is dict
        case "array":
            return kind is list
        case "string":
            return kind is str
        case "boolean":
            return kind is bool
        case "integer":
            return kind is int or (kind is float and value.is_integer())
        case "number":
            return kind in (int, float)
        case "int-or-string":
            return kind in (int, str)
        case _:
            return True


def _wrong_type(value: Any, node: Node, path: str, name: str, errors: list[FieldError]) -> None:
    wanted = {"int-or-string": "integer,string", "map": "object"}.get(node.type, node.type)
    kind = _KINDS[type(value)]
    message = f'Invalid value: "{kind}": {name} in body must be of type {wanted}: "{kind}"'
    errors.append(FieldError("FieldValueTypeInvalid", path, message))
    if type(value) is float and node.type == "integer":
        errors.append(_nowhere(f"Checked value must be of type integer (default format) in {name}"))


def _nowhere(text: str) -> FieldError:
    return FieldError("FieldValueInvalid", _NOWHERE, f'Invalid value: "": {text}')


def _invalid(value: Any, path: str, text: str) -> FieldError:
    return FieldError("FieldValueInvalid", path, f"Invalid value: {_show(value)}: {text}")


def _check_object(value: Mapping[str, Any], node: Node, path: str, name: str, errors: list[FieldError]) -> None:
    errors.extend(
        FieldError("FieldValueRequired", _child(path, key), "Required value")
        for key in node.required
        if key not in value
    )
    least, most = node.extra.get("minProperties"), node.extra.get("maxProperties")
    if least is not None and len(value) < least:
        errors.append(_invalid(len(value), path, f"{name} in body should have at least {least} properties"))
    if most is not None and len(value) > most:
        errors.append(_too_many(len(value), most, path))
    properties = node.properties
    for key, one in value.items():
        inner = properties.get(key) or node.items
        if inner is not None:
            _check(one, inner, _child(path, key), _child(name, key), errors)


def _too_many(count: int, most: int, path: str) -> FieldError:
    return FieldError("FieldValueTooMany", path, f"Too many: {count}: must have at most {most} items")


def _check_list(value: list[Any], node: Node, path: str, name: str, errors: list[FieldError]) -> None:
    least, most = node.extra.get("minItems"), node.extra.get("maxItems")
    if least is not None and len(value) < least:
        errors.append(_invalid(len(value), path, f"{name} in body should have at least {least} items"))
    if most is not None and len(value) > most:
        errors.append(_too_many(len(value), most, path))
    if node.items is not None:
        for index, one in enumerate(value):
            _check(one, node.items, f"{path}[{index}]", f"{name}[{index}]", errors)
    if node.list_type != "atomic":
        _check_unique(value, node, path, errors)


def _check_unique(value: list[Any], node: Node, path: str, errors: list[FieldError]) -> None:
    """Sets have no element twice, maps no key twice (KEP-555)."""
    seen: set[str] = set()
    for index, one in enumerate(value):
        if node.list_type == "map" and not isinstance(one, dict):
            continue
        shown = {key: one[key] for key in node.map_keys if key in one} if node.list_type == "map" else one
        mark = _show(shown)
        if mark in seen:
            errors.append(FieldError("FieldValueDuplicate", f"{path}[{index}]", f"Duplicate value: {mark}"))
        seen.add(mark)


@lru_cache(maxsize=512)
def _pattern(text: str) -> re.Pattern[str] | None:
    try:
        return re.compile(text)
    except re.error:
        return None


def _check_string(value: str, node: Node, path: str, name: str, errors: list[FieldError]) -> None:
    least, most, pattern = node.extra.get("minLength"), node.extra.get("maxLength"), node.extra.get("pattern")
    if most is not None and len(value) > most:
        errors.append(FieldError("FieldValueTooLong", path, f"Too long: may not be more than {most} bytes"))
    if least is not None and len(value) < least:
        errors.append(_invalid(value, path, f"{name} in body should be at least {least} chars long"))
    if pattern:
        compiled = _pattern(pattern)
        if compiled is not None and compiled.search(value) is None:
            errors.append(_invalid(value, path, f"{name} in body should match '{pattern}'"))
    known = FORMATS.get(node.format)
    if known is not None and not known(value):
        message = f"Invalid value: {_show(value)}: {name} in body must be of type {node.format}: {_show(value)}"
        errors.append(FieldError("FieldValueTypeInvalid", path, message))


def _check_number(value: float, node: Node, path: str, name: str, errors: list[FieldError]) -> None:
    limit = _INT_LIMITS.get(node.format)
    if limit is not None and node.type == "integer" and not -limit <= value < limit:
        errors.append(_nowhere(f"Checked value must be of type integer with format {node.format} in {name}"))
        return
    extra = node.extra
    step, least, most = extra.get("multipleOf"), extra.get("minimum"), extra.get("maximum")
    if most is not None and (value > most or (extra.get("exclusiveMaximum") and value == most)):
        words = "less than" if extra.get("exclusiveMaximum") else "less than or equal to"
        errors.append(_invalid(value, path, f"{name} in body should be {words} {most}"))
    if least is not None and (value < least or (extra.get("exclusiveMinimum") and value == least)):
        words = "greater than" if extra.get("exclusiveMinimum") else "greater than or equal to"
        errors.append(_invalid(value, path, f"{name} in body should be {words} {least}"))
    if step is not None and not float(value / step).is_integer():
        errors.append(_invalid(value, path, f"{name} in body should be a multiple of {step}"))


def _check_composites(value: Any, node: Node, path: str, name: str, errors: list[FieldError]) -> None:
    """allOf, anyOf, oneOf and not: their parts hold value validations only."""
    extra = node.extra
    for part in extra.get("allOf") or ():
        _check(value, from_openapi(part), path, name, errors)
    if extra.get("anyOf"):
        tried = _try(value, extra["anyOf"], path, name)
        if all(tried):
            errors.append(_nowhere(f'"{name}" must validate at least one schema (anyOf)'))
            errors.extend(sorted(tried, key=len)[0])
    if extra.get("oneOf"):
        tried = _try(value, extra["oneOf"], path, name)
        fitting = sum(not one for one in tried)
        if fitting != 1:
            found = f"Found {fitting} valid alternatives" if fitting else "Found none valid"
            errors.append(_nowhere(f'"{name}" must validate one and only one schema (oneOf). {found}'))
            errors.extend([] if fitting else tried[0])
    if extra.get("not") is not None and not _try(value, [extra["not"]], path, name)[0]:
        errors.append(_nowhere(f'"{name}" must not validate the schema (not)'))


def _try(value: Any, parts: list[Mapping[str, Any]], path: str, name: str) -> list[list[FieldError]]:
    return [validate(value, from_openapi(part), path, name) for part in parts]
