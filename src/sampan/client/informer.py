"""Informers: one watcher and cache per kind, shared by everybody who wants to know."""

import asyncio
from collections.abc import Callable, Iterator
from typing import NamedTuple

from sampan.aio.clock import Clock
from sampan.aio.tasks import Tasks
from sampan.api.json import Obj
from sampan.api.names import Key, RestMapping
from sampan.client.api import Api
from sampan.client.cache import Cache, Delta, Deltas
from sampan.client.watcher import Change, follow

Subscriber = Callable[[Delta], None]
Keep = Callable[[Obj], Obj | None]


def lean(obj: Obj) -> Obj:
    """The object without managedFields, which nobody here reads and which are half of its size."""
    meta = obj.get("metadata") or {}
    if "managedFields" in meta:
        del meta["managedFields"]  # freshly parsed, nobody else has it yet
    return obj


class Wanted(NamedTuple):
    """Which objects an informer follows: a kind, a field selector, and whether only their metadata."""

    mapping: RestMapping
    fields: str = ""
    metadata_only: bool = False


class Informer:
    """The objects of one kind (or those that a field selector picks), kept up to date.

    `keep` is given every object before it is cached and may shrink it, or refuse it by returning None.
    """

    def __init__(self, api: Api, wanted: Wanted, clock: Clock, keep: Keep = lean) -> None:
        self.wanted, self.mapping = wanted, wanted.mapping
        self._keep = keep
        self._waiters: dict[Key, list[asyncio.Future[None]]] = {}
        self.cache = Cache()
        self.synced = asyncio.Event()
        self._api, self._clock = api, clock
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> None:
        """Be told of every change, in order, after the cache has it. What is there already is told at once."""
        self._subscribers.append(subscriber)
        for obj in list(self.cache):
            subscriber(Delta(None, obj))

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Be told no more."""
        self._subscribers.remove(subscriber)

    async def run(self) -> None:
        """Follow for ever."""
        wanted = self.wanted
        changes = follow(
            self._api, wanted.mapping, self._clock, fields=wanted.fields, metadata_only=wanted.metadata_only
        )
        async for change in changes:
            for delta in self._take(change):
                for subscriber in self._subscribers:
                    subscriber(delta)
                obj = delta.new or delta.old
                if self._waiters and obj is not None:
                    self._release(Key(obj["metadata"].get("namespace", ""), obj["metadata"]["name"]))
            if change.type == "INIT":
                self.synced.set()

    def _take(self, change: Change) -> Deltas:
        """Put a change into the cache."""
        if change.type == "INIT":
            deltas = self.cache.replace([kept for obj in change.objects if (kept := self._keep(obj)) is not None])
            return [Delta(obj, obj) for obj in self.cache] if self.wanted.metadata_only else deltas
        obj = change.objects[0]
        kept = self._keep(obj)
        if change.type == "APPLY" and kept is not None:
            return [self.cache.apply(kept)]
        old = self.cache.get(obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        gone = self.cache.delete(obj)
        if gone is not None and change.type == "APPLY":
            gone = Delta(old, None)  # nobody keeps it any more
        if gone is None and self.wanted.metadata_only and change.type == "DELETE":
            gone = Delta(obj, None)  # it was not kept, but its end may matter to those that refer to it
        return [gone] if gone else []

    async def seen(self, key: Key, version: str) -> None:
        """Wait until the cache has that object at that version or a later one, or has seen it go."""
        while True:
            obj = self.cache.get(*key)
            if obj is None or int(obj["metadata"].get("resourceVersion") or 0) >= int(version or 0):
                return
            await self._change_of(key)

    async def appeared(self, key: Key, version: str) -> None:
        """As `seen`, for an object that was just created: also wait for its first sight."""
        if self.cache.get(*key) is None:
            await self._change_of(key)
        await self.seen(key, version)

    async def _change_of(self, key: Key) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(key, []).append(future)
        await future

    def _release(self, key: Key) -> None:
        for future in self._waiters.pop(key, ()):
            if not future.done():
                future.set_result(None)


class Informers:
    """The informers of one process, each started when it is first asked for."""

    def __init__(self, api: Api, clock: Clock) -> None:
        self.api = api
        self._clock = clock
        self._informers: dict[Wanted, Informer] = {}
        self._tasks: dict[Wanted, asyncio.Task[None]] = {}
        self._running = Tasks()

    def __iter__(self) -> Iterator[Informer]:
        return iter(list(self._informers.values()))

    def of(self, mapping: RestMapping, fields: str = "", *, keep: Keep | None = None) -> Informer:
        """The informer of a kind. With `keep`, one of its own that follows metadata alone."""
        wanted = Wanted(mapping, fields, keep is not None)
        informer = self._informers.get(wanted)
        if informer is None:
            informer = self._informers[wanted] = Informer(self.api, wanted, self._clock, keep or lean)
            self._tasks[wanted] = self._running.start(informer.run(), f"informer {mapping.plural} {fields}".rstrip())
        return informer

    def find(self, mapping: RestMapping, *, metadata_only: bool = False) -> Informer | None:
        """The informer of a kind, if somebody asked for it before."""
        return self._informers.get(Wanted(mapping, "", metadata_only))

    async def drop(self, mapping: RestMapping, *, metadata_only: bool = False) -> None:
        """End an informer that nobody needs any more (a kind that is gone)."""
        wanted = Wanted(mapping, "", metadata_only)
        self._informers.pop(wanted, None)
        task = self._tasks.pop(wanted, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def synced(self) -> None:
        """Wait until every informer has its first list."""
        for informer in self:
            await informer.synced.wait()

    async def close(self) -> None:
        """End all informers."""
        await self._running.cancel()
        self._informers.clear()
        self._tasks.clear()
