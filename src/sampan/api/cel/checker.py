"""CEL's type checker: names, overloads and fields are found, and every part of an expression gets its type."""

from collections.abc import Callable, Mapping
from typing import Any

from sampan.api.cel.function import Overload
from sampan.api.cel.library.formatting import format_problem
from sampan.api.cel.literals import literal_problem, plan_problem
from sampan.api.cel.parser import dotted
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
    Problem,
    Select,
    StructExpr,
)
from sampan.api.cel.types import (
    BOOL,
    DURATION,
    DYN,
    ERROR,
    INT,
    LOOSE,
    SIMPLE,
    TIMESTAMP,
    Bound,
    Type,
    assign,
    common,
    fill,
    is_optional,
    join,
    list_of,
    map_of,
    optional_of,
    type_of,
)
from sampan.api.cel.values import TYPES, TypeValue, kind_of

Structs = Callable[[str], Type | None]


class Checker:
    """One check of one expression; `problems` collects what is wrong."""

    def __init__(
        self,
        variables: Mapping[str, Type],
        functions: Mapping[str, list[Overload]],
        names: Mapping[str, tuple[Type, Any]],
        structs: Structs,
    ) -> None:
        self._scope: dict[str, tuple[Type, str]] = {name: (type_, name) for name, type_ in variables.items()}
        self._functions, self._names, self._structs = functions, names, structs
        self._slots = self._mixed = 0
        self._problems: list[Problem] = []
        self._late: list[Problem] = []
        """What is told when nothing else is wrong: literals that are none, or whose parts are of several types."""
        self.plan_problem = ""
        """Why a program of the expression could not be made, though nothing is wrong with its types."""
        self.used: set[str] = set()
        """Variables that the expression mentions."""

    @property
    def problems(self) -> list[Problem]:
        """What is wrong."""
        return self._problems or self._late

    def check(self, expr: Expr) -> Type:
        """The type of an expression, set in it and in all its parts."""
        match expr:
            case Const():
                expr.type = TYPES[kind_of(expr.value)]
            case Ident():
                expr.type = self._ident(expr)
            case Select():
                expr.type = self._select(expr)
            case Call():
                expr.type = self._call(expr)
            case ListExpr():
                expr.type = self._list(expr)
            case MapExpr():
                expr.type = self._map(expr)
            case StructExpr():
                expr.type = self._struct(expr)
            case Fold():
                expr.type = self._fold(expr)
            case OptionalMap():
                expr.type = self._optional_map(expr)
            case Bind():
                given = self.check(expr.value)
                slots, (expr.type,) = self._bind([expr.name], [given], [expr.body])
                expr.slot = slots[0]
        return expr.type

    def _fail(self, offset: int, text: str) -> Type:
        self._problems.append(Problem(offset, text))
        return ERROR

    # --- names

    def _ident(self, expr: Ident) -> Type:
        found = self._scope.get(expr.name)
        if found is not None:
            self.used.add(expr.name)
            expr.slot = found[1]
            return found[0]
        if expr.name in self._names:
            type_, expr.constant = self._names[expr.name]
            return type_
        made = self._structs(expr.name)
        if made is not None:
            expr.constant = TypeValue(expr.name)
            return type_of(made)
        return self._fail(expr.offset, f"undeclared reference to '{expr.name}' (in container '')")

    def _free(self, expr: Expr) -> str:
        """The dotted name of an expression whose first part is no variable."""
        name = dotted(expr)
        return name if name and name.split(".")[0] not in self._scope else ""

    def _select(self, expr: Select) -> Type:
        if not expr.test and not expr.optional and (name := self._free(expr)) in self._names:
            type_, value = self._names[name]
            expr.operand, expr.key = Const(expr.offset, value), "@constant"
            return type_
        if not expr.test and not expr.optional and (found := self._qualified(expr)) is not None:
            return found
        given = self.check(expr.operand)
        expr.key = expr.name
        inner = given.params[0] if is_optional(given) else given
        found = self._field(expr, inner)
        if expr.test:
            return BOOL
        return optional_of(found) if (expr.optional or is_optional(given)) and found is not ERROR else found

    def _qualified(self, expr: Select) -> Type | None:
        """The type of a variable or type whose name has dots."""
        name = dotted(expr)
        if name in self._scope:
            operand = Ident(expr.offset, name)
            found = self._ident(operand)
            expr.operand, expr.key = operand, "@constant"
            return found
        made = self._structs(name) if name and self._free(expr) else None
        if made is None:
            return None
        expr.operand, expr.key = Const(expr.offset, TypeValue(name)), "@constant"
        return type_of(made)

    def _field(self, expr: Select, given: Type) -> Type:
        if given.kind in LOOSE:
            return DYN
        if given.kind == "map":
            return given.params[1]
        if given.kind == "object" and given.fields is not None:
            try:
                found = given.fields[expr.name]
            except KeyError:
                return self._fail(expr.offset, f"undefined field '{expr.name}'")
            expr.key = found.key
            return found.type
        return self._fail(expr.offset, f"type '{given.shown()}' does not support field selection")

    # --- calls

    def _call(self, expr: Call) -> Type:
        if expr.target is not None and (space := self._free(expr.target)):
            whole = f"{space}.{expr.function}"
            if whole in self._functions:
                expr.function, expr.target = whole, None
        if expr.function in ("_&&_", "_||_"):
            return self._logic(expr)
        parts = [*([expr.target] if expr.target is not None else []), *expr.args]
        self._mixed += expr.function == "format"
        types = [self.check(part) for part in parts]
        self._mixed -= expr.function == "format"
        if expr.function in ("_[_]", "_[?_]"):
            return self._index(expr, types)
        candidates = self._functions.get(expr.function)
        if candidates is None:
            return self._fail(expr.offset, f"undeclared reference to '{expr.function}' (in container '')")
        if any(t is ERROR for t in types):
            return ERROR
        return self._resolve(expr, candidates, types)

    def _resolve(self, expr: Call, candidates: list[Overload], types: list[Type]) -> Type:
        is_member = expr.target is not None
        found: list[tuple[Overload, Type]] = []
        for one in candidates:
            bound: Bound = {}
            fits = one.member == is_member and len(one.params) == len(types)
            if fits and all(assign(f, g, bound) for f, g in zip(one.params, types, strict=True)):
                found.append((one, fill(one.result, bound)))
        if not found:
            shown = [t.shown() for t in types]
            text = f"{shown[0]}.({', '.join(shown[1:])})" if is_member else f"({', '.join(shown)})"
            return self._fail(expr.offset, f"found no matching overload for '{expr.function}' applied to '{text}'")
        expr.overloads = tuple(one for one, _ in found)
        problem = format_problem(expr) if expr.function == "format" and is_member else literal_problem(expr)
        if problem is not None:
            self._late.append(problem)
        self.plan_problem = self.plan_problem or plan_problem(expr)
        results = [result for _, result in found]
        return results[0] if all(r == results[0] for r in results) else DYN

    def _logic(self, expr: Call) -> Type:
        for arg in expr.args:
            self._truth(arg.offset, self.check(arg))
        return BOOL

    def _truth(self, offset: int, found: Type) -> None:
        """What `&&`, `||` and the macros that are made of them accept."""
        if found.kind not in ("bool", *LOOSE):
            self._fail(offset, f"expected type 'bool' but found '{found.shown()}'")

    def _index(self, expr: Call, types: list[Type]) -> Type:
        given, index = types
        inner = given.params[0] if is_optional(given) else given
        if inner.kind in LOOSE or index is ERROR:
            found = DYN
        elif inner.kind == "list" and index.kind in ("int", "dyn"):
            found = inner.params[0]
        elif inner.kind == "map" and assign(inner.params[0], index, {}):
            found = inner.params[1]
        else:
            text = f"({given.shown()}, {index.shown()})"
            return self._fail(expr.offset, f"found no matching overload for '{expr.function}' applied to '{text}'")
        return optional_of(found) if expr.function == "_[?_]" or is_optional(given) else found

    # --- lists, maps, objects

    def _same(self, parts: list[tuple[Expr, bool]]) -> Type:
        """The type of all parts, which must be one."""
        known: list[Type] = []
        even: Type | None = None
        uneven = bool(self._mixed)
        for part, optional in parts:
            found = self.check(part)
            if optional:
                if not is_optional(found) and found.kind not in LOOSE:
                    text = f"expected type 'optional_type({found.shown()})' but found '{found.shown()}'"
                    self._fail(part.offset, text)
                found = found.params[0] if is_optional(found) else DYN
            both = found if even is None else common(even, found)
            if both is None and even is not None and not uneven:
                text = f"expected type '{even.shown()}' but found '{found.shown()}'"
                self._late.append(Problem(part.offset, text))
                uneven = True
            even = both or even
            known.append(DYN if found.kind in LOOSE else found)
        return join(known)

    def _list(self, expr: ListExpr) -> Type:
        return list_of(self._same([(item, index in expr.optional) for index, item in enumerate(expr.items)]))

    def _map(self, expr: MapExpr) -> Type:
        keys = self._same([(key, False) for key, _, _ in expr.entries])
        return map_of(keys, self._same([(value, optional) for _, value, optional in expr.entries]))

    def _struct(self, expr: StructExpr) -> Type:
        found = self._structs(expr.name)
        if found is None or found.fields is None:
            for _, _, value, _ in expr.entries:
                self.check(value)
            return self._fail(expr.offset, f"undeclared reference to '{expr.name}' (in container '')")
        for offset, name, value, optional in expr.entries:
            given = self.check(value)
            if optional and is_optional(given):
                given = given.params[0]
            elif optional and given.kind not in LOOSE:
                text = f"expected type 'optional_type({given.shown()})' but found '{given.shown()}'"
                self._fail(value.offset, text)
            try:
                wanted = found.fields[name].type
            except KeyError:
                self._fail(offset, f"undefined field '{name}'")
                continue
            if not assign(wanted, given, {}):
                text = f"expected type of field '{name}' is '{wanted.shown()}' but provided type is '{given.shown()}'"
                self._fail(offset, text)
        return found

    # --- macros

    def _bind(self, names: list[str], types: list[Type], body: list[Expr | None]) -> tuple[list[str], list[Type]]:
        """Check parts that see more variables; the variables' slots and the parts' types."""
        before = {name: self._scope.get(name) for name in names}
        slots = []
        for name, type_ in zip(names, types, strict=True):
            self._slots += 1
            slots.append(f"{name}#{self._slots}")
            self._scope[name] = (type_, slots[-1])
        mentioned = {name for name in names if name in self.used}
        found = [self.check(part) if part is not None else BOOL for part in body]
        for name, old in before.items():
            if name not in mentioned:
                self.used.discard(name)
            if old is None:
                del self._scope[name]
            else:
                self._scope[name] = old
        return slots, found

    def _fold(self, expr: Fold) -> Type:
        over = self.check(expr.over)
        if over.kind not in ("list", "map", "dyn", "error"):
            text = "cannot be range of a comprehension (must be list, map, or dynamic)"
            return self._fail(expr.over.offset, f"expression of type '{over.shown()}' {text}")
        item = over.params[0] if over.kind in ("list", "map") else DYN
        if len(expr.names) == 2:
            types = [item, over.params[1]] if over.kind == "map" else [INT if over.kind == "list" else DYN, item]
        else:
            types = [item]
        expr.slots, (condition, body) = self._bind(expr.names, types, [expr.condition, expr.body])
        return self._folded(expr, types, condition, body, item)

    def _folded(self, expr: Fold, types: list[Type], condition: Type, body: Type, item: Type) -> Type:
        if expr.kind in ("all", "exists"):
            self._truth(expr.body.offset, body)
        else:
            made = INT if expr.kind == "exists_one" else list_of(item if expr.kind == "filter" else body)
            for test in [condition, *([body] if expr.kind in ("exists_one", "filter") else [])]:
                if test.kind not in ("bool", *LOOSE):
                    shown = f"({test.shown()}, {made.shown()}, {made.shown()})"
                    return self._fail(expr.offset, f"found no matching overload for '_?_:_' applied to '{shown}'")
        match expr.kind:
            case "all" | "exists" | "exists_one":
                return BOOL
            case "filter" | "sortBy":
                return list_of(item)
            case "map" | "transformList":
                return list_of(body)
            case "transformMap":
                return map_of(types[0], body)
        return body if body.kind == "map" else map_of(DYN, DYN)

    def _optional_map(self, expr: OptionalMap) -> Type:
        given = self.check(expr.target)
        if not is_optional(given) and given.kind not in LOOSE:
            name = "optFlatMap" if expr.flat else "optMap"
            text = f"found no matching overload for '{name}' applied to '{given.shown()}.()'"
            return self._fail(expr.offset, text)
        inner = given.params[0] if is_optional(given) else DYN
        slots, (body,) = self._bind([expr.name], [inner], [expr.body])
        expr.slot = slots[0]
        if expr.flat:
            if not is_optional(body) and body.kind not in LOOSE:
                shown = f"(bool, {body.shown()}, optional_type(dyn))"
                return self._fail(expr.offset, f"found no matching overload for '_?_:_' applied to '{shown}'")
            return body if is_optional(body) else optional_of(DYN)
        return optional_of(body)


def standard_names() -> dict[str, tuple[Type, Any]]:
    """Types by name, as values."""
    plain = ("bool", "int", "uint", "double", "string", "bytes", "null_type")
    kubernetes = ("kubernetes.URL", "kubernetes.Quantity", "kubernetes.Semver", "net.IP", "net.CIDR")
    named = {name: SIMPLE[name] for name in plain} | {name: Type("opaque", (), name) for name in kubernetes}
    named |= {"list": list_of(DYN), "map": map_of(DYN, DYN), "type": DYN, "optional_type": DYN}
    named |= {"google.protobuf.Timestamp": TIMESTAMP, "google.protobuf.Duration": DURATION}
    return {name: (type_of(type_), TypeValue(name)) for name, type_ in named.items()}
