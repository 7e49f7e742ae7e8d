"""Old versions are forgotten by time, as upstream's API server has etcd do (--etcd-compaction-interval)."""

from sampan.aio.clock import Clock
from sampan.store.base import Store

EVERY = 300.0
"""Seconds; what was replaced is kept for one to two times as long."""


async def compact_by_time(store: Store, clock: Clock) -> None:
    """Forget what was already old a turn ago, turn by turn; never returns."""
    seen = store.revision
    while True:
        await clock.sleep(EVERY)
        now = store.revision
        store.compact(seen)
        seen = now
