"""Checks of literal arguments: patterns, durations and timestamps that can never be right."""

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
