"""The tree of a CEL expression, and where in the text its parts stand."""

from dataclasses import dataclass, field
from typing import Any, Literal

from sampan.api.cel.types import DYN, Type


class Problem(Exception):
    """Something wrong at one place of an expression's text: `offset` counts characters from its start."""

    def __init__(self, offset: int, text: str) -> None:
        super().__init__(text)
        self.offset, self.text = offset, text


class CompileError(Exception):
    """An expression that is refused; the text is laid out as cel-go does it."""


class PlanError(CompileError):
    """An expression whose types are right, but that no program can be made of."""


def report(source: str, problems: list[Problem]) -> CompileError:
    """All problems, each with its line and a mark below the place."""
    shown = []
    for problem in sorted(problems, key=lambda one: one.offset):
        before = source[: problem.offset]
        row = before.count("\n") + 1
        column = problem.offset - (before.rfind("\n") + 1)
        line = source.split("\n")[row - 1].replace("\t", " ")
        mark = "." * column + "^"
        if not source:
            shown.append(f"ERROR: <input>:1:0: {problem.text}")
            continue
        shown.append(f"ERROR: <input>:{row}:{column + 1}: {problem.text}\n | {line}\n | {mark}")
    return CompileError("\n".join(shown))


@dataclass(slots=True)
class Expr:
    """Any expression. The checker fills `type`."""

    offset: int
    type: Type = field(default=DYN, init=False)


@dataclass(slots=True)
class Const(Expr):
    value: Any


@dataclass(slots=True)
class Ident(Expr):
    name: str
    slot: str = ""
    """What the variable is called at run time: loops inside loops may use one name twice."""
    constant: Any = None
    """The value of a name that is no variable (a type)."""


@dataclass(slots=True)
class Select(Expr):
    """`operand.name`, `operand.?name`; with `test` the `has()` of it."""

    operand: Expr
    name: str
    test: bool = False
    optional: bool = False
    key: str = ""
    """The field in the data, which the name may be an escaped form of."""


@dataclass(slots=True)
class Call(Expr):
    """A function or operator; `target` is what a member function is called on."""

    function: str
    target: Expr | None
    args: list[Expr]
    overloads: tuple[Any, ...] = ()


@dataclass(slots=True)
class ListExpr(Expr):
    items: list[Expr]
    optional: frozenset[int] = frozenset()


@dataclass(slots=True)
class MapExpr(Expr):
    entries: list[tuple[Expr, Expr, bool]]


@dataclass(slots=True)
class StructExpr(Expr):
    name: str
    entries: list[tuple[int, str, Expr, bool]]


FoldKind = Literal[
    "all", "exists", "exists_one", "map", "filter", "transformList", "transformMap", "transformMapEntry", "sortBy"
]


@dataclass(slots=True)
class Fold(Expr):
    """A macro that goes over a list or map."""

    kind: FoldKind
    over: Expr
    names: list[str]
    condition: Expr | None
    body: Expr
    slots: list[str] = field(default_factory=list)


@dataclass(slots=True)
class OptionalMap(Expr):
    """`target.optMap(name, body)`; `flat` is optFlatMap."""

    target: Expr
    name: str
    body: Expr
    flat: bool
    slot: str = ""


@dataclass(slots=True)
class Bind(Expr):
    """`cel.bind(name, value, body)`."""

    name: str
    value: Expr
    body: Expr
    slot: str = ""


def children(expr: Expr) -> list[Expr]:
    """The expressions directly inside one."""
    match expr:
        case Select():
            return [expr.operand]
        case Call():
            return [*([expr.target] if expr.target is not None else []), *expr.args]
        case ListExpr():
            return expr.items
        case MapExpr():
            return [part for key, value, _ in expr.entries for part in (key, value)]
        case StructExpr():
            return [value for _, _, value, _ in expr.entries]
        case Fold():
            return [expr.over, *([expr.condition] if expr.condition is not None else []), expr.body]
        case OptionalMap():
            return [expr.target, expr.body]
        case Bind():
            return [expr.value, expr.body]
    return []


def size(expr: Expr) -> int:
    """How many parts an expression has."""
    return 1 + sum(size(child) for child in children(expr))
