"""Whether a write fits into the quotas of its namespace, and what they have used after it."""

from collections.abc import Sequence

from sampan.api.json import Obj
from sampan.resources.quota.amounts import (
    Amounts,
    beyond,
    increase,
    masked,
    names_shown,
    negative,
    plus,
    shown,
    without_zeros,
)
from sampan.resources.quota.evaluator import Change, Evaluator, World, matches, requirements


class Exceeded(Exception):
    """The write may not be; the text is upstream's."""


def charge(quotas: Sequence[Obj], change: Change, evaluator: Evaluator, world: World) -> list[Obj]:
    """The quotas with what they have used after the write; raises Exceeded.

    A quota that the write does not concern is returned as it is (the same object).
    """
    found = [index for index, quota in enumerate(quotas) if _concerns(quota, change, evaluator, world)]
    made = list(quotas)
    if not found:
        return made
    usage = evaluator.usage(change.obj, world)
    if below := negative(usage):
        raise Exceeded(f"quota usage is negative for resource(s): {names_shown(below)}")
    before = evaluator.usage(change.old, world) if change.operation == "UPDATE" and change.old is not None else None
    for index in found:
        cost = usage
        if before is not None and matches(requirements(quotas[index]), evaluator, change.old or {}):
            cost = increase(usage, before)
        made[index] = _charged(quotas[index], without_zeros(cost), change)
    return made


def _concerns(quota: Obj, change: Change, evaluator: Evaluator, world: World) -> bool:
    status = quota.get("status") or {}
    hard: Amounts = status.get("hard") or {}
    names = evaluator.matching(hard, world)
    if not names or not matches(requirements(quota), evaluator, change.obj):
        return False
    title = quota["metadata"]["name"]
    if why := evaluator.lacking(names, change.obj):
        raise Exceeded(f"failed quota: {title}: {why}")
    used = status.get("used") or {}
    if any(name not in used for name in names):
        raise Exceeded(f"status unknown for quota: {title}, resources: {names_shown(names)}")
    return True


def _charged(quota: Obj, cost: Amounts, change: Change) -> Obj:
    status = quota["status"]
    hard, used = status["hard"], status["used"]
    asked = masked(cost, hard)
    if not asked:
        return quota
    after = plus(used, asked)
    if change.subresource != "status" and (over := beyond(masked(after, asked), hard)):
        amounts = f"requested: {shown(masked(asked, over))}, used: {shown(masked(used, over))}"
        name = quota["metadata"]["name"]
        raise Exceeded(f"exceeded quota: {name}, {amounts}, limited: {shown(masked(hard, over))}")
    return {**quota, "status": {**status, "used": after}}
