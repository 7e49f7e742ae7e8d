"""Events about objects: repeats are folded into a count, posting waits for nobody."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from sampan.aio.clock import Clock
from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.names import ObjectRef
from sampan.api.times import format_time
from sampan.client.api import Api
from sampan.resources.kinds import EVENTS

REMEMBERED = 4096
QUEUED = 1000
BURST, REFILL = 25, 300.0
"""So many Events about one object at once, then one in so many seconds, as upstream's clients hold it."""


class Record(Protocol):
    """Whoever can post Events."""

    def event(self, about: Obj, type_: Literal["Normal", "Warning"], reason: str, message: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Folded:
    """An Event that was posted before: its name, how often it happened, when first."""

    name: str
    count: int
    first: str


@dataclass(slots=True)
class Budget:
    """The Events that may still be posted about one object."""

    left: float
    at: float

    def take(self, now: float) -> bool:
        """Use one up, if there is one."""
        self.left = min(float(BURST), self.left + (now - self.at) / REFILL)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


def reference(about: Obj) -> Obj:
    """The ObjectReference of an object."""
    meta = about.get("metadata") or {}
    made = {
        "kind": about.get("kind", ""),
        "namespace": meta.get("namespace", ""),
        "name": meta.get("name", ""),
        "uid": meta.get("uid", ""),
        "apiVersion": about.get("apiVersion", ""),
        "resourceVersion": meta.get("resourceVersion", ""),
        "fieldPath": about.get("fieldPath", ""),
    }
    return {key: value for key, value in made.items() if value}


class Recorder:
    """Posts Events as one component (`deployment-controller`, `kubelet`) on one host."""

    def __init__(self, api: Api, clock: Clock, component: str, host: str = "") -> None:
        self._api, self._clock, self._component, self._host = api, clock, component, host
        self._known: OrderedDict[tuple[str, ...], Folded] = OrderedDict()
        self._stamp = 0
        self._budgets: OrderedDict[tuple[str, ...], Budget] = OrderedDict()
        self._queue: asyncio.Queue[tuple[Obj, Folded]] = asyncio.Queue(QUEUED)

    def event(self, about: Obj, type_: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        """Post an Event, or count one more of an earlier one. Dropped when far too many wait or are of one object."""
        ref = reference(about)
        if not self._may(ref):
            return
        now = self._clock.now()
        key = (ref.get("uid") or ref.get("name", ""), ref.get("fieldPath", ""), type_, reason, message)
        before = self._known.pop(key, None)
        if before is None:
            self._stamp = max(self._stamp + 1, int(now.timestamp() * 1e6) * 1000)  # no two Events of one name
            folded = Folded(f"{ref.get('name', '')}.{self._stamp:x}", 1, format_time(now))
        else:
            folded = replace(before, count=before.count + 1)
        self._known[key] = folded
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        source = {"component": self._component, **({"host": self._host} if self._host else {})}
        body = {
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {"name": folded.name, "namespace": ref.get("namespace") or "default"},
            "involvedObject": ref,
            "reason": reason,
            "message": message[:1024],
            "source": source,
            "firstTimestamp": folded.first,
            "lastTimestamp": format_time(now),
            "count": folded.count,
            "type": type_,
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }
        try:
            self._queue.put_nowait((body, folded))
        except asyncio.QueueFull:
            self._known.pop(key, None)

    def _may(self, ref: Obj) -> bool:
        """Whether the object's budget of Events is not used up."""
        key = (ref.get("uid", ""), ref.get("kind", ""), ref.get("namespace", ""), ref.get("name", ""))
        budget = self._budgets.pop(key, None) or Budget(float(BURST), self._clock.monotonic())
        self._budgets[key] = budget
        if len(self._budgets) > REMEMBERED:
            self._budgets.popitem(last=False)
        return budget.take(self._clock.monotonic())

    async def run(self) -> None:
        """Post what comes, for ever. An Event that cannot be posted is lost, as upstream's are."""
        while True:
            body, folded = await self._queue.get()
            try:
                await self._post(body, folded)
            except (StatusError, OSError):
                pass
            finally:
                self._queue.task_done()

    async def _post(self, body: Obj, folded: Folded) -> None:
        if folded.count > 1:
            ref = ObjectRef(EVENTS, body["metadata"]["namespace"], folded.name)
            try:
                await self._api.patch(ref, {"count": folded.count, "lastTimestamp": body["lastTimestamp"]})
                return
            except StatusError as error:
                if error.code != 404:
                    raise
        await self._api.create(EVENTS, body)

    async def flush(self) -> None:
        """Wait until what was recorded is posted."""
        await self._queue.join()
