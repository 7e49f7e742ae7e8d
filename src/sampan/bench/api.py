"""The API server's request path in this process, without a network: microseconds per request."""

import time
from collections.abc import Awaitable, Callable

import uvloop

from sampan.api.json import dumps
from sampan.apiserver.app import App, Parts
from sampan.net.http import Request, Response
from sampan.resources.build import builtin_resources
from sampan.store.memory import MemoryStore

Rows = list[tuple[str, str]]
ROOT = "/api/v1/namespaces/default/configmaps"
ACCEPT = {"accept": "application/json", "user-agent": "bench/1.0", "content-type": "application/json"}
MERGE = {**ACCEPT, "content-type": "application/merge-patch+json"}


def body(name: str) -> bytes:
    """A ConfigMap of about 400 bytes."""
    data = {f"key-{index}": "x" * 20 for index in range(8)}
    return dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})


async def timed(count: int, call: Callable[[int], Awaitable[Response]]) -> float:
    """Microseconds per call."""
    began = time.perf_counter()
    for index in range(count):
        response = await call(index)
        assert response.status < 300, response.body
    return (time.perf_counter() - began) / count * 1e6


async def measure() -> Rows:
    """All rows: what, figure."""
    store = MemoryStore()
    app = App(Parts(store, builtin_resources("1.37")))
    await app.start()

    def request(method: str, path: str, content: bytes = b"", query: str = "") -> Awaitable[Response]:
        return app(Request(method, path, query, MERGE if method == "PATCH" else ACCEPT, content))

    rows = [
        ("create", await timed(5000, lambda i: request("POST", ROOT, body(f"c-{i}")))),
        ("get", await timed(50000, lambda i: request("GET", f"{ROOT}/c-1"))),
        ("get, 5000 names", await timed(20000, lambda i: request("GET", f"{ROOT}/c-{i % 5000}"))),
        ("merge patch", await timed(5000, lambda i: request("PATCH", f"{ROOT}/c-1", b'{"data":{"n":"%d"}}' % i))),
        ("list 500", await timed(500, lambda i: request("GET", ROOT, query="limit=500"))),
        ("list 5000", await timed(50, lambda i: request("GET", ROOT))),
        ("delete", await timed(2000, lambda i: request("DELETE", f"{ROOT}/c-{i + 10}"))),
    ]
    await app.close()
    await store.close()
    return [(f"API server in process: {name}", f"{micros:.1f} µs") for name, micros in rows]


def run() -> Rows:
    """The same, on a loop of its own."""
    return uvloop.run(measure())
