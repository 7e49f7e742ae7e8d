"""Delays."""

import random
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from sampan.aio.backoff import exponential, steps


def test_delays_double_up_to_a_limit() -> None:
    assert list(islice(exponential(1, 10), 6)) == [1, 2, 4, 8, 10, 10]
    assert list(islice(exponential(1, 100, factor=3), 4)) == [1, 3, 9, 27]


@given(st.floats(0.01, 10), st.floats(0.01, 2), st.integers(0, 1000))
def test_jitter_only_makes_longer_and_the_base_stays(first: float, jitter: float, seed: int) -> None:
    plain = islice(exponential(first, 60), 8)
    shaken = islice(exponential(first, 60, jitter=jitter, rng=random.Random(seed)), 8)
    for base, delay in zip(plain, shaken, strict=True):
        assert base <= delay <= base * (1 + jitter)


def test_steps_repeat_the_last() -> None:
    assert list(islice(steps(1, 5, 30), 5)) == [1, 5, 30, 30, 30]
