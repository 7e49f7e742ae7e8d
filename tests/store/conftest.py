"""Every store there is, empty, and ways to read a watch that never hang."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from sampan.store.base import Draft, Event, Store, Watch
from sampan.store.open import OPENERS, open_store

Open = Callable[[], Awaitable[Store]]
Drain = Callable[[Watch], Awaitable[list[Event]]]


def url_of(scheme: str, directory: Path) -> str:
    """Where a fresh store of each kind is for a test. A new opener needs a line here."""
    return {"memory": "memory:", "sqlite": f"sqlite:{directory / 'state.db'}"}[scheme]


@pytest.fixture(params=[name for name, _ in OPENERS])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store of each kind in turn."""
    opened = await open_store(url_of(request.param, tmp_path))
    yield opened
    await opened.close()


@pytest.fixture
def draft() -> Callable[[str], Draft]:
    """An object without its resourceVersion whose `x` tells versions apart."""

    def make(x: str) -> Draft:
        return Draft(b'{"metadata":{"resourceVersion":"', b'"},"x":"%b"}' % x.encode())

    return make


@pytest.fixture
def drain() -> Drain:
    """Everything that a watch has now."""

    async def read(watch: Watch) -> list[Event]:
        watch.progress()
        events: list[Event] = []
        async for batch in watch:
            if not batch:
                break
            events += batch
        return events

    return read
