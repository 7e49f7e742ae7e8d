"""`"%s".format([...])`: Go's verbs for CEL's values."""

import math
import re
from collections.abc import Callable
from typing import Any

from sampan.api.cel import times
from sampan.api.cel.values import Duration, EvalError, Timestamp, TypeValue, UInt, kind_of

CLAUSE = re.compile(r"%(?:\.(\d+))?(.?)", re.S)
MOST_PLACES = 1000
RAISED = str.maketrans("0123456789", "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")


def formatted(text: str, args: list[Any]) -> str:
    """The text with its clauses filled in from the list. Raises EvalError."""
    taken = 0

    def clause(found: re.Match[str]) -> str:
        nonlocal taken
        verb = found[2]
        if verb == "%":
            return "%"
        if not verb or verb not in VERBS:
            raise EvalError(f'could not parse formatting clause: unrecognized formatting clause "{verb}"')
        if taken >= len(args):
            raise EvalError(f"index {taken} out of range")
        value = args[taken]
        taken += 1
        places = min(int(found[1]), MOST_PLACES) if found[1] else 6
        return VERBS[verb](value, places)

    made = CLAUSE.sub(clause, text)
    if taken < len(args):
        raise EvalError(f"too many arguments supplied to string.format (expected {taken}, got {len(args)})")
    return made


def _wrong(clause: str, wanted: str, value: Any) -> EvalError:
    return EvalError(
        f"error during formatting: {clause} clause can only be used on {wanted}, was given {kind_of(value)}"
    )


def _string(value: Any, _: int) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            from sampan.api.cel.library.standard import double_text

            special = {"NaN": "NaN", "+Inf": "Infinity", "-Inf": "-Infinity"}
            shown = double_text(value)
            return special.get(shown, shown)
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
            return f"[{', '.join(_string(one, 0) for one in value)}]"
        case dict():
            pairs = sorted((_string(k, 0), _string(v, 0)) for k, v in value.items())
            return "{" + ", ".join(f"{k}: {v}" for k, v in pairs) + "}"
    raise _wrong("string", "strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps", value)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _decimal(value: Any, _: int) -> str:
    if not _number(value):
        raise _wrong("decimal", "integers", value)
    if isinstance(value, float):
        if math.isfinite(value):
            raise _wrong("decimal", "integers", value)
        return _string(value, 0)
    return str(int(value))


def _fixed(value: Any, places: int) -> str:
    if not _number(value):
        raise _wrong("fixed-point", "doubles", value)
    return f"{value:,.{places}f}" if math.isfinite(value) else _string(float(value), 0)


def _scientific(value: Any, places: int) -> str:
    if not _number(value):
        raise _wrong("scientific", "doubles", value)
    if not math.isfinite(value):
        return _string(float(value), 0)
    mantissa, _, exponent = f"{float(value):.{places}e}".partition("e")
    sign = "\u207b" if exponent.startswith("-") else ""
    return f"{mantissa}\u00d710{sign}{exponent[1:].zfill(2).translate(RAISED)}"


def _binary(value: Any, _: int) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if not isinstance(value, int):
        raise _wrong("binary", "integers and bools", value)
    return f"{int(value):b}"


def _octal(value: Any, _: int) -> str:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong("octal", "integers", value)
    return f"{int(value):o}"


def _hex(value: Any, _: int) -> str:
    if isinstance(value, str):
        return value.encode().hex()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, bool) or not isinstance(value, int | UInt):
        raise _wrong("hex", "integers, byte buffers, and strings", value)
    return f"{int(value):x}"


VERBS: dict[str, Callable[[Any, int], str]] = {
    "s": _string, "d": _decimal, "f": _fixed, "e": _scientific, "b": _binary, "o": _octal, "x": _hex,
    "X": lambda value, places: _hex(value, places).upper(),
}  # fmt: skip
