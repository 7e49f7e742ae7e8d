"""CEL's standard operators, conversions, sizes and parts of times."""

import math
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from sampan.api.cel import times
from sampan.api.cel.function import Overload, fn, member
from sampan.api.cel.regex import matches
from sampan.api.cel.values import (
    MOST,
    MOST_UINT,
    SECOND,
    Duration,
    EvalError,
    Timestamp,
    TypeValue,
    UInt,
    no_overload,
    type_name,
    whole,
)


def _negate(value: Any) -> Any:
    return -value if isinstance(value, float) else whole(-value)


def add(a: Any, b: Any) -> Any:
    """Numbers of one kind, texts, lists, times."""
    if type(a) is int:
        return whole(a + b)
    if isinstance(a, UInt):
        return whole(int(a) + int(b), unsigned=True)
    if isinstance(a, Timestamp):
        return times.stamp(a.nanos + b.nanos)
    if isinstance(a, Duration):
        return times.stamp(a.nanos + b.nanos) if isinstance(b, Timestamp) else times.span(a.nanos + b.nanos)
    if isinstance(a, list):
        return [*a, *b]
    return a + b


def _subtract(a: Any, b: Any) -> Any:
    if type(a) is int:
        return whole(a - b)
    if isinstance(a, UInt):
        return whole(int(a) - int(b), unsigned=True)
    if isinstance(a, Timestamp):
        return times.span(a.nanos - b.nanos) if isinstance(b, Timestamp) else times.stamp(a.nanos - b.nanos)
    return times.span(a.nanos - b.nanos) if isinstance(a, Duration) else a - b


def _multiply(a: Any, b: Any) -> Any:
    if type(a) is int:
        return whole(a * b)
    return whole(int(a) * int(b), unsigned=True) if isinstance(a, UInt) else a * b


def _divide(a: Any, b: Any) -> Any:
    if isinstance(a, float):
        if b == 0:
            return math.nan if a == 0 or a != a else math.copysign(math.inf, a) * math.copysign(1, b)
        return a / b
    if b == 0:
        raise EvalError("division by zero")
    quotient = abs(int(a)) // abs(int(b))
    return whole(quotient if (a < 0) == (b < 0) else -quotient, isinstance(a, UInt))


def _modulo(a: int, b: int) -> int:
    if b == 0:
        raise EvalError("modulus by zero")
    rest = abs(int(a)) % abs(int(b))
    return whole(-rest if a < 0 else rest, isinstance(a, UInt))


# --- conversions


def _wrong(source: str, target: str) -> EvalError:
    return EvalError(f"type conversion error from '{source}' to '{target}'")


def _int(value: Any) -> int:
    if isinstance(value, str):
        if not re.fullmatch(r"[+-]?[0-9]+", value) or not -(2**63) <= int(value[:40]) <= MOST:
            raise _wrong("string", "int")
        return int(value)
    if isinstance(value, Timestamp):
        return value.nanos // SECOND
    if isinstance(value, float):
        if not -(2.0**63) < value < 2.0**63:
            raise EvalError("integer overflow")
        return math.trunc(value)
    return whole(int(value))


def _uint(value: Any) -> int:
    if isinstance(value, str):
        if not re.fullmatch(r"[0-9]+", value) or int(value[:40]) > MOST_UINT:
            raise _wrong("string", "uint")
        return UInt(int(value))
    if isinstance(value, float):
        if not 0 <= value < 2.0**64:
            raise EvalError("unsigned integer overflow")
        return UInt(math.trunc(value))
    return whole(int(value), unsigned=True)


def _double(value: Any) -> float:
    try:
        return float(value)
    except ValueError:
        raise _wrong("string", "double") from None


TRUE, FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in TRUE or value in FALSE:
        return value in TRUE
    raise _wrong("string", "bool")


def double_text(value: float) -> str:
    """A number as Go's %g prints it."""
    if value != value or value in (math.inf, -math.inf):
        return "NaN" if value != value else "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    text = "".join(map(str, digits))
    power = len(text) + int(exponent) - 1
    minus = "-" if sign else ""
    if power < -4 or power >= 6:
        fraction = f".{text[1:]}" if len(text) > 1 else ""
        return f"{minus}{text[0]}{fraction}e{'-' if power < 0 else '+'}{abs(power):02d}"
    if power < 0:
        return f"{minus}0.{'0' * (-power - 1)}{text}"
    whole_part = text[: power + 1].ljust(power + 1, "0")
    fraction = f".{text[power + 1 :]}" if len(text) > power + 1 else ""
    return f"{minus}{whole_part}{fraction}"


def text_of(value: Any) -> str:
    """`string(value)`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return double_text(value)
    if isinstance(value, Timestamp):
        return times.format_timestamp(value)
    if isinstance(value, Duration):
        return times.format_duration(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise EvalError("invalid UTF-8 in bytes, cannot convert to string") from None
    return str(value)


def _timestamp(value: Any) -> Timestamp:
    if isinstance(value, str):
        return times.parse_timestamp(value)
    return value if isinstance(value, Timestamp) else times.stamp(value * SECOND)


def _duration(value: Any) -> Duration:
    if isinstance(value, str):
        return times.parse_duration(value)
    return value if isinstance(value, Duration) else times.span(value)


def _identity(value: Any) -> Any:
    return value


# --- parts of times

PARTS: tuple[tuple[str, Callable[[datetime], int]], ...] = (
    ("getFullYear", lambda t: t.year),
    ("getMonth", lambda t: t.month - 1),
    ("getDayOfYear", lambda t: t.timetuple().tm_yday - 1),
    ("getDayOfMonth", lambda t: t.day - 1),
    ("getDate", lambda t: t.day),
    ("getDayOfWeek", lambda t: t.isoweekday() % 7),
    ("getHours", lambda t: t.hour),
    ("getMinutes", lambda t: t.minute),
    ("getSeconds", lambda t: t.second),
    ("getMilliseconds", lambda t: t.microsecond // 1000),
)
SPANS = (
    ("getHours", 3600 * SECOND), ("getMinutes", 60 * SECOND), ("getSeconds", SECOND), ("getMilliseconds", 10**6),
)  # fmt: skip


def _part(name: str, read: Callable[[datetime], int]) -> list[Overload]:
    return [
        member(name, "(timestamp) -> int", lambda when: read(times.local(when))),
        member(name, "(timestamp, string) -> int", lambda when, where: read(times.local(when, where))),
    ]


def _whole_units(name: str, unit: int) -> Overload:
    def count(length: Duration) -> int:
        found = abs(length.nanos) // unit
        return -found if length.nanos < 0 else found

    return member(name, "(duration) -> int", count)


def _not(value: Any) -> bool:
    if type(value) is not bool:
        raise no_overload()
    return not value


def _arithmetic() -> list[Overload]:
    made = [
        fn(name, f"({kind}, {kind}) -> {kind}", run)
        for name, run in (("_+_", add), ("_-_", _subtract), ("_*_", _multiply), ("_/_", _divide), ("_%_", _modulo))
        for kind in ("int", "uint", "double")
        if (name, kind) != ("_%_", "double")
    ]
    made += [fn("_+_", f"({kind}, {kind}) -> {kind}", add) for kind in ("string", "bytes", "list(A)", "duration")]
    return [
        *made,
        fn("_+_", "(timestamp, duration) -> timestamp", add),
        fn("_+_", "(duration, timestamp) -> timestamp", add),
        fn("_-_", "(duration, duration) -> duration", _subtract),
        fn("_-_", "(timestamp, timestamp) -> duration", _subtract),
        fn("_-_", "(timestamp, duration) -> timestamp", _subtract),
        fn("-_", "(int) -> int", _negate),
        fn("-_", "(double) -> double", _negate),
        fn("!_", "(bool) -> bool", _not),
    ]


def _typed(*_: Any) -> Any:
    """Operators that the evaluator has built in: only their types are of use."""
    raise AssertionError


def _comparisons() -> list[Overload]:
    kinds = ("int", "uint", "double")
    pairs = [(a, b) for a in kinds for b in kinds]
    pairs += [(k, k) for k in ("bool", "string", "bytes", "timestamp", "duration")]
    return [
        *(fn(op, f"({a}, {b}) -> bool", _typed) for op in ("_<_", "_<=_", "_>_", "_>=_") for a, b in pairs),
        *(fn(op, "(A, A) -> bool", _typed) for op in ("_==_", "_!=_")),
        fn("@in", "(A, list(A)) -> bool", _typed),
        fn("@in", "(A, map(A, B)) -> bool", _typed),
        fn("_?_:_", "(bool, A, A) -> A", _typed),
    ]


def _conversions() -> list[Overload]:
    kinds = {
        "int": (_int, ("int", "uint", "double", "string", "timestamp")),
        "uint": (_uint, ("int", "uint", "double", "string")),
        "double": (_double, ("int", "uint", "double", "string")),
        "bool": (_bool, ("bool", "string")),
        "string": (text_of, ("string", "bool", "int", "uint", "double", "bytes", "timestamp", "duration")),
        "timestamp": (_timestamp, ("timestamp", "int", "string")),
        "duration": (_duration, ("duration", "int", "string")),
    }
    return [
        *(fn(name, f"({one}) -> {name}", run) for name, (run, sources) in kinds.items() for one in sources),
        fn("bytes", "(bytes) -> bytes", _identity),
        fn("bytes", "(string) -> bytes", str.encode),
        fn("dyn", "(A) -> dyn", _identity),
        fn("type", "(A) -> type(A)", lambda value: TypeValue(type_name(value))),
    ]


FUNCTIONS: tuple[Overload, ...] = (
    *_arithmetic(),
    *_comparisons(),
    *_conversions(),
    *(make(name, f"({kind}) -> int", len) for kind in ("string", "bytes", "list(A)", "map(A, B)")
      for make in (fn, member) for name in ("size",)),
    member("contains", "(string, string) -> bool", lambda text, part: part in text),
    member("startsWith", "(string, string) -> bool", str.startswith),
    member("endsWith", "(string, string) -> bool", str.endswith),
    member("matches", "(string, string) -> bool", matches),
    fn("matches", "(string, string) -> bool", matches),
    *(one for name, read in PARTS for one in _part(name, read)),
    *(_whole_units(name, unit) for name, unit in SPANS),
)  # fmt: skip
