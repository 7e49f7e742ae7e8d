"""Perform a whole Plan: action after action, but announced creations and deletions many at once."""

import asyncio
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass

from sampan.api.json import Obj
from sampan.api.names import ObjectRef
from sampan.reconcile.execute import Executor, Planner, Written
from sampan.reconcile.plan import Action, Create, Delete, Plan

FIRST_BATCH = 1


@dataclass(frozen=True, slots=True)
class Performer:
    """Performs plans through an Executor. The first error ends the plan; what was written before is told anyway."""

    executor: Executor

    async def perform(
        self, plan: Plan, planner: Planner, answers: MutableMapping[ObjectRef, Obj | None], writes: list[Written]
    ) -> None:
        """Do it; `writes` grows by what was written. Raises what the API raises."""
        for group in runs(plan):
            size = FIRST_BATCH if isinstance(group[0], Create) else len(group)
            at = 0
            while at < len(group):
                batch = group[at : at + size]
                results = await self._batch(batch, planner, answers)
                writes += [result for result in results if isinstance(result, Written)]
                errors = [result for result in results if isinstance(result, BaseException)]
                if errors:
                    raise errors[0]
                at, size = at + size, size * 2

    async def _batch(
        self, batch: Sequence[Action], planner: Planner, answers: MutableMapping[ObjectRef, Obj | None]
    ) -> list[Written | BaseException | None]:
        perform = self.executor.perform
        if len(batch) == 1:
            return [await perform(batch[0], planner, answers)]
        work = [perform(action, planner, answers) for action in batch]
        return await asyncio.gather(*work, return_exceptions=True)


def runs(plan: Plan) -> Iterator[Sequence[Action]]:
    """The plan cut into what may happen at once: announced actions of one type that follow one another; else single."""
    run: list[Action] = []
    for action in plan:
        if run and _joins(run[-1], action):
            run.append(action)
            continue
        if run:
            yield run
        run = [action]
    if run:
        yield run


def _joins(before: Action, action: Action) -> bool:
    return (
        isinstance(before, Create | Delete)
        and type(before) is type(action)
        and before.announce is not None
        and getattr(action, "announce", None) is not None
    )
