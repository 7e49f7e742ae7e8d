"""Field errors in upstream's words, and the small checks that many kinds share (apimachinery: validation/field)."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sampan.api.errors import FieldError
from sampan.api.json import Obj

Errors = list[FieldError]


def shown(value: Any) -> str:
    """A bad value as Go's field errors print it: strings quoted, the rest as JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def required(field: str, detail: str = "") -> FieldError:
    """A field that must be there."""
    return FieldError("FieldValueRequired", field, f"Required value: {detail}" if detail else "Required value")


def invalid(field: str, value: Any, detail: str) -> FieldError:
    """A value that cannot be."""
    return FieldError("FieldValueInvalid", field, f"Invalid value: {shown(value)}: {detail}")


def forbidden(field: str, detail: str) -> FieldError:
    """A value that may not be here."""
    return FieldError("FieldValueForbidden", field, f"Forbidden: {detail}")


def duplicate(field: str, value: Any) -> FieldError:
    """A value that stands twice where it may stand once."""
    return FieldError("FieldValueDuplicate", field, f"Duplicate value: {shown(value)}")


def not_found(field: str, value: Any) -> FieldError:
    """A reference inside the object that leads nowhere."""
    return FieldError("FieldValueNotFound", field, f"Not found: {shown(value)}")


def not_supported(field: str, value: Any, choices: Iterable[str]) -> FieldError:
    """A value that is none of the possible ones."""
    listing = ", ".join(f'"{choice}"' for choice in sorted(choices))
    return FieldError(
        "FieldValueNotSupported", field, f"Unsupported value: {shown(value)}: supported values: {listing}"
    )


def one_of(field: str, value: Any, choices: Sequence[str]) -> Errors:
    """A required choice."""
    if not value:
        return [required(field)]
    return [] if value in choices else [not_supported(field, value, choices)]


def not_negative(field: str, value: Any) -> Errors:
    """An integer that is at least 0."""
    if isinstance(value, int) and value < 0:
        return [invalid(field, value, "must be greater than or equal to 0")]
    return []


IMMUTABLE = "field is immutable"


def immutable(field: str, new: Any, old: Any) -> Errors:
    """A field that keeps its value."""
    return [] if new == old else [invalid(field, new, IMMUTABLE)]


def spec_of(obj: Obj) -> Obj:
    """The spec, or an empty one."""
    return obj.get("spec") or {}


def meta_of(obj: Obj) -> Obj:
    """The metadata, or an empty one."""
    return obj.get("metadata") or {}
