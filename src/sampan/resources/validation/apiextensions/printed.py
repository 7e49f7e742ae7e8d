"""Definitions and schemas as errors show them: Go's structs of the internal API, whose fields have no JSON names."""

from collections.abc import Mapping
from typing import Any

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Shown, marshalled

SCHEMA_FIELDS: tuple[tuple[str, str, Any], ...] = (
    ("ID", "id", ""), ("Schema", "$schema", ""), ("Ref", "$ref", None), ("Description", "description", ""),
    ("Type", "type", ""), ("Nullable", "nullable", False), ("Format", "format", ""), ("Title", "title", ""),
    ("Default", "default", None), ("Maximum", "maximum", None), ("ExclusiveMaximum", "exclusiveMaximum", False),
    ("Minimum", "minimum", None), ("ExclusiveMinimum", "exclusiveMinimum", False), ("MaxLength", "maxLength", None),
    ("MinLength", "minLength", None), ("Pattern", "pattern", ""), ("MaxItems", "maxItems", None),
    ("MinItems", "minItems", None), ("UniqueItems", "uniqueItems", False), ("MultipleOf", "multipleOf", None),
    ("Enum", "enum", None), ("MaxProperties", "maxProperties", None), ("MinProperties", "minProperties", None),
    ("Required", "required", None), ("Items", "items", None), ("AllOf", "allOf", None), ("OneOf", "oneOf", None),
    ("AnyOf", "anyOf", None), ("Not", "not", None), ("Properties", "properties", None),
    ("AdditionalProperties", "additionalProperties", None), ("PatternProperties", "patternProperties", None),
    ("Dependencies", "dependencies", None), ("AdditionalItems", "additionalItems", None),
    ("Definitions", "definitions", None), ("ExternalDocs", "externalDocs", None), ("Example", "example", None),
    ("XPreserveUnknownFields", "x-kubernetes-preserve-unknown-fields", None),
    ("XEmbeddedResource", "x-kubernetes-embedded-resource", False),
    ("XIntOrString", "x-kubernetes-int-or-string", False),
    ("XListMapKeys", "x-kubernetes-list-map-keys", None), ("XListType", "x-kubernetes-list-type", None),
    ("XMapType", "x-kubernetes-map-type", None), ("XValidations", "x-kubernetes-validations", None),
)  # fmt: skip
"""Go's name, JSON's name and what stands for an absent one, in Go's order."""
RULE_FIELDS: tuple[tuple[str, str, Any], ...] = (
    ("Rule", "rule", ""), ("Message", "message", ""), ("MessageExpression", "messageExpression", ""),
    ("Reason", "reason", None), ("FieldPath", "fieldPath", ""), ("OptionalOldSelf", "optionalOldSelf", None),
)  # fmt: skip
COLUMN_FIELDS: tuple[tuple[str, str, Any], ...] = (
    ("Name", "name", ""), ("Type", "type", ""), ("Format", "format", ""), ("Description", "description", ""),
    ("Priority", "priority", 0), ("JSONPath", "jsonPath", ""),
)  # fmt: skip
SCALE_FIELDS: tuple[tuple[str, str, Any], ...] = (
    ("SpecReplicasPath", "specReplicasPath", ""), ("StatusReplicasPath", "statusReplicasPath", ""),
    ("LabelSelectorPath", "labelSelectorPath", None),
)  # fmt: skip
SELECTABLE_FIELDS: tuple[tuple[str, str, Any], ...] = (("JSONPath", "jsonPath", ""),)
FLOATS = frozenset(("maximum", "minimum", "multipleOf"))
LISTS, NAMED = frozenset(("allOf", "oneOf", "anyOf")), frozenset(("properties", "patternProperties", "definitions"))


def shown_schema(schema: Obj) -> Shown:
    """A schema in an error."""
    return Shown(marshalled(_schema(schema)))


def shown_rule(rule: Obj) -> Shown:
    """A rule in an error."""
    return Shown(marshalled(_fields(rule, RULE_FIELDS)))


def shown_versions(versions: list[Obj] | None) -> Shown:
    """The versions, after what is the same in all of them was moved to the top."""
    return Shown(marshalled(None if versions is None else [_version(one) for one in versions]))


def _fields(value: Mapping[str, Any], table: tuple[tuple[str, str, Any], ...]) -> Obj:
    return {name: absent if value.get(key) is None else value[key] for name, key, absent in table}


def _schema(schema: Obj) -> Obj:
    made: Obj = {}
    for name, key, absent in SCHEMA_FIELDS:
        value = schema.get(key)
        made[name] = absent if value is None else _value(key, value)
    return made


def _value(key: str, value: Any) -> Any:
    if key in FLOATS:
        return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e21 else value
    if key in LISTS:
        return [_schema(one) for one in value]
    if key in NAMED:
        return {name: _schema(value[name]) for name in sorted(value)}
    if key == "not":
        return _schema(value)
    if key == "items":
        alone = isinstance(value, dict)
        return {"Schema": _schema(value) if alone else None,
                "JSONSchemas": None if alone else [_schema(one) for one in value]}  # fmt: skip
    if key in ("additionalProperties", "additionalItems"):
        alone = isinstance(value, dict)
        return {"Allows": alone or bool(value), "Schema": _schema(value) if alone else None}
    if key == "dependencies":
        return {name: _dependency(value[name]) for name in sorted(value)}
    if key == "externalDocs":
        return {"Description": value.get("description", ""), "URL": value.get("url", "")}
    if key == "x-kubernetes-validations":
        return [_fields(one, RULE_FIELDS) for one in value]
    return value


def _dependency(value: Any) -> Obj:
    alone = isinstance(value, dict)
    return {"Schema": _schema(value) if alone else None, "Property": None if alone else value}


def _version(version: Obj) -> Obj:
    schema, subresources = version.get("schema"), version.get("subresources")
    columns, selectable = version.get("additionalPrinterColumns"), version.get("selectableFields")
    below = (schema or {}).get("openAPIV3Schema")
    return {
        "Name": version.get("name", ""),
        "Served": bool(version.get("served")),
        "Storage": bool(version.get("storage")),
        "Deprecated": bool(version.get("deprecated")),
        "DeprecationWarning": version.get("deprecationWarning"),
        "Schema": None if schema is None else {"OpenAPIV3Schema": None if below is None else _schema(below)},
        "Subresources": None if subresources is None else _subresources(subresources),
        "AdditionalPrinterColumns": None if columns is None else [_fields(one, COLUMN_FIELDS) for one in columns],
        "SelectableFields": None
        if selectable is None
        else [{"JSONPath": one.get("jsonPath", "")} for one in selectable],
    }


def _subresources(given: Obj) -> Obj:
    status, scale = given.get("status"), given.get("scale")
    return {
        "Status": None if status is None else {},
        "Scale": None if scale is None else _fields(scale, SCALE_FIELDS),
    }


def shown_items(items: list[Obj]) -> Shown:
    """Several schemas where one is wanted."""
    return Shown(marshalled(_value("items", items)))
