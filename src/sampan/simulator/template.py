"""Go templates, as far as Stage objects use them: text, values, if, with, range, variables."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sampan.simulator.expression import BUILTIN, Expression, Functions, Parser, Scope, TemplateError, shown, tokens

ACTION = re.compile(r"\{\{(-\s)?\s*(/\*.*?\*/|.*?)\s*(\s-)?\}\}", re.DOTALL)
OURS = ("Now", "NodeIP", "NodeName", "NodeIPWith", "PodIPWith", "NodeConditions", "NodePort", "Version")
KNOWN = frozenset((*BUILTIN, *OURS))
ASSIGNED = re.compile(r"(\$\w+)\s*:?=\s*(.*)", re.DOTALL)
RANGED = re.compile(r"(\$\w+)(?:\s*,\s*(\$\w+))?\s*:=\s*(.*)", re.DOTALL)
Node = Callable[[Scope, list[str]], None]


@dataclass(frozen=True, slots=True)
class Template:
    """A template that was understood."""

    text: str
    nodes: tuple[Node, ...]

    def render(self, obj: Any, functions: Functions) -> str:
        """The text for an object. Raises TemplateError."""
        out: list[str] = []
        _run(self.nodes, Scope(obj, {"$": obj}, {**BUILTIN, **functions}), out)
        return "".join(out)


def parse(text: str) -> Template:
    """Read a template. Raises TemplateError for what it is wrong about or is not supported."""
    pieces = _pieces(text)
    nodes, _ = _block(pieces, ())
    return Template(text, tuple(nodes))


def _pieces(text: str) -> list[tuple[bool, str]]:
    """Text and actions in turn, from the last to the first, so that they can be popped."""
    made: list[tuple[bool, str]] = []
    position, trim = 0, False
    for found in ACTION.finditer(text):
        before = text[position : found.start()]
        before = before.lstrip() if trim else before
        made.append((False, before.rstrip() if found[1] else before))
        if not found[2].startswith("/*"):
            made.append((True, found[2].strip()))
        position, trim = found.end(), bool(found[3])
    rest = text[position:]
    made.append((False, rest.lstrip() if trim else rest))
    if "{{" in rest:
        raise TemplateError("an action is not closed: }} is missing")
    return made[::-1]


def _block(pieces: list[tuple[bool, str]], ends: tuple[str, ...]) -> tuple[list[Node], str]:
    """Nodes up to the action that ends the block, and that action."""
    nodes: list[Node] = []
    while pieces:
        action, text = pieces.pop()
        if not action:
            if text:
                nodes.append(_text(text))
            continue
        word, _, rest = text.partition(" ")
        if word in ("end", "else"):
            if word not in ends:
                raise TemplateError(f"{word} has no beginning")
            return nodes, text
        if word in ("if", "with"):
            nodes.append(_condition(pieces, rest, word == "with"))
        elif word == "range":
            nodes.append(_range(pieces, rest))
        elif word in ("define", "template", "block", "break", "continue"):
            raise TemplateError(f"{word!r} is not supported")
        elif found := ASSIGNED.fullmatch(text):
            nodes.append(_assignment(found[1], _expression(found[2])))
        else:
            nodes.append(_value(_expression(text)))
    if ends:
        raise TemplateError("an end is missing")
    return nodes, ""


def _expression(text: str) -> Expression:
    return Parser(tokens(text), KNOWN).whole()


def _run(nodes: tuple[Node, ...], scope: Scope, out: list[str]) -> None:
    for node in nodes:
        node(scope, out)


def _inner(scope: Scope, dot: Any) -> Scope:
    """The scope of a block: what is declared in it ends with it; what was there before may be changed."""
    return Scope(dot, scope.variables, scope.functions)


def _text(text: str) -> Node:
    return lambda scope, out: out.append(text)


def _value(expression: Expression) -> Node:
    return lambda scope, out: out.append(shown(expression(scope)))


def _assignment(name: str, expression: Expression) -> Node:
    def assign(scope: Scope, out: list[str]) -> None:
        scope.variables[name] = expression(scope)

    return assign


def _condition(pieces: list[tuple[bool, str]], text: str, moves: bool) -> Node:
    """`if` and `with`, which differ in the dot alone."""
    found = ASSIGNED.fullmatch(text)
    name, expression = (found[1], _expression(found[2])) if found else ("", _expression(text))
    body, end = _block(pieces, ("end", "else"))
    otherwise: list[Node] = []
    if end.startswith("else"):
        word, _, rest = end.removeprefix("else").strip().partition(" ")
        if word in ("if", "with"):
            otherwise = [_condition(pieces, rest, word == "with")]
        else:
            otherwise, _ = _block(pieces, ("end",))
    then, instead = tuple(body), tuple(otherwise)

    def choose(scope: Scope, out: list[str]) -> None:
        value = expression(scope)
        if name:
            scope.variables[name] = value
        if value:
            _run(then, _inner(scope, value if moves else scope.dot), out)
        else:
            _run(instead, scope, out)

    return choose


def _range(pieces: list[tuple[bool, str]], text: str) -> Node:
    found = RANGED.fullmatch(text)
    names = [name for name in (found[1], found[2]) if name] if found else []
    expression = _expression(found[3] if found else text)
    body, end = _block(pieces, ("end", "else"))
    otherwise: list[Node] = []
    if end == "else":
        otherwise, _ = _block(pieces, ("end",))
    then, instead = tuple(body), tuple(otherwise)

    def each(scope: Scope, out: list[str]) -> None:
        values = expression(scope)
        pairs = sorted(values.items()) if isinstance(values, dict) else list(enumerate(values or ()))
        for key, value in pairs:
            scope.variables.update(zip(names[::-1], (value, key), strict=False))
            _run(then, _inner(scope, value), out)
        if not pairs:
            _run(instead, scope, out)

    return each
