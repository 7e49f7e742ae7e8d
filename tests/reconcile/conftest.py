"""An API in memory for the reconcile loop: objects, a log of requests, and answers that a test may refuse."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from sampan.api.errors import StatusError, not_found
from sampan.api.json import Obj, dumps, loads
from sampan.client.request import Answer, ApiRequest
from sampan.resources.kinds import CONFIGMAPS, SECRETS


class MemoryApi:
    """A Transport over a dict of objects. Watches see every change, when `deliver` is set."""

    def __init__(self) -> None:
        self.objects: dict[str, Obj] = {}
        self.requests: list[str] = []
        self.refuse: Callable[[ApiRequest], StatusError | None] = lambda request: None
        self.version = 0
        self.running = self.most_running = 0
        """Requests under way that post no Events."""
        self.deliver = asyncio.Event()
        self.deliver.set()
        self._watches: list[tuple[str, asyncio.Queue[tuple[str, Obj]]]] = []

    async def send(self, request: ApiRequest) -> Answer:
        self.requests.append(f"{request.method} {request.path}")
        counts = not request.path.endswith("/events")
        self.running += counts
        self.most_running = max(self.most_running, self.running)
        await asyncio.sleep(0)
        self.running -= counts
        error = self.refuse(request)
        try:
            if error is not None:
                raise error
            return Answer(200, {}, dumps(self.answer(request)))
        except StatusError as refused:
            return Answer(refused.code, {}, dumps(refused.to_status()))

    def answer(self, request: ApiRequest) -> Obj:
        last = request.path.rpartition("/")[2]
        collection = last in (CONFIGMAPS.plural, SECRETS.plural, "events")
        if request.method == "GET" and collection:
            items = [obj for path, obj in self.objects.items() if f"/{last}/" in path]
            return {"metadata": {"resourceVersion": str(self.version)}, "items": items}
        path = f"{request.path}/{loads(request.body)['metadata']['name']}" if request.method == "POST" else request.path
        if request.method in ("GET", "DELETE") and path not in self.objects:
            raise not_found("", last, "")
        if request.method == "DELETE":
            self.changed("DELETED", path, self.objects.pop(path))
            return {"kind": "Status"}
        if request.method == "GET":
            return self.objects[path]
        return self.put(path, loads(request.body))

    def put(self, path: str, obj: Obj) -> Obj:
        """Write an object as somebody else would."""
        kind = "MODIFIED" if path in self.objects else "ADDED"
        self.version += 1
        meta = {**obj["metadata"], "uid": path, "resourceVersion": str(self.version)}
        if "/namespaces/" in path:
            meta["namespace"] = path.split("/")[4]
        self.objects[path] = {**obj, "metadata": meta}
        self.changed(kind, path, self.objects[path])
        return self.objects[path]

    def changed(self, kind: str, path: str, obj: Obj) -> None:
        for plural, queue in self._watches:
            if f"/{plural}/" in path:
                queue.put_nowait((kind, obj))

    async def stream(self, request: ApiRequest) -> AsyncIterator[bytes]:
        queue: asyncio.Queue[tuple[str, Obj]] = asyncio.Queue()
        self._watches.append((request.path.rpartition("/")[2], queue))
        while True:
            kind, obj = await queue.get()
            await self.deliver.wait()
            yield dumps({"type": kind, "object": obj}) + b"\n"

    async def close(self) -> None:
        """Nothing to release."""


@pytest.fixture
def memory() -> Any:
    """A MemoryApi."""
    return MemoryApi()
