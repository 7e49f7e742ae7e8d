"""From one look at a node to the next: which thresholds hold, which conditions, and what is to be acted upon. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sampan.kubelet.eviction.thresholds import CONDITIONS, Observations, Threshold, met


@dataclass(frozen=True, slots=True)
class Course:
    """What is remembered; times in seconds."""

    first: Mapping[Threshold, float] = field(default_factory=dict)
    """When each threshold that holds was first seen to."""
    last: Mapping[str, float] = field(default_factory=dict)
    """When each condition of the node was last observed."""
    holding: tuple[Threshold, ...] = ()
    """Those whose grace is over and whose minimum reclaim has not been reached."""
    seen: Observations = field(default_factory=dict)
    conditions: tuple[str, ...] = ()


def advance(
    course: Course, given: Sequence[Threshold], seen: Observations, transition: float, now: float
) -> tuple[Course, list[Threshold]]:
    """The next course, and the thresholds to act upon, the most urgent first.

    `transition`: seconds for which a condition stays after it was last observed.
    """
    crossed = met(given, seen)
    crossed += [one for one in met(course.holding, seen, reclaimed=True) if one not in crossed]
    first = {one: course.first.get(one, now) for one in crossed}
    last = {**course.last, **{CONDITIONS[one.resource]: now for one in crossed}}
    conditions = tuple(sorted(name for name, at in last.items() if now - at < transition))
    holding = tuple(one for one, at in first.items() if now - at >= one.grace)
    fresh = [one for one in holding if _is_fresh(one, seen, course.seen)]
    fresh.sort(key=lambda one: one.resource != "memory")
    return Course(first, last, holding, seen, conditions), fresh


def _is_fresh(one: Threshold, now: Observations, before: Observations) -> bool:
    """Whether its signal was observed since the last look."""
    seen, last = now.get(one.signal), before.get(one.signal)
    return seen is not None and (last is None or not seen.at or seen.at > last.at)
