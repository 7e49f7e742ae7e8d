"""Simulated nodes in the API: all registered by one, their leases renewed and their statuses reported in turn."""

import asyncio
import heapq
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from sampan.aio.clock import Clock
from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.names import ObjectRef
from sampan.api.times import format_micro, format_time
from sampan.client.api import Api
from sampan.client.cache import Cache
from sampan.resources.kinds import LEASES, NODES
from sampan.simulator.node_status import LEASE_NAMESPACE, NodeSpec, heartbeat, lease_object, node_object, node_status

log = logging.getLogger("sampan.simulator")
RENEW_EVERY, REPORT_EVERY = 10.0, 300.0
TICK = 0.25
"""Seconds between two rounds of renewals; the nodes' turns are spread over RENEW_EVERY."""
AT_ONCE = 16


class SimulatedNodes:
    """`cache` is the informer's of Nodes: what others made of them."""

    def __init__(self, api: Api, clock: Clock, specs: Sequence[NodeSpec], cache: Cache) -> None:
        self._api, self._clock, self._cache = api, clock, cache
        self.specs = {spec.name: spec for spec in specs}
        self.silent: set[str] = set()
        """They renew and report nothing."""
        self._leases: dict[str, Obj] = {}
        self._reported: dict[str, float] = {}
        self._turns: list[tuple[float, str]] = []

    async def register(self) -> None:
        """Make all nodes and their leases, or take over what is there. Raises StatusError, OSError."""
        await _each(self.specs, self._register)
        begin, step = self._clock.monotonic(), RENEW_EVERY / max(1, len(self.specs))
        self._turns = [(begin + step * (number + 1), name) for number, name in enumerate(self.specs)]
        spread = REPORT_EVERY / max(1, len(self.specs))
        self._reported = {name: begin - spread * number for number, name in enumerate(self.specs)}

    async def _register(self, name: str) -> None:
        now = self._clock.now()
        spec = self.specs[name]
        try:
            node = await self._api.create(NODES, node_object(spec, format_time(now)))
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise
            patch = {"status": node_status(spec, format_time(now))}
            node = await self._api.patch(ObjectRef(NODES, "", name), patch, "strategic", "status")
        await self._renew(name, node)

    async def run(self) -> None:
        """Renew and report until cancelled."""
        while True:
            await self._clock.sleep(TICK)
            await self.beat()

    async def beat(self) -> None:
        """Everything that is due."""
        now = self._clock.monotonic()
        due = []
        while self._turns and self._turns[0][0] <= now:
            at, name = self._turns[0]
            late = (now - at) // RENEW_EVERY * RENEW_EVERY  # turns that were missed are not made up for
            heapq.heapreplace(self._turns, (at + late + RENEW_EVERY, name))
            if name not in self.silent:
                due.append(name)
        await _each(due, self._beat)

    async def _beat(self, name: str) -> None:
        try:
            node = self._cache.get("", name)
            if node is None:
                await self._register(name)  # somebody deleted the node: it comes back
                return
            await self._renew(name, node)
            await self._report(name, node)
        except (StatusError, OSError) as error:
            log.warning("node %s: %s", name, error)

    async def _renew(self, name: str, node: Obj) -> None:
        stamp = format_micro(self._clock.now())
        lease = self._leases.get(name)
        try:
            if lease is None:
                lease = await self._first_lease(name, node["metadata"]["uid"], stamp)
            else:
                spec = {**lease["spec"], "renewTime": stamp}
                lease = await self._api.update(LEASES, {**lease, "spec": spec})
        except StatusError as error:
            self._leases.pop(name, None)
            if error.code not in (404, 409):
                raise
            return
        lease["metadata"].pop("managedFields", None)
        self._leases[name] = lease

    async def _first_lease(self, name: str, uid: str, stamp: str) -> Obj:
        try:
            return await self._api.create(LEASES, lease_object(name, uid, stamp))
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise
        found = await self._api.get(ObjectRef(LEASES, LEASE_NAMESPACE, name))
        return await self._api.update(LEASES, {**found, "spec": {**found["spec"], "renewTime": stamp}})

    async def _report(self, name: str, node: Obj) -> None:
        """Write the status every five minutes, and at once when the node controller has given the node up."""
        now = self._clock.monotonic()
        unknown = any(c.get("status") == "Unknown" for c in (node.get("status") or {}).get("conditions") or ())
        if not unknown and now - self._reported.get(name, 0.0) < REPORT_EVERY:
            return
        patch = {"status": {"conditions": heartbeat(node, format_time(self._clock.now()))}}
        await self._api.patch(ObjectRef(NODES, "", name), patch, "strategic", "status")
        self._reported[name] = now


async def _each(names: Iterable[str], do: Callable[[str], Awaitable[None]]) -> None:
    """One after another, some at once."""
    left = iter(list(names))

    async def work() -> None:
        for name in left:
            await do(name)

    workers = [asyncio.ensure_future(work()) for _ in range(AT_ONCE)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
