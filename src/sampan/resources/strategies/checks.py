"""Field errors in upstream's words, and the small checks that many kinds share (apimachinery: validation/field)."""

import json
from collections.abc import Iterable
from typing import Any

from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.api.quote import go_quoted

Errors = list[FieldError]


HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


class Shown(str):
    """A bad value that is printed just so."""

    __slots__ = ()


quoted = go_quoted
"""As Go's %q prints a string."""


def plain(value: str) -> Shown:
    """A string that is just a string, where errors would show one of a named type."""
    return Shown(quoted(value))


def marshalled(value: Any) -> str:
    """As Go's JSON encoder writes a value."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).translate(HTML)


def named(value: str) -> Shown:
    """A string of a type of its own (an operator, a resource's name), which errors show as JSON."""
    return Shown(marshalled(value))


def shown(value: Any) -> str:
    """A bad value as Go's field errors print it: strings quoted, the rest as JSON."""
    if isinstance(value, str):
        return value if isinstance(value, Shown) else quoted(value)
    return marshalled(value)


def required(field: str, detail: str = "") -> FieldError:
    """A field that must be there."""
    return FieldError("FieldValueRequired", field, f"Required value: {detail}" if detail else "Required value")


def invalid(field: str, value: Any, detail: str) -> FieldError:
    """A value that cannot be."""
    text = f"Invalid value: {shown(value)}"
    return FieldError("FieldValueInvalid", field, f"{text}: {detail}" if detail else text)


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
    return not_among(field, value, sorted(choices))


def not_among(field: str, value: Any, choices: Iterable[str]) -> FieldError:
    """As `not_supported`, with the choices in the order given; the value is of a named type, so it is shown as JSON."""
    listing = ", ".join(map(quoted, choices))
    text = value if isinstance(value, Shown) else marshalled(value)
    text = f"Unsupported value: {text}: supported values: {listing}"
    return FieldError("FieldValueNotSupported", field, text)


def too_long(field: str, most: int) -> FieldError:
    """A text that is too long, in bytes."""
    text = f"Too long: may not be more than {most} byte{'' if most == 1 else 's'}"
    return FieldError("FieldValueTooLong", field, text)


def too_many(field: str, count: int, most: int) -> FieldError:
    """A list that is too long."""
    text = f"Too many: {count}: must have at most {most} item{'' if most == 1 else 's'}"
    return FieldError("FieldValueTooMany", field, text)


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
