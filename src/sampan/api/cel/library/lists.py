"""Lists: Kubernetes' isSorted, sum, min, max, indexOf; CEL's lists extension; sets."""

from functools import cmp_to_key
from itertools import pairwise
from typing import Any

from sampan.api.cel.function import Overload, fn, member
from sampan.api.cel.library.standard import add
from sampan.api.cel.values import NONE, Duration, EvalError, Optional, OutOfBudget, UInt, compare, contains, equal

LONGEST = 1_000_000
"""Items that one function may make."""
COMPARED = ("int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes")
SUMMED: dict[str, Any] = {"int": 0, "uint": UInt(0), "double": 0.0, "duration": Duration(0)}


def _is_sorted(items: list[Any]) -> bool:
    return all(compare(a, b) <= 0 for a, b in pairwise(items))


def _sum(kind: str) -> Any:
    def run(items: list[Any]) -> Any:
        total = SUMMED[kind]
        for item in items:
            total = add(total, item)
        return total

    return run


def _extreme(name: str, sign: int) -> Any:
    def run(items: list[Any]) -> Any:
        if not items:
            raise EvalError(f"{name} called on empty list")
        best = items[0]
        for item in items[1:]:
            if compare(best, item) == sign:
                best = item
        return best

    return run


def _index_of(items: list[Any], wanted: Any) -> int:
    return next((index for index, item in enumerate(items) if equal(item, wanted)), -1)


def _last_index_of(items: list[Any], wanted: Any) -> int:
    return next((i for i in range(len(items) - 1, -1, -1) if equal(items[i], wanted)), -1)


def _slice(items: list[Any], start: int, end: int) -> list[Any]:
    if start < 0 or end < 0:
        raise EvalError(f"cannot slice({start}, {end}), negative indexes not supported")
    if start > end:
        raise EvalError(f"cannot slice({start}, {end}), start index must be less than or equal to end index")
    if end > len(items):
        raise EvalError(f"cannot slice({start}, {end}), list is length {len(items)}")
    return items[start:end]


def _flatten(items: list[Any], depth: int = 1) -> list[Any]:
    if depth < 0:
        raise EvalError("level must be non-negative")
    made: list[Any] = []
    for item in items:
        if isinstance(item, list) and depth > 0:
            made += _flatten(item, min(depth, 100) - 1)
        else:
            made.append(item)
    return made


def _range(count: int) -> list[int]:
    if count > LONGEST:
        raise OutOfBudget()
    return list(range(count))


def _distinct(items: list[Any]) -> list[Any]:
    made: list[Any] = []
    _quadratic(items, items)
    seen: set[str] = set()
    for item in items:
        if type(item) is str:
            if item not in seen:
                seen.add(item)
                made.append(item)
        elif not contains(made, item):
            made.append(item)
    return made


def _quadratic(a: list[Any], b: list[Any]) -> None:
    if len(a) * len(b) > LONGEST:
        raise OutOfBudget()


def _sort(items: list[Any]) -> list[Any]:
    if len({type(item) for item in items}) > 1:
        raise EvalError("list elements must have the same type")
    return sorted(items, key=cmp_to_key(compare))


def _holds(items: list[Any], wanted: list[Any]) -> bool:
    _quadratic(items, wanted)
    return all(contains(items, item) for item in wanted)


def _intersect(a: list[Any], b: list[Any]) -> bool:
    _quadratic(a, b)
    return any(contains(b, item) for item in a)


def _first(items: list[Any]) -> Any:
    return Optional(True, items[0]) if items else NONE


def _last(items: list[Any]) -> Any:
    return _first(items[-1:])


FUNCTIONS: tuple[Overload, ...] = (
    *(member("isSorted", f"(list({kind})) -> bool", _is_sorted) for kind in COMPARED),
    *(member("sum", f"(list({kind})) -> {kind}", _sum(kind)) for kind in SUMMED),
    *(member("min", f"(list({kind})) -> {kind}", _extreme("min", 1)) for kind in COMPARED),
    *(member("max", f"(list({kind})) -> {kind}", _extreme("max", -1)) for kind in COMPARED),
    member("indexOf", "(list(A), A) -> int", _index_of),
    member("lastIndexOf", "(list(A), A) -> int", _last_index_of),
    member("slice", "(list(A), int, int) -> list(A)", _slice),
    member("flatten", "(list(list(A))) -> list(A)", _flatten),
    member("flatten", "(list(dyn), int) -> list(dyn)", _flatten),
    fn("lists.range", "(int) -> list(int)", _range),
    member("distinct", "(list(A)) -> list(A)", _distinct),
    member("reverse", "(list(A)) -> list(A)", lambda items: items[::-1]),
    *(member("sort", f"(list({kind})) -> list({kind})", _sort) for kind in COMPARED),
    member("first", "(list(A)) -> optional_type(A)", _first),
    member("last", "(list(A)) -> optional_type(A)", _last),
    fn("sets.contains", "(list(A), list(A)) -> bool", _holds),
    fn("sets.equivalent", "(list(A), list(A)) -> bool", lambda a, b: _holds(a, b) and _holds(b, a)),
    fn("sets.intersects", "(list(A), list(A)) -> bool", _intersect),
)
