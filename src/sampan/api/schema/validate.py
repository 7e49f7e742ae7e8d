"""Value validation against a schema, for custom resources, in the words and the order of kube-openapi's validator."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from sampan.api import json
from sampan.api.errors import FieldError
from sampan.api.quote import go_quoted
from sampan.api.schema.correlate import GONE, is_same, item_before, value_before
from sampan.api.schema.findings import Found, invalid, nowhere, show, too_many, wrong_type
from sampan.api.schema.formats import FORMATS
from sampan.api.schema.nodes import Node
from sampan.api.schema.numbers import check_number
from sampan.api.schema.openapi import from_openapi

_KINDS: Final = {
    str: "string", bool: "boolean", int: "integer", float: "number", dict: "object", list: "array", type(None): "null",
}  # fmt: skip
_GO_FORMATS: Final = {int: "int64", float: "float64"}
_NUMBERS: Final = frozenset(("integer", "number"))
_IN_NUMBERS: Final = {"integer": ("int32", "int64"), "number": ("float", "double")}
_TYPES: Final = {
    "object": ("object",), "map": ("object",), "array": ("array",), "string": ("string",), "integer": ("integer",),
    "number": ("number",), "boolean": ("boolean",), "int-or-string": ("integer", "string"),
}  # fmt: skip
_VALUES: Final = (
    "minLength", "maxLength", "pattern", "minItems", "maxItems", "minProperties", "maxProperties", "multipleOf",
    "maximum", "minimum",
)  # fmt: skip
_TYPE_META: Final = ("kind", "apiVersion")


def validate(value: Any, node: Node, base: str = "") -> list[FieldError]:
    """What is wrong with the value, in schema order; empty when nothing is. `base` is where the value stands."""
    return Checker(node).errors(value, base)


class Checker:
    """A schema made ready to check values. Parts are compiled when values first reach them."""

    __slots__ = (
        "_all", "_any", "_children", "_enum", "_extra", "_format", "_item", "_not", "_one", "_parts", "_plain",
        "node", "types",
    )  # fmt: skip

    def __init__(self, node: Node, *, any_format: bool = False) -> None:
        self.node = node
        self.types = _TYPES.get(node.type, ())
        self._extra = node.extra
        self._format = node.format if node.format and _is_format(self.types, node.format) else ""
        self._enum = node.enum
        self._children: dict[str, Checker] = {}
        self._item: Checker | None = None
        self._all, self._any, self._one = (self._compiled(key) for key in ("allOf", "anyOf", "oneOf"))
        self._not = Checker(from_openapi(node.extra["not"])) if node.extra.get("not") is not None else None
        self._parts = bool(self._all or self._any or self._one or self._not)
        self._plain = not any(key in node.extra for key in _VALUES)

    def _compiled(self, key: str) -> "list[Checker]":
        return [Checker(from_openapi(part)) for part in self._extra.get(key) or ()]

    def errors(self, value: Any, base: str = "", old: Any = GONE) -> list[FieldError]:
        """What is wrong with a value; `old` is what was there before, whose errors are borne (KEP-4008)."""
        return [one.told(base) for one in self._check(value, "", old)]

    def child(self, key: str) -> "Checker | None":
        """What checks a field, or a value of a map."""
        known = self.node.properties.get(key)
        if known is None:
            return self.item
        made = self._children.get(key)
        if made is None:
            made = self._children[key] = Checker(known)
        return made

    @property
    def item(self) -> "Checker | None":
        """What checks items of a list and values of a map."""
        if self._item is None and self.node.items is not None:
            self._item = Checker(self.node.items)
        return self._item

    def _check(self, value: Any, path: str, old: Any) -> list[Found]:
        found = self._look(value, path, old)
        return [] if found and old is not GONE and is_same(value, old, self.node) else found

    def _look(self, value: Any, path: str, old: Any) -> list[Found]:
        """Without forbearance for what was there before."""
        kind = type(value)
        found: list[Found] = []
        if value is None:
            if self.types and not self.node.nullable:
                found.append(wrong_type(path, ",".join(self.types), "null"))
            if self._enum:
                found.append(self._no_choice(value, path))
            return found
        if self.types or self._format:
            found += self._type(kind, value, path)
        if self._parts:
            found += self._composites(value, path, old)
        if kind is str:
            found += self._text(value, path)
        elif kind in (int, float):
            found += check_number(value, self.node, self.types, self._format, path) if not self._is_free else []
        elif kind is list:
            found += self._list(value, path, old)
        if self._enum and not any(_equals(value, one) for one in self._enum):
            found.append(self._no_choice(value, path))
        if kind is dict:
            found += self._object(value, path, old)
        return found if len(found) < 2 else _distinct(found)

    @property
    def _is_free(self) -> bool:
        """Whether any number will do."""
        return self._plain and not self._format and self.types != ("integer",)

    def _type(self, kind: type, value: Any, path: str) -> Iterable[Found]:
        types, form = self.types, self._format
        name = _KINDS[kind]
        whole = kind is float and float(value).is_integer() and "integer" in types
        fits = name in types or whole or (kind is int and "number" in types)
        if kind is str or kind is list:
            if form and not _NUMBERS & set(types):
                return ()
        elif form and not fits and form != _GO_FORMATS.get(kind, ""):
            return (wrong_type(path, form, _GO_FORMATS.get(kind, "")),)
        return () if fits else (wrong_type(path, ",".join(types), name),)

    def _text(self, value: str, path: str) -> Iterable[Found]:
        if not self._plain and (found := _text(value, self._extra, path)) is not None:
            yield found
        known = FORMATS.get(self._format)
        if known is not None and not known(value):
            what = f"{path} in body must be of type {self._format}: {go_quoted(value)}"
            yield Found("FieldValueTypeInvalid", path, f"Invalid value: {go_quoted(value)}: {what}", what)

    def _list(self, value: list[Any], path: str, old: Any) -> list[Found]:
        found: list[Found] = []
        item = self.item
        if item is not None:
            for index, one in enumerate(value):
                before = GONE if old is GONE else item_before(one, old, self.node)
                found += item._check(one, f"{path}[{index}]", before)
        if self._plain:
            return found
        size, least, most = len(value), self._extra.get("minItems"), self._extra.get("maxItems")
        if least is not None and size < least:
            found.append(invalid(size, path, f"{path} in body should have at least {least} items"))
        if most is not None and size > most:
            found.append(too_many(size, most, path, "items"))
        return found

    def _object(self, value: Mapping[str, Any], path: str, old: Any) -> list[Found]:
        found: list[Found] = []
        if not self._plain:
            size, least = len(value), self._extra.get("minProperties")
            most = self._extra.get("maxProperties")
            if least is not None and size < least:
                found.append(invalid(size, path, f"{path} in body should have at least {least} properties"))
            if most is not None and size > most:
                found.append(too_many(size, most, path, "properties"))
        known = self.node.properties
        for key, one in value.items():
            child = self.child(key)
            if child is None:
                continue
            below = f"{path}.{key}" if path or key not in known else key
            before = GONE if old is GONE or (not path and key in _TYPE_META) else value_before(key, old)
            found += child._check(one, below, before)
        for key in self.node.required:
            if key not in value:
                below = f"{path}.{key}"
                found.append(Found("FieldValueRequired", below, "Required value", f"{below} in body is required"))
        return found

    def _no_choice(self, value: Any, path: str) -> Found:
        choices = [one if isinstance(one, str) else json.dumps(one).decode() for one in self._enum]
        shown = ", ".join(map(go_quoted, choices))
        text = f"Unsupported value: {show(value)}: supported values: {shown}"
        return Found("FieldValueNotSupported", path, text, f"{path} in body should be one of {choices}")

    def _composites(self, value: Any, path: str, old: Any) -> list[Found]:
        """allOf, anyOf, oneOf and not: their parts hold value validations only."""
        found: list[Found] = []
        if self._any:
            tried = [part._look(value, path, old) for part in self._any]
            if all(tried):
                found.append(nowhere(f"{go_quoted(path)} must validate at least one schema (anyOf)"))
                found += tried[_best(self._any, value)]
        if self._one:
            tried = [part._look(value, path, old) for part in self._one]
            fitting = sum(not one for one in tried)
            if fitting != 1:
                said = f"Found {fitting} valid alternatives" if fitting else "Found none valid"
                found.append(nowhere(f"{go_quoted(path)} must validate one and only one schema (oneOf). {said}"))
                found += [] if fitting else tried[_best(self._one, value)]
        if self._all:
            tried = [part._look(value, path, old) for part in self._all]
            found += [one for part in tried for one in part]
            if any(tried):
                said = ". None validated" if all(tried) else ""
                found.append(nowhere(f"{go_quoted(path)} must validate all the schemas (allOf){said}"))
        if self._not is not None and not self._not._look(value, path, old):
            found.append(nowhere(f"{go_quoted(path)} must not validate the schema (not)"))
        return found

    def matched(self, value: Any) -> int:
        """How much of a schema a value matches: the errors of the best of several schemas are told."""
        typed = bool(self.types or self._format)
        if value is None:
            return int(typed and (not self.types or self.node.nullable))
        kind = type(value)
        count = 4 + self._matched_parts(value)
        if typed:
            count += 1 + (not list(self._type(kind, value, "")))
        if kind is str:
            count += 1 + (self._format in FORMATS)
        elif kind in (int, float):
            count += 2
        elif kind is list:
            count += 2 + (sum(map(self.item.matched, value)) if self.item is not None else 0)
        elif kind is dict:
            checked = ((self.child(key), one) for key, one in value.items())
            count += 1 + sum(child.matched(one) for child, one in checked if child is not None)
        return count

    def _matched_parts(self, value: Any) -> int:
        count = sum(part.matched(value) for part in self._all)
        for parts in (self._any, self._one):
            fitting = [part for part in parts if not part._look(value, "", GONE)]
            if fitting:
                count += fitting[0].matched(value) if parts is self._any or len(fitting) == 1 else 0
            elif parts:
                count += max(part.matched(value) for part in parts)
        return count


def _best(parts: list[Checker], value: Any) -> int:
    counts = [part.matched(value) for part in parts]
    return counts.index(max(counts))


def _distinct(found: list[Found]) -> list[Found]:
    """Upstream never tells the same twice."""
    return list({one.said: one for one in reversed(found)}.values())[::-1]


def _is_format(types: tuple[str, ...], form: str) -> bool:
    """Whether values are checked against a format; others are as if they were not there."""
    if len(types) == 1 and types[0] != "string":
        return form in _IN_NUMBERS.get(types[0], ())
    return form in FORMATS


def _equals(value: Any, choice: Any) -> bool:
    """As Go compares after it converted the value to the type of the choice."""
    wanted, kind = type(choice), type(value)
    if wanted in (int, float) and kind in (int, float):
        return bool(wanted(value) == choice)
    if wanted is str and kind is int:
        return bool((chr(value) if 0 <= value < 0x110000 else "\ufffd") == choice)
    return kind is wanted and bool(value == choice)


@lru_cache(maxsize=512)
def _pattern(text: str) -> Any:
    from sampan.api.cel.regex import compiled

    return compiled(text)


def _text(value: str, extra: Mapping[str, Any], path: str) -> Found | None:
    least, most, pattern = extra.get("minLength"), extra.get("maxLength"), extra.get("pattern")
    if most is not None and len(value) > most:
        said = f"{path} in body should be at most {most} chars long"
        text = f"Too long: may not be more than {most} byte{'' if most == 1 else 's'}"
        return Found("FieldValueTooLong", path, text, said)
    if least is not None and len(value) < least:
        return invalid(value, path, f"{path} in body should be at least {least} chars long")
    if pattern and _pattern(pattern).search(value) is None:
        return invalid(value, path, f"{path} in body should match '{pattern}'")
    return None
