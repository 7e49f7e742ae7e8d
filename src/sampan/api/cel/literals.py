"""Checks of literal arguments: patterns, numbers, durations and timestamps that can never be right."""

from sampan.api.cel import regex, times
from sampan.api.cel.syntax import Call, Const, Problem
from sampan.api.cel.values import EvalError

PARSERS = {"duration": times.parse_duration, "timestamp": times.parse_timestamp}


def literal_problem(call: Call) -> Problem | None:
    """What is wrong with a literal argument of a call."""
    if not call.args or not isinstance(call.args[-1], Const) or not isinstance(call.args[-1].value, str):
        return None
    literal = call.args[-1]
    try:
        if call.function == "matches":
            regex.compiled(literal.value)
        elif call.function in PARSERS and call.target is None:
            PARSERS[call.function](literal.value)
    except EvalError:
        return Problem(literal.offset, f"invalid {call.function} argument")
    return None


CONVERSIONS = frozenset(("bool", "bytes", "double", "int", "string", "uint"))
PATTERNS = frozenset(("find", "findAll"))


def plan_problem(call: Call) -> str:
    """What cel-go finds when it makes a program: it converts literals and compiles literal patterns beforehand."""
    if call.target is None and call.function in CONVERSIONS and len(call.args) == 1:
        return _conversion(call)
    if call.target is not None and call.function in PATTERNS and call.args:
        pattern = call.args[0]
        if isinstance(pattern, Const) and isinstance(pattern.value, str):
            try:
                regex.compiled(pattern.value)
            except EvalError as error:
                return str(error)
    return ""


def _conversion(call: Call) -> str:
    given = call.args[0]
    if not isinstance(given, Const) or not call.overloads:
        return ""
    try:
        call.overloads[0].run(given.value)
    except EvalError as error:
        return str(error)
    return ""
