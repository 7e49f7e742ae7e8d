"""Sets of completion indexes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.controllers.job_indexes import Indexes

NUMBERS = st.sets(st.integers(0, 40))


@pytest.mark.parametrize(
    ("text", "completions", "read"),
    [
        ("", 5, ""),
        ("1,3-5,7", 10, "1,3-5,7"),
        ("0-3", 3, "0-2"),
        ("0,1", 5, "0,1"),
        ("0,1,2", 5, "0-2"),
        ("2,x,4-y,6", 10, "2,6"),
        ("9", 5, ""),
    ],
)
def test_is_read_and_written(text: str, completions: int, read: str) -> None:
    assert str(Indexes.parse(text, completions)) == read


@given(NUMBERS)
def test_text_says_all(numbers: set[int]) -> None:
    made = Indexes.of(numbers)
    assert Indexes.parse(str(made), 41) == made
    assert len(made) == len(numbers)
    assert {number for number in range(-1, 45) if number in made} == numbers


@given(NUMBERS, NUMBERS)
def test_union_and_common(one: set[int], two: set[int]) -> None:
    assert Indexes.of(one) | Indexes.of(two) == Indexes.of(one | two)
    assert Indexes.of(one).common(Indexes.of(two)) == len(one & two)


@given(NUMBERS, st.integers(0, 10), st.integers(0, 50))
def test_missing(numbers: set[int], count: int, below: int) -> None:
    wanted = [number for number in range(below) if number not in numbers][:count]
    assert Indexes.of(numbers).missing(count, below) == wanted
