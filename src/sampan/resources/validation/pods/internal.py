"""Parts of pods as upstream's errors print them: its internal types as JSON, and the differences of two of them."""

from difflib import SequenceMatcher
from functools import cache
from json import dumps
from typing import Any, NamedTuple

from sampan.api.json import Obj
from sampan.resources.strategies.checks import HTML, Shown, marshalled
from sampan.resources.validation.pods.internal_types import TYPES

ZEROS: dict[str, Any] = {"": "", "#": 0, "!": False, "%": "0", "?": None}
OF_SPEC = ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers")
"""Fields of the pod that the internal security context has."""
CONTEXT = 3


class Field(NamedTuple):
    """A field: its name in Go, its JSON name in small letters, its type, and how it stands there."""

    name: str
    key: str
    type: str
    mark: str


@cache
def _lines() -> dict[str, str]:
    joined = TYPES.replace("\n  ", " ")
    return {name: fields for name, _, fields in (line.partition(" | ") for line in joined.splitlines())}


@cache
def _fields(name: str) -> tuple[Field, ...]:
    found: list[Field] = []
    for text in _lines()[name].split():
        if text[0] == "+":
            found += _fields(text[1:]) if text[1:] in _lines() else ()
            continue
        text, _, key = text.partition("=")
        text, _, kind = text.partition(":")
        mark = text[-1] if text[-1] in "#!%?*" else ""
        plain = text.removesuffix(mark) if mark else text
        found.append(Field(plain, (key or plain).lower(), kind, mark))
    return tuple(found)


def internal(value: Obj, type_: str) -> Obj:
    """A part of an object, given as JSON, as the internal type of that name."""
    have = {key.lower(): item for key, item in value.items()}
    if type_ == "PersistentVolumeClaimTemplate":
        return {**(have.get("metadata") or {}), "Spec": internal(have.get("spec") or {}, "PersistentVolumeClaimSpec")}
    return {field.name: _value(have.get(field.key), field) for field in _fields(type_)}


def _value(value: Any, field: Field) -> Any:
    if field.type not in _lines():  # a scalar, a list of such, a map or a type with JSON names of its own
        if value is None:
            return ZEROS[field.mark]
        return {key: value[key] for key in sorted(value)} if isinstance(value, dict) and _is_map(value) else value
    if field.mark == "*":
        return None if value is None else [internal(one, field.type) for one in value]
    if value is None and field.mark == "?":
        return None
    return internal(value or {}, field.type)


def _is_map(value: Obj) -> bool:
    """Whether it is a map of texts, which Go sorts."""
    return all(isinstance(item, str | int) for item in value.values())


def internal_spec(spec: Obj) -> Obj:
    """The spec of a pod."""
    moved = {key: spec[key] for key in OF_SPEC if key in spec}
    return internal({**spec, "securityContext": {**(spec.get("securityContext") or {}), **moved}}, "PodSpec")


def comparable(value: Any) -> Any:
    """The same for all that upstream holds for equal: an empty list or map is as good as none."""
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()} or None
    if isinstance(value, list):
        return [comparable(item) for item in value] or None
    return value


def shown_internal(value: Any, type_: str) -> Shown:
    """A value, or a list of them, in an error."""
    if isinstance(value, list):
        return Shown(marshalled([internal(one, type_) for one in value]))
    return Shown(marshalled(None if value is None else internal(value, type_)))


def diff(old: Any, new: Any) -> str:
    """The unified difference of two values, as upstream's diff.Diff prints it."""
    before, after = _printed(old), _printed(new)
    made: list[str] = []
    for group in SequenceMatcher(None, before, after).get_grouped_opcodes(CONTEXT):
        first, last = group[0], group[-1]
        made.append(f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@\n")
        for tag, a, b, c, d in group:
            if tag == "equal":
                made += [f" {line}" for line in before[a:b]]
                continue
            made += [f"-{line}" for line in before[a:b]] + [f"+{line}" for line in after[c:d]]
    return "".join(made)


def _printed(value: Any) -> list[str]:
    text = dumps(value, indent=1, ensure_ascii=False).translate(HTML)
    return [f"{line}\n" for line in text.split("\n")]


def _range(start: int, stop: int) -> str:
    length = stop - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"
