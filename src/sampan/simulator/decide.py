"""Which stage an object enters next, and in how many seconds."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple, Protocol

from sampan.api.json import Obj
from sampan.api.times import parse_duration, parse_time
from sampan.simulator.stage import Amount, Stage


class Dice(Protocol):
    """The part of random.Random that is needed."""

    def random(self) -> float: ...


class Choice(NamedTuple):
    """A stage, and when it begins."""

    stage: Stage
    seconds: float


def decide(stages: Sequence[Stage], obj: Obj, now: datetime, dice: Dice) -> Choice | None:
    """The next stage of an object among those of its kind; None when there is none.

    Of several that match, one is drawn by weight; where all weights are zero, all are alike (as KWOK draws them).
    """
    matching = [stage for stage in stages if stage.selector.matches(obj)]
    if not matching:
        return None
    stage = matching[0] if len(matching) == 1 else _draw(matching, obj, dice)
    return Choice(stage, _delay(stage, obj, now, dice))


def _draw(stages: Sequence[Stage], obj: Obj, dice: Dice) -> Stage:
    weights = [_weight(stage, obj) for stage in stages]
    total = sum(weights)
    if not total:
        return stages[min(int(dice.random() * len(stages)), len(stages) - 1)]
    left = dice.random() * total
    for stage, weight in zip(stages, weights, strict=True):
        left -= weight
        if left < 0:
            return stage
    return stages[max(at for at, weight in enumerate(weights) if weight)]


def _weight(stage: Stage, obj: Obj) -> int:
    if stage.weight_from is not None:
        for value in stage.weight_from(obj):
            try:
                return max(0, int(value))
            except (TypeError, ValueError):
                continue
    return stage.weight


def _delay(stage: Stage, obj: Obj, now: datetime, dice: Dice) -> float:
    """Seconds; with a jitter one of the span between the two, and the jitter itself where it is the shorter."""
    least = _seconds(stage.delay, obj, now)
    if least is None:
        return 0.0
    most = _seconds(stage.jitter, obj, now) if stage.jitter is not None else None
    if most is None:
        return max(0.0, least)
    if most <= least:
        return max(0.0, most)
    return max(0.0, least + dice.random() * (most - least))


def _seconds(amount: Amount, obj: Obj, now: datetime) -> float | None:
    for value in amount.path(obj) if amount.path is not None else ():
        if isinstance(value, str):
            with suppress(ValueError):
                return parse_duration(value)
            with suppress(ValueError):
                return (parse_time(value) - now).total_seconds()
    return amount.seconds
