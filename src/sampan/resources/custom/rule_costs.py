"""The estimated costs of a CRD's rules against their limits: of each rule, and of all rules of a schema together."""

from typing import TYPE_CHECKING

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, forbidden

if TYPE_CHECKING:  # CEL is loaded for the first schema that has rules
    from sampan.api.cel.environment import Program
    from sampan.api.cel.shapes import Shape

PER_RULE, PER_SCHEMA = 10_000_000, 100_000_000
NAMED = 4
"""How many of the most expensive rules a refusal of the total names."""
ADVICE = "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)"  # noqa: E501


def repeated(schema: Obj, often: int | None) -> int | None:
    """How often what is inside a schema's values may occur, if they may occur so often; None: nothing bounds it."""
    kind = schema.get("type")
    if kind == "array":
        most = schema.get("maxItems")
    elif kind == "object" and schema.get("additionalProperties") is not None:
        most = schema.get("maxProperties")
    else:
        return often
    if often is None or most is None:
        return None
    from sampan.api.cel.sizes import times

    return times(often, max(0, most))


class Costs:
    """The costs found so far. `single`: rules that are too expensive by themselves are refused."""

    def __init__(self, single: bool) -> None:
        self._single = single
        self._total = 0
        self._expensive: list[tuple[int, str]] = []

    def of_rule(self, at: str, program: "Program", shape: "Shape", often: int | None) -> Errors:
        """A rule, which is evaluated for each value."""
        from sampan.api.cel.cost import most_steps
        from sampan.api.cel.sizes import times

        cost = times(most_steps(program.expr, shape), shape.repetitions if often is None else often)
        return self._found(at, cost, "estimated rule cost")

    def of_message(self, at: str, program: "Program", shape: "Shape") -> Errors:
        """A message expression."""
        from sampan.api.cel.cost import most_steps

        return self._found(at, most_steps(program.expr, shape), "estimated messageExpression cost")

    def _found(self, at: str, cost: int, what: str) -> Errors:
        from sampan.api.cel.sizes import added

        self._total = added(self._total, cost)
        if cost >= PER_SCHEMA // 100:
            self._expensive = sorted([*self._expensive, (cost, at)], key=lambda one: -one[0])[:NAMED]
        if not self._single or cost <= PER_RULE:
            return []
        return [forbidden(at, _text(what, cost, PER_RULE))]

    def total_errors(self, at: str) -> Errors:
        """What is wrong with all of them together."""
        if self._total <= PER_SCHEMA:
            return []
        share = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema"
        what = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema"
        whole = forbidden(at, _text(what, self._total, PER_SCHEMA))
        return [*(forbidden(path, share) for _, path in self._expensive), whole]


def _text(what: str, cost: int, limit: int) -> str:
    from sampan.api.cel.cost import too_much

    return f"{what} exceeds budget by factor of {too_much(cost, limit)} {ADVICE}"
