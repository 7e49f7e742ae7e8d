"""Clients of others: what their libraries leave open in this process is theirs, not ours to fail for."""

import gc
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

THEIRS = (
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
    "ignore::DeprecationWarning",
    "ignore:Kubernetes version:UserWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Their warnings are theirs too."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(90))
            for rule in THEIRS:
                item.add_marker(pytest.mark.filterwarnings(rule))


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """In place of the check of the same name: what is left goes here, under the rules of these tests."""
    yield
    gc.collect()


@pytest.fixture
def unique() -> str:
    """A name that no other test uses."""
    return f"client-{uuid4().hex[:6]}"
