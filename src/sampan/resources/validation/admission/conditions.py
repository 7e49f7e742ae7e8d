"""CEL expressions of webhooks and policies: match conditions, and how what is wrong with an expression is said."""

from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.api.meta import is_qualified_name
from sampan.resources.policies.compile import Compiler, Expression
from sampan.resources.strategies.checks import Errors, duplicate, invalid, required, too_many

MOST = 64


def check_conditions(conditions: list[Obj], at: str, *, params: bool = False) -> Errors:
    """matchConditions; with `params` they may look at the parameters of a policy."""
    errors: Errors = [too_many(at, len(conditions), MOST)] if len(conditions) > MOST else []
    compiler = Compiler(params=params, composed=False)
    names: set[str] = set()
    for index, condition in enumerate(conditions):
        here, name = f"{at}[{index}]", condition.get("name") or ""
        source = (condition.get("expression") or "").strip()
        errors += (
            wrong(compiler.condition(source), f"{here}.expression") if source else [required(f"{here}.expression")]
        )
        if not name:
            errors.append(required(f"{here}.name"))
            continue
        errors += [invalid(f"{here}.name", name, problem) for problem in is_qualified_name(name)]
        if name in names:
            errors.append(duplicate(f"{here}.name", name))
        names.add(name)
    return errors


def wrong(found: Expression, at: str, source: str | None = None) -> Errors:
    """What is wrong with a compiled expression; `source`: as it is shown, if not as it was compiled."""
    if not found.wrong:
        return []
    if found.internal:
        return [FieldError("InternalError", at, f"Internal error: {found.wrong}")]
    return [invalid(at, found.source if source is None else source, found.wrong)]
