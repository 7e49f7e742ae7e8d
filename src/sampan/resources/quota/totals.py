"""What the objects of a namespace use of a quota, counted anew."""

from collections.abc import Callable, Iterable, Sequence

from sampan.api.json import Obj
from sampan.resources.quota.amounts import masked, plus
from sampan.resources.quota.evaluator import Evaluator, World, matches, requirements
from sampan.resources.quota.registry import SPECIAL, counted_kind, evaluator_of

ListKind = Callable[[str, str], Sequence[Obj] | None]
"""Group and plural to the objects of the namespace; None if there is no such kind."""


def total(quota: Obj, objects: ListKind, world: World) -> dict[str, str]:
    """Used amounts of those of a quota's resources that can be counted."""
    hard = (quota.get("spec") or {}).get("hard") or {}
    scopes = requirements(quota)
    kinds = {*SPECIAL, *filter(None, map(counted_kind, hard))}
    used: dict[str, str] = {}
    for kind in sorted(kinds):
        evaluator = evaluator_of(*kind)
        names = evaluator.matching(hard, world) if evaluator is not None else []
        listed = objects(*kind) if names else None
        if evaluator is not None and listed is not None:
            counted = plus(dict.fromkeys(names, "0"), _sum(evaluator, listed, scopes, world))
            used = plus(used, masked(counted, names))
    return used


def _sum(evaluator: Evaluator, objects: Iterable[Obj], scopes: Sequence[Obj], world: World) -> dict[str, str]:
    made: dict[str, str] = {}
    for obj in objects:
        if matches(scopes, evaluator, obj):
            made = plus(made, evaluator.usage(obj, world))
    return made
