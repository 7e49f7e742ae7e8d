"""What is wrong with a version's schema: keywords, lists and maps, the form of rules, their expressions and costs."""

from typing import Any, NamedTuple

from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.resources.custom.rule_costs import Costs, repeated
from sampan.resources.strategies.checks import (
    Errors,
    forbidden,
    invalid,
    not_supported,
    plain,
    required,
)
from sampan.resources.validation.apiextensions.defaults import check_defaults
from sampan.resources.validation.apiextensions.lists import check_lists, check_map_keys
from sampan.resources.validation.apiextensions.printed import SCHEMA_FIELDS, shown_schema
from sampan.resources.validation.apiextensions.structural import (
    EMBEDDED,
    PRESERVE,
    check_structural,
    is_plain,
    no_structure,
)

TYPES = ("array", "boolean", "integer", "number", "object", "string")
AT_ROOT = (
    "Description", "Type", "Format", "Title", "Maximum", "ExclusiveMaximum", "Minimum", "ExclusiveMinimum",
    "MaxLength", "MinLength", "Pattern", "MaxItems", "MinItems", "UniqueItems", "MultipleOf", "Required", "Items",
    "Properties", "ExternalDocs", "Example", "XPreserveUnknownFields", "XValidations",
)  # fmt: skip
IF_STATUS = "at the root of the schema if the status subresource is enabled"
ONLY_SOME = f"only [{' '.join(AT_ROOT)}] fields are allowed {IF_STATUS}"
ONLY_OBJECT = f'only "object" is allowed as the type {IF_STATUS}'
META_FIELDS = ("metadata", "kind", "apiVersion")
MAP_TYPE, RULES = "x-kubernetes-map-type", "x-kubernetes-validations"
QUADRATIC = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
BANNED = ("patternProperties", "definitions")


class Reach(NamedTuple):
    """What holds for a schema because of where it stands."""

    defaults: bool = True
    no_defaults_why: str = ""
    in_meta: bool = False
    """Within the metadata, kind or apiVersion of a resource."""
    uncorrelated: str = ""
    """The list or map whose values have no old ones."""
    often: int | None = 1
    """How often values may occur; None: nothing bounds it."""
    rules: bool = True
    """Whether expressions are to be compiled."""
    alone: bool = False
    """The root, or a resource within it."""


def check_version_schema(schema: Obj, at: str, *, status: bool = False, known: bool = False) -> Errors:
    """All that is wrong with an openAPIV3Schema.

    `status`: a status subresource is on; `known`: the schema stood before, so costs of single rules are borne.
    """
    errors = _root(schema, at) if status else []
    if schema.get("nullable"):
        errors.append(forbidden(f"{at}.nullable", "nullable cannot be true at the root"))
    unfit = no_structure(schema)
    if not unfit:
        shape = check_structural(schema, at) or check_defaults(schema, at)
        errors += shape
        compiles = not shape
    else:
        compiles = False
    costs = Costs(not known)
    found, wrong = _walk(schema, at, Reach(rules=compiles, alone=True), costs)
    errors += [*found, *wrong]
    if unfit and not errors:
        errors.append(invalid(at, "", unfit))
    return errors + costs.total_errors(at) if compiles else errors


def _root(schema: Obj, at: str) -> Errors:
    """With a status subresource the root says only what the status cannot miss."""
    for name, key, absent in SCHEMA_FIELDS:
        value = schema.get(key)
        if value is None or (value == absent and type(value) is type(absent)):
            continue
        if name == "Type" and value != "object":
            return [invalid(f"{at}.type", value, ONLY_OBJECT)]
        if name not in AT_ROOT:
            return [invalid(at, shown_schema(schema), ONLY_SOME)]
    return []


def _walk(schema: Obj, at: str, reach: Reach, costs: Costs) -> tuple[Errors, Errors]:
    """Errors of form, and errors of expressions, of a schema and of all below it."""
    errors, wrong = _keywords(schema, at, reach), Errors()
    if schema.get("uniqueItems"):
        errors.append(forbidden(f"{at}.uniqueItems", QUADRATIC))
    more = schema.get("additionalProperties")
    if more is not None and schema.get("properties") and more is not True:
        text = "additionalProperties and properties are mutual exclusive"
        errors.append(forbidden(f"{at}.additionalProperties", text))
    for child, place, below in _children(schema, at, reach):
        found, below_wrong = _walk(child, place, below, costs)
        errors += found
        wrong += below_wrong
    if schema.get(PRESERVE) is False:
        errors.append(invalid(f"{at}.{PRESERVE}", False, "must be true or undefined"))
    errors += _map_type(schema, at) + check_lists(schema, at) + check_map_keys(schema, at)
    if schema.get(RULES):
        from sampan.resources.validation.apiextensions.rules import Place, check_expressions, check_form

        errors += check_form(schema, at)
        if not errors and reach.rules:
            wrong += check_expressions(Place(schema, at, reach.alone, reach.uncorrelated, reach.often), costs)
    return errors, wrong


def _keywords(schema: Obj, at: str, reach: Reach) -> Errors:
    errors: Errors = []
    kind = schema.get("type") or ""
    if kind and kind not in TYPES:
        errors.append(not_supported(f"{at}.type", plain(kind), TYPES))
    if schema.get("default") is not None and not reach.defaults:
        text = f"must not be set {reach.no_defaults_why}".rstrip()
        errors.append(forbidden(f"{at}.default", text))
    banned = ["id"] if schema.get("id") else []
    banned += ["additionalItems"] if schema.get("additionalItems") is not None else []
    banned += [key for key in BANNED if schema.get(key)]
    banned += [key for key in ("dependencies", "$ref") if schema.get(key) is not None]
    errors += [forbidden(f"{at}.{key}", f"{key} is not supported") for key in banned]
    if kind == "null":
        errors.append(forbidden(f"{at}.type", "type cannot be set to null, use nullable as an alternative"))
    if isinstance(schema.get("items"), list) and schema["items"]:
        errors.append(forbidden(f"{at}.items", "items must be a schema object and not an array"))
    if reach.in_meta and schema.get(EMBEDDED):
        errors.append(forbidden(f"{at}.{EMBEDDED}", "must not be used inside of resource meta"))
    return errors


def _children(schema: Obj, at: str, reach: Reach) -> list[tuple[Obj, str, Reach]]:
    """The schemas below, where they stand and what holds for them there."""
    found: list[tuple[Obj, str, Reach]] = []
    often = repeated(schema, reach.often)
    inner = reach if often == reach.often else reach._replace(often=often)

    def add(child: Any, place: str, below: Reach) -> None:
        if isinstance(child, dict) and not is_plain(child):
            alone = bool(child.get(EMBEDDED))
            found.append((child, f"{at}.{place}", below if below.alone is alone else below._replace(alone=alone)))

    more = inner
    if reach.in_meta:
        why = "inside additionalProperties applying to object metadata"
        more = more._replace(defaults=False, no_defaults_why=why)
    add(schema.get("additionalProperties"), "additionalProperties", more)
    is_root = at.endswith(".openAPIV3Schema") and reach.alone
    for key, child in (schema.get("properties") or {}).items():
        if is_plain(child):
            continue
        add(child, f"properties[{key}]", _of_property(schema, key, at, inner, is_root))
    mute = reach._replace(rules=False)
    add(schema.get("not"), "not", mute)
    for group in ("allOf", "oneOf", "anyOf"):
        for index, child in enumerate(schema.get(group) or ()):
            add(child, f"{group}[{index}]", mute)
    for key, child in (schema.get("definitions") or {}).items():
        add(child, f"definitions[{key}]", mute)
    listed = inner
    if schema.get("x-kubernetes-list-type") != "map":
        listed = _uncorrelated(inner, at)
    items = schema.get("items")
    add(items, "items", listed)
    for index, child in enumerate(items if isinstance(items, list) else ()):
        add(child, f"items[{index}]", listed)
    for key, child in (schema.get("dependencies") or {}).items():
        add(child, f"dependencies[{key}]", mute)
    return found


def _of_property(schema: Obj, key: str, at: str, reach: Reach, is_root: bool) -> Reach:
    if schema.get(MAP_TYPE) not in (None, "granular", "atomic"):
        reach = _uncorrelated(reach, at)
    if key in META_FIELDS and (is_root or schema.get(EMBEDDED)):
        reach = reach._replace(in_meta=True)
        if is_root:
            reach = reach._replace(defaults=False, no_defaults_why=f"in top-level {key}")
    return reach


def _uncorrelated(reach: Reach, at: str) -> Reach:
    return reach if reach.uncorrelated else reach._replace(uncorrelated=at)


def _map_type(schema: Obj, at: str) -> Errors:
    given, kind = schema.get(MAP_TYPE), schema.get("type") or ""
    if given is None:
        return []
    errors: list[FieldError] = []
    if kind != "object":
        text = f"must be object if {MAP_TYPE} is specified"
        errors.append(invalid(f"{at}.type", kind, text) if kind else required(f"{at}.type", text))
    if given not in ("atomic", "granular"):
        errors.append(not_supported(f"{at}.{MAP_TYPE}", plain(given), ("atomic", "granular")))
    return errors
