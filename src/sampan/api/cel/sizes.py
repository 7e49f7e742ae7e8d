"""Sizes and costs that stop at the largest 64-bit number instead of overflowing."""

import math
from typing import NamedTuple

MOST = 2**64 - 1


def added(a: int, b: int) -> int:
    """The sum."""
    return min(MOST, a + b)


def times(a: int, b: int) -> int:
    """The product."""
    return min(MOST, a * b)


def scaled(size: int, factor: float) -> int:
    """The product with a fraction, rounded up."""
    made = math.ceil(float(size) * factor)
    return MOST if made >= 2**64 else made


class Size(NamedTuple):
    """The fewest and the most elements that a value has."""

    least: int
    most: int

    def union(self, other: "Size") -> "Size":
        """What covers both."""
        return Size(min(self.least, other.least), max(self.most, other.most))

    def plus(self, other: "Size") -> "Size":
        """Of both together."""
        return Size(added(self.least, other.least), added(self.most, other.most))

    def by(self, other: "Size") -> "Size":
        """Of one in each of the other."""
        return Size(times(self.least, other.least), times(self.most, other.most))


ONE = Size(1, 1)
UNKNOWN = Size(0, MOST)
