"""Quantities and semantic versions."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from sampan.api import quantity as quantities
from sampan.api.cel.function import Overload, fn, member
from sampan.api.cel.types import Type
from sampan.api.cel.values import LEAST, MOST, EvalError, Opaque


@dataclass(frozen=True, slots=True)
class Quantity(Opaque):
    """A Kubernetes quantity; two are equal when their numbers are."""

    cel_type: ClassVar[Type] = Type("opaque", (), "kubernetes.Quantity")
    number: Decimal


def _quantity(text: str) -> Quantity:
    try:
        return Quantity(quantities.parse(text)[0])
    except quantities.QuantityError as error:
        raise EvalError(str(error)) from None


def _good(parse: Callable[..., Any]) -> Callable[..., bool]:
    def run(*args: Any) -> bool:
        try:
            parse(*args)
        except EvalError:
            return False
        return True

    return run


def _is_integer(one: Quantity) -> bool:
    return one.number == one.number.to_integral_value() and LEAST <= one.number <= MOST


def _as_integer(one: Quantity) -> int:
    if not _is_integer(one):
        raise EvalError("cannot convert value to integer")
    return int(one.number)


def _added(one: Quantity, other: Quantity | int) -> Quantity:
    return Quantity(quantities.EXACT.add(one.number, other.number if isinstance(other, Quantity) else Decimal(other)))


def _subtracted(one: Quantity, other: Quantity | int) -> Quantity:
    number = other.number if isinstance(other, Quantity) else Decimal(other)
    return Quantity(quantities.EXACT.subtract(one.number, number))


def _sign(a: Any, b: Any) -> int:
    return int(a > b) - int(a < b)


# --- versions

VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?", re.A)


@dataclass(frozen=True, slots=True)
class Semver(Opaque):
    """A semantic version (semver.org 2.0.0); build metadata does not count in comparisons."""

    cel_type: ClassVar[Type] = Type("opaque", (), "kubernetes.Semver")
    core: tuple[int, int, int]
    pre: tuple[str, ...] = ()

    def order(self) -> tuple[Any, ...]:
        """What versions are compared by: a release is after its pre-releases, numbers are before words."""
        parts = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in self.pre)
        return (*self.core, 0 if self.pre else 1, parts)


def _semver(text: str, normalize: bool = False) -> Semver:
    if not text:
        raise EvalError("Version string empty")
    found = VERSION.fullmatch(_normalized(text) if normalize else text)
    if found is None:
        parts = text.split(".", 2)
        raise EvalError(
            "No Major.Minor.Patch elements found"
            if len(parts) != 3
            else f"Invalid character(s) found in version {text!r}"
        )
    for part in found.groups()[:3]:
        if len(part) > 1 and part.startswith("0"):
            raise EvalError(f'Version number must not contain leading zeroes "{part}"')
        if int(part) >= 2**64:
            raise EvalError(f'strconv.ParseUint: parsing "{part}": value out of range')
    pre = tuple(found[4].split(".")) if found[4] else ()
    if any(not part or (part.isdigit() and len(part) > 1 and part.startswith("0")) for part in pre):
        raise EvalError(f'Numeric PreRelease version must not contain leading zeroes "{found[4]}"')
    return Semver((int(found[1]), int(found[2]), int(found[3])), pre)


def parse_semver(text: str) -> Semver:
    """A semantic version as expressions see it. Raises EvalError."""
    return _semver(text)


def _normalized(text: str) -> str:
    parts = text.removeprefix("v").split(".", 2)
    for index, part in enumerate(parts):
        if len(part) > 1:
            rest = part.lstrip("0")
            parts[index] = rest if rest[:1].isdigit() else f"0{rest}"
    if len(parts) < 3 and not any(mark in parts[-1] for mark in "+-"):
        parts += ["0"] * (3 - len(parts))
    return ".".join(parts)


FUNCTIONS: tuple[Overload, ...] = (
    fn("quantity", "(string) -> kubernetes.Quantity", _quantity),
    fn("isQuantity", "(string) -> bool", _good(_quantity)),
    member("sign", "(kubernetes.Quantity) -> int", lambda one: _sign(one.number, 0)),
    member("isGreaterThan", "(kubernetes.Quantity, kubernetes.Quantity) -> bool", lambda a, b: a.number > b.number),
    member("isLessThan", "(kubernetes.Quantity, kubernetes.Quantity) -> bool", lambda a, b: a.number < b.number),
    member("compareTo", "(kubernetes.Quantity, kubernetes.Quantity) -> int", lambda a, b: _sign(a.number, b.number)),
    member("asApproximateFloat", "(kubernetes.Quantity) -> double", lambda one: float(one.number)),
    member("asInteger", "(kubernetes.Quantity) -> int", _as_integer),
    member("isInteger", "(kubernetes.Quantity) -> bool", _is_integer),
    member("add", "(kubernetes.Quantity, kubernetes.Quantity) -> kubernetes.Quantity", _added),
    member("add", "(kubernetes.Quantity, int) -> kubernetes.Quantity", _added),
    member("sub", "(kubernetes.Quantity, kubernetes.Quantity) -> kubernetes.Quantity", _subtracted),
    member("sub", "(kubernetes.Quantity, int) -> kubernetes.Quantity", _subtracted),
    fn("semver", "(string) -> kubernetes.Semver", _semver),
    fn("semver", "(string, bool) -> kubernetes.Semver", _semver),
    fn("isSemver", "(string) -> bool", _good(_semver)),
    fn("isSemver", "(string, bool) -> bool", _good(_semver)),
    member("isGreaterThan", "(kubernetes.Semver, kubernetes.Semver) -> bool", lambda a, b: a.order() > b.order()),
    member("isLessThan", "(kubernetes.Semver, kubernetes.Semver) -> bool", lambda a, b: a.order() < b.order()),
    member("compareTo", "(kubernetes.Semver, kubernetes.Semver) -> int", lambda a, b: _sign(a.order(), b.order())),
    member("major", "(kubernetes.Semver) -> int", lambda one: one.core[0]),
    member("minor", "(kubernetes.Semver) -> int", lambda one: one.core[1]),
    member("patch", "(kubernetes.Semver) -> int", lambda one: one.core[2]),
)
