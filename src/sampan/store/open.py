"""OPENERS: which store a URL means."""

from collections.abc import Awaitable, Callable

from sampan.aio.clock import Clock
from sampan.store.base import Store, StoreError
from sampan.store.memory import MemoryStore

Opener = Callable[[str], Awaitable[Store]]
"""Takes what follows `SCHEME:` and opens that store."""


async def _memory(rest: str) -> Store:
    if rest:
        raise StoreError(f"memory: takes nothing after the colon, not {rest!r}")
    return MemoryStore()


async def _sqlite(rest: str) -> Store:
    from sampan.store.sqlite import open_sqlite

    return await open_sqlite(rest)


OPENERS: tuple[tuple[str, Opener], ...] = (("memory", _memory), ("sqlite", _sqlite))

PLANNED = ("etcd",)


async def open_store(url: str, clock: Clock | None = None) -> Store:
    """The store that a URL names: `memory:` or `sqlite:PATH`.

    The backends that exist have no use for a clock (they keep no leases). Raises StoreError when there is no such
    backend or it cannot be opened, NewerFormat when a newer version of this program wrote it.
    """
    scheme, colon, rest = url.partition(":")
    for name, opener in OPENERS:
        if colon and name == scheme:
            return await opener(rest)
    there = ", ".join(f"{name}:" for name, _ in OPENERS)
    if scheme in PLANNED:
        raise StoreError(f"store {url!r}: {scheme}:// is not supported yet; there is {there}")
    raise StoreError(f"store {url!r}: no such kind of store; there is {there}")
