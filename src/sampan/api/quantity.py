"""Kubernetes quantities ("100m", "1Gi", "12e6") as exact numbers (apimachinery: api/resource)."""

import re
from decimal import ROUND_CEILING, Context, Decimal
from functools import lru_cache
from typing import Literal

Format = Literal["decimal", "binary", "exponent"]

BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
SUFFIX = {exponent: suffix for suffix, exponent in DECIMAL.items()}
BINARY_SUFFIX = ("", *BINARY)
SYNTAX = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)")
EXPONENT = re.compile(r"[eE][+-]?[0-9]+")
WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
BAD_SUFFIX = "unable to parse quantity's suffix"
NANO = 10**9
LARGEST = (2**63 - 1) * NANO
"""Binary notation ends there, as upstream's does; the decimal ones do not."""
FARTHEST = 400
"""Exponents beyond it are cut to it: enough to be larger, or smaller, than anything that is compared with them."""
EXACT = Context(prec=2 * FARTHEST + 100)
"""Room for every digit of what can be parsed, and of sums of many."""


class QuantityError(ValueError):
    """Not a quantity; the text is upstream's."""


@lru_cache(maxsize=16384)
def _nanos(text: str) -> tuple[int, Format]:
    """Signed billionths, rounded away from zero to whole ones, and the notation."""
    match = SYNTAX.fullmatch(text.strip())
    if match is None or not (match[2] or match[3]):
        raise QuantityError(WRONG)
    whole, fraction, suffix = match[2], match[3] or "", match[4]
    digits, scale = int(whole + fraction) * NANO, 10 ** len(fraction)
    kind: Format = "decimal"
    shift = 0
    if suffix in BINARY:
        digits, kind = digits << BINARY[suffix], "binary"
    elif suffix in DECIMAL:
        shift = DECIMAL[suffix]
    elif EXPONENT.fullmatch(suffix):
        shift, kind = max(-FARTHEST, min(FARTHEST, int(suffix[1:]))), "exponent"
    else:
        raise QuantityError(BAD_SUFFIX)
    digits, scale = (digits * 10**shift, scale) if shift >= 0 else (digits, scale * 10**-shift)
    nanos = -(-digits // scale)
    if kind == "binary":
        nanos = min(nanos, LARGEST)
    return (-nanos if match[1] == "-" else nanos), kind


def _print(nanos: int, kind: Format) -> str:
    """The canonical text: the largest suffix that leaves a whole number."""
    if not nanos:
        return "0"
    sign, rest = ("-" if nanos < 0 else ""), abs(nanos)
    if kind == "binary" and rest >= 1024 * NANO:
        value, step = -(-rest // NANO), 0
        while value % 1024 == 0 and step < len(BINARY):
            value, step = value // 1024, step + 1
        return f"{sign}{value}{BINARY_SUFFIX[step]}"
    exponent = -9
    while rest % 1000 == 0 and (exponent < 18 or kind == "exponent"):
        rest, exponent = rest // 1000, exponent + 3
    if kind == "exponent":
        return f"{sign}{rest}e{exponent}" if exponent else f"{sign}{rest}"
    return f"{sign}{rest}{SUFFIX[exponent]}"


@lru_cache(maxsize=16384)
def parse(text: str) -> tuple[Decimal, Format]:
    """The number and the notation that it was written in; raises QuantityError.

    What is finer than a billionth is rounded up to one.
    """
    nanos, kind = _nanos(text)
    return EXACT.scaleb(Decimal(nanos), -9), kind


def render(number: Decimal, kind: Format = "decimal") -> str:
    """The canonical text of a number, rounded up to whole billionths."""
    return _print(int(EXACT.scaleb(number, 9).to_integral_value(rounding=ROUND_CEILING)), kind)


@lru_cache(maxsize=16384)
def canonical(text: str) -> str:
    """`1024Mi` to `1Gi`, `0.5` to `500m`; raises QuantityError."""
    return _print(*_nanos(text))


def number(value: str | int | float) -> Decimal:
    """A quantity as it may stand in JSON, as an exact number."""
    return parse(value if isinstance(value, str) else str(value))[0]


def value(text: str | int | float) -> int:
    """Rounded up to a whole number (Quantity.Value)."""
    return int(number(text).to_integral_value(rounding=ROUND_CEILING))


def milli_value(text: str | int | float) -> int:
    """Rounded up to whole thousandths (Quantity.MilliValue)."""
    return int(EXACT.scaleb(number(text), 3).to_integral_value(rounding=ROUND_CEILING))


def compare(a: str | int | float, b: str | int | float) -> int:
    """-1, 0 or 1."""
    x, y = number(a), number(b)
    return (x > y) - (x < y)


def add(a: str, b: str) -> str:
    """The sum, in the first one's notation (the second's if the first is zero)."""
    (x, kind), (y, other) = parse(a), parse(b)
    return render(EXACT.add(x, y), kind if x else other)


def subtract(a: str, b: str) -> str:
    """The difference, in the first one's notation (the second's if the first is zero)."""
    (x, kind), (y, other) = parse(a), parse(b)
    return render(EXACT.subtract(x, y), kind if x else other)
