"""No expression takes long, whatever it is."""

import pytest

from sampan.api.cel.environment import Environment
from sampan.api.cel.syntax import CompileError
from sampan.api.cel.types import DYN
from sampan.api.cel.values import EvalError, OutOfBudget

DEAR = (
    "v.all(a, v.all(b, v.all(c, a + b + c >= 0)))",
    "lists.range(100000).map(x, lists.range(1000))",
    "lists.range(2000000).size() > 0",
    "'" + "a" * 10000 + "'.replace('a', '" + "b" * 10000 + "') == ''",
    "optional.of('" + "a" * 1000 + "')" + ".optMap(x, x + x)" * 30 + ".hasValue()",
    "v.map(x, v).map(y, sets.contains(y, v)).size() > 0",
)


@pytest.mark.parametrize("expression", DEAR)
def test_dear_expressions_are_cut(expression: str) -> None:
    program = Environment({"v": DYN}).compile(expression)
    with pytest.raises(OutOfBudget, match="operation cancelled: actual cost limit exceeded"):
        program.evaluate({"v": list(range(2000))})


def test_no_pattern_is_slow() -> None:
    program = Environment({"v": DYN}).compile("v.matches('^(a+)+$')")
    assert program.evaluate({"v": "a" * 50000 + "b"})[0] is False


def test_cost_is_told() -> None:
    program = Environment({"v": DYN}).compile("v.all(x, x > 0)")
    assert program.evaluate({"v": [1] * 100})[1] > program.evaluate({"v": [1]})[1]


@pytest.mark.parametrize("expression", ["(" * 500 + "1" + ")" * 500, "[" * 500, "1" + "+1" * 20000])
def test_deep_expressions_are_refused_in_words(expression: str) -> None:
    with pytest.raises((CompileError, EvalError), match="expression"):
        Environment({}).compile(expression).evaluate({})
