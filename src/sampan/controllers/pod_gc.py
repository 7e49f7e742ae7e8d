"""Force pods away that nobody else will: of nodes that are gone or out of service, never scheduled, too many dead."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sampan.api.json import Obj
from sampan.api.meta import condition, is_deleting, name_of, namespace_of, set_condition, uid_of
from sampan.api.names import Key, ObjectRef
from sampan.api.times import format_time
from sampan.controllers.names import spec, status
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.plan import NOTHING, Action, Ask, Delete, Patch, Plan, Requeue
from sampan.resources.kinds import NODES, PODS

QUARANTINE = 40.0
"""Seconds for which a node must be missing before its pods go."""
THRESHOLD = 12500
"""Finished pods that may lie about (--terminated-pod-gc-threshold)."""
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
FINISHED = ("Succeeded", "Failed")
NODE, LOST, ALL = "\0node", "\0lost", Key("\0all", "finished")
"""Keys: one per node name (the empty one: pods without a node), the same after the quarantine, all finished pods."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A node that the cache does not have, though pods are on it: it may only be late."""

    node: str


@dataclass(frozen=True, slots=True)
class Lost:
    """Pods whose node is still missing after the quarantine. `gone`: None before a live read has been asked for."""

    node: str
    pods: tuple[Obj, ...]
    gone: bool | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Going:
    """Pods that are being deleted and have no agent to finish it."""

    pods: tuple[Obj, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """All finished pods, when there are too many, and how many there may be."""

    pods: tuple[Obj, ...]
    most: int


Seen = Missing | Lost | Going | Finished


def pod_keys(look: Lookup, pod: Obj) -> Iterable[Key]:
    """A pod concerns its node's key, and once it is over the count of finished ones."""
    node = spec(pod).get("nodeName") or ""
    if is_deleting(pod) or (node and look.get(NODES, "", node) is None):
        yield Key(NODE, node)
    if status(pod).get("phase") in FINISHED:
        yield ALL


def node_keys(look: Lookup, node: Obj) -> Iterable[Key]:
    yield Key(NODE, name_of(node))


def by_node(pod: Obj) -> Iterable[str]:
    """Index of pods by node; of those that have none only the ones that are to go."""
    node = spec(pod).get("nodeName")
    return (node,) if node else ("",) if is_deleting(pod) else ()


def finished(pod: Obj) -> Iterable[str]:
    """Index of pods that are over."""
    return ("yes",) if status(pod).get("phase") in FINISHED else ()


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    if key == ALL:
        over = look.indexed(PODS, "finished", "yes")
        return Finished(tuple(over), THRESHOLD) if len(over) > THRESHOLD else None
    pods = look.indexed(PODS, "node", key.name)
    if not pods:
        return None
    going = tuple(pod for pod in pods if is_deleting(pod))
    if not key.name:
        return Going(going)
    node = look.get(NODES, "", key.name)
    if node is not None:
        return Going(going) if _out_of_service(node) else None
    if key.namespace == NODE:
        return Missing(key.name)
    ref = ObjectRef(NODES, "", key.name)
    return Lost(key.name, tuple(pods), look.live(ref) is None if look.asked(ref) else None, now)


def _out_of_service(node: Obj) -> bool:
    tainted = any(taint.get("key") == OUT_OF_SERVICE for taint in spec(node).get("taints") or ())
    return tainted and (condition(node, "Ready") or {}).get("status") != "True"


def decide(seen: Seen) -> Plan:
    match seen:
        case Going(pods):
            return tuple(action for pod in pods for action in _force(pod))
        case Finished(pods, most):
            surplus = sorted(pods, key=_rank)[: max(0, len(pods) - most)]
            return tuple(action for pod in surplus for action in _force(pod))
        case Missing(node):
            return (Requeue(QUARANTINE, Key(LOST, node)),)
        case Lost(node, _, None, _):
            return (Ask(ObjectRef(NODES, "", node)),)
        case Lost(_, _, False, _):
            return NOTHING
        case Lost():
            return _orphaned(seen)


def _rank(pod: Obj) -> tuple[bool, str, str]:
    """Evicted ones first, then the oldest."""
    return (status(pod).get("reason") != "Evicted", pod["metadata"].get("creationTimestamp") or "", name_of(pod))


def _orphaned(seen: Lost) -> Plan:
    stamp = format_time(seen.now)
    gone = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "DeletionByPodGC",
        "message": "PodGC: node no longer exists",
    }
    actions: list[Action] = []
    for pod in seen.pods:
        conditions = set_condition(status(pod).get("conditions"), gone, stamp)
        actions += _force(pod, conditions)
    return tuple(actions)


def _force(pod: Obj, conditions: list[Obj] | None = None) -> list[Action]:
    """Say that the pod has failed, for there is nobody else to say it; then delete it at once."""
    ref = ObjectRef(PODS, namespace_of(pod), name_of(pod))
    actions: list[Action] = []
    if status(pod).get("phase") not in FINISHED:
        state: Obj = {"phase": "Failed", **({"conditions": conditions} if conditions is not None else {})}
        patch = {"metadata": {"uid": uid_of(pod)}, "status": state}
        actions.append(Patch(ref, patch, subresource="status", missing_ok=True))
    return [*actions, Delete(ref, uid_of(pod), grace_seconds=0)]


CONTROLLER = Controller(
    "pod-garbage-collector-controller",
    watches=(
        Watches(PODS, pod_keys, indexes={"node": by_node, "finished": finished}),
        Watches(NODES, node_keys),
    ),
    observe=observe,
    decide=decide,
)
