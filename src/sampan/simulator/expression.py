"""Expressions of Go templates: paths, variables, literals, calls, pipes; what Stage templates use of them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sampan.api.json import dumps

TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*"|`[^`]*`)|(?P<number>-?\d+(?:\.\d+)?)|(?P<variable>\$\w*)
    |(?P<field>\.[A-Za-z_]\w*)|(?P<word>[A-Za-z_]\w*)|(?P<mark>:=|[().|,=]))""",
    re.VERBOSE,
)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
WORDS: dict[str, Any] = {"true": True, "false": False, "nil": None}
Functions = Mapping[str, Callable[..., Any]]


class TemplateError(ValueError):
    """A template that is not understood, or fails."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression sees: the dot, the variables, the functions."""

    dot: Any
    variables: dict[str, Any]
    functions: Functions


Expression = Callable[[Scope], Any]


def tokens(text: str) -> list[tuple[str, str]]:
    """(kind, text) pairs. Raises TemplateError."""
    found: list[tuple[str, str]] = []
    position, text = 0, text.rstrip()
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            raise TemplateError(f"{text[position:].strip()!r} is not understood")
        # `.a.b` is one path, `$x .a` are two things: what touches its forerunner belongs to it
        joined = match.lastgroup == "field" and position > 0 and text[position] == "."
        found.append(("member" if joined else str(match.lastgroup), match[str(match.lastgroup)]))
        position = match.end()
    return found


class Parser:
    """Reads one expression from tokens. Names of functions are looked up at once, so that none is unknown later."""

    def __init__(self, found: list[tuple[str, str]], known: frozenset[str]) -> None:
        self._tokens, self._at, self._known = found, 0, known

    def whole(self) -> Expression:
        """The expression of all tokens."""
        made = self.pipeline()
        if self._at < len(self._tokens):
            raise TemplateError(f"{self._tokens[self._at][1]!r} is not expected")
        return made

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def pipeline(self) -> Expression:
        """Commands joined by `|`: each gets the result before it as its last argument."""
        made = self._command(None)
        while self._peek() == ("mark", "|"):
            self._at += 1
            made = self._command(made)
        return made

    def _command(self, given: Expression | None) -> Expression:
        kind, text = self._peek()
        if kind == "word" and text not in WORDS:
            self._at += 1
            return self._call(text, given)
        made = self._operand()
        if given is not None:
            raise TemplateError("only a function can follow a |")
        return made

    def _call(self, name: str, given: Expression | None) -> Expression:
        if name not in self._known:
            raise TemplateError(f"function {name!r} is not supported")
        arguments: list[Expression] = []
        while self._peek()[0] != "end" and self._peek() not in (("mark", "|"), ("mark", ")")):
            arguments.append(self._operand())
        if given is not None:
            arguments.append(given)

        def call(scope: Scope) -> Any:
            try:
                return scope.functions[name](*[argument(scope) for argument in arguments])
            except (TypeError, KeyError, IndexError, AttributeError) as error:
                raise TemplateError(f"{name}: {error}") from error

        return call

    def _operand(self) -> Expression:
        kind, text = self._peek()
        self._at += 1
        match kind:
            case "string":
                value: Any = text[1:-1] if text[0] == "`" else _unescaped(text[1:-1])
                return lambda scope: value
            case "number":
                number: Any = float(text) if "." in text else int(text)
                return lambda scope: number
            case "word":
                return self._members(self._word(text))
            case "variable":
                return self._members(lambda scope: _variable(scope, text))
            case "field":
                return self._members(lambda scope: _member(scope.dot, text[1:]))
            case "mark" if text == "(":
                made = self.pipeline()
                if self._peek() != ("mark", ")"):
                    raise TemplateError("a ) is missing")
                self._at += 1
                return self._members(made)
            case "mark" if text == ".":
                return lambda scope: scope.dot
        raise TemplateError(f"{text!r} is not expected" if text else "something is missing")

    def _word(self, text: str) -> Expression:
        if text in WORDS:
            value = WORDS[text]
            return lambda scope: value
        if text not in self._known:
            raise TemplateError(f"function {text!r} is not supported")
        return lambda scope: scope.functions[text]()

    def _members(self, made: Expression) -> Expression:
        while self._peek()[0] == "member":
            made = _of(made, self._peek()[1][1:])
            self._at += 1
        return made


def _of(inner: Expression, name: str) -> Expression:
    return lambda scope: _member(inner(scope), name)


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _variable(scope: Scope, name: str) -> Any:
    try:
        return scope.variables[name]
    except KeyError:
        raise TemplateError(f"undefined variable {name!r}") from None


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[1]), text)


# --- functions


def shown(value: Any) -> str:
    """A value as a template prints it."""
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else dumps(value).decode() if isinstance(value, dict | list) else str(value)


def _or(*values: Any) -> Any:
    return next((value for value in values if value), values[-1])


def _and(*values: Any) -> Any:
    return next((value for value in values if not value), values[-1])


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list):
            value = value[key]
        else:
            return None
    return value


def _dict(*pairs: Any) -> dict[str, Any]:
    return dict(zip(pairs[::2], pairs[1::2], strict=True))


def _yaml(value: Any, indent: int = 0) -> str:
    import yaml

    made: str = yaml.safe_dump(value, default_flow_style=False, sort_keys=True)
    return ("\n" + made).replace("\n", "\n" + "  " * indent) if indent else made


def _printf(form: str, *values: Any) -> str:
    left = list(values)
    return re.sub(r"%[vsd]", lambda found: shown(left.pop(0)), form)


BUILTIN: Functions = {
    "or": _or,
    "and": _and,
    "not": lambda value: not value,
    "eq": lambda first, *others: any(first == other for other in others),
    "ne": lambda first, second: first != second,
    "lt": lambda first, second: first < second,
    "gt": lambda first, second: first > second,
    "le": lambda first, second: first <= second,
    "ge": lambda first, second: first >= second,
    "len": len,
    "index": _index,
    "dict": _dict,
    "list": lambda *values: list(values),
    "default": lambda otherwise, value=None: value or otherwise,
    "add": lambda *values: sum(values),
    "add1": lambda value: value + 1,
    "printf": _printf,
    "print": lambda *values: "".join(shown(value) for value in values),
    "Quote": lambda value: dumps(shown(value)).decode(),
    "quote": lambda value: dumps(shown(value)).decode(),
    "YAML": _yaml,
}
