"""The expressions of an admission policy or of match conditions as programs, each with what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from sampan.api.cel.environment import Environment, Program
from sampan.api.cel.syntax import CompileError, PlanError
from sampan.api.cel.types import BOOL, DYN, NULL, STRING, Type, list_of
from sampan.resources.policies.environment import OBJECT, PATCH, environment

BOOLS, TEXTS, TEXTS_OR_NULL = (BOOL,), (STRING,), (STRING, NULL)
OBJECTS, PATCHES = (OBJECT,), (list_of(PATCH),)


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression: its program, or why there is none in `wrong` (text as upstream's, for the field's error).

    The error is an invalid value, or an internal error if `internal` is set.
    """

    source: str
    program: Program | None
    wrong: str = ""
    internal: bool = False


class Compiler:
    """Compiles the expressions of one policy, in the order of the policy: a variable sees those before it.

    `params`: the policy has a paramKind. `composed`: `variables` exists (upstream validates a policy without variables
    in an environment that has none, but evaluates it in one that has). Nothing raises: look at Expression.wrong.
    """

    def __init__(self, *, params: bool, composed: bool = True) -> None:
        self._params = params
        self._variables: dict[str, Type] | None = {} if composed else None

    def _environment(self, authorizer: bool = True, mutation: bool = False) -> Environment:
        if not self._variables:
            return _plain(self._params, authorizer, mutation, self._variables is not None)
        return environment(self._variables, params=self._params, authorizer=authorizer, mutation=mutation)

    def condition(self, source: str) -> Expression:
        """Of matchConditions: a bool."""
        return compiled(self._environment(), source, BOOLS)

    def validation(self, source: str) -> Expression:
        """Of validations: a bool."""
        return compiled(self._environment(), source, BOOLS)

    def message(self, source: str) -> Expression:
        """messageExpression: a string; it does not see the authorizer."""
        return compiled(self._environment(authorizer=False), source, TEXTS)

    def audit(self, source: str) -> Expression:
        """Of auditAnnotations: a string or null."""
        return compiled(self._environment(), source, TEXTS_OR_NULL)

    def variable(self, name: str, source: str) -> Expression:
        """Of variables: of any type; the expressions after it see it, even if it is wrong."""
        assert self._variables is not None
        found = compiled(self._environment(), source, ())
        self._variables = {**self._variables, name: DYN if found.program is None else _declared(found.program.type)}
        return found

    def apply_configuration(self, source: str) -> Expression:
        """Of a mutation: an Object."""
        return compiled(self._environment(mutation=True), source, OBJECTS)

    def json_patch(self, source: str) -> Expression:
        """Of a mutation: a list of JSONPatch."""
        return compiled(self._environment(mutation=True), source, PATCHES)


def compiled(inside: Environment, source: str, wanted: tuple[Type, ...]) -> Expression:
    """One expression in an environment; `wanted` are the types it may have, none for any."""
    try:
        program = inside.compile(source)
    except PlanError as error:
        return Expression(source, None, str(error), internal=True)
    except CompileError as error:
        return Expression(source, None, f"compilation failed: {error}")
    if not wanted or program.type in wanted:
        return Expression(source, program)
    names = str(wanted[0]) if len(wanted) == 1 else f"one of [{' '.join(map(str, wanted))}]"
    return Expression(source, None, f"must evaluate to {names} but got {program.type}")


def match_conditions(conditions: list[Mapping[str, str]], *, params: bool = False) -> list[Expression]:
    """The matchConditions of a webhook, or of a policy as they are validated (trimmed, without variables)."""
    compiler = Compiler(params=params, composed=False)
    return [compiler.condition((one.get("expression") or "").strip()) for one in conditions]


def _declared(found: Type) -> Type:
    """What other expressions know of a variable's type: types of objects are forgotten."""
    if found.kind in ("object", "opaque", "type"):
        return DYN
    if not found.params:
        return found
    return Type(found.kind, tuple(map(_declared, found.params)), found.name)


@lru_cache(maxsize=16)
def _plain(params: bool, authorizer: bool, mutation: bool, composed: bool) -> Environment:
    return environment({} if composed else None, params=params, authorizer=authorizer, mutation=mutation)
