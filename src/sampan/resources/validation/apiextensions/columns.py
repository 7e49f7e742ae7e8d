"""Printer columns, the paths of the scale subresource, and fields that selectors know."""

from typing import Any

from sampan.api.json import Obj
from sampan.resources.custom.field_path import PathError, valid_path
from sampan.resources.strategies.checks import Errors, duplicate, invalid, required, too_many

TYPES = ("boolean", "date", "integer", "number", "string")
FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
MOST_SELECTABLE = 8
SCALARS = ("string", "boolean", "integer")
NO_SCALAR = (
    "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed."
)


def check_columns(columns: list[Obj] | None, at: str) -> Errors:
    """additionalPrinterColumns."""
    errors: Errors = []
    for index, column in enumerate(columns or ()):
        where = f"{at}[{index}]"
        kind, form, path = column.get("type") or "", column.get("format") or "", column.get("jsonPath") or ""
        if not column.get("name"):
            errors.append(required(f"{where}.name"))
        text = f"must be one of {','.join(TYPES)}"
        if not kind:
            errors.append(required(f"{where}.type", text))
        elif kind not in TYPES:
            errors.append(invalid(f"{where}.type", kind, text))
        if form and form not in FORMATS:
            errors.append(invalid(f"{where}.format", form, f"must be one of {','.join(FORMATS)}"))
        errors += _simple(path, f"{where}.JSONPath") if path else [required(f"{where}.JSONPath")]
    return errors


def _simple(path: str, at: str) -> Errors:
    return [] if path.startswith(".") else [invalid(at, path, "must be a simple json path starting with .")]


def check_scale(subresources: Obj | None, at: str) -> Errors:
    """The paths of subresources.scale."""
    scale = (subresources or {}).get("scale")
    if scale is None:
        return []
    errors: Errors = []
    for key, below in (("specReplicasPath", ".spec"), ("statusReplicasPath", ".status")):
        path, where = scale.get(key) or "", f"{at}.scale.{key}"
        if not path:
            errors.append(required(where))
        elif found := _simple(path, where):
            errors += found
        elif not path.startswith(f"{below}."):
            errors.append(invalid(where, path, f"should be a json path under {below}"))
    path, where = scale.get("labelSelectorPath") or "", f"{at}.scale.labelSelectorPath"
    if path and (found := _simple(path, where)):
        errors += found
    elif path and not path.startswith((".spec.", ".status.")):
        errors.append(invalid(where, path, "should be a json path under either .spec or .status"))
    return errors


def check_selectable(fields: list[Obj], schema: Any, at: str, *, any_number: bool = False) -> Errors:
    """selectableFields: each leads to a scalar, none twice."""
    errors: Errors = []
    seen: set[str] = set()
    for index, entry in enumerate(fields):
        path, where = entry.get("jsonPath") or "", f"{at}[{index}].jsonPath"
        if not path:
            errors.append(required(where))
            continue
        try:
            plain, found = valid_path(path, schema, brackets=False)
        except PathError as error:
            errors.append(invalid(where, path, f"is an invalid path: {error}"))
            continue
        if plain.partition(".")[0] == "metadata":
            errors.append(invalid(where, path, "must not point to fields in metadata"))
        if found.get("type") not in SCALARS:
            errors.append(invalid(where, path, NO_SCALAR))
        if plain in seen:
            errors.append(duplicate(where, path))
        seen.add(plain)
    if len(seen) > MOST_SELECTABLE and not any_number:
        errors.append(too_many(at, len(seen), MOST_SELECTABLE))
    return errors
