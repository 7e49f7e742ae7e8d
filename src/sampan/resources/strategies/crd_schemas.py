"""Whether a CRD's schema is structural (KEP-1979), and valid where upstream looks closer."""

import re
from collections.abc import Mapping
from typing import Any

from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.api.schema.default import default
from sampan.api.schema.openapi import from_openapi
from sampan.api.schema.prune import unknown_fields
from sampan.api.schema.validate import validate
from sampan.resources.strategies.checks import Errors, forbidden, invalid, not_supported, required, shown

TYPES = ("array", "boolean", "integer", "number", "object", "string")
VALUE_ONLY = ("type", "default", "title", "description", "nullable", "additionalProperties")
"""What a schema below allOf, anyOf, oneOf and not may not have."""
NESTING = ("allOf", "anyOf", "oneOf")
EMBEDDED, PRESERVE = "x-kubernetes-embedded-resource", "x-kubernetes-preserve-unknown-fields"
INT_OR_STRING = "x-kubernetes-int-or-string"
INT_OR_STRING_FORM = [{"type": "integer"}, {"type": "string"}]
LIST_TYPE, LIST_KEYS, MAP_TYPE = "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"
META_FIELDS = {"name", "generateName"}
NO_QUADRATIC = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"


def check_schema(schema: Obj, at: str) -> Errors:
    """What is wrong with a version's openAPIV3Schema."""
    if not schema.get("type") and not schema.get(PRESERVE):
        return [required(f"{at}.type", "must not be empty at the root")]
    if schema.get("type") not in (None, "object"):
        return [invalid(f"{at}.type", schema["type"], "must be object at the root")]
    errors: Errors = []
    if schema.get("nullable"):
        errors.append(forbidden(f"{at}.nullable", "nullable cannot be true at the root"))
    if "additionalProperties" in schema:
        errors.append(forbidden(f"{at}.additionalProperties", "must not be used at the root"))
    errors += _walk({k: v for k, v in schema.items() if k != "additionalProperties"}, at)
    errors += _top(schema, at)
    return errors


def _top(schema: Obj, at: str) -> Errors:
    """apiVersion, kind and metadata at the root or in an embedded resource."""
    errors: Errors = []
    properties: Mapping[str, Any] = schema.get("properties") or {}
    for key, wanted in (("apiVersion", "string"), ("kind", "string"), ("metadata", "object")):
        found = (properties.get(key) or {}).get("type")
        if key in properties and found != wanted:
            errors.append(invalid(f"{at}.properties[{key}].type", found, f"must be {wanted}"))
    meta = properties.get("metadata") or {}
    if set(meta.get("properties") or {}) - META_FIELDS:
        text = "must not specify anything other than name and generateName, but metadata is implicitly specified"
        errors.append(forbidden(f"{at}.properties[metadata]", text))
    if "default" in schema:
        missing = [key for key in ("apiVersion", "kind") if not (schema["default"] or {}).get(key)]
        errors += [required(f"{at}.default.{key}") for key in missing]
    return errors


def _walk(schema: Obj, at: str, nested: bool = False) -> Errors:
    """One schema and those below it. `nested`: within allOf and the like."""
    errors: Errors = []
    if "$ref" in schema:
        errors.append(forbidden(f"{at}.$ref", "$ref is not supported"))
    if schema.get("uniqueItems"):
        errors.append(forbidden(f"{at}.uniqueItems", NO_QUADRATIC))
    if "properties" in schema and schema.get("additionalProperties") is not None:
        text = "additionalProperties and properties are mutual exclusive"
        errors.append(forbidden(f"{at}.additionalProperties", text))
    if isinstance(schema.get("items"), list):
        errors.append(forbidden(f"{at}.items", "items must be a schema object and not an array"))
    if schema.get(PRESERVE) is False:
        errors.append(invalid(f"{at}.{PRESERVE}", False, "must be true or undefined"))
    if "pattern" in schema:
        errors += _pattern(schema["pattern"], f"{at}.pattern")
    if nested:
        errors += [forbidden(f"{at}.{key}", "must be empty to be structural") for key in VALUE_ONLY if key in schema]
    for key in NESTING:
        for index, one in enumerate(schema.get(key) or ()):
            if schema.get(INT_OR_STRING) and _says_int_or_string(schema, key, one):
                continue
            errors += _walk(one, f"{at}.{key}[{index}]", True)
    if "not" in schema:
        errors += _walk(schema["not"], f"{at}.not", True)
    if not nested:
        errors += _typed(schema, at)
        errors += _listed(schema, at)
        errors += _embedded(schema, at)
        errors += _default(schema, at)
    for key, child in (schema.get("properties") or {}).items():
        errors += _walk(child, f"{at}.properties[{key}]", nested)
    if isinstance(schema.get("items"), dict):
        errors += _walk(schema["items"], f"{at}.items", nested)
    if isinstance(schema.get("additionalProperties"), dict):
        errors += _walk(schema["additionalProperties"], f"{at}.additionalProperties", nested)
    return errors


def _says_int_or_string(schema: Obj, key: str, one: Obj) -> bool:
    """Whether this part of anyOf or allOf only repeats that the value is an integer or a string."""
    if key == "anyOf":
        return bool(schema["anyOf"] == INT_OR_STRING_FORM)
    return key == "allOf" and one is schema["allOf"][0] and one.get("anyOf") == INT_OR_STRING_FORM and len(one) == 1


def _typed(schema: Obj, at: str) -> Errors:
    kind = schema.get("type")
    if not kind:
        if schema.get(INT_OR_STRING) or schema.get(PRESERVE):
            return []
        where = "array items" if at.endswith("items") else "object fields"
        return [required(f"{at}.type", f"must not be empty for specified {where}")]
    if kind not in TYPES:
        return [not_supported(f"{at}.type", kind, TYPES)]
    if kind == "array" and "items" not in schema:
        return [required(f"{at}.items", "must be specified")]
    return []


def _listed(schema: Obj, at: str) -> Errors:
    errors: Errors = []
    listed, keys, mapped = schema.get(LIST_TYPE), schema.get(LIST_KEYS) or [], schema.get(MAP_TYPE)
    if listed is not None:
        if schema.get("type") != "array":
            text = "must be array if x-kubernetes-list-type is specified"
            return [invalid(f"{at}.type", schema.get("type"), text)]
        if listed not in ("atomic", "set", "map"):
            text = f'Unsupported value: {shown(listed)}: supported values: "atomic", "set", "map"'
            return [FieldError("FieldValueNotSupported", f"{at}.{LIST_TYPE}", text)]
    if mapped not in (None, "atomic", "granular"):
        errors.append(not_supported(f"{at}.{MAP_TYPE}", mapped, ("atomic", "granular")))
    items: Obj = schema.get("items") if isinstance(schema.get("items"), dict) else {}  # type: ignore[assignment]
    if listed == "set":
        for key, kind in ((MAP_TYPE, "object"), (LIST_TYPE, "array")):
            if items.get("type") == kind and items.get(key) != "atomic":
                text = "must be atomic as item of a list with x-kubernetes-list-type=set"
                errors.append(invalid(f"{at}.items.{key}", items.get(key), text))
    if listed == "map":
        errors += _keys(items, keys, at)
    elif keys:
        text = "must be empty if x-kubernetes-list-type is not map"
        errors.append(forbidden(f"{at}.{LIST_KEYS}", text))
    return errors


def _keys(items: Obj, keys: list[str], at: str) -> Errors:
    errors: Errors = []
    if not keys:
        errors.append(required(f"{at}.{LIST_KEYS}", "must not be empty if x-kubernetes-list-type is map"))
    if items.get("nullable"):
        text = "cannot be nullable when x-kubernetes-list-type is map"
        errors.append(forbidden(f"{at}.items.nullable", text))
    for index, key in enumerate(keys):
        found = (items.get("properties") or {}).get(key)
        if found is None:
            text = "entries must all be names of item properties"
            errors.append(invalid(f"{at}.{LIST_KEYS}[{index}]", key, text))
        elif "default" not in found and key not in (items.get("required") or ()):
            text = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
            errors.append(required(f"{at}.items.properties[{key}].default", text))
        elif found.get("nullable"):
            text = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable"
            errors.append(forbidden(f"{at}.items.properties[{key}].nullable", text))
    return errors


def _embedded(schema: Obj, at: str) -> Errors:
    if not schema.get(EMBEDDED):
        return []
    errors: Errors = []
    if schema.get("type") != "object":
        errors.append(invalid(f"{at}.type", schema.get("type"), f"must be object if {EMBEDDED} is true"))
    if not schema.get(PRESERVE) and not schema.get("properties"):
        text = f"must not be empty if {EMBEDDED} is true without {PRESERVE}"
        errors.append(required(f"{at}.properties", text))
    return errors + _top({k: v for k, v in schema.items() if k != "default"}, at)


def _default(schema: Obj, at: str) -> Errors:
    """A default must fit its schema, without fields that would be pruned."""
    if schema.get("default") is None or at.endswith("openAPIV3Schema"):
        return []
    node, value = from_openapi(schema), schema["default"]
    if unknown_fields(value, node):
        return [invalid(f"{at}.default", value, "must not have unknown fields")]
    return [
        error._replace(field=f"{at}.default{_below(error.field)}") for error in validate(default(value, node), node)
    ]


def _below(path: str) -> str:
    return f".{path}" if path and path != "<nil>" else ""


def _pattern(pattern: str, at: str) -> Errors:
    try:
        re.compile(pattern)
    except re.error as error:
        why = "missing closing ]" if "unterminated character set" in error.msg else error.msg
        place = pattern[error.pos or 0 :]
        text = f"must be a valid regular expression, but isn't: error parsing regexp: {why}: `{place}`"
        return [invalid(at, pattern, text)]
    return []
