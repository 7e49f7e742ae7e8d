"""Errors of values before it is known where the whole stands, in kube-openapi's words."""

from typing import Any

from sampan.api import json
from sampan.api.errors import FieldError, FieldErrorType
from sampan.api.quote import go_quoted


class Found:
    """An error before it is known where the whole value stands; `said` tells it from others of one value."""

    __slots__ = ("message", "path", "reason", "said")

    def __init__(self, reason: FieldErrorType, path: str | None, message: str, said: str) -> None:
        self.reason, self.path, self.message, self.said = reason, path, message, said

    def told(self, base: str) -> FieldError:
        """The error for a value that stands at `base`."""
        path = (self.path or "").removeprefix(".")
        if not path:
            return FieldError(self.reason, base or "<nil>", self.message)
        return FieldError(self.reason, f"{base}.{path}" if base else path, self.message)


def shown_number(value: float) -> str:
    """As Go prints it with %v."""
    if isinstance(value, int):
        return str(value)
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    text = repr(value)
    base, mark, power = text.partition("e")
    if not mark:
        return text
    sign, digits = (power[0], power[1:]) if power[0] in "+-" else ("+", power)
    return f"{base.removesuffix('.0')}e{sign}{digits.zfill(2)}"


def show(value: Any) -> str:
    """A value in an error."""
    if isinstance(value, str):
        return go_quoted(value)
    return shown_number(value) if type(value) in (int, float) else json.dumps(value).decode()


def wrong_type(path: str, wanted: str, kind: str) -> Found:
    """A value of another type."""
    said = f'{path} in body must be of type {wanted}: "{kind}"'
    return Found("FieldValueTypeInvalid", path, f'Invalid value: "{kind}": {said}', said)


def nowhere(text: str) -> Found:
    """What upstream tells without a place."""
    return Found("FieldValueInvalid", None, f'Invalid value: "": {text}', text)


def invalid(value: Any, path: str, text: str) -> Found:
    """A value that cannot be."""
    return Found("FieldValueInvalid", path, f"Invalid value: {show(value)}: {text}", text)


def too_many(count: int, most: int, path: str, what: str) -> Found:
    """Too many items or properties."""
    said = f"{path} in body should have at most {most} {what}"
    text = f"Too many: {count}: must have at most {most} item{'' if most == 1 else 's'}"
    return Found("FieldValueTooMany", path, text, said)
