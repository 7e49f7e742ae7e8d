"""The shapes of configuration files, and what does not fit them in Go's words. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sampan.api.errors import FieldError
from sampan.api.times import parse_duration

GO_NAMES = {str: "string", bool: "bool", int: "int32"}
KINDS = {str: "string", bool: "bool", int: "number", float: "number", dict: "object", list: "array"}
TYPE_META = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'


@dataclass(frozen=True, slots=True)
class Struct:
    """A Go struct by name, with the shapes of its fields: a type, a Struct, or a list of one shape."""

    name: str
    fields: dict[str, Any]
    package: str = "v1"


@dataclass(frozen=True, slots=True)
class Lists:
    """A map of lists of strings, whose values have a Go type of their own."""

    name: str


@dataclass(frozen=True, slots=True)
class Duration:
    """A metav1.Duration: a string such as `5m0s`."""


class ConfigFileError(ValueError):
    """The file cannot be used; the text says why as kube-apiserver does."""


def unknown_fields(value: Any, shape: Struct) -> list[str]:
    """The paths of fields that there are not, in order. Raises ConfigFileError for a value of another type."""
    unknown: list[str] = []
    _check(value, shape, ("", ""), unknown)
    return unknown


def _check(value: Any, shape: Any, at: tuple[str, str], unknown: list[str]) -> None:
    """Raise for the first value of another type than its field's; add the fields that there are not, in order.

    `at` is the path as Go's decoder tells it (without indices) after the struct's name, and as fields are named.
    """
    where, path = at
    if isinstance(shape, Duration):
        _check_duration(value, where)
        return
    if value is None:
        return
    if isinstance(shape, list):
        if not isinstance(value, list):
            raise _mismatch(value, where, f"[]{_go_name(shape[0])}")
        for index, item in enumerate(value):
            _check(item, shape[0], (where, f"{path}[{index}]"), unknown)
    elif isinstance(shape, Struct):
        if not isinstance(value, dict):
            raise _mismatch(value, where, _go_name(shape))
        top = not where
        for key in sorted(value):
            inner = f"{path}.{key}" if path else str(key)
            if key in shape.fields:
                trail = f"{where.partition('.')[2]}.{key}" if not top else key
                _check(value[key], shape.fields[key], (f"{shape.name}.{trail}", inner), unknown)
            elif not (top and key in ("kind", "apiVersion")):
                unknown.append(inner)
    elif isinstance(shape, Lists):
        if not isinstance(value, dict):
            raise _mismatch(value, where, f"map[string]{shape.name}")
        for one in value.values():
            if not isinstance(one, list | None):
                raise _mismatch(one, where, shape.name)
            _check(one, [str], at, unknown)
    elif type(value) is not shape:
        raise _mismatch(value, where, GO_NAMES[shape])


def check_types(value: Any, shape: Struct) -> None:
    """Raise ConfigFileError for the first value that has another type than its field; other fields do not matter."""
    _check(value, shape, ("", ""), [])


def no_object(value: Any) -> str:
    """What is said of a document that is no object."""
    found = f"json: cannot unmarshal {KINDS[type(value)]} into Go value of type {TYPE_META}"
    return f"couldn't get version/kind; json parse error: {found}"


def _check_duration(value: Any, where: str) -> None:
    if not isinstance(value, str | None):
        raise _mismatch(value, where, "string")
    try:
        parse_duration(value or "")
    except ValueError as error:
        raise ConfigFileError(str(error)) from None


def _mismatch(value: Any, where: str, name: str) -> ConfigFileError:
    return ConfigFileError(f"json: cannot unmarshal {KINDS[type(value)]} into Go struct field {where} of type {name}")


def _go_name(shape: Any) -> str:
    if isinstance(shape, Struct):
        return f"{shape.package}.{shape.name}"
    return GO_NAMES[shape]


def aggregate(texts: Iterable[str]) -> str:
    """Several errors in one, as upstream writes them; each text once."""
    unique = list(dict.fromkeys(texts))
    return unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]"


def told(errors: Iterable[FieldError]) -> str:
    """Field errors as one text."""
    return aggregate(f"{error.field}: {error.message}" for error in errors)
