"""CEL's values at run time: those of JSON are Python's own; the rest, equality and order are here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from sampan.api.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    Type,
    list_of,
    map_of,
)

LEAST, MOST, MOST_UINT = -(2**63), 2**63 - 1, 2**64 - 1
SECOND = 10**9
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class EvalError(Exception):
    """An error of evaluation, in cel-go's words."""


class OutOfBudget(EvalError):
    """More work than an expression may make."""

    def __init__(self) -> None:
        super().__init__("operation cancelled: actual cost limit exceeded")


def no_overload() -> EvalError:
    """The operands have types that the operator or function does not know."""
    return EvalError("no such overload")


class UInt(int):
    """An unsigned integer."""


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """Nanoseconds since 1970."""

    nanos: int

    def moment(self) -> datetime:
        """As a datetime, cut to microseconds."""
        return EPOCH + timedelta(microseconds=self.nanos // 1000)


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """Nanoseconds."""

    nanos: int


@dataclass(frozen=True, slots=True)
class Optional:
    """optional.of(value), or optional.none()."""

    has: bool
    value: Any = None


NONE = Optional(False)


@dataclass(frozen=True, slots=True)
class TypeValue:
    """A type as a value: `type(x)`, `int`."""

    name: str


class SetList(list[Any]):
    """A list of x-kubernetes-list-type `set`: its order does not count."""


class MapList(list[Any]):
    """A list of x-kubernetes-list-type `map`: its order does not count, items are told apart by `keys`."""

    keys: tuple[str, ...] = ()


class Struct(dict[str, Any]):
    """An object that an expression made (`Object.spec{…}`); `name` is that of its type."""

    __slots__ = ("name",)
    name: str


class Opaque:
    """A value of a type that only a library knows. Equality is Python's."""

    cel_type: ClassVar[Type] = DYN


KINDS: dict[type, str] = {
    bool: "bool", int: "int", UInt: "uint", float: "double", str: "string", bytes: "bytes", list: "list",
    SetList: "list", MapList: "list", dict: "map", type(None): "null", Timestamp: "timestamp", Duration: "duration",
    Optional: "optional_type", TypeValue: "type", Struct: "object",
}  # fmt: skip
TYPES = {
    "bool": BOOL, "int": INT, "uint": UINT, "double": DOUBLE, "string": STRING, "bytes": BYTES,
    "list": list_of(DYN), "map": map_of(DYN, DYN), "null": NULL, "timestamp": TIMESTAMP, "duration": DURATION,
}  # fmt: skip
NUMBERS = frozenset((int, UInt, float))
PLAIN = frozenset((str, int, UInt, bool, type(None), bytes, float, Timestamp, Duration, TypeValue))


def kind_of(value: Any) -> str:
    """The name of a value's type as overloads are looked up by it."""
    found = KINDS.get(type(value))
    if found is not None:
        return found
    return value.cel_type.name if isinstance(value, Opaque) else "unknown"


def type_name(value: Any) -> str:
    """What `type(value)` is called."""
    kind = value.name if isinstance(value, Struct) else kind_of(value)
    return str(TYPES[kind]).split("(")[0] if kind in TYPES else kind


def equal(a: Any, b: Any) -> bool:
    """CEL's `==`: types that differ are unequal, numbers are compared as numbers."""
    ta, tb = type(a), type(b)
    if ta is tb and ta in PLAIN:
        return bool(a == b)
    if ta in NUMBERS and tb in NUMBERS:
        return bool(a == b)
    if isinstance(a, dict):
        if (ta is Struct or tb is Struct) and type_name(a) != type_name(b):
            return False
        return isinstance(b, dict) and len(a) == len(b) and all(k in b and equal(v, b[k]) for k, v in a.items())
    if isinstance(a, list):
        return isinstance(b, list) and _equal_lists(a, b)
    if ta is Optional and tb is Optional:
        return a.has == b.has and equal(a.value, b.value)
    return ta is tb and bool(a == b)


def _equal_lists(a: list[Any], b: list[Any]) -> bool:
    if len(a) != len(b):
        return False
    if isinstance(a, SetList):
        return all(contains(b, one) for one in a)
    if isinstance(a, MapList):
        mine, theirs = keyed(a, a.keys), keyed(b, a.keys)
        return mine.keys() == theirs.keys() and all(equal(v, theirs[k]) for k, v in mine.items())
    return all(map(equal, a, b))


def keyed(items: list[Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """The items of a map list by their keys."""
    return {repr([item.get(k) for k in keys]) if isinstance(item, dict) else repr(item): item for item in items}


def contains(items: Any, wanted: Any) -> bool:
    """CEL's `in`."""
    if isinstance(items, dict):
        return bool(has_key(items, wanted))
    if not isinstance(items, list):
        raise no_overload()
    if type(wanted) is str:
        return wanted in items
    return any(equal(one, wanted) for one in items)


def has_key(items: Mapping[Any, Any], key: Any) -> bool:
    """Whether a map has a key; 1 and 1.0 are one key, true and 1 are not."""
    if isinstance(key, list | dict) or key not in items:
        return False
    return type(key) is str or any(type(k) is bool for k in items if k == key) == (type(key) is bool)


ORDERED = frozenset((int, str, float, UInt, Timestamp, Duration, bytes, bool))


def compare(a: Any, b: Any) -> int:
    """-1, 0 or 1. Raises EvalError for what has no order."""
    ta, tb = type(a), type(b)
    if (ta is tb and ta in ORDERED) or (ta in NUMBERS and tb in NUMBERS):
        if a != a or b != b:
            raise EvalError("NaN values cannot be ordered")
        return int(a > b) - int(a < b)
    raise no_overload()


def whole(number: int, unsigned: bool = False) -> int:
    """An integer that fits. Raises EvalError."""
    if unsigned:
        if not 0 <= number <= MOST_UINT:
            raise EvalError("unsigned integer overflow")
        return UInt(number)
    if not LEAST <= number <= MOST:
        raise EvalError("integer overflow")
    return number


class Meter:
    """How much work is left for an evaluation."""

    __slots__ = ("left",)

    def __init__(self, limit: int) -> None:
        self.left = limit

    def spend(self, cost: int) -> None:
        """Raises OutOfBudget."""
        self.left -= cost
        if self.left < 0:
            raise OutOfBudget()


Evaluate = Callable[[dict[str, Any]], Any]
METER = "$"
"""Where the meter is among the variables."""
