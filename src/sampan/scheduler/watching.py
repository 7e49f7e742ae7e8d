"""The scheduler's view of the cluster, kept up to date from the informers; what happens there goes to the queue."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from time import perf_counter
from typing import Any

from sampan.aio.clock import Clock
from sampan.api.json import Obj
from sampan.api.names import RestMapping
from sampan.client.cache import Delta
from sampan.client.informer import Informers
from sampan.resources.kinds import (
    CSIDRIVERS,
    CSINODES,
    CSISTORAGECAPACITIES,
    DEVICECLASSES,
    NODES,
    PODS,
    PVCS,
    PVS,
    RESOURCECLAIMS,
    RESOURCESLICES,
    STORAGECLASSES,
    VOLUMEATTACHMENTS,
)
from sampan.scheduler.caches import CachedNeighbours, CachedStorage
from sampan.scheduler.decide import Profile
from sampan.scheduler.events import (
    ATTACHMENT,
    CAPACITY,
    CLAIM,
    CLASS,
    CSI_DRIVER,
    CSI_NODE,
    DEVICE_CLAIM,
    DEVICE_CLASS,
    DEVICE_SLICE,
    PLACED,
    VOLUME,
    WAITING,
    Event,
    node_changes,
    pod_changes,
)
from sampan.scheduler.pod import PodInfo, PodKey, is_same, is_terminal, read_pod, slim
from sampan.scheduler.queue import SchedulingQueue
from sampan.scheduler.snapshot import DeviceObjects, NodeTable, Snapshot, read_node

OTHERS: Mapping[RestMapping, str] = {
    PVCS: CLAIM, PVS: VOLUME, STORAGECLASSES: CLASS, CSINODES: CSI_NODE, CSIDRIVERS: CSI_DRIVER,
    VOLUMEATTACHMENTS: ATTACHMENT, CSISTORAGECAPACITIES: CAPACITY,
}  # fmt: skip
DEVICES: Mapping[RestMapping, str] = {
    RESOURCECLAIMS: DEVICE_CLAIM, RESOURCESLICES: DEVICE_SLICE, DEVICECLASSES: DEVICE_CLASS,
}  # fmt: skip
GONE, CAME = Event(PLACED, "Delete"), Event(PLACED, "Add")


class ClusterView:
    """Nodes with their pods, those awaited and those assumed to be there; and the queue of the others."""

    def __init__(
        self, informers: Informers, queue: SchedulingQueue, clock: Clock, profiles: Mapping[str, Profile],
        devices: DeviceObjects | None = None,
    ) -> None:  # fmt: skip
        self._informers, self._queue, self._clock, self._profiles = informers, queue, clock, profiles
        self.table = NodeTable()
        self.nodes = self.table.nodes
        self._strays: dict[str, dict[PodKey, PodInfo]] = {}
        """Pods of nodes that are not known (yet)."""
        self._nominated: dict[str, dict[PodKey, PodInfo]] = {}
        self.assumed: dict[PodKey, str] = {}
        """Pods that were given a node and whose binding the informer has not shown yet."""
        self.wake = asyncio.Event()
        """Something came into the queue, perhaps."""
        self.handled: Callable[[str, float], None] = lambda label, began: None
        self.snapshot = Snapshot(
            self.table, CachedStorage(informers), CachedNeighbours(informers), self._nominated, devices
        )
        self._others = {**OTHERS, **(DEVICES if devices is not None else {})}

    async def follow(self) -> None:
        """Follow the cluster from now on; returns when the nodes and pods that are there are known."""
        nodes, pods = self._informers.of(NODES), self._informers.of(PODS)
        for informer in (nodes, pods):
            await informer.synced.wait()
        nodes.subscribe(self._node_changed)
        pods.subscribe(self._pod_changed)
        for kind, resource in self._others.items():
            self._informers.of(kind).subscribe(self._other(resource))

    def sizes(self) -> dict[str, int]:
        """How many nodes, pods and assumed pods there are."""
        pods = sum(len(node.pods) for node in self.nodes.values())
        return {"nodes": len(self.nodes), "pods": pods, "assumed_pods": len(self.assumed)}

    def whole(self, pod: PodInfo) -> Obj:
        """A pod's object as the API has it."""
        return self._informers.of(PODS).cache.get(pod.namespace, pod.name) or pod.obj

    # ---- what happens in the cluster

    def _happened(self, event: Event, old: Any, new: Any, most: int | None = None) -> None:
        began = perf_counter()
        self._queue.event(event, old, new, self._clock.monotonic(), most)
        self.wake.set()
        self.handled(event.label, began)

    def _other(self, resource: str) -> Callable[[Delta], None]:
        added, updated, deleted = (Event(resource, action) for action in ("Add", "Update", "Delete"))

        def changed(delta: Delta) -> None:
            event = deleted if delta.new is None else added if delta.old is None else updated
            self._happened(event, delta.old, delta.new)

        return changed

    def _node_changed(self, delta: Delta) -> None:
        if delta.new is None:
            if delta.old is not None:
                self._node_gone(delta.old["metadata"]["name"])
            return
        name = delta.new["metadata"]["name"]
        before = self.nodes.get(name)
        after = read_node(delta.new, before)
        for pod in self._strays.pop(name, {}).values():
            after = after.with_pod(pod)
        self.table.put(after)
        for event in (Event("Node", "Add"),) if before is None else node_changes(before, after):
            self._happened(event, before, after)

    def _node_gone(self, name: str) -> None:
        before = self.nodes.get(name)
        if before is not None:
            self.table.drop(name)
            if before.pods:
                self._strays[name] = dict(before.pods)
            self._happened(Event("Node", "Delete"), before, None)

    def _pod_changed(self, delta: Delta) -> None:
        pod = delta.new
        if pod is None:
            if delta.old is not None:
                self._gone(read_pod(delta.old))
            return
        node = (pod.get("spec") or {}).get("nodeName")
        if node:
            self._placed(pod, node)
            return
        info = read_pod(pod)
        if info.scheduler not in self._profiles or is_terminal(pod) or info.going:
            self._drop(info)
        elif info.key not in self.assumed:
            self._waits(info)

    def _waits(self, info: PodInfo) -> None:
        """A pod waits for a node, or has changed while it does."""
        began = perf_counter()
        known = self._queue.entries.get(info.key)
        before = known.pod if known is not None and known.pod.uid == info.uid else None
        self.nominate(info, info.nominated)
        self._queue.put(info, self._clock.monotonic())
        self.wake.set()
        for event in pod_changes(before, info) if before is not None else (Event(WAITING, "Add"),):
            self.handled(event.label, began)
        if before is not None and before.nominated and before.nominated != info.nominated:
            self._happened(GONE, before, None, before.priority)

    def _drop(self, info: PodInfo) -> None:
        """A pod waits no more; whoever would have gone beside it may go to its node now."""
        known = self._queue.entries.get(info.key)
        self._queue.remove(info.key)
        self.nominate(info, "")
        if known is not None and known.pod.nominated:
            self._happened(GONE, known.pod, None, known.pod.priority)

    def _placed(self, pod: Obj, node: str) -> None:
        """A pod has a node: it holds its resources there until it is over."""
        info = read_pod(pod)
        assumed = self.assumed.pop(info.key, None)
        if assumed is None:  # else the one who binds it takes it off the queue
            self._queue.remove(info.key)
        self.nominate(info, "")
        if assumed and assumed != node:
            self.forget(info, assumed)
        if is_terminal(pod):
            self._release(info, node)
            return
        holder = self.nodes.get(node)
        if holder is None:
            self._strays.setdefault(node, {})[info.key] = info
            return
        info = slim(info)
        before = holder.pods.get(info.key)
        if before is not None and assumed is None and is_same(before, info):
            return
        self.table.put(holder.with_pod(info))
        if before is None or assumed is not None:
            self._happened(CAME, None, info)
            return
        for event in pod_changes(before, info):
            self._happened(event, before, info)

    def _gone(self, info: PodInfo) -> None:
        self._drop(info)
        node = info.node or self.assumed.pop(info.key, "")
        if node:
            self._release(info, node)

    def _release(self, info: PodInfo, node: str) -> None:
        self._strays.get(node, {}).pop(info.key, None)
        holder = self.nodes.get(node)
        if holder is not None and info.key in holder.pods:
            before = holder.pods[info.key]
            self.table.put(holder.without_pod(info.key))
            self._happened(GONE, before if before.node else replace(before, node=node), None)

    # ---- what is decided

    def assume(self, pod: PodInfo, node: str) -> None:
        """Count the pod as being there."""
        self.assumed[pod.key] = node
        self.table.put(self.nodes[node].with_pod(pod))

    def forget(self, pod: PodInfo, node: str) -> None:
        """It does not go there after all."""
        self.assumed.pop(pod.key, None)
        holder = self.nodes.get(node)
        before = holder.pods.get(pod.key) if holder is not None else None
        if holder is not None and before is not None:
            self.table.put(holder.without_pod(pod.key))
            self._happened(GONE, replace(before, node=node), None)

    def nominate(self, info: PodInfo, node: str) -> None:
        """Remember the node that waits for the pod; an empty name: none does."""
        for name in [name for name, pods in self._nominated.items() if info.key in pods and name != node]:
            del self._nominated[name][info.key]
            if not self._nominated[name]:
                del self._nominated[name]
        if node:
            self._nominated.setdefault(node, {})[info.key] = info
