"""Do what a stage says: event, finalizers, deletion, status."""

from collections.abc import Mapping
from typing import Any

from sampan.aio.clock import Clock
from sampan.api.json import Obj
from sampan.api.names import ObjectRef
from sampan.api.times import format_time
from sampan.client.api import Api
from sampan.client.recorder import Recorder
from sampan.resources.kinds import NODES, PODS
from sampan.simulator.addresses import Addresses
from sampan.simulator.documents import mapping_of
from sampan.simulator.node_status import conditions
from sampan.simulator.nodes import SimulatedNodes
from sampan.simulator.pod_status import Place, pod_status
from sampan.simulator.stage import Finalizers, Next, NodeChange, Stage


class Performer:
    """Performs stages through the API."""

    def __init__(
        self, api: Api, clock: Clock, recorder: Recorder, nodes: SimulatedNodes, addresses: Mapping[str, Addresses]
    ) -> None:
        self._api, self._clock, self._recorder = api, clock, recorder
        self._nodes, self._addresses = nodes, addresses

    async def perform(self, stage: Stage, obj: Obj) -> Obj | None:
        """What the object is now; None when nothing was written, or it was deleted.

        Raises StatusError, OSError, and TemplateError for a template that makes no status.
        """
        then, meta = stage.next, obj["metadata"]
        mapping = PODS if stage.kind == "Pod" else NODES
        ref = ObjectRef(mapping, meta.get("namespace", ""), meta["name"])
        if then.event is not None:
            message = then.event.message.render(obj, self._functions(obj))
            about = {"kind": stage.kind, "apiVersion": "v1", **obj}
            self._recorder.event(about, then.event.type, then.event.reason, message)
        made: Obj | None = None
        if then.finalizers is not None and (patch := finalizers_patch(obj, then.finalizers)):
            made = obj = await self._api.patch(ref, patch, "json")
        if then.delete:
            await self._api.delete(ref, uid=meta["uid"], grace_seconds=0)
            return None
        if then.node is not None and then.node.silent is not None:
            (self._nodes.silent.add if then.node.silent else self._nodes.silent.discard)(meta["name"])
        status = self._status(then, obj)
        if status:
            body = {"metadata": {"uid": meta["uid"]}, "status": status}
            made = await self._api.patch(ref, body, "strategic", "status")
        return made

    def _status(self, then: Next, obj: Obj) -> Obj:
        """The patch of the status; several sources are laid over one another."""
        status: Obj = {}
        if then.pod is not None:
            status |= pod_status(obj, then.pod, self._place(obj))
        if then.node is not None and then.node.ready is not None:
            status |= {"conditions": node_conditions(obj, then.node, format_time(self._clock.now()))}
        if then.status is not None:
            status |= then.status
        if then.template is not None:
            status |= mapping_of(then.template.render(obj, self._functions(obj)))
        return status

    def _place(self, pod: Obj) -> Place:
        name, host = pod["spec"]["nodeName"], bool(pod["spec"].get("hostNetwork"))
        address = self._nodes.specs[name].address
        return Place(address, self._pod_ip(name, host, pod["metadata"]["uid"]), format_time(self._clock.now()))

    def _pod_ip(self, node: str, host: bool, uid: str, *_: Any) -> str:
        if host:
            return self._nodes.specs[node].address if node in self._nodes.specs else ""
        addresses = self._addresses.get(node)
        return addresses.give(uid) if addresses is not None else ""

    def _functions(self, obj: Obj) -> Mapping[str, Any]:
        """What templates may ask of the cluster."""
        now = format_time(self._clock.now())
        specs, name = self._nodes.specs, obj["metadata"]["name"]
        return {
            "Now": lambda: now,
            "NodeIP": lambda: specs[name].address if name in specs else "",
            "NodeName": lambda: name,
            "NodeIPWith": lambda node: specs[node].address if node in specs else "",
            "PodIPWith": self._pod_ip,
            "NodePort": lambda: 0,
            "NodeConditions": lambda: conditions(True, "", "", now),
            "Version": lambda: "1.0",
        }


def finalizers_patch(obj: Obj, change: Finalizers) -> list[Obj]:
    """The JSON patch that makes the finalizers what they are to be; empty: they are."""
    have: list[str] = list(obj["metadata"].get("finalizers") or ())
    kept = [] if change.empty else [name for name in have if name not in change.remove]
    wanted = [*kept, *(name for name in change.add if name not in kept)]
    if wanted == have:
        return []
    check: Obj = {"op": "test", "path": "/metadata/resourceVersion", "value": obj["metadata"]["resourceVersion"]}
    return [check, {"op": "add", "path": "/metadata/finalizers", "value": wanted}]


def node_conditions(node: Obj, change: NodeChange, now: str) -> list[Obj]:
    """The conditions of a node that reports this; transitions keep their time where nothing changes."""
    before = {c["type"]: c for c in (node.get("status") or {}).get("conditions") or ()}
    made = conditions(bool(change.ready), change.reason, change.message, now)
    for entry in made:
        old = before.get(entry["type"])
        if old is not None and old.get("status") == entry["status"]:
            entry["lastTransitionTime"] = old.get("lastTransitionTime") or now
    return made
