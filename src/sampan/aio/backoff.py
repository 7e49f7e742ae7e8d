"""Delays as plain iterators: grow, jitter, cap; a fresh iterator is the reset."""

from collections.abc import Iterator
from typing import Protocol


class Dice(Protocol):
    """What of `random.Random` jitter needs."""

    def random(self) -> float: ...


def exponential(
    first: float, most: float, factor: float = 2.0, jitter: float = 0.0, rng: Dice | None = None
) -> Iterator[float]:
    """first, first*factor, … up to `most` seconds for ever; each longer by up to `jitter` times itself."""
    delay = first
    while True:
        yield delay * (1.0 + jitter * rng.random()) if rng and jitter else delay
        delay = min(most, delay * factor)


def steps(*delays: float) -> Iterator[float]:
    """These delays, then the last one for ever."""
    yield from delays
    while True:
        yield delays[-1]
