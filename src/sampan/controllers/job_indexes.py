"""Sets of completion indexes as ranges: `1,3-5,7`, how an indexed Job keeps account of itself (KEP-2214)."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Indexes:
    """Ranges with both ends included, ascending, none touching another."""

    ranges: tuple[Range, ...] = ()

    @classmethod
    def of(cls, numbers: Iterable[int]) -> "Indexes":
        """The set of these numbers."""
        return cls(_joined((number, number) for number in sorted(numbers)))

    @classmethod
    def parse(cls, text: str, completions: int) -> "Indexes":
        """Read `1,3-5`; what is not below `completions` is cut off, what is no range is passed over."""
        found: list[Range] = []
        for part in filter(None, text.split(",")):
            first, _, last = part.partition("-")
            if not first.isdecimal() or (last and not last.isdecimal()):
                continue
            start, end = int(first), min(int(last or first), completions - 1)
            if start <= end:
                found.append((start, end))
        return cls(_joined(sorted(found)))

    def __or__(self, other: "Indexes") -> "Indexes":
        return Indexes(_joined(sorted((*self.ranges, *other.ranges))))

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)

    def __contains__(self, number: int) -> bool:
        at = bisect_left(self.ranges, number, key=lambda one: one[1])
        return at < len(self.ranges) and self.ranges[at][0] <= number

    def __str__(self) -> str:
        return ",".join(_text(first, last) for first, last in self.ranges)

    def common(self, other: "Indexes") -> int:
        """How many numbers are in both."""
        total = at = 0
        for first, last in self.ranges:
            while at < len(other.ranges) and other.ranges[at][1] < first:
                at += 1
            for start, end in other.ranges[at:]:
                if start > last:
                    break
                total += min(last, end) - max(first, start) + 1
        return total

    def missing(self, count: int, below: int) -> list[int]:
        """The first `count` numbers from 0 that are not in the set and less than `below`."""
        found: list[int] = []
        candidate = 0
        for first, last in (*self.ranges, (below, below)):
            stop = min(first, below, candidate + count - len(found))
            found += range(candidate, stop)
            candidate = max(candidate, last + 1)
            if len(found) >= count:
                break
        return found


def _joined(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """Ascending ranges with those that touch or overlap made one."""
    made: list[Range] = []
    for first, last in ranges:
        if made and first <= made[-1][1] + 1:
            made[-1] = (made[-1][0], max(made[-1][1], last))
        else:
            made.append((first, last))
    return tuple(made)


def _text(first: int, last: int) -> str:
    """Two neighbours are listed; only three or more make a range."""
    if first == last:
        return str(first)
    return f"{first},{last}" if last == first + 1 else f"{first}-{last}"
