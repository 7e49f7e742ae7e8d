"""Expressions and what they give, as the documentation of each function has it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.api.cel.environment import Environment
from sampan.api.cel.syntax import CompileError
from sampan.api.cel.types import DYN
from sampan.api.cel.values import EvalError

GROUPS = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text())
CASES = [pytest.param(case, group.get("v"), id=case["expr"]) for group in GROUPS for case in group["cases"]]


@pytest.mark.parametrize(("case", "v"), CASES)
def test_case(case: dict[str, Any], v: Any) -> None:
    environment = Environment({"v": DYN})
    if "compile" in case:
        with pytest.raises(CompileError) as refused:
            environment.compile(case["expr"])
        assert case["compile"] in str(refused.value)
        return
    program = environment.compile(case["expr"])
    if "error" in case:
        with pytest.raises(EvalError) as failed:
            program.evaluate({"v": v})
        assert str(failed.value) == case["error"]
        return
    value, _ = program.evaluate({"v": v})
    assert value == case["is"]
    assert type(value) is type(case["is"])


def test_a_literal_of_several_types_is_told_once_and_only_when_nothing_else_is_wrong() -> None:
    for source, places in (("[1, 'a', 2, 'b']", ["1:5"]), ("[[1, 'a'], ['b', 2]]", ["1:6", "1:18"]),
                           ("[1, 'a'] == unknown", ["1:13"])):  # fmt: skip
        with pytest.raises(CompileError) as refused:
            Environment({}).compile(source)
        assert re.findall(r"<input>:(\d+:\d+)", str(refused.value)) == places


def test_all_problems_are_told_with_their_places() -> None:
    with pytest.raises(CompileError) as refused:
        Environment({}).compile("a ==\n  b")
    assert str(refused.value) == (
        "ERROR: <input>:1:1: undeclared reference to 'a' (in container '')\n | a ==\n | ^\n"
        "ERROR: <input>:2:3: undeclared reference to 'b' (in container '')\n |   b\n | ..^"
    )
