"""Calls of functions and operators: overloads chosen by the values' types, work accounted for."""

from typing import Any

from sampan.api.cel.syntax import Call
from sampan.api.cel.values import (
    KINDS,
    METER,
    NONE,
    ORDERED,
    EvalError,
    Evaluate,
    Optional,
    OutOfBudget,
    compare,
    contains,
    equal,
    has_key,
    kind_of,
    no_overload,
)

SIZED = (str, bytes, list, dict)
TRAVERSAL = 10
"""Characters or items that cost as much as one step."""


def compile_call(call: Call, parts: list[Evaluate]) -> Evaluate:
    """The closure of a call; `parts` are those of its target, if any, and its arguments."""
    match call.function:
        case "_&&_":
            return _logic(parts, False)
        case "_||_":
            return _logic(parts, True)
        case "_?_:_":
            return _choice(*parts)
        case "_[_]" | "_[?_]":
            return _index(*parts, optional=call.function == "_[?_]")
        case "_==_" | "_!=_":
            return _equality(*parts, wanted=call.function == "_==_")
        case "_<_" | "_<=_" | "_>_" | "_>=_":
            return _order(call.function[1:-1], *parts)
        case "@in":
            return _in(*parts)
    return _function(call, parts)


def _logic(parts: list[Evaluate], decisive: bool) -> Evaluate:
    """`||` (decided by true) and `&&` (decided by false): errors count only if nothing decides."""

    def run(env: dict[str, Any]) -> bool:
        failure: EvalError | None = None
        for part in parts:
            try:
                value = part(env)
            except OutOfBudget:
                raise
            except EvalError as error:
                failure = failure or error
                continue
            if value is decisive:
                return value is True
            if type(value) is not bool:
                failure = failure or no_overload()
        if failure is not None:
            raise failure
        return not decisive

    return run


def _choice(test: Evaluate, yes: Evaluate, no: Evaluate) -> Evaluate:
    def run(env: dict[str, Any]) -> Any:
        value = test(env)
        if value is True:
            return yes(env)
        if value is False:
            return no(env)
        raise no_overload()

    return run


def _index(operand: Evaluate, index: Evaluate, *, optional: bool) -> Evaluate:
    def run(env: dict[str, Any]) -> Any:
        value, key = operand(env), index(env)
        lifted = isinstance(value, Optional)
        if lifted:
            if not value.has:
                return value
            value = value.value
        try:
            found = element(value, key)
        except (KeyError, IndexError):
            if optional or lifted:
                return NONE
            if isinstance(value, dict):
                raise EvalError(f"no such key: {key}") from None
            raise EvalError(f"index out of bounds: {key}") from None
        return Optional(True, found) if optional or lifted else found

    return run


def element(value: Any, key: Any) -> Any:
    """An item of a list or map. Raises KeyError, IndexError, EvalError."""
    if isinstance(key, dict | list):
        raise EvalError(f"invalid qualifier type: {'map[string]' if isinstance(key, dict) else '[]'}interface {{}}")
    if isinstance(value, dict):
        if not has_key(value, key):
            raise KeyError(key)
        return value[key]
    if not isinstance(value, list):
        raise no_overload()
    if isinstance(key, float) and key.is_integer():
        key = int(key)
    if not isinstance(key, int) or isinstance(key, bool):
        raise EvalError(f"unsupported index type '{kind_of(key)}' in list")
    if key < 0:
        raise IndexError(key)
    return value[key]


def _weigh(env: dict[str, Any], *values: Any) -> None:
    """Account for going over values once."""
    cost = 0
    for value in values:
        if isinstance(value, SIZED):
            cost += len(value) // TRAVERSAL
    env[METER].spend(1 + cost)


def _equality(left: Evaluate, right: Evaluate, *, wanted: bool) -> Evaluate:
    def run(env: dict[str, Any]) -> bool:
        a, b = left(env), right(env)
        if isinstance(a, list | dict):
            _weigh(env, a, b)
        return equal(a, b) is wanted

    return run


def _order(operator: str, left: Evaluate, right: Evaluate) -> Evaluate:
    lower, same = "<" in operator, "=" in operator

    def run(env: dict[str, Any]) -> bool:
        a, b = left(env), right(env)
        kind = type(a)
        if kind is not type(b) or kind not in ORDERED or kind is float:
            sign = compare(a, b)
            return (sign == 0 and same) or (sign < 0 if lower else sign > 0)
        if lower:
            return bool(a <= b if same else a < b)
        return bool(a >= b if same else a > b)

    return run


def _in(item: Evaluate, items: Evaluate) -> Evaluate:
    def run(env: dict[str, Any]) -> bool:
        wanted, inside = item(env), items(env)
        if isinstance(inside, list):
            env[METER].spend(1 + len(inside))
        return contains(inside, wanted)

    return run


def _function(call: Call, parts: list[Evaluate]) -> Evaluate:
    candidates = [(one.kinds, one.run) for one in call.overloads]

    def run(env: dict[str, Any]) -> Any:
        values = [part(env) for part in parts]
        _weigh(env, *values)
        kinds = [KINDS.get(type(value)) or kind_of(value) for value in values]
        for wanted, function in candidates:
            for want, kind in zip(wanted, kinds, strict=True):
                if want and want != kind:
                    break
            else:
                result = function(*values)
                if isinstance(result, SIZED):
                    _weigh(env, result)
                return result
        raise no_overload()

    return run
