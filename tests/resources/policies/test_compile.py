"""Expressions of admission policies: what is refused, in a real API server's words."""

from pathlib import Path

import pytest
import yaml

from sampan.resources.policies.compile import Compiler, match_conditions

CASES = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text())
STARTS = (
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
)
ALL = [(kind, source, text) for kind, found in CASES.items() for source, text in found.items()]


@pytest.mark.parametrize(("kind", "source", "text"), ALL, ids=[f"{kind[0]} {source}" for kind, source, _ in ALL])
def test_an_expression_is_refused_as_upstream_does(kind: str, source: str, text: str) -> None:
    if kind == "validation":
        found = Compiler(params=False, composed=False).validation(source)
    elif kind == "jsonPatch":
        found = Compiler(params=False).json_patch(source)
    else:
        found = Compiler(params=False).apply_configuration(source)
    said = f"Internal error: {found.wrong}" if found.internal else found.wrong
    assert said == text.replace("$STARTS", STARTS)
    assert (found.program is None) == bool(text)


def test_a_variable_is_seen_by_what_follows_it() -> None:
    compiler = Compiler(params=True)
    assert "undefined field 'b'" in compiler.variable("a", "variables.b").wrong
    assert not compiler.variable("b", "params.x + string(variables.a)").wrong
    assert not compiler.validation("variables.b == 'x'").wrong
    assert not compiler.validation("size(variables.a) == 1").wrong  # its type is not known, for it is wrong


def test_messages_do_not_see_the_authorizer() -> None:
    compiler = Compiler(params=False)
    assert (
        "undeclared reference to 'authorizer'" in compiler.message("authorizer.path('/').check('get').reason()").wrong
    )
    assert compiler.message("1").wrong == "must evaluate to string but got int"
    assert compiler.audit("1").wrong == "must evaluate to one of [string null_type] but got int"
    assert not compiler.audit("null").wrong


def test_match_conditions_are_trimmed() -> None:
    found = match_conditions([{"expression": " nope "}, {"expression": "true"}])
    assert found[0].wrong.startswith("compilation failed: ERROR: <input>:1:1: undeclared reference to 'nope'")
    assert found[1].program is not None
