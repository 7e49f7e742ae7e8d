"""`"%s".format([...])`: Go's verbs for CEL's values, at run time and for literals when an expression is checked."""

import math
import re
from collections.abc import Callable
from typing import Any

from sampan.api.cel import times
from sampan.api.cel.syntax import Call, Const, Expr, ListExpr, MapExpr, Problem
from sampan.api.cel.types import LOOSE, Type
from sampan.api.cel.values import Duration, EvalError, Timestamp, TypeValue, UInt, type_name

CLAUSE = re.compile(r"%(?:%|(\.\d*)?(.?))", re.S)
PLACES = 6
MOST_PLACES = 1000
RAISED = str.maketrans("0123456789", "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")
ONLY = {
    "s": "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and "
    "timestamps, was given {}",
    "d": "decimal clause can only be used on integers, was given {}",
    "f": "fixed-point clause can only be used on doubles, was given {}",
    "e": "scientific clause can only be used on doubles, was given {}",
    "b": "only integers and bools can be formatted as binary, was given {}",
    "o": "octal clause can only be used on integers, was given {}",
    "x": "only integers, byte buffers, and strings can be formatted as hex, was given {}",
    "X": "only integers, byte buffers, and strings can be formatted as hex, was given {}",
}
KINDS = {
    "s": ("list", "map", "int", "uint", "double", "bool", "string", "timestamp", "bytes", "duration", "type", "null"),
    "d": ("int", "uint"), "f": ("double", "string"), "e": ("double", "string"), "b": ("int", "uint", "bool"),
    "o": ("int", "uint"), "x": ("int", "uint", "string", "bytes"), "X": ("int", "uint", "string", "bytes"),
}  # fmt: skip


def formatted(text: str, args: list[Any]) -> str:
    """The text with its clauses filled in from the list. Raises EvalError."""
    made, taken = _walk(text, len(args), lambda verb, index, places: VERBS[verb](args[index], places))
    if taken < len(args):
        raise EvalError(f"too many arguments supplied to string.format (expected {taken}, got {len(args)})")
    return made


def _walk(text: str, count: int, write: Callable[[str, int, int], str]) -> tuple[str, int]:
    """The text with what `write` makes of verb, argument and precision; and how many arguments were taken."""
    taken = 0

    def clause(found: re.Match[str]) -> str:
        nonlocal taken
        if found[0] == "%%":
            return "%"
        if taken >= count:
            raise EvalError(f"index {taken} out of range")
        verb, given = found[2], found[1]
        if not verb:
            why = "unexpected end of string"
            if given:
                why = "error while parsing precision: could not find end of precision specifier"
                why = f"could not parse formatting clause: {why}"
            raise EvalError(why)
        if given == ".":
            why = 'error while converting precision to integer: strconv.Atoi: parsing "": invalid syntax'
            raise EvalError(f"could not parse formatting clause: error while parsing precision: {why}")
        if verb not in VERBS:
            raise EvalError(f'could not parse formatting clause: unrecognized formatting clause "{verb}"')
        taken += 1
        return write(verb, taken - 1, min(int(given[1:]), MOST_PLACES) if given else PLACES)

    return CLAUSE.sub(clause, text), taken


def format_problem(call: Call) -> Problem | None:
    """What is wrong with a literal text and the types of its literal list of arguments."""
    text, args = call.target, call.args[0]
    if not isinstance(text, Const) or not isinstance(text.value, str) or not isinstance(args, ListExpr):
        return None
    items = args.items
    wrong: list[Expr] = []

    def check(verb: str, index: int, _: int) -> str:
        bad = _unfit(items[index], KINDS[verb], verb == "s")
        if bad is not None:
            wrong.append(bad)
            raise EvalError(f"error during formatting: {ONLY[verb].format(_name(bad.type))}")
        return ""

    try:
        _, taken = _walk(text.value, len(items), check)
    except EvalError as error:
        return Problem(wrong[0].offset if wrong else call.offset, str(error))
    if taken < len(items):
        why = f"too many arguments supplied to string.format (expected {taken}, got {len(items)})"
        return Problem(call.offset, why)
    return None


def _name(one: Type) -> str:
    return str(one).partition("(")[0]


def _unfit(given: Expr, kinds: tuple[str, ...], inside: bool) -> Expr | None:
    """The argument, or the part of it, that has a wrong type."""
    if given.type.kind in LOOSE:
        return None
    if given.type.kind not in kinds:
        return given
    if not inside:
        return None
    parts: list[Expr] = []
    if isinstance(given, ListExpr):
        parts = given.items
    elif isinstance(given, MapExpr):
        parts = [part for key, value, _ in given.entries for part in (key, value)]
    return next((bad for part in parts if (bad := _unfit(part, kinds, True)) is not None), None)


def _wrong(verb: str, value: Any) -> EvalError:
    return EvalError(f"error during formatting: {ONLY[verb].format(type_name(value))}")


def _string(value: Any, _: int) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            from sampan.api.cel.library.standard import double_text

            return double_text(value)
        case str() | int():
            return str(value)
        case bytes():
            return value.decode(errors="replace")
        case Timestamp():
            return times.format_timestamp(value)
        case Duration():
            return times.format_duration(value)
        case TypeValue():
            return value.name
        case list():
            return f"[{', '.join(_inner(one) for one in value)}]"
        case dict():
            return "{" + ", ".join(sorted(f"{_key(k)}:{_inner(v)}" for k, v in value.items())) + "}"
    raise _wrong("s", value)


def _quoted(text: str) -> str:
    from sampan.api.quote import go_quoted

    return go_quoted(text)


def _key(value: Any) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, bool | int):
        return _string(value, 0)
    raise EvalError(f"error during formatting: no formatting function for map key of type {type_name(value)}")


def _inner(value: Any) -> str:
    """A value inside a list or map: texts are quoted."""
    match value:
        case str():
            return _quoted(value)
        case bytes():
            return f"b{_quoted(value.decode(errors='replace'))}"
        case float():
            return f"{value:.6f}" if math.isfinite(value) else f'"{_string(value, 0)}"'
        case Timestamp():
            return f'timestamp("{times.format_timestamp(value)}")'
        case Duration():
            return f'duration("{times.format_duration(value)}")'
        case bool() | int() | None | list() | dict() | TypeValue():
            return _string(value, 0)
    raise EvalError(f"error during formatting: no formatting function for {type_name(value)}")


SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _number(value: Any, verb: str) -> float:
    if isinstance(value, str) and value in SPECIAL:
        return SPECIAL[value]
    if not isinstance(value, float):
        raise _wrong(verb, value)
    return value


def _special(value: float) -> str:
    return "NaN" if value != value else "∞" if value > 0 else "-∞"


def _decimal(value: Any, _: int) -> str:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong("d", value)
    return str(int(value))


def _fixed(value: Any, places: int) -> str:
    number = _number(value, "f")
    return f"{number:,.{places}f}" if math.isfinite(number) else _special(number)


def _scientific(value: Any, places: int) -> str:
    number = _number(value, "e")
    if not math.isfinite(number):
        return _special(number)
    mantissa, _, exponent = f"{number:.{places}e}".partition("e")
    sign = "\u207b" if exponent.startswith("-") else ""
    return f"{mantissa}\u00d710{sign}{exponent[1:].zfill(2).translate(RAISED)}"


def _binary(value: Any, _: int) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if not isinstance(value, int):
        raise _wrong("b", value)
    return f"{int(value):b}"


def _octal(value: Any, _: int) -> str:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong("o", value)
    return f"{int(value):o}"


def _hex(value: Any, _: int) -> str:
    if isinstance(value, str):
        return value.encode().hex()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, bool) or not isinstance(value, int | UInt):
        raise _wrong("x", value)
    return f"{int(value):x}"


VERBS: dict[str, Callable[[Any, int], str]] = {
    "s": _string, "d": _decimal, "f": _fixed, "e": _scientific, "b": _binary, "o": _octal, "x": _hex,
    "X": lambda value, places: _hex(value, places).upper(),
}  # fmt: skip
