"""Does an applied body fit its schema? Errors in the words of structured-merge-diff: typed/validate.go."""

from typing import Any, Final

from sampan.api.json import dumps
from sampan.api.patch.fields import shown_element
from sampan.api.patch.places import Place, item_element

_GO_TYPES: Final = {str: "string", bool: "bool", int: "int64", float: "float64"}


class Unfit(ValueError):
    """The body does not fit; `str()` is upstream's text."""


def check(place: Place, value: Any, duplicates: bool = False) -> None:
    """Raise Unfit for a value that its place cannot hold. `duplicates`: items of lists may come twice."""
    errors: list[str] = []
    _check(place, value, "", errors, duplicates)
    if errors:
        raise Unfit(errors[0] if len(errors) == 1 else "\n  ".join(["errors:", *errors]))


def _say(path: str, text: str) -> str:
    return f"{path}: {text}" if path else text


def _check(place: Place, value: Any, path: str, errors: list[str], duplicates: bool) -> None:
    if value is None:
        return
    match place.kind:
        case "deduced":
            return
        case "scalar":
            if text := _scalar(place, value):
                errors.append(_say(path, text))
        case "map":
            if isinstance(value, dict):
                _fields(place, value, path, errors, duplicates)
            else:
                errors.append(_say(path, f"expected map, got {_v(value)}"))
        case _:
            if isinstance(value, list):
                _items(place, value, path, errors, duplicates)
            else:
                errors.append(_say(path, f"expected list, got {_v(value)}"))


def _fields(place: Place, value: dict[str, Any], path: str, errors: list[str], duplicates: bool) -> None:
    for name, one in value.items():
        found = place.fields.get(name)
        child = found[1] if found is not None else place.element
        if child is None:
            errors.append(f"{path}.{name}: field not declared in schema")
            return
        _check(child, one, f"{path}.{name}", errors, duplicates)


def _items(place: Place, value: list[Any], path: str, errors: list[str], duplicates: bool) -> None:
    seen: set[str] = set()
    for index, item in enumerate(value):
        shown = f"[{index}]"
        if place.kind != "list":
            try:
                element = item_element(place, item)
            except ValueError as error:
                errors.append(_say(path, f"element {index}: {error}"))
                return
            shown = shown_element(element)
            if element in seen and not duplicates:
                errors.append(_say(path, f"duplicate entries for key {shown}"))
            seen.add(element)
        assert place.element is not None
        _check(place.element, item, path + shown, errors, duplicates)


def _scalar(place: Place, value: Any) -> str:
    kind = type(value)
    match place.scalar:
        case "numeric":
            return "" if kind in (int, float) else f"expected numeric (int or float), got {_type(value)}"
        case "string":
            return "" if kind is str else f"expected string, got &value.valueUnstructured{{Value:{_sharp(value)}}}"
        case "boolean":
            return "" if kind is bool else f"expected boolean, got {_v(value)}"
    return "" if kind in _GO_TYPES else f"expected any scalar, got {_v(value)}"


def _type(value: Any) -> str:
    """Go's %T."""
    if isinstance(value, dict):
        return "map[string]interface {}"
    return "[]interface {}" if isinstance(value, list) else _GO_TYPES[type(value)]


def _v(value: Any) -> str:
    """Go's %v of a pointer to a struct that holds the value."""
    return f"&{{{go_text(value)}}}"


def go_text(value: Any) -> str:
    """Go's %v of a decoded value."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{go_text(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(go_text, value)) + "]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _sharp(value: Any) -> str:
    """Go's %#v."""
    if isinstance(value, dict):
        inner = ", ".join(f"{_sharp(key)}:{_sharp(value[key])}" for key in sorted(value))
        return f"map[string]interface {{}}{{{inner}}}"
    if isinstance(value, list):
        return "[]interface {}{" + ", ".join(map(_sharp, value)) + "}"
    if value is None:
        return "interface {}(nil)"
    return str(value).lower() if isinstance(value, bool) else dumps(value).decode()
