"""An environment of variables and functions, and the programs that are compiled in it."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from sampan.api.cel.checker import Checker, Structs, standard_names
from sampan.api.cel.compiler import compile_expr
from sampan.api.cel.function import Overload
from sampan.api.cel.library import LIBRARIES
from sampan.api.cel.parser import parse
from sampan.api.cel.syntax import Expr, PlanError, Problem, report
from sampan.api.cel.types import Type
from sampan.api.cel.values import METER, EvalError, Meter

PER_CALL = 1_000_000
"""Steps that one evaluation may take (upstream: apis/cel PerCallLimit)."""
PER_OBJECT = 10_000_000
"""Steps that all rules of one object may take (RuntimeCELCostBudget)."""


class Outcome(NamedTuple):
    """What came of an evaluation: a value or an error, and the steps that it took."""

    value: Any
    error: EvalError | None
    cost: int


class Program:
    """A compiled expression: `type` is what it gives, `used` the variables it mentions."""

    def __init__(self, source: str, type_: Type, used: frozenset[str], expr: Expr) -> None:
        self.source, self.type, self.used, self.expr = source, type_, used, expr
        self._run = compile_expr(expr)

    def evaluate(self, variables: Mapping[str, Any], limit: int = PER_CALL) -> tuple[Any, int]:
        """The value, and the steps it took. Raises EvalError (OutOfBudget when `limit` is reached)."""
        value, error, cost = self.attempt(variables, limit)
        if error is not None:
            raise error
        return value, cost

    def attempt(self, variables: Mapping[str, Any], limit: int = PER_CALL) -> Outcome:
        """The value or the error (OutOfBudget when `limit` is reached)."""
        meter = Meter(limit)
        env = {**variables, METER: meter}
        value, error = None, None
        try:
            meter.spend(1)
            value = self._run(env)
        except EvalError as failed:
            error = failed
        except RecursionError:
            error = EvalError("expression is nested too deeply")
        except KeyError as missing:
            error = EvalError(f"no such attribute(s): {missing.args[0]!s}")
        return Outcome(value, error, limit - meter.left)


@cache
def _standard_functions() -> dict[str, list[Overload]]:
    return _by_name(one for library in LIBRARIES for one in library)


def _by_name(overloads: Iterable[Overload]) -> dict[str, list[Overload]]:
    made: dict[str, list[Overload]] = {}
    for one in overloads:
        made.setdefault(one.name, []).append(one)
    return made


class Environment:
    """Variables with their types, functions beyond the standard ones, and named object types."""

    def __init__(
        self,
        variables: Mapping[str, Type],
        functions: Iterable[Overload] = (),
        structs: Structs = lambda name: None,
        *,
        binds: bool = False,
    ) -> None:
        self._binds = binds
        self._variables, self._structs = dict(variables), structs
        self._functions = _standard_functions()
        more = _by_name(functions)
        if more:
            both = {name: [*self._functions.get(name, ()), *own] for name, own in more.items()}
            self._functions = {**self._functions, **both}

    def compile(self, source: str) -> Program:
        """A program. Raises CompileError with all that is wrong, laid out as cel-go does, or PlanError."""
        expr = parse(source, self._binds)
        checker = Checker(self._variables, self._functions, _names(), self._structs)
        try:
            type_ = checker.check(expr)
            if checker.problems:
                raise report(source, checker.problems)
            if checker.plan_problem:
                raise PlanError(f"program instantiation failed: {checker.plan_problem}")
            return Program(source, type_, frozenset(checker.used), expr)
        except RecursionError:
            raise report(source, [Problem(0, "expression is nested too deeply")]) from None


_names = cache(standard_names)
