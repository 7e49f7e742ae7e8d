"""Writes pod statuses to the API when they differ from what is there: the newest per pod, one write at a time each."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sampan.aio.clock import Clock
from sampan.aio.queue import QueueClosed, WorkQueue
from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.names import ObjectRef
from sampan.client.api import Api
from sampan.kubelet.podspec import is_static
from sampan.kubelet.status import CONDITIONS, FIELDS, SHARED
from sampan.resources.kinds import PODS

log = logging.getLogger("sampan.kubelet")
WRITERS = 8
"""Statuses written at the same time."""


def difference(old: Obj, new: Obj) -> Obj:
    """The strategic merge patch of `status` from old to new: changed fields whole, what vanished null or deleted."""
    patch: Obj = {key: new[key] for key in FIELDS if key in new and old.get(key) != new[key]}
    patch.update({key: None for key in FIELDS if key in old and key not in new})
    before = {c["type"]: c for c in old.get("conditions") or ()}
    changed = [
        {**{key: None for key in before.get(c["type"], {}) if key not in c}, **c}
        for c in new.get("conditions") or ()
        if c["type"] in (*CONDITIONS, *SHARED) and before.get(c["type"]) != c
    ]
    kept = {c["type"] for c in new.get("conditions") or ()}
    changed += [{"$patch": "delete", "type": type_} for type_ in before if type_ in CONDITIONS and type_ not in kept]
    if changed:
        patch["conditions"] = changed
    for field in ("podIPs", "hostIPs"):
        if patch.get(field):
            patch[field] = [*patch[field], *_gone(old.get(field) or (), patch[field])]
    return patch


def _gone(old: Sequence[Obj], new: Sequence[Obj]) -> list[Obj]:
    """Addresses are merged by themselves: those that are no more have to be named."""
    kept = {entry["ip"] for entry in new}
    return [{"$patch": "delete", "ip": entry["ip"]} for entry in old if entry["ip"] not in kept]


@dataclass(slots=True)
class Pending:
    """A pod and the status it is to have; `written` is the last one that the API took from here."""

    pod: Obj
    status: Obj
    written: Obj | None = None

    def patch(self) -> Obj:
        """What is still to be written."""
        old = self.written if self.written is not None else self.pod.get("status") or {}
        return difference(old, self.status)


class StatusWriter:
    """`put` is all that others call; `run` writes until it is cancelled."""

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api = api
        self._queue: WorkQueue[str] = WorkQueue(clock)
        self._pending: dict[str, Pending] = {}
        self._mirrors: dict[str, str] = {}
        self._settled: dict[str, list[asyncio.Future[None]]] = {}

    def put(self, pod: Obj, status: Obj) -> None:
        """The pod is to have this status."""
        uid = pod["metadata"]["uid"]
        entry = self._pending.get(uid)
        if entry is None:
            entry = self._pending[uid] = Pending(pod, status)
        entry.pod, entry.status = pod, status
        if entry.patch():
            self._queue.add(uid)

    def mirrored(self, uid: str, mirror: Obj | None) -> None:
        """The API has another pod that stands for a static one, or has none: statuses go to that."""
        if mirror is None:
            self._mirrors.pop(uid, None)
            return
        entry = self._pending.get(uid)
        if entry is not None and self._mirrors.get(uid) != mirror["metadata"]["uid"]:
            entry.written = mirror.get("status") or {}
            self._queue.add(uid)
        self._mirrors[uid] = mirror["metadata"]["uid"]

    def last(self, uid: str) -> Obj | None:
        """The status that was put last, for a pod that is not forgotten."""
        known = self._pending.get(uid)
        return known.status if known is not None else None

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        self._pending.pop(uid, None)
        self._mirrors.pop(uid, None)
        self._release(uid)

    async def settled(self, uid: str) -> None:
        """Wait until what was put for the pod is written, or cannot be."""
        entry = self._pending.get(uid)
        if entry is None or not entry.patch():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._settled.setdefault(uid, []).append(future)
        await future

    def _release(self, uid: str) -> None:
        for future in self._settled.pop(uid, ()):
            if not future.done():
                future.set_result(None)

    async def run(self) -> None:
        """One of the writers; returns when the queue is closed."""
        while True:
            try:
                uid = await self._queue.get()
            except QueueClosed:
                return
            try:
                if await self._write(uid):
                    self._queue.forget(uid)
                    entry = self._pending.get(uid)
                    if entry is None or not entry.patch():
                        self._release(uid)
                else:
                    self._queue.retry(uid)
            finally:
                self._queue.done(uid)

    async def close(self) -> None:
        """Take no more."""
        await self._queue.close()

    async def _write(self, uid: str) -> bool:
        """Write the newest status of a pod; False to try again."""
        entry = self._pending.get(uid)
        patch = entry.patch() if entry is not None else {}
        if entry is None or not patch:
            return True
        target = self._mirrors.get(uid) if is_static(entry.pod) else uid
        if target is None:
            return True  # it is written when there is a mirror
        meta, status = entry.pod["metadata"], entry.status
        ref = ObjectRef(PODS, meta["namespace"], meta["name"])
        try:
            await self._api.patch(ref, {"metadata": {"uid": target}, "status": patch}, "strategic", "status")
        except StatusError as error:
            if error.code not in (400, 404, 409, 422):
                return False
            if error.code not in (404, 409):  # those: it is gone, or another pod has its name
                log.error("status of pod %s/%s refused: %s", meta["namespace"], meta["name"], error)
        except OSError:
            return False
        entry.written = status
        return True
