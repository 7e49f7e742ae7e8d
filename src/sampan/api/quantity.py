"""Kubernetes quantities ("100m", "1Gi", "12e6") as exact numbers (apimachinery: api/resource)."""

import re
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from typing import Literal

Format = Literal["decimal", "binary", "exponent"]

BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
SUFFIX = {exponent: suffix for suffix, exponent in DECIMAL.items()}
SYNTAX = re.compile(r"([+-]?)(\d+\.?\d*|\.\d+)(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+)?")
WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
NANO = Decimal("1e-9")
MOST = Decimal(2**63 - 1)


class QuantityError(ValueError):
    """Not a quantity; the text is upstream's."""


@lru_cache(maxsize=16384)
def parse(text: str) -> tuple[Decimal, Format]:
    """The number and the notation that it was written in; raises QuantityError.

    What is finer than a nano is rounded up; what is larger than 2^63-1 is cut to that.
    """
    match = SYNTAX.fullmatch(text)
    if not match:
        raise QuantityError(WRONG)
    sign, digits, suffix = match.groups()
    number = Decimal(digits)
    kind: Format = "decimal"
    if suffix in BINARY:
        number *= 1024 ** BINARY[suffix]
        kind = "binary"
    elif suffix in DECIMAL:
        number = number.scaleb(DECIMAL[suffix])
    elif suffix:
        exponent = int(suffix[1:])
        if abs(exponent) > 1000:
            raise QuantityError(WRONG)
        number = number.scaleb(exponent)
        kind = "exponent"
    number = number.quantize(NANO, rounding=ROUND_CEILING) if number % NANO else number
    number = min(number, MOST)
    return (-number if sign == "-" else number), kind


def render(number: Decimal, kind: Format = "decimal") -> str:
    """The canonical text: the largest suffix that leaves a whole number."""
    if not number:
        return "0"
    sign, rest = ("-" if number < 0 else ""), abs(number)
    if kind == "binary" and (rest < 1024 or rest != rest.to_integral_value()):
        kind = "decimal"
    if kind == "binary":
        whole, suffix = int(rest), ""
        for name in BINARY:
            if whole % 1024:
                break
            whole, suffix = whole // 1024, name
        return f"{sign}{whole}{suffix}"
    mantissa, exponent = _whole(rest)
    step = exponent - exponent % 3
    mantissa *= 10 ** (exponent - step)
    if kind == "exponent":
        return f"{sign}{mantissa}e{step}" if step else f"{sign}{mantissa}"
    if step > 18:
        mantissa, step = mantissa * 10 ** (step - 18), 18
    return f"{sign}{mantissa}{SUFFIX[step]}"


def _whole(number: Decimal) -> tuple[int, int]:
    """number = mantissa * 10^exponent with a whole mantissa that does not end in 0."""
    _, digits, exponent = number.normalize().as_tuple()
    assert isinstance(exponent, int)
    return int("".join(map(str, digits))), exponent


@lru_cache(maxsize=16384)
def canonical(text: str) -> str:
    """The text in canonical form; raises QuantityError."""
    return render(*parse(text))


def number(value: str | int | float) -> Decimal:
    """A quantity as it may stand in JSON, as an exact number."""
    return parse(value if isinstance(value, str) else str(value))[0]


def value(text: str | int | float) -> int:
    """Rounded up to a whole number (Quantity.Value)."""
    return int(number(text).to_integral_value(rounding=ROUND_CEILING))


def milli_value(text: str | int | float) -> int:
    """Rounded up to whole thousandths (Quantity.MilliValue)."""
    return int(number(text).scaleb(3).to_integral_value(rounding=ROUND_CEILING))


def compare(a: str | int | float, b: str | int | float) -> int:
    """-1, 0 or 1."""
    x, y = number(a), number(b)
    return (x > y) - (x < y)


def add(a: str, b: str) -> str:
    """The sum, in the first one's notation (the second's if the first is zero)."""
    (x, kind), (y, other) = parse(a), parse(b)
    return render(x + y, kind if x else other)


def subtract(a: str, b: str) -> str:
    """The difference, in the first one's notation (the second's if the first is zero)."""
    (x, kind), (y, other) = parse(a), parse(b)
    return render(x - y, kind if x else other)
