"""Do not decide again before the caches show what one has just written."""

import asyncio
from collections.abc import Sequence

from sampan.client.informer import Informers
from sampan.reconcile.execute import Written

PATIENCE = 5.0
"""Seconds; a watch that lags longer is broken, and deciding on an old cache is then better than standing still."""
GONE = str(2**63)


async def seen(informers: Informers, writes: Sequence[Written]) -> None:
    """Return when every written object that somebody follows is in its cache at the written version."""
    try:
        async with asyncio.timeout(PATIENCE):
            for write in writes:
                informer = informers.find(write.mapping)
                if informer is None:
                    continue
                if write.created:
                    await informer.appeared(write.key, write.version)
                else:
                    await informer.seen(write.key, write.version)
    except TimeoutError:
        pass
