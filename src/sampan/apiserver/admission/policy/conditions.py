"""matchConditions of webhooks and policies (KEP-3716): all must hold; errors are what the failure policy makes them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sampan.apiserver.admission.policy.activation import CONDITIONS_BUDGET, Evaluation, Exhausted, Failed
from sampan.resources.policies.compile import Expression


def hold(
    conditions: Sequence[Expression], seen: Mapping[str, Any], own: Mapping[str, Expression], closed: bool
) -> bool:
    """Whether the conditions are met. Raises Failed if one fails, none says no, and `closed` (failurePolicy Fail)."""
    run = Evaluation(seen, own, CONDITIONS_BUDGET)
    problems: list[str] = []
    for condition in conditions:
        try:
            if run.value(condition) is False:
                return False
        except Failed as failed:
            problems.append(str(failed))
        except Exhausted as gone:
            problems = [str(gone)]
            break
    if not problems:
        return True
    if not closed:
        return False
    different = list(dict.fromkeys(problems))
    raise Failed(different[0] if len(different) == 1 else f"[{', '.join(different)}]")
