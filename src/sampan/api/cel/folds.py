"""Macros that go over lists and maps, each as a loop that accounts for its steps."""

from collections.abc import Iterable
from functools import cmp_to_key
from typing import Any

from sampan.api.cel.syntax import Fold, size
from sampan.api.cel.values import METER, EvalError, Evaluate, OutOfBudget, compare, has_key, no_overload


def compile_fold(fold: Fold, over: Evaluate, condition: Evaluate | None, body: Evaluate) -> Evaluate:
    """The closure of a macro."""
    loop = _Loop(fold.slots, over, 1 + size(fold.body) + (size(fold.condition) if fold.condition else 0))
    match fold.kind:
        case "all":
            return _quantifier(loop, body, False)
        case "exists":
            return _quantifier(loop, body, True)
        case "exists_one":
            return _exists_one(loop, body)
        case "filter":
            return _filter(loop, body)
        case "map" | "transformList":
            return _map(loop, condition, body)
        case "transformMap" | "transformMapEntry":
            return _transform_map(loop, condition, body, fold.kind == "transformMapEntry")
    return _sort_by(loop, body)


class _Loop:
    """Sets the variables of a loop, step by step."""

    def __init__(self, slots: list[str], over: Evaluate, cost: int) -> None:
        self.first, self.second = slots[0], slots[1] if len(slots) > 1 else ""
        self._over, self._cost = over, cost

    def steps(self, env: dict[str, Any]) -> Iterable[Any]:
        """Each item (of a map: key) in turn, as it is set."""
        values = self._over(env)
        if not isinstance(values, list | dict):
            raise no_overload()
        meter, cost, first, second = env[METER], self._cost, self.first, self.second
        if not second:
            for value in values:
                meter.spend(cost)
                env[first] = value
                yield value
            return
        for key, value in values.items() if isinstance(values, dict) else enumerate(values):
            meter.spend(cost)
            env[first], env[second] = key, value
            yield key


def _quantifier(loop: _Loop, body: Evaluate, decisive: bool) -> Evaluate:
    def run(env: dict[str, Any]) -> bool:
        failure: EvalError | None = None
        for _ in loop.steps(env):
            try:
                value = body(env)
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


def _true(value: Any) -> bool:
    if type(value) is not bool:
        raise no_overload()
    return value is True


def _exists_one(loop: _Loop, body: Evaluate) -> Evaluate:
    return lambda env: sum(_true(body(env)) for _ in loop.steps(env)) == 1


def _filter(loop: _Loop, body: Evaluate) -> Evaluate:
    return lambda env: [item for item in loop.steps(env) if _true(body(env))]


def _map(loop: _Loop, condition: Evaluate | None, body: Evaluate) -> Evaluate:
    if condition is None:
        return lambda env: [body(env) for _ in loop.steps(env)]
    return lambda env: [body(env) for _ in loop.steps(env) if _true(condition(env))]


def _transform_map(loop: _Loop, condition: Evaluate | None, body: Evaluate, entries: bool) -> Evaluate:
    def run(env: dict[str, Any]) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for key in loop.steps(env):
            if condition is not None and not _true(condition(env)):
                continue
            value = body(env)
            if not entries:
                made[key] = value
                continue
            if not isinstance(value, dict):
                raise no_overload()
            for one, inner in value.items():
                if has_key(made, one):
                    raise EvalError(f"insert failed: key {one} already exists")
                made[one] = inner
        return made

    return run


def _by_first(a: tuple[Any, Any], b: tuple[Any, Any]) -> int:
    return compare(a[0], b[0])


def _sort_by(loop: _Loop, body: Evaluate) -> Evaluate:
    def run(env: dict[str, Any]) -> list[Any]:
        pairs = [(body(env), item) for item in loop.steps(env)]
        by_key = cmp_to_key(_by_first)
        env[METER].spend(len(pairs) * max(1, len(pairs).bit_length()))
        return [item for _, item in sorted(pairs, key=by_key)]

    return run
