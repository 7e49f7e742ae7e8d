"""Optional values: optional.of, optional.none, value, or, orValue."""

from typing import Any

from sampan.api.cel.function import Overload, fn, member
from sampan.api.cel.values import NONE, EvalError, Optional, Timestamp


def _value(one: Optional) -> Any:
    if not one.has:
        raise EvalError("optional.none() dereference")
    return one.value


def _is_zero(value: Any) -> bool:
    return value is None or (not isinstance(value, Timestamp | Optional) and not value)


FUNCTIONS: tuple[Overload, ...] = (
    fn("optional.of", "(A) -> optional_type(A)", lambda value: Optional(True, value)),
    fn("optional.none", "() -> optional_type(A)", lambda: NONE),
    fn(
        "optional.ofNonZeroValue", "(A) -> optional_type(A)",
        lambda value: NONE if _is_zero(value) else Optional(True, value),
    ),
    member("hasValue", "(optional_type(A)) -> bool", lambda one: one.has),
    member("value", "(optional_type(A)) -> A", _value),
    member("or", "(optional_type(A), optional_type(A)) -> optional_type(A)", lambda a, b: a if a.has else b),
    member("orValue", "(optional_type(A), A) -> A", lambda one, other: one.value if one.has else other),
)  # fmt: skip
