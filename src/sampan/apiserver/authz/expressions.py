"""The match conditions of authorization webhooks: CEL over the `request`, a SubjectAccessReviewSpec. Pure."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from sampan.api.cel.environment import Environment, Program
from sampan.api.cel.syntax import CompileError, PlanError
from sampan.api.cel.types import BOOL, STRING, Field, Type, list_of, map_of
from sampan.api.cel.values import EvalError
from sampan.api.json import Obj
from sampan.resources.policies.authz import FUNCTIONS

STRINGS = ("namespace", "verb", "group", "version", "resource", "subresource", "name")


def _object(name: str, /, **fields: Type) -> Type:
    return Type("object", (), f"kubernetes.{name}", {key: Field(key, one) for key, one in fields.items()})


REQUIREMENT = _object("SelectorRequirement", key=STRING, operator=STRING, values=list_of(STRING))
SELECTOR = {"rawSelector": STRING, "requirements": list_of(REQUIREMENT)}
RESOURCE = _object(
    "ResourceAttributes",
    **dict.fromkeys(STRINGS, STRING),
    fieldSelector=_object("FieldSelectorAttributes", **SELECTOR),
    labelSelector=_object("LabelSelectorAttributes", **SELECTOR),
)
REQUEST = _object(
    "SubjectAccessReviewSpec",
    resourceAttributes=RESOURCE,
    nonResourceAttributes=_object("NonResourceAttributes", path=STRING, verb=STRING),
    user=STRING,
    groups=list_of(STRING),
    extra=map_of(STRING, list_of(STRING)),
    uid=STRING,
)


@cache
def _environment() -> Environment:
    return Environment({"request": REQUEST}, FUNCTIONS)


class Condition(NamedTuple):
    """One match condition: its program, or why there is none in `wrong` (`internal`: that is no fault of its own)."""

    source: str
    program: Program | None
    wrong: str = ""
    internal: bool = False


def condition(source: str) -> Condition:
    """A compiled match condition."""
    try:
        program = _environment().compile(source)
    except PlanError as error:
        return Condition(source, None, str(error), internal=True)
    except CompileError as error:
        return Condition(source, None, f"compilation failed: {error}")
    if program.type != BOOL:
        return Condition(source, None, f"must evaluate to bool but got {program.type.shown()}")
    return Condition(source, program)


class Failed(Exception):
    """Conditions could not be evaluated, and none said no."""


def hold(conditions: Sequence[Condition], request: Obj) -> bool:
    """Whether all hold. Raises Failed."""
    wrong: list[str] = []
    for one in conditions:
        assert one.program is not None
        try:
            value: Any = one.program.evaluate({"request": request})[0]
        except EvalError as error:
            wrong.append(f"cel evaluation error: expression '{one.source}' resulted in error: {error}")
            continue
        if value is False:
            return False
        if value is not True:
            wrong.append(f"cel evaluation error: expression '{one.source}' eval result type should be bool")
    if not wrong:
        return True
    different = list(dict.fromkeys(wrong))
    raise Failed(different[0] if len(different) == 1 else f"[{', '.join(different)}]")
