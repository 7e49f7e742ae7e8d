"""The CEL expressions of an authentication configuration: over `claims`, or over the `user` made from them. Pure."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sampan.api.cel.environment import Environment, Program
from sampan.api.cel.escaping import PARTS
from sampan.api.cel.syntax import CompileError, Expr, PlanError, Select, children
from sampan.api.cel.types import ANY, BOOL, STRING, map_of
from sampan.resources.policies.authz import FUNCTIONS
from sampan.resources.policies.environment import USER

WRITTEN = {written: plain for plain, written in PARTS.items()}


@dataclass(frozen=True, slots=True)
class Compiled:
    """One expression: its program, or why there is none in `wrong`."""

    source: str
    program: Program | None
    wrong: str = ""

    def value(self, **variables: Any) -> Any:
        """What it gives; raises EvalError."""
        assert self.program is not None
        return self.program.evaluate(variables)[0]


@cache
def _environments() -> tuple[Environment, Environment]:
    return Environment({"claims": map_of(STRING, ANY)}, FUNCTIONS), Environment({"user": USER}, FUNCTIONS)


def claims_expression(source: str, *, condition: bool = False) -> Compiled:
    """An expression over the claims of a token: of any type, or (a condition) a bool."""
    return _compiled(_environments()[0], source, condition=condition)


def user_expression(source: str) -> Compiled:
    """A condition over the user."""
    return _compiled(_environments()[1], source, condition=True)


def _compiled(inside: Environment, source: str, *, condition: bool) -> Compiled:
    try:
        program = inside.compile(source)
    except PlanError as error:
        return Compiled(source, None, str(error))
    except CompileError as error:
        return Compiled(source, None, f"compilation failed: {error}")
    if condition and program.type != BOOL:
        return Compiled(source, None, "must evaluate to bool")
    if "__" in source:
        _unescape(program.expr)
        program = Program(source, program.type, program.used, program.expr)
    return Compiled(source, program)


def _unescape(expr: Expr) -> None:
    """Let `claims.a__dot__b` read the claim `a.b`."""
    if isinstance(expr, Select):
        key = expr.key
        for written, plain in WRITTEN.items():
            if written != "__underscores__":
                key = key.replace(written, plain)
        expr.key = key.replace("__underscores__", "__")
    for inner in children(expr):
        _unescape(inner)


def as_cel(value: Any) -> Any:
    """Parsed JSON as Go's decoder hands it to CEL: every number is a double."""
    if type(value) is int:
        return float(value)
    if isinstance(value, dict):
        return {key: as_cel(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_cel(inner) for inner in value]
    return value
