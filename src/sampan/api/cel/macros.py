"""CEL's macros: has, all, exists, map, filter, their two-variable forms, optMap, sortBy."""

from sampan.api.cel.syntax import Bind, Call, Expr, Fold, FoldKind, Ident, OptionalMap, Problem, Select

ONE: dict[str, FoldKind] = {
    "all": "all", "exists": "exists", "exists_one": "exists_one", "existsOne": "exists_one", "filter": "filter",
}  # fmt: skip
TWO: dict[str, FoldKind] = {"all": "all", "exists": "exists", "exists_one": "exists_one", "existsOne": "exists_one"}
TRANSFORMS: dict[str, FoldKind] = {
    "transformList": "transformList", "transformMap": "transformMap", "transformMapEntry": "transformMapEntry",
}  # fmt: skip

WRONG_NAME = {
    "map": "argument is not an identifier",
    "filter": "argument is not an identifier",
    "optMap": "optMap() variable name must be a simple identifier",
    "bind": "cel.bind() variable names must be simple identifiers",
    "optFlatMap": "optFlatMap() variable name must be a simple identifier",
}


def expand(call: Call, binds: bool) -> Expr:
    """The macro that a call is, else the call; `binds`: cel.bind is one. Raises Problem."""
    name, count = call.function, len(call.args)
    if binds and name == "bind" and count == 3 and isinstance(call.target, Ident) and call.target.name == "cel":
        return Bind(call.offset, _names(call, 1)[0], call.args[1], call.args[2])
    if call.target is None:
        return _has(call) if name == "has" and count == 1 else call
    if name in ONE and count == 2:
        return _fold(call, ONE[name], 1)
    if name in TWO and count == 3:
        return _fold(call, TWO[name], 2)
    if name == "map" and count in (2, 3):
        return _fold(call, "map", 1)
    if name in TRANSFORMS and count in (3, 4):
        return _fold(call, TRANSFORMS[name], 2)
    if name == "sortBy" and count == 2:
        return _fold(call, "sortBy", 1)
    if name in ("optMap", "optFlatMap") and count == 2:
        variable = _names(call, 1)[0]
        return OptionalMap(call.offset, call.target, variable, call.args[1], name == "optFlatMap")
    return call


def _has(call: Call) -> Expr:
    given = call.args[0]
    if not isinstance(given, Select) or given.test:
        raise Problem(given.offset, "invalid argument to has() macro")
    return Select(call.offset, given.operand, given.name, test=True)


def _fold(call: Call, kind: FoldKind, variables: int) -> Fold:
    assert call.target is not None
    names = _names(call, variables)
    rest = call.args[variables:]
    condition = rest[0] if len(rest) == 2 else None
    return Fold(call.offset, kind, call.target, names, condition, rest[-1])


def _names(call: Call, count: int) -> list[str]:
    names: list[str] = []
    for arg in call.args[:count]:
        if not isinstance(arg, Ident):
            raise Problem(arg.offset, WRONG_NAME.get(call.function, "argument must be a simple name"))
        if arg.name in names:
            raise Problem(arg.offset, "duplicate variable name")
        names.append(arg.name)
    return names
