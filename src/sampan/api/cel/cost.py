"""The most steps that an expression can take, estimated without evaluating it (cel-go: checker/cost, k8s: cel/library).

Rules of custom kinds are refused by these figures, so they are those of upstream to the unit.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from sampan.api.cel.call_cost import CALLS, Given
from sampan.api.cel.shapes import Shape
from sampan.api.cel.sizes import MOST, ONE, UNKNOWN, Size, added, scaled, times
from sampan.api.cel.syntax import (
    Bind,
    Call,
    Const,
    Expr,
    Fold,
    Ident,
    ListExpr,
    MapExpr,
    OptionalMap,
    Select,
    StructExpr,
)
from sampan.api.cel.types import Type, is_optional

LIST, MAP, STRUCT = 10, 30, 40
"""What it costs to make one."""
SCALARS = frozenset(("bool", "double", "duration", "int", "timestamp", "uint"))


class Path:
    """A path into the object, that shares memory with those made of it as Go's slices do.

    Upstream appends to one slice for two fields of one value, and so mixes up their paths where there is room left.
    Which rules are accepted hangs on that.
    """

    __slots__ = ("_count", "_shared")

    def __init__(self, shared: list[str], count: int) -> None:
        self._shared, self._count = shared, count

    def and_then(self, name: str) -> "Path":
        """One step further: written behind this one if there is room, else into a copy with twice the room."""
        shared, count = self._shared, self._count
        if count == len(shared):
            shared = [*shared, *[""] * max(1, count)]
        shared[count] = name
        return Path(shared, count + 1)

    def steps(self) -> list[str]:
        """Its names."""
        return self._shared[: self._count]


NOWHERE = Path([], 0)


class Entries(NamedTuple):
    """Sizes of the keys and values inside a list or map."""

    kind: str
    key: Size
    value: Size

    def union(self, other: "Entries | None") -> "Entries | None":
        """What covers both."""
        return None if other is None else Entries(self.kind, self.key.union(other.key), self.value.union(other.value))


class Local(NamedTuple):
    """A variable of a loop."""

    path: Path
    size: Size | None
    entries: Entries | None = None


def most_steps(expr: Expr, shape: Shape) -> int:
    """The most steps of a checked rule; `shape` is that of self and oldSelf."""
    return _Coster(shape).cost(expr)


class _Coster:
    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._paths: dict[int, Path] = {}
        self._sizes: dict[int, Size] = {}
        self._entries: dict[int, Entries] = {}
        self._locals: dict[str, list[Local]] = {}

    # --- what is known of a part

    def path(self, expr: Expr) -> Path:
        """Where in the object its value is."""
        if isinstance(expr, Ident) and (found := self._locals.get(expr.name)):
            return found[-1].path
        return self._paths.get(id(expr), NOWHERE)

    def at(self, path: Path) -> Size | None:
        """The size of what a schema has at a path."""
        steps = path.steps()
        if not steps:
            return None
        shape: Shape | None = self._shape
        for name in steps[1:]:
            shape = shape.below(name) if shape is not None else None
        return None if shape is None else Size(0, shape.most)

    def size(self, expr: Expr) -> Size | None:
        """The size of its value."""
        known = self._sizes.get(id(expr))
        if known is not None:
            return known
        found = _literal_size(expr)
        if found is None and (found := self.at(self.path(expr))) is not None:
            self._sizes[id(expr)] = found
        if found is None and _is_scalar(expr.type):
            found = ONE
        if found is None and isinstance(expr, Ident) and (local := self._locals.get(expr.name)):
            found = local[-1].size
        return found

    def size_or_any(self, expr: Expr) -> Size:
        """The same; anything if nothing is known."""
        return self.size(expr) or UNKNOWN

    def _inside(self, expr: Expr) -> Entries | None:
        found = self._entries.get(id(expr))
        if found is None and isinstance(expr, Ident) and (local := self._locals.get(expr.name)):
            found = local[-1].entries
        return found

    # --- costs

    def cost(self, expr: Expr) -> int:
        """The most steps of a part; what is found out of its value is noted."""
        match expr:
            case Const():
                return 0
            case Ident():
                if not self._locals.get(expr.name):
                    self._paths[id(expr)] = Path([expr.name], 1)
                return 1
            case Select():
                return self._select(expr)
            case Call():
                return self._call(expr)
            case ListExpr():
                return self._list(expr)
            case MapExpr():
                return self._map(expr)
            case StructExpr():
                return STRUCT + self._sum([value for _, _, value, _ in expr.entries])
            case Fold():
                return self._fold(expr)
            case OptionalMap():
                return self._optional(expr)
            case Bind():
                return self._bound(expr)
        return 0

    def _sum(self, parts: Sequence[Expr]) -> int:
        total = 0
        for part in parts:
            total = added(total, self.cost(part))
        return total

    def _select(self, expr: Select) -> int:
        if expr.key == "@constant":
            return 1
        below = self.cost(expr.operand)
        if expr.test:
            return below
        if expr.optional:
            return added(below, 1)
        self._paths[id(expr)] = self.path(expr.operand).and_then(expr.name)
        return added(below, 1) if expr.operand.type.kind in ("map", "object") else below

    def _call(self, expr: Call) -> int:
        args = expr.args
        costs = [self.cost(arg) for arg in args]
        below = 0
        for one in costs:
            below = added(below, one)
        if expr.function == "dyn":
            self._copy(expr, args[0])
            return added(1, below)
        if expr.target is not None:
            below = added(below, self.cost(expr.target))
        match expr.function:
            case "_&&_" | "_||_":
                return below
            case "_?_:_":
                return self._choice(expr, costs)
            case "_[_]":
                return added(self._index(expr), below)
        own, size = self._function(expr)
        if size is None:
            size = self.size(expr)
        if size is not None:
            self._sizes[id(expr)] = size
        return added(own, below)

    def _copy(self, to: Expr, given: Expr) -> None:
        if (size := self.size(given)) is not None:
            self._sizes[id(to)] = size
        if (entries := self._inside(given)) is not None:
            self._entries[id(to)] = entries

    def _choice(self, expr: Call, costs: list[int]) -> int:
        _, yes, no = expr.args
        self._sizes[id(expr)] = self.size_or_any(yes).union(self.size_or_any(no))
        inside = self._inside(yes)
        both = inside.union(self._inside(no)) if inside is not None else None
        if both is not None:
            self._entries[id(expr)] = both
        return added(costs[0], max(costs[1], costs[2]))

    def _index(self, expr: Call) -> int:
        holder = expr.args[0]
        if holder.type.kind in ("list", "map"):
            step = "@items" if holder.type.kind == "list" else "@values"
            self._paths[id(expr)] = self.path(holder).and_then(step)
            inside = self._inside(holder)
            size = inside.value if inside is not None else self.size(expr)
            if size is not None:
                self._sizes[id(expr)] = size
        return 1

    def _function(self, expr: Call) -> tuple[int, Size | None]:
        """The most steps of the function itself over all overloads, and the size of its result."""
        given = [self._given(part) for part in expr.args]
        target = self._given(expr.target) if expr.target is not None else None
        if expr.function == "_+_":
            return self._plus(expr)
        made = CALLS.get(expr.function)
        found = made(target, given, expr) if made is not None else None
        return (1, None) if found is None else found

    def _plus(self, expr: Call) -> tuple[int, Size | None]:
        left, right = expr.args
        kinds = {one.params[0].kind for one in expr.overloads}
        whole = self.size_or_any(left).plus(self.size_or_any(right))
        inside = self._inside(left)
        both = inside.union(self._inside(right)) if inside is not None else None
        if kinds & {"string", "bytes", "list"} and both is not None:
            self._entries[id(expr)] = both
        if kinds & {"string", "bytes"}:
            return max(1, scaled(whole.most, 0.1)) if len(kinds) > 1 else scaled(whole.most, 0.1), whole
        return 1, whole if "list" in kinds else None

    def _given(self, expr: Expr) -> Given:
        path = self.path(expr)
        item = None
        if expr.type.params:
            item = self.at(Path([*path.steps(), "@items"], len(path.steps()) + 1)) if path.steps() else None
        return Given(expr.type, self.size(expr), item, expr)

    # --- lists and maps

    def _list(self, expr: ListExpr) -> int:
        total = self._sum(expr.items)
        self._entries[id(expr)] = Entries("list", ONE, self._cover(expr.items))
        return added(total, LIST)

    def _map(self, expr: MapExpr) -> int:
        keys, values = [key for key, _, _ in expr.entries], [value for _, value, _ in expr.entries]
        total = added(self._sum(keys), self._sum(values))
        self._entries[id(expr)] = Entries("map", self._cover(keys), self._cover(values))
        return added(total, MAP)

    def _cover(self, parts: Sequence[Expr]) -> Size:
        made = Size(MOST if parts else 0, 0)
        for part in parts:
            made = made.union(self.size_or_any(part))
        return made

    # --- macros

    def _fold(self, expr: Fold) -> int:
        over = self.cost(expr.over)
        names = self._enter(expr)
        condition = self.cost(expr.condition) if expr.condition is not None else 0
        body = self.cost(expr.body)
        inside = self._entries_of(expr)
        for name in names:
            self._locals[name].pop()
        count = self.size_or_any(expr.over)
        step, before, after = _loop(expr, condition, body)
        if expr.kind in ("all", "exists", "exists_one"):
            self._sizes[id(expr)] = ONE
        else:
            self._sizes[id(expr)] = count
            if inside is not None:
                self._entries[id(expr)] = inside
        return added(added(over, before + after), times(count.most, step))

    def _enter(self, expr: Fold) -> list[str]:
        """The loop's variables, as they are inside."""
        inside, path = self._inside(expr.over), self.path(expr.over)
        kind = inside.kind if inside is not None else expr.over.type.kind
        if len(expr.names) == 1:
            step = "@items" if kind == "list" else "@keys"
            known = (inside.value if kind == "list" else inside.key) if inside is not None else None
            self._locals.setdefault(expr.names[0], []).append(Local(path.and_then(step), known))
            return expr.names
        key = Local(path.and_then("@indices" if kind == "list" else "@keys"), inside.key if inside else None)
        value = Local(path.and_then("@items" if kind == "list" else "@values"), inside.value if inside else None)
        for name, one in zip(expr.names, (key, value), strict=True):
            self._locals.setdefault(name, []).append(one)
        return expr.names

    def _entries_of(self, expr: Fold) -> Entries | None:
        """Sizes inside the list that a macro makes."""
        if expr.kind in ("map", "transformList"):
            size = self.size_or_any(expr.body)
        elif expr.kind == "filter":
            local = self._locals[expr.names[0]][-1]
            size = self.at(local.path) or (ONE if _is_scalar(_item(expr.over.type)) else None) or local.size or UNKNOWN
        else:
            return None
        return Entries("list", ONE, Size(0, size.most))

    def _bound(self, expr: Bind) -> int:
        value = self.cost(expr.value)
        self._locals.setdefault(expr.name, []).append(Local(self.path(expr.value), self.size(expr.value)))
        body = self.cost(expr.body)
        self._locals[expr.name].pop()
        return added(added(LIST, value), body)

    def _optional(self, expr: OptionalMap) -> int:
        target = self.cost(expr.target)
        self._locals.setdefault(expr.name, []).append(Local(NOWHERE, None))
        body = self.cost(expr.body)
        self._locals[expr.name].pop()
        bound = added(added(LIST, added(target, 1)), body)
        return added(added(target, 1), bound if expr.flat else added(bound, 1))


def _loop(expr: Fold, condition: int, body: int) -> tuple[int, int, int]:
    """Steps of each round, before the first and after the last: what the macro is made of."""
    match expr.kind:
        case "all":
            return added(1 + 2, body), 0, 1
        case "exists":
            return added(1 + 3, body), 0, 1
        case "exists_one":
            return added(2, body), 0, 2
        case "filter":
            return added(13, body), LIST, 1
        case "map" | "transformList":
            return added(added(12, body), condition), LIST, 1
        case "transformMap" | "transformMapEntry":
            own = 3 if expr.kind == "transformMap" else 2
            return added(added(own, body), condition), MAP, 1
    return added(12, body), LIST + LIST + 1, 3  # sortBy: a map of the keys, and the sorting by them


def _literal_size(expr: Expr) -> Size | None:
    if isinstance(expr, Const):
        count = len(expr.value) if isinstance(expr.value, str | bytes) else 1
        return Size(count, count)
    if isinstance(expr, ListExpr | MapExpr):
        count = len(expr.items if isinstance(expr, ListExpr) else expr.entries)
        return Size(count, count)
    return None


def _item(one: Type) -> Type:
    return one.params[0] if one.params else one


def _is_scalar(one: Type) -> bool:
    if is_optional(one):
        return _is_scalar(one.params[0])
    return one.kind in SCALARS


def too_much(cost: int, limit: int) -> str:
    """By how much an estimate is over its limit, as refusals say it."""
    factor = cost / limit
    if factor > 100:
        return "more than 100x"
    return f"{factor:f}x" if factor < 1.5 else f"{math.floor(factor * 10 + 0.5) / 10:.1f}x"
