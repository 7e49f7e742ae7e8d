"""Label and field selectors: parse, match, print (apimachinery: labels and fields)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from sampan.api.meta import is_label_value, is_qualified_name

Operator = Literal["in", "notin", "=", "!=", "exists", "!", "gt", "lt"]
LABEL_TOKEN = re.compile(r"\s*(==|!=|=|!|\(|\)|,|<|>|[^\s,()!=<>]+)")


class SelectorError(ValueError):
    """Not a selector; the text is upstream's."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels satisfy it; `!=` and `notin` are satisfied by a missing label."""
        match self.operator:
            case "=" | "in":
                return labels.get(self.key) in self.values
            case "!=" | "notin":
                return self.key not in labels or labels[self.key] not in self.values
            case "exists":
                return self.key in labels
            case "!":
                return self.key not in labels
        try:
            have, bound = int(labels[self.key]), int(self.values[0])
        except (KeyError, ValueError):
            return False
        return have > bound if self.operator == "gt" else have < bound

    def __str__(self) -> str:
        match self.operator:
            case "exists":
                return self.key
            case "!":
                return f"!{self.key}"
            case "in" | "notin":
                return f"{self.key} {self.operator} ({','.join(sorted(self.values))})"
            case "gt" | "lt":
                return f"{self.key}{'>' if self.operator == 'gt' else '<'}{self.values[0]}"
        return f"{self.key}{self.operator}{self.values[0]}"


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All of its requirements; none match everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels satisfy all requirements."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __bool__(self) -> bool:
        return bool(self.requirements)

    def __str__(self) -> str:
        return ",".join(str(r) for r in sorted(self.requirements, key=lambda r: r.key))


EVERYTHING = LabelSelector()


@lru_cache(maxsize=4096)
def parse_labels(text: str) -> LabelSelector:
    """A selector as in `?labelSelector=`; raises SelectorError."""
    tokens: list[str] = []
    at = 0
    stripped = text.rstrip()
    while at < len(stripped):
        match = LABEL_TOKEN.match(stripped, at)
        if not match:
            raise SelectorError(f"unable to parse requirement: found '{stripped[at:]}'")
        tokens.append(match[1])
        at = match.end()
    return LabelSelector(tuple(_Parser(tokens).requirements()))


class _Parser:
    """Recursive descent over the tokens of a label selector."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.at = tokens, 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def requirements(self) -> Iterable[Requirement]:
        while self.peek():
            yield self.requirement()
            following = self.take()
            if not following:
                return
            if following != ",":
                raise SelectorError(
                    f"unable to parse requirement: found '{following}', expected: ',' or 'end of string'"
                )
            if not self.peek():
                raise SelectorError("unable to parse requirement: found '', expected: identifier after ','")

    def requirement(self) -> Requirement:
        negated = self.peek() == "!"
        if negated:
            self.take()
        key = self.take()
        if not key or key in "(),=<>!" or key in ("==", "!="):
            raise SelectorError(f"unable to parse requirement: found '{key}', expected: identifier")
        check_key(key)
        if negated:
            return Requirement(key, "!")
        operator = self.peek()
        if operator in ("", ","):
            return Requirement(key, "exists")
        self.take()
        match operator:
            case "=" | "==":
                return Requirement(key, "=", (self.value(key),))
            case "!=":
                return Requirement(key, "!=", (self.value(key),))
            case ">" | "<":
                bound = self.value(key)
                if not re.fullmatch(r"[+-]?\d+", bound):
                    why = "for 'Gt', 'Lt' operators, the value must be an integer"
                    raise SelectorError(f'values[0][{key}]: Invalid value: "{bound}": {why}')
                return Requirement(key, "gt" if operator == ">" else "lt", (bound,))
            case "in" | "notin":
                return Requirement(key, operator, self.values(key))
        expected = "in, notin, =, ==, !=, gt, lt"
        raise SelectorError(f"unable to parse requirement: found '{operator}', expected: {expected}")

    def value(self, key: str) -> str:
        if self.peek() in ("", ","):
            return ""
        return check_value(key, self.take(), 0)

    def values(self, key: str) -> tuple[str, ...]:
        if self.take() != "(":
            found = self.tokens[self.at - 1] if self.at <= len(self.tokens) else ""
            raise SelectorError(f"unable to parse requirement: found '{found}', expected: '('")
        found_values: list[str] = []
        last = "("
        while True:
            token = self.take()
            if token == "":
                raise SelectorError("unable to parse requirement: found '', expected: ',', or ')'")
            if token in (",", ")"):
                if last in ("(", ","):
                    found_values.append("")
                if token == ")":
                    return tuple(dict.fromkeys(found_values))
            else:
                found_values.append(check_value(key, token, len(found_values)))
            last = token


def check_key(key: str) -> str:
    """A label key, or SelectorError."""
    if problems := is_qualified_name(key):
        raise SelectorError(f'key: Invalid value: "{key}": {"; ".join(problems)}')
    return key


def check_value(key: str, value: str, index: int) -> str:
    """A label value, or SelectorError."""
    if problems := is_label_value(value):
        raise SelectorError(f'values[{index}][{key}]: Invalid value: "{value}": {"; ".join(problems)}')
    return value


OPERATORS: Mapping[str, Operator] = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


def label_selector(selector: Mapping[str, Any] | None) -> LabelSelector:
    """A LabelSelector object (matchLabels, matchExpressions). An empty one matches everything; None matches nothing."""
    if selector is None:
        return NOTHING
    found = [Requirement(key, "=", (value,)) for key, value in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or ():
        operator = OPERATORS.get(expression.get("operator", ""))
        if operator is None:
            raise SelectorError(f'"{expression.get("operator", "")}" is not a valid label selector operator')
        values = tuple(expression.get("values") or ())
        if operator in ("in", "notin") and not values:
            raise SelectorError("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty")
        found.append(Requirement(expression["key"], operator, values))
    return LabelSelector(tuple(found))


NOTHING = LabelSelector((Requirement("", "in", ()),))


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    """One condition on one field."""

    field: str
    negated: bool
    value: str


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """All of its requirements; fields that an object lacks count as empty."""

    requirements: tuple[FieldRequirement, ...] = ()

    def matches(self, fields: Mapping[str, str]) -> bool:
        """Whether fields satisfy all requirements."""
        return all((fields.get(r.field, "") == r.value) != r.negated for r in self.requirements)

    def required(self, field: str) -> str | None:
        """The value that this field must have, if one is demanded."""
        return next((r.value for r in self.requirements if r.field == field and not r.negated), None)

    def __bool__(self) -> bool:
        return bool(self.requirements)


@lru_cache(maxsize=4096)
def parse_fields(text: str) -> FieldSelector:
    """A selector as in `?fieldSelector=`; backslash escapes comma, equals sign and itself. Raises SelectorError."""
    found = []
    for part in _split_terms(text):
        if not part:
            continue
        match = re.match(r"((?:[^\\=!,]|\\.)*)(==|=|!=)", part)
        if not match:
            raise SelectorError(f"invalid selector: '{text}'; can't understand '{part}'")
        found.append(FieldRequirement(match[1], match[2] == "!=", _unescape(part[match.end() :])))
    return FieldSelector(tuple(found))


def _split_terms(text: str) -> list[str]:
    return re.findall(r"(?:[^\\,]|\\.|\\$)+", text)


def _unescape(value: str) -> str:
    out, escaped = "", False
    for char in value:
        if escaped:
            if char not in "\\,=":
                raise SelectorError(f"invalid field selector: invalid escape sequence: \\{char}")
            out, escaped = out + char, False
        elif char == "\\":
            escaped = True
        elif char in ",=":
            raise SelectorError(f"invalid field selector: unescaped character in value: {ord(char)}")
        else:
            out += char
    if escaped:
        raise SelectorError("invalid field selector: invalid escape sequence: \\")
    return out
