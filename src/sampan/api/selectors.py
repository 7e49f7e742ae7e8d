"""Label and field selectors: parse, match, print (apimachinery: labels and fields)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from sampan.api.meta import is_label_value, is_qualified_name
from sampan.api.quote import go_quoted

Operator = Literal["in", "notin", "=", "!=", "exists", "!", "gt", "lt"]
LABEL_TOKEN = re.compile(r"[ \t\r\n]*(==|!=|[=!(),<>]|[^ \t\r\n=!(),<>\0]+)\0?")
SYMBOLS = frozenset(("==", "!=", "=", "!", "(", ")", ",", "<", ">"))
INTEGER = re.compile(r"[+-]?[0-9]+")
WHOLE = "for 'Gt', 'Lt' operators, the value must be an integer"
BINARY: Mapping[str, Operator] = {
    "in": "in", "notin": "notin", "=": "=", "==": "=", "!=": "!=", ">": "gt", "<": "lt",
}  # fmt: skip


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
    tokens = [match[1] for match in iter(LABEL_TOKEN.scanner(text).match, None)]  # type: ignore[attr-defined]
    return LabelSelector(tuple(_Parser(tokens).requirements()))


def requirement(key: str, operator: Operator, values: Iterable[str]) -> Requirement:
    """A requirement whose values are checked as upstream checks them; raises SelectorError."""
    chosen = tuple(sorted(values))
    errors = []
    if operator in ("gt", "lt"):
        errors += [
            f"values[{index}]: Invalid value: {go_quoted(value)}: {WHOLE}"
            for index, value in enumerate(chosen)
            if not INTEGER.fullmatch(value) or not -(2**63) <= int(value) < 2**63
        ]
    for index, value in enumerate(chosen):
        if problems := is_label_value(value):
            errors.append(f"values[{index}][{key}]: Invalid value: {go_quoted(value)}: {'; '.join(problems)}")
    if errors:
        text = errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]"
        raise SelectorError(f"unable to parse requirement: {text}")
    return Requirement(key, operator, chosen)


def _unable(found: str, expected: str) -> SelectorError:
    return SelectorError(f"unable to parse requirement: found '{found}', expected: {expected}")


class _Parser:
    """Recursive descent over the tokens of a label selector; an empty token is the end."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.at = tokens, 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def requirements(self) -> Iterator[Requirement]:
        while first := self.peek():
            if first != "!" and first in SYMBOLS:
                raise SelectorError(f"found '{first}', expected: !, identifier, or 'end of string'")
            yield self.requirement()
            following = self.take()
            if not following:
                return
            if following != ",":
                raise SelectorError(f"found '{following}', expected: ',' or 'end of string'")
            after = self.peek()
            if not after or (after != "!" and after in SYMBOLS):
                raise SelectorError(f"found '{after}', expected: identifier after ','")

    def requirement(self) -> Requirement:
        key = self.take()
        negated = key == "!"
        if negated:
            key = self.take()
        if not key or key in SYMBOLS:
            raise _unable(key, "identifier")
        check_key(key)
        if self.peek() in ("", ","):
            return Requirement(key, "!" if negated else "exists")
        if negated:
            return Requirement(key, "!")
        token = self.take()
        operator = BINARY.get(token)
        if operator is None:
            raise _unable(token, "in, notin, =, ==, !=, gt, lt")
        return requirement(key, operator, self.values() if operator in ("in", "notin") else (self.value(),))

    def value(self) -> str:
        if self.peek() in ("", ","):
            return ""
        token = self.take()
        if token in SYMBOLS:
            raise _unable(token, "identifier")
        return token

    def values(self) -> set[str]:
        """What stands in parentheses; an empty place between commas counts as an empty value."""
        if (token := self.take()) != "(":
            raise SelectorError(f"unable to parse requirement: found '{token}' expected: '('")
        first = self.peek()
        if first == ")":
            self.take()
            return {""}
        if not first or (first != "," and first in SYMBOLS):
            raise _unable(first, "',', ')' or identifier")
        found: set[str] = set()
        while True:
            token = self.take()
            if token == ",":
                if not found or self.peek() in (",", ")"):
                    found.add("")
            elif not token or token in SYMBOLS:
                raise _unable(token, "',', or identifier")
            else:
                found.add(token)
                if self.peek() not in (",", ")"):
                    raise _unable(self.peek(), "',' or ')'")
            if self.peek() == ")":
                self.take()
                return found


def check_key(key: str) -> str:
    """A label key, or SelectorError."""
    if problems := is_qualified_name(key):
        text = f"<nil>: Invalid value: {go_quoted(key)}: {'; '.join(problems)}"
        raise SelectorError(f"unable to parse requirement: {text}")
    return key


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
    for part in sorted(FIELD_TERM.findall(text)):
        match = FIELD_OPERATOR.search(part)
        if not match:
            raise SelectorError(f"invalid selector: '{text}'; can't understand '{part}'")
        field, value = part[: match.start()], _unescape(part[match.end() :])
        if field or value:
            found.append(FieldRequirement(field, match[0] == "!=", value))
    return FieldSelector(tuple(found))


FIELD_TERM = re.compile(r"(?:[^\\,]|\\.|\\$)+", re.DOTALL)
FIELD_OPERATOR = re.compile(r"!=|==|=")


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
