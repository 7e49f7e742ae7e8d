"""A process to be killed: writes to a store as fast as it can and prints each write once it is acknowledged."""

import asyncio
import random
import sys

from sampan.store.base import Draft, Store
from sampan.store.open import open_store


def say(kind: str, key: str, revision: int) -> None:
    sys.stdout.write(f"{kind} {key} {revision}\n")
    sys.stdout.flush()


async def write(store: Store, key: str, rng: random.Random) -> None:
    """Create, replace and delete one key for ever; keys are not shared, so there are no conflicts."""
    current = await store.get(key)
    while True:
        draft = Draft(b'{"metadata":{"resourceVersion":"', b'"},"x":"%b"}' % (b"x" * rng.randrange(3000)))
        if current is not None and rng.random() < 0.2:
            gone = await store.delete(key, draft, expect=current.revision)
            current = None
            say("DELETE", key, gone.revision)
        else:
            current = await store.put(key, draft, expect=current.revision if current else 0)
            say("PUT", key, current.revision)
        if rng.random() < 0.01:
            store.compact(max(1, store.revision - 500))


async def main(url: str, seed: int) -> None:
    store = await open_store(url)
    say("OPEN", "-", store.revision)
    await asyncio.gather(*(write(store, f"/core/pods/ns/p{n}", random.Random(seed * 100 + n)) for n in range(16)))


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
