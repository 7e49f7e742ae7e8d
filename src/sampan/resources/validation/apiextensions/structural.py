"""Whether a schema is structural: every value has one type, told outside of allOf and its kin (KEP-1979)."""

from collections.abc import Iterator
from typing import Any

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, forbidden, invalid, required

EMBEDDED, PRESERVE = "x-kubernetes-embedded-resource", "x-kubernetes-preserve-unknown-fields"
INT_OR_STRING = "x-kubernetes-int-or-string"
EITHER = [{"type": "integer"}, {"type": "string"}]
UNSUPPORTED = (
    ("id", "id"), ("$schema", "schema"), ("$ref", "$ref"), ("patternProperties", "patternProperties"),
    ("dependencies", "dependencies"), ("additionalItems", "additionalItems"), ("definitions", "definitions"),
)  # fmt: skip
NESTING = ("anyOf", "allOf", "oneOf")
ROOT, ITEM, FIELD = "at the root", "for specified array items", "for specified object fields"
TOO_MUCH_METADATA = "must not specify anything other than name and generateName, but metadata is implicitly specified"
BARE = (
    ("type", "must be empty to be structural"), ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"), ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"), (PRESERVE, "must be false to be structural"),
    (EMBEDDED, "must be false to be structural"), (INT_OR_STRING, "must be false to be structural"),
    ("x-kubernetes-list-map-keys", "must be empty to be structural"),
    ("x-kubernetes-list-type", "must be undefined to be structural"),
    ("x-kubernetes-map-type", "must be undefined to be structural"),
    ("x-kubernetes-validations", "must be empty to be structural"),
)  # fmt: skip
"""What may not stand below allOf and its kin."""
POINTERS = frozenset(("default", "x-kubernetes-list-type", "x-kubernetes-map-type"))
"""Of these, those that count even when they are empty."""


SCALARS = frozenset(("boolean", "integer", "number", "string"))
PLAIN = frozenset((
    "type", "description", "title", "format", "nullable", "enum", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "multipleOf", "minLength", "maxLength",
))  # fmt: skip


def is_plain(schema: Obj) -> bool:
    """Whether it is a scalar's, with nothing that could be wrong: most schemas are."""
    return PLAIN.issuperset(schema) and schema.get("type") in SCALARS


def no_structure(schema: Obj) -> str:
    """Why no structural schema can be made of this one; nothing if one can."""
    if is_plain(schema):
        return ""
    for key, name in UNSUPPORTED:
        value = schema.get(key)
        if value or (key == "additionalItems" and value is not None):
            return f"OpenAPIV3Schema '{name}' is not supported"
    inner = [schema["not"]] if schema.get("not") is not None else []
    for key in ("allOf", "anyOf", "oneOf"):
        inner += schema.get(key) or []
    for one in inner:
        if found := no_structure(one):
            return found
    if schema.get(PRESERVE) is False:
        return f"internal error: '{PRESERVE}' must be true or undefined"
    items = schema.get("items")
    if isinstance(items, list) and items:
        return "OpenAPIV3Schema 'items' must be a schema, but is an array"
    below = [items] if isinstance(items, dict) else []
    below += (schema.get("properties") or {}).values()
    if isinstance(schema.get("additionalProperties"), dict):
        below.append(schema["additionalProperties"])
    return next((found for one in below if (found := no_structure(one))), "")


def check_structural(schema: Obj, at: str) -> Errors:
    """What keeps a schema from being structural, in the order of the texts."""
    found = [*_invariants(schema, ROOT, at), *_spoken_of(schema, schema, at, at)]
    return sorted(found, key=lambda error: f"{error.field}: {error.message}")


# --- types, extensions and metadata


def _invariants(schema: Obj, level: str, at: str) -> Iterator[Any]:
    if level is not ROOT and is_plain(schema):
        return
    kind = schema.get("type") or ""
    items, more = schema.get("items"), schema.get("additionalProperties")
    if kind == "array" and not isinstance(items, dict):
        yield required(f"{at}.items", "must be specified")
    if isinstance(items, dict):
        yield from _invariants(items, ITEM, f"{at}.items")
    for key, child in (schema.get("properties") or {}).items():
        if is_plain(child):
            continue
        yield from _invariants(child, FIELD, f"{at}.properties[{key}]")
    if more is not None and level is ROOT:
        yield forbidden(f"{at}.additionalProperties", "must not be used at the root")
    if isinstance(more, dict):
        yield from _invariants(more, FIELD, f"{at}.additionalProperties")
    if schema.get(INT_OR_STRING):
        for key in (PRESERVE, EMBEDDED):
            if schema.get(key):
                yield invalid(f"{at}.{key}", True, f"must be false if {INT_OR_STRING} is true")
    yield from _values(schema, at, _is_either(schema), _starts_with_either(schema))
    yield from _typed(schema, kind, level, at)
    yield from _meta(schema, level, at)
    if schema.get(EMBEDDED) and not schema.get(PRESERVE) and not schema.get("properties"):
        yield required(f"{at}.properties", f"must not be empty if {EMBEDDED} is true without {PRESERVE}")


def _typed(schema: Obj, kind: str, level: str, at: str) -> Iterator[Any]:
    embedded = schema.get(EMBEDDED)
    if embedded and kind != "object":
        text = f"must be object if {EMBEDDED} is true"
        yield invalid(f"{at}.type", kind, text) if kind else required(f"{at}.type", text)
    elif not kind and not schema.get(INT_OR_STRING) and not schema.get(PRESERVE):
        yield required(f"{at}.type", f"must not be empty {level}")
    if embedded and schema.get("additionalProperties") is not None:
        yield forbidden(f"{at}.additionalProperties", f"must not be used if {EMBEDDED} is set")
    if level is ROOT and kind not in ("", "object"):
        yield invalid(f"{at}.type", kind, "must be object at the root")


def _meta(schema: Obj, level: str, at: str) -> Iterator[Any]:
    properties = schema.get("properties") or {}
    whole = level is ROOT or bool(schema.get(EMBEDDED))
    for key, wanted in (("kind", "string"), ("apiVersion", "string"), ("metadata", "object")):
        kind = (properties.get(key) or {}).get("type") or ""
        if whole and key in properties and kind != wanted:
            yield invalid(f"{at}.properties[{key}].type", kind, f"must be {wanted}")
    meta = properties.get("metadata")
    if meta is None or level is not ROOT:
        return
    rest = {key for key, value in meta.items() if value not in (None, "", False) and key not in ("type", "default")}
    if set(meta.get("properties") or {}) <= {"name", "generateName"}:
        rest.discard("properties")
    if rest - {key for key in (*NESTING, "enum") if not meta.get(key)}:
        yield forbidden(f"{at}.properties[metadata]", TOO_MUCH_METADATA)


# --- value validations


def _said(schema: Obj) -> Obj:
    return {key: value for key, value in schema.items() if value not in (None, "", False, [])}


def _is_either(schema: Obj) -> bool:
    given = schema.get("anyOf") or []
    return len(given) == 2 and [_said(one) for one in given] == EITHER


def _starts_with_either(schema: Obj) -> bool:
    given = schema.get("allOf") or []
    return bool(given) and _is_either(given[0])


def _values(schema: Obj, at: str, skip_any: bool, skip_first: bool) -> Iterator[Any]:
    if not skip_any:
        for index, one in enumerate(schema.get("anyOf") or ()):
            yield from _nested(one, f"{at}.anyOf[{index}]")
    for index, one in enumerate(schema.get("allOf") or ()):
        yield from _nested(one, f"{at}.allOf[{index}]", skip_first and not index)
    for index, one in enumerate(schema.get("oneOf") or ()):
        yield from _nested(one, f"{at}.oneOf[{index}]")
    if schema.get("not") is not None:
        yield from _nested(schema["not"], f"{at}.not")
    if schema.get("pattern"):
        yield from _pattern(schema["pattern"], f"{at}.pattern")


def _pattern(pattern: str, at: str) -> Iterator[Any]:
    from sampan.api.cel.regex import compiled
    from sampan.api.cel.values import EvalError

    try:
        compiled(pattern)
    except EvalError as error:
        yield invalid(at, pattern, f"must be a valid regular expression, but isn't: {error}")


def _nested(schema: Obj, at: str, skip_any: bool = False) -> Iterator[Any]:
    yield from _values(schema, at, skip_any, False)
    if isinstance(schema.get("items"), dict):
        yield from _nested(schema["items"], f"{at}.items")
    properties = schema.get("properties") or {}
    for key, child in properties.items():
        yield from _nested(child, f"{at}.properties[{key}]")
    if schema.get("additionalProperties") or schema.get("additionalProperties") == {}:
        yield forbidden(f"{at}.additionalProperties", "must be undefined to be structural")
    for key, text in BARE:
        if schema.get(key) or (key in POINTERS and schema.get(key) is not None):
            yield forbidden(f"{at}.{key}", text)
    if "metadata" in properties:
        yield forbidden(f"{at}.properties[metadata]", "must not be specified in a nested context")


# --- completeness: what value validations at the root speak of stands in the structure too


def _spoken_of(values: Obj, schema: Obj, at: str, told: str) -> Iterator[Any]:
    if values.get("not") is not None:
        yield from _there(values["not"], schema, at, f"{told}.not")
    for key in ("allOf", "anyOf", "oneOf"):
        for index, one in enumerate(values.get(key) or ()):
            yield from _there(one, schema, at, f"{told}.{key}[{index}]")


def _there(values: Obj, schema: Obj | None, at: str, told: str) -> Iterator[Any]:
    if schema is None:
        yield required(at, f"because it is defined in {told}")
        return
    yield from _spoken_of(values, schema, at, told)
    if isinstance(values.get("items"), dict):
        items = schema.get("items")
        yield from _there(values["items"], items if isinstance(items, dict) else None, f"{at}.items", f"{told}.items")
    properties = schema.get("properties") or {}
    for key, child in (values.get("properties") or {}).items():
        yield from _there(child, properties.get(key), f"{at}.properties[{key}]", f"{told}.properties[{key}]")
