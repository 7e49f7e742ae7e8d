"""Simulator: all simulated nodes of a cluster, driven by one set of workers over shared informers."""

import logging
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, NamedTuple

from sampan.aio.clock import Clock
from sampan.aio.queue import QueueClosed, WorkQueue
from sampan.aio.tasks import Tasks
from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.client.api import Api
from sampan.client.cache import Delta
from sampan.client.informer import Informers
from sampan.client.recorder import Recorder
from sampan.resources.kinds import NODES, PODS
from sampan.simulator.addresses import Addresses
from sampan.simulator.decide import decide
from sampan.simulator.defaults import DEFAULTS
from sampan.simulator.expression import TemplateError
from sampan.simulator.node_status import NodeSpec
from sampan.simulator.nodes import SimulatedNodes
from sampan.simulator.perform import Performer
from sampan.simulator.stage import Stage

log = logging.getLogger("sampan.simulator")
WORKERS = 32
"""Transitions under way at once."""


class Id(NamedTuple):
    """An object that passes through stages."""

    kind: Literal["Pod", "Node"]
    namespace: str
    name: str


@dataclass(slots=True)
class Turn:
    """The stage that an object is about to enter."""

    obj: Obj
    stage: Stage
    due: float


class Simulator:
    """The nodes `specs` and their pods. `stages` replace the built-in ones of the kinds that they are for."""

    def __init__(
        self, api: Api, informers: Informers, clock: Clock, rng: random.Random, specs: Sequence[NodeSpec],
        stages: Sequence[Stage] = (),
    ) -> None:  # fmt: skip
        self._informers, self._clock, self._rng = informers, clock, rng
        self._stages = by_kind(stages)
        self._recorder = Recorder(api, clock, "kubelet")
        self.nodes = SimulatedNodes(api, clock, specs, informers.of(NODES).cache)
        self._addresses = {spec.name: Addresses(spec.pod_cidr) for spec in specs}
        self._performer = Performer(api, clock, self._recorder, self.nodes, self._addresses)
        self._queue: WorkQueue[Id] = WorkQueue(clock)
        self._turns: dict[Id, Turn] = {}
        self._written: dict[Id, int] = {}
        """Versions that were written here and that the informer has not shown yet: older ones say nothing new."""
        self._tasks = Tasks()

    async def start(self) -> None:
        """Register the nodes and begin. Raises StatusError, OSError."""
        await self.nodes.register()
        pods, nodes = self._informers.of(PODS), self._informers.of(NODES)
        await pods.synced.wait()
        await nodes.synced.wait()
        self._tasks.start(self._recorder.run(), "simulator events")
        for number in range(WORKERS):
            self._tasks.start(self._work(), f"simulator worker {number}")
        nodes.subscribe(self._node_changed)
        pods.subscribe(self._pod_changed)
        self._tasks.start(self.nodes.run(), "simulated heartbeats")

    async def close(self) -> None:
        """End it; the objects stay as they are."""
        with suppress(ValueError):
            self._informers.of(PODS).unsubscribe(self._pod_changed)
            self._informers.of(NODES).unsubscribe(self._node_changed)
        await self._queue.close()
        await self._tasks.cancel()

    # --- news

    def _pod_changed(self, delta: Delta) -> None:
        pod = delta.new or delta.old
        node = (pod.get("spec") or {}).get("nodeName") if pod is not None else None
        if pod is None or node not in self._addresses:
            return
        meta = pod["metadata"]
        id_ = Id("Pod", meta["namespace"], meta["name"])
        if delta.old is not None and (delta.new is None or delta.old["metadata"]["uid"] != meta["uid"]):
            self._addresses[node].free(delta.old["metadata"]["uid"])
        if delta.new is None:
            self._forget(id_)
            return
        address = (pod.get("status") or {}).get("podIP")
        if address and delta.old is None:
            self._addresses[node].known(meta["uid"], address)
        self._seen(id_, pod)

    def _node_changed(self, delta: Delta) -> None:
        node = delta.new or delta.old
        if node is None or node["metadata"]["name"] not in self._addresses:
            return
        id_ = Id("Node", "", node["metadata"]["name"])
        if delta.new is None:
            self._forget(id_)
            return
        self._seen(id_, node)

    def _forget(self, id_: Id) -> None:
        self._turns.pop(id_, None)
        self._written.pop(id_, None)

    def _seen(self, id_: Id, obj: Obj) -> None:
        written = self._written.get(id_)
        if written is not None:
            if int(obj["metadata"]["resourceVersion"]) <= written:
                return  # what it was before our own write, or that write itself: already decided upon
            del self._written[id_]
        self._plan(id_, obj)

    def _plan(self, id_: Id, obj: Obj) -> None:
        """Decide upon the next stage; one that was chosen before keeps its time while it matches."""
        turn = self._turns.get(id_)
        if turn is not None and _same(turn.obj, obj) and turn.stage.selector.matches(obj):
            turn.obj = obj
            return
        choice = decide(self._stages[id_.kind], obj, self._clock.now(), self._rng)
        if choice is None:
            self._turns.pop(id_, None)
            return
        self._turns[id_] = Turn(obj, choice.stage, self._clock.monotonic() + choice.seconds)
        self._queue.add_after(id_, choice.seconds)

    # --- work

    async def _work(self) -> None:
        while True:
            try:
                id_ = await self._queue.get()
            except QueueClosed:
                return
            try:
                await self._enter(id_)
            finally:
                self._queue.done(id_)

    async def _enter(self, id_: Id) -> None:
        """Do what the stage says that is due, if one is."""
        turn = self._turns.get(id_)
        if turn is None or turn.due > self._clock.monotonic() or self._is_silent(turn.obj):
            return
        del self._turns[id_]
        try:
            made = await self._performer.perform(turn.stage, turn.obj)
        except TemplateError as error:
            log.error("stage %s, %s %s: %s", turn.stage.name, id_.kind, id_.name, error)
            return
        except StatusError as error:
            if error.code in (404, 409, 400, 422):
                if error.code in (400, 422):
                    log.error("stage %s, %s %s: %s", turn.stage.name, id_.kind, id_.name, error)
                return
            self._again(id_, turn)
            return
        except OSError:
            self._again(id_, turn)
            return
        self._queue.forget(id_)
        if turn.stage.next.node is not None and turn.stage.next.node.silent is False:
            self._resume(id_.name)
        if made is not None and id_ not in self._turns:
            self._written[id_] = int(made["metadata"]["resourceVersion"])
            if made["metadata"]["resourceVersion"] != turn.obj["metadata"]["resourceVersion"]:
                self._plan(id_, made)

    def _resume(self, node: str) -> None:
        """The node is heard again: what was to happen to its pods meanwhile happens now."""
        for id_, turn in self._turns.items():
            if (turn.obj.get("spec") or {}).get("nodeName") == node:
                self._queue.add(id_)

    def _again(self, id_: Id, turn: Turn) -> None:
        """The API did not take it now: again a little later, unless something newer was decided meanwhile."""
        self._turns.setdefault(id_, turn)
        self._queue.retry(id_)

    def _is_silent(self, obj: Obj) -> bool:
        """Whether nothing happens to the pod because its node is silent. Stages of the node itself go on."""
        node = (obj.get("spec") or {}).get("nodeName")
        return bool(node) and node in self.nodes.silent


def by_kind(stages: Sequence[Stage]) -> Mapping[str, tuple[Stage, ...]]:
    """The stages of pods and of nodes; the built-in ones where none are given."""
    made: dict[str, tuple[Stage, ...]] = {}
    for kind in ("Pod", "Node"):
        own = tuple(stage for stage in stages if stage.kind == kind)
        made[kind] = own or tuple(stage for stage in DEFAULTS if stage.kind == kind)
    return made


def _same(one: Obj, other: Obj) -> bool:
    uid: bool = one["metadata"]["uid"] == other["metadata"]["uid"]
    return uid
