"""Sets of fields, held in the very form in which managedFields keeps them (FieldsV1 of structured-merge-diff).

A set is a dict from path elements (`f:name`, `k:{"name":"c"}`, `v:"x"`, `i:0`) to the sets below them. An empty dict is
a member without children; a member that has children holds `.`. Only the root may be empty without being a member.
Sets are shared and never changed.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sampan.api.json import JSONDecodeError, dumps, loads

FieldSet = dict[str, Any]
Path = tuple[str, ...]
LEAF: Final[FieldSet] = {}
"""A member without children. It is one shared object: nobody writes into it."""
SELF: Final = "."
_DOT: Final[FieldSet] = {SELF: LEAF}
_KINDS: Final = {"f": 0, "k": 1, "v": 2, "i": 3}
_ESCAPES: Final = str.maketrans({
    "<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029",
})  # fmt: skip


class MalformedFields(ValueError):
    """What should be a field set is none."""


def json_text(value: Any) -> str:
    """Compact JSON as upstream's encoder writes it: characters that mean something in HTML are escaped."""
    return dumps(value).decode().translate(_ESCAPES)


def field_element(name: str) -> str:
    """The path element of a field or map key."""
    return f"f:{name}"


def key_element(keys: Mapping[str, Any]) -> str:
    """The path element of a list item with these keys, sorted by name."""
    return "k:" + json_text(dict(sorted(keys.items())))


def value_element(value: Any) -> str:
    """The path element of an item of a set."""
    return "v:" + json_text(value)


def paths_set(*paths: str) -> FieldSet:
    """The set of the fields with these dotted paths (`metadata.labels`)."""
    result: FieldSet = LEAF
    for path in paths:
        one: FieldSet = LEAF
        for name in reversed(path.split(".")):
            one = {field_element(name): one}
        result = union(result, one)
    return result


def union(a: FieldSet, b: FieldSet) -> FieldSet:
    """What is in either."""
    if a is b or not b:
        return a
    if not a:
        return b
    result = dict(a)
    for key, theirs in b.items():
        ours = result.get(key)
        if ours is None:
            result[key] = theirs
        elif ours is not theirs and (ours or theirs):
            result[key] = union(ours or _DOT, theirs or _DOT)
    return result


def intersection(a: FieldSet, b: FieldSet) -> FieldSet:
    """What is in both."""
    result = {}
    for key, ours in a.items():
        theirs = b.get(key)
        if theirs is None:
            continue
        if ours is theirs or not (ours or theirs):
            result[key] = ours
            continue
        inner = intersection(ours or _DOT, theirs or _DOT)
        if inner:
            result[key] = _compact(inner)
    return result


def difference(a: FieldSet, b: FieldSet) -> FieldSet:
    """What is in the first only. A field's children stay when the field itself goes."""
    if not a or not b:
        return a
    result = {}
    for key, ours in a.items():
        theirs = b.get(key)
        if theirs is None:
            result[key] = ours
        elif ours and ours is not theirs:
            inner = difference(ours, theirs or _DOT)
            if inner:
                result[key] = _compact(inner)
        elif not ours and theirs and SELF not in theirs:
            result[key] = ours
    return result


def without(a: FieldSet, b: FieldSet) -> FieldSet:
    """The first without the fields of the second and all that lies below them."""
    if not a or not b:
        return a
    result = {}
    for key, ours in a.items():
        theirs = b.get(key)
        if theirs is None:
            result[key] = ours
        elif theirs and SELF not in theirs:
            inner = without(ours, theirs)
            if inner or not ours:
                result[key] = inner
    return result


def _compact(inner: FieldSet) -> FieldSet:
    return LEAF if len(inner) == 1 and SELF in inner else inner


def has(fields: FieldSet, path: Path) -> bool:
    """Whether the field at a path of elements is a member."""
    for element in path:
        found = fields.get(element)
        if found is None:
            return False
        fields = found
    return bool(path) and (not fields or SELF in fields)


def members(fields: FieldSet, above: Path = ()) -> Iterator[Path]:
    """The path of every member: those of one level in order, then those below them, as upstream iterates."""
    keys = sorted((key for key in fields if key != SELF), key=_rank)
    for key in keys:
        inner = fields[key]
        if not inner or SELF in inner:
            yield (*above, key)
    for key in keys:
        if fields[key]:
            yield from members(fields[key], (*above, key))


def shown(path: Path) -> str:
    """A path for people: `.spec.ports[port=80,protocol="TCP"].name`."""
    return "".join(map(shown_element, path))


def shown_element(element: str) -> str:
    """One element of a path for people."""
    kind, rest = element[0], element[2:]
    if kind == "f":
        return f".{rest}"
    if kind == "k":
        return "[" + ",".join(f"{name}={json_text(value)}" for name, value in loads(rest).items()) + "]"
    return f"[={rest}]" if kind == "v" else f"[{rest}]"


def _rank(element: str) -> tuple[int, Any]:
    """Where an element stands among its siblings: fields by name, keys and values as values compare."""
    kind = element[0]
    if kind in "kv":
        value = loads(element[2:])
        return _KINDS[kind], tuple((k, *_weight(v)) for k, v in value.items()) if kind == "k" else _weight(value)
    return (_KINDS[kind], int(element[2:]) if kind == "i" else element) if kind in _KINDS else (-1, element)


def _weight(value: Any) -> tuple[int, Any]:
    if isinstance(value, bool):
        return 2, value
    if isinstance(value, int | float):
        return 0, value
    return (1, value) if isinstance(value, str) else (3, str(value))


def ordered(fields: FieldSet) -> FieldSet:
    """The same set with all its elements in upstream's order."""
    if not fields:
        return LEAF
    return {name: ordered(inner) if inner else LEAF for name, inner in in_order(fields).items()}


def in_order(fields: FieldSet) -> FieldSet:
    """The same set with the elements of its first level in upstream's order."""
    names = sorted(fields)
    if names[-1][0] not in "f.":
        names.sort(key=_rank)
    return {name: fields[name] for name in names}


def parse(raw: Any) -> FieldSet:
    """A set that a client wrote, in its only form; unknown kinds of elements are dropped. Raises MalformedFields."""
    if raw is None:
        return LEAF
    if not isinstance(raw, dict):
        raise MalformedFields("a field set is an object")
    return _parse(raw)[0]


def _parse(raw: Mapping[str, Any]) -> tuple[FieldSet, bool]:
    """The children, and whether the field they belong to is a member."""
    children: FieldSet = {}
    member = False
    for key, value in raw.items():
        if key == SELF:
            member = True
            continue
        element = _element(key)
        if element is None:
            continue
        below, is_member = _parse(value) if isinstance(value, dict) else ({}, True)
        one = {SELF: LEAF, **below} if below and is_member else below
        children[element] = union(children[element] or _DOT, one or _DOT) if element in children else one
    return children, member or not children


def _element(key: str) -> str | None:
    """A client's path element in its only form; None for kinds of the future. Raises MalformedFields."""
    if len(key) < 2 or key[1] != ":":
        raise MalformedFields(f"missing colon: {key}")
    try:
        if key[0] == "k":
            keys = loads(key[2:])
            if not isinstance(keys, dict):
                raise MalformedFields(f"no keys: {key}")
            return key_element(keys)
        if key[0] == "v":
            return value_element(loads(key[2:]))
        if key[0] == "i":
            return f"i:{int(key[2:])}"
    except (JSONDecodeError, ValueError) as error:
        raise MalformedFields(str(error)) from None
    return key if key[0] == "f" else None
