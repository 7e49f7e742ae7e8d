"""How fast the store is: durable writes, reads, opening, watch fan-out. `python -m bench.store`."""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import uvloop

from sampan.store.base import Draft, Store
from sampan.store.open import open_store

Rows = list[tuple[str, str]]
DRAFT = Draft(b'{"metadata":{"resourceVersion":"', b'"},"pad":"%b"}' % (b"x" * 1000))
LABELS = {"app": "web", "pod-template-hash": "5d4f8c7b9"}
FIELDS = {"spec.nodeName": "node-1", "status.phase": "Running"}


@contextmanager
def url(scheme: str) -> Iterator[str]:
    """A fresh store's URL. The file lies in the working directory's file system: a tmpfs would sync nothing."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as directory:
        yield "memory:" if scheme == "memory" else f"{scheme}:{Path(directory, 'state.db')}"


@asynccontextmanager
async def opened(where: str) -> AsyncIterator[Store]:
    store = await open_store(where)
    try:
        yield store
    finally:
        await store.close()


async def create(store: Store, writers: int, each: int) -> float:
    """Seconds that it takes, each writer waiting for each of its writes."""

    async def write(writer: int) -> None:
        for n in range(each):
            await store.put(f"/core/pods/ns{writer}/pod-{n}", DRAFT, labels=LABELS, fields=FIELDS, expect=0)

    start = time.perf_counter()
    await asyncio.gather(*(write(writer) for writer in range(writers)))
    return time.perf_counter() - start


async def writes(scheme: str) -> Rows:
    rows: Rows = []
    for writers, each in ((1, 2000), (8, 1000), (32, 500), (128, 200)):
        with url(scheme) as where:
            async with opened(where) as store:
                rate = writers * each / await create(store, writers, each)
        rows.append((f"{scheme}: creates of 1 KB, {writers} waiting writers", f"{rate:,.0f}/s"))
    return rows


async def reads() -> Rows:
    with url("sqlite") as where:
        async with opened(where) as store:
            await create(store, 60, 1000)
        start = time.perf_counter()
        async with opened(where) as store:
            opening = time.perf_counter() - start
            start = time.perf_counter()
            for n in range(10_000):
                await store.get(f"/core/pods/ns7/pod-{n % 1000}")
            get = (time.perf_counter() - start) / 10_000
            everything = await timed_range(store, "/core/pods/", 0, 0)
            part = await timed_range(store, "/core/pods/ns7/", 0, 0)
            page = await timed_range(store, "/core/pods/", 500, 0)
            at = store.revision
            await asyncio.gather(*(store.put(f"/core/pods/ns1/pod-{n}", DRAFT) for n in range(1000)))
            old = await timed_range(store, "/core/pods/", 500, at)
    return [
        ("sqlite: open a store of 60,000 objects", f"{opening:.2f} s"),
        ("get", f"{get * 1e6:.1f} µs"),
        ("range, all 60,000", f"{everything * 1e3:.1f} ms"),
        ("range, a namespace of 1,000", f"{part * 1e6:.0f} µs"),
        ("range, a page of 500 out of 60,000", f"{page * 1e6:.0f} µs"),
        ("the same, 1,000 revisions ago", f"{old * 1e6:.0f} µs"),
    ]


async def timed_range(store: Store, prefix: str, limit: int, revision: int) -> float:
    times = []
    for _ in range(20):
        start = time.perf_counter()
        await store.range(prefix, limit=limit, revision=revision)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


async def fan_out(scheme: str, watchers: int = 1000, rounds: int = 50) -> Rows:
    """From the call of put to the last of the watchers having its event."""
    with url(scheme) as where:
        async with opened(where) as store:
            left = 0
            done = asyncio.Event()
            late: list[float] = []

            async def follow() -> None:
                nonlocal left
                async for _ in store.watch("/core/pods/", since=1):
                    left -= 1
                    if left == 0:
                        done.set()

            tasks = [asyncio.create_task(follow()) for _ in range(watchers)]
            await asyncio.sleep(0)
            for _ in range(rounds):
                left = watchers
                done.clear()
                start = time.perf_counter()
                await store.put("/core/pods/ns/a", DRAFT)
                await done.wait()
                late.append(time.perf_counter() - start)
        await asyncio.gather(*tasks)
    return [(f"{scheme}: one write to the last of {watchers:,} watchers", f"{statistics.median(late) * 1e3:.2f} ms")]


async def measure() -> Rows:
    """All rows: what, figure."""
    rows: Rows = []
    for scheme in ("memory", "sqlite"):
        rows += await writes(scheme)
    rows += await reads()
    for scheme in ("memory", "sqlite"):
        rows += await fan_out(scheme)
    return rows


def run() -> Rows:
    """The same, on a loop of its own."""
    return uvloop.run(measure())


if __name__ == "__main__":
    sys.stdout.writelines(f"{what:60} {figure:>12}\n" for what, figure in run())
