"""Checked CEL expressions as Python closures: each takes the variables and gives the value, or raises EvalError."""

from operator import itemgetter
from typing import Any

from sampan.api.cel.call import compile_call
from sampan.api.cel.folds import compile_fold
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
from sampan.api.cel.values import NONE, EvalError, Evaluate, Opaque, Optional, Struct, no_overload, type_name


def compile_expr(expr: Expr) -> Evaluate:
    """The closure of a checked expression."""
    match expr:
        case Const():
            value = expr.value
            return lambda env: value
        case Ident():
            constant = expr.constant
            return itemgetter(expr.slot) if expr.slot else lambda env: constant
        case Select():
            return _select(expr)
        case Call():
            parts = [*([expr.target] if expr.target is not None else []), *expr.args]
            return compile_call(expr, [compile_expr(part) for part in parts])
        case ListExpr():
            return _list(expr)
        case MapExpr():
            return _map(expr)
        case StructExpr():
            return _struct(expr)
        case Fold():
            condition = compile_expr(expr.condition) if expr.condition is not None else None
            return compile_fold(expr, compile_expr(expr.over), condition, compile_expr(expr.body))
        case OptionalMap():
            return _optional_map(expr)
        case Bind():
            return _bind(expr)
    raise AssertionError(expr)


def _select(expr: Select) -> Evaluate:
    operand, key = compile_expr(expr.operand), expr.key
    if key == "@constant":
        return operand
    if expr.test:
        return lambda env: _present(operand(env), key)
    if expr.optional:
        return lambda env: _maybe(operand(env), key)

    def select(env: dict[str, Any]) -> Any:
        value = operand(env)
        try:
            return value[key]
        except (KeyError, TypeError):
            return _missing(value, key)

    return select


def _missing(value: Any, key: str) -> Any:
    if isinstance(value, Optional):
        return _maybe(value, key)
    if isinstance(value, list):
        raise EvalError("unsupported index type 'string' in list")
    if isinstance(value, Opaque):
        raise no_overload()
    raise EvalError(f"no such key: {key}")


def _present(value: Any, key: str) -> bool:
    if isinstance(value, Optional):
        return value.has and _present(value.value, key)
    return isinstance(value, dict) and key in value


def _maybe(value: Any, key: str) -> Optional:
    """`value.?key`."""
    if isinstance(value, Optional):
        if not value.has:
            return value
        value = value.value
    if value is None:
        return NONE
    if not isinstance(value, dict):
        raise no_overload()
    return Optional(True, value[key]) if key in value else NONE


def _list(expr: ListExpr) -> Evaluate:
    items = [compile_expr(item) for item in expr.items]
    if not expr.optional:
        return lambda env: [item(env) for item in items]
    marked = [(item, index in expr.optional) for index, item in enumerate(items)]

    def build(env: dict[str, Any]) -> list[Any]:
        made = []
        for item, optional in marked:
            value = item(env)
            if not optional:
                made.append(value)
            elif _given(value):
                made.append(value.value)
        return made

    return build


def _given(value: Any) -> bool:
    if not isinstance(value, Optional):
        raise EvalError(f"cannot initialize optional list element from non-optional value {value}")
    return value.has


def _map(expr: MapExpr) -> Evaluate:
    entries = [(compile_expr(key), compile_expr(value), optional) for key, value, optional in expr.entries]

    def build(env: dict[str, Any]) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for key, value, optional in entries:
            k, v = key(env), value(env)
            if type(k) not in (str, int, bool) and not isinstance(k, int):
                raise EvalError(f"unsupported key type: {type_name(k)}")
            if not optional:
                made[k] = v
            elif _given(v):
                made[k] = v.value
        return made

    return build


def _struct(expr: StructExpr) -> Evaluate:
    """Objects of named types are maps of what was set."""
    made_of = expr.name
    entries = [(name, compile_expr(value), optional) for _, name, value, optional in expr.entries]
    fields = expr.type.fields if expr.type.fields is not None else {}
    keys = [(fields[name].key, value, optional) for name, value, optional in entries]

    def build(env: dict[str, Any]) -> Struct:
        made = Struct()
        made.name = made_of
        for key, value, optional in keys:
            v = value(env)
            if not optional:
                made[key] = v
            elif _given(v):
                made[key] = v.value
        return made

    return build


def _bind(expr: Bind) -> Evaluate:
    value, body, slot = compile_expr(expr.value), compile_expr(expr.body), expr.slot

    def run(env: dict[str, Any]) -> Any:
        env[slot] = value(env)
        return body(env)

    return run


def _optional_map(expr: OptionalMap) -> Evaluate:
    target, body, slot, flat = compile_expr(expr.target), compile_expr(expr.body), expr.slot, expr.flat

    def run(env: dict[str, Any]) -> Any:
        value = target(env)
        if not isinstance(value, Optional):
            raise no_overload()
        if not value.has:
            return NONE
        env[slot] = value.value
        made = body(env)
        if not flat:
            return Optional(True, made)
        if not isinstance(made, Optional):
            raise no_overload()
        return made

    return run
