"""How watches fan out, from a write through the API's encoder to each stream. `python -m bench.watch`."""

import asyncio
import json
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator

import uvloop

from sampan.apiserver.app import App, Parts
from sampan.net.http import Request
from sampan.resources.build import builtin_resources
from sampan.store.memory import MemoryStore

Rows = list[tuple[str, str]]
ROOT = "/api/v1/namespaces/default/configmaps"
WRITES = 5
JSON_TYPE = {"content-type": "application/json"}


async def streams(app: App, count: int, query: str) -> list[AsyncIterator[bytes]]:
    """Watches of a namespace's ConfigMaps from now on."""
    version = json.loads((await app(Request("GET", ROOT))).body)["metadata"]["resourceVersion"]
    found: list[AsyncIterator[bytes]] = []
    for _ in range(count):
        response = await app(Request("GET", ROOT, f"watch=1&resourceVersion={version}{query}"))
        if response.stream is None:
            raise RuntimeError(f"not a watch: {response.body!r}")
        found.append(response.stream)
    return found


async def fan_out(count: int, query: str = "") -> tuple[float, float]:
    """Milliseconds from the beginning of a write until the middle and the last of the watchers have its line."""
    store = MemoryStore()
    app = App(Parts(store, builtin_resources("1.36"), version="1.36", rng=random.Random(1)))
    await app.start()
    seen: list[float] = []
    everybody = asyncio.Event()

    async def read(stream: AsyncIterator[bytes]) -> None:
        async for _ in stream:
            seen.append(time.perf_counter())
            if len(seen) == count:
                everybody.set()

    tasks = [asyncio.create_task(read(stream)) for stream in await streams(app, count, query)]
    await asyncio.sleep(0.1)
    middle, last = [], []
    for number in range(WRITES):
        body = {"metadata": {"name": f"x{number}", "labels": {"app": "a"}}, "data": {"a": "x" * 1000}}
        seen.clear()
        everybody.clear()
        began = time.perf_counter()
        await app(Request("POST", ROOT, "", JSON_TYPE, json.dumps(body).encode()))
        await everybody.wait()
        middle.append(seen[count // 2] - began)
        last.append(seen[-1] - began)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await app.close()
    await store.close()
    return statistics.median(middle) * 1000, statistics.median(last) * 1000


def run() -> Rows:
    """The rows of the table."""
    rows: Rows = []
    for count, query, kind in (
        (1000, "", "watchers"),
        (10_000, "", "watchers"),
        (10_000, "&labelSelector=app%3Da", "watchers with a selector"),
    ):
        middle, last = uvloop.run(fan_out(count, query))
        rows.append((f"1 write seen by {count:,} {kind}", f"median {middle:.1f} ms, last {last:.1f} ms"))
    return rows


if __name__ == "__main__":
    sys.stdout.writelines(f"{what:58} {figure}\n" for what, figure in run())
