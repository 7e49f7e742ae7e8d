"""Watch over the nodes' leases: mark silent ones, taint them, evict what does not tolerate it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sampan.api.json import Obj
from sampan.api.meta import condition, is_deleting, name_of, namespace_of, set_condition, uid_of
from sampan.api.names import Key, ObjectRef
from sampan.api.times import format_time, parse_time
from sampan.controllers.names import spec, status
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import self_key
from sampan.reconcile.plan import Action, Delete, Emit, Patch, Plan, Requeue, Update
from sampan.resources.kinds import LEASES, NODES, PODS

GRACE = 50.0
"""Seconds of silence after which a node counts as unknown (upstream: node-monitor-grace-period)."""
LEASE_NAMESPACE = "kube-node-lease"
NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
PRESSURES = {
    "MemoryPressure": "node.kubernetes.io/memory-pressure",
    "DiskPressure": "node.kubernetes.io/disk-pressure",
    "PIDPressure": "node.kubernetes.io/pid-pressure",
    "NetworkUnavailable": "node.kubernetes.io/network-unavailable",
}
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
OURS = {NOT_READY, UNREACHABLE, UNSCHEDULABLE, *PRESSURES.values()}
SILENT = {"reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status."}
NEVER = {"reason": "NodeStatusNeverUpdated", "message": "Kubelet never posted node status."}
EVICTED = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "DeletionByTaintManager",
    "message": "Taint manager: deleting due to NoExecute taint",
}
REPORTED = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")


@dataclass(frozen=True, slots=True)
class Seen:
    """A node, when its agent was last heard of, and its pods."""

    node: Obj
    heard: datetime
    pods: tuple[Obj, ...]
    now: datetime


def lease_key(look: Lookup, lease: Obj) -> Iterable[Key]:
    """A lease's node."""
    if namespace_of(lease) == LEASE_NAMESPACE:
        yield Key("", name_of(lease))


def by_node(pod: Obj) -> Iterable[str]:
    """Index of pods by node."""
    return (spec(pod).get("nodeName") or "",)


def pod_key(look: Lookup, pod: Obj) -> Iterable[Key]:
    """The node of a pod that a NoExecute taint may concern."""
    node = look.get(NODES, "", spec(pod).get("nodeName") or "")
    if node and any(t.get("effect") == "NoExecute" for t in spec(node).get("taints") or ()):
        yield Key("", name_of(node))


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    node = look.get(NODES, "", key.name)
    if node is None:
        return None
    times = [node["metadata"].get("creationTimestamp")]
    lease = look.get(LEASES, LEASE_NAMESPACE, key.name)
    if lease is not None:
        times.append(spec(lease).get("renewTime"))
    ready = condition(node, "Ready")
    if ready and ready.get("reason") != SILENT["reason"]:
        times.append(ready.get("lastHeartbeatTime"))
    heard = max((parse_time(text) for text in times if text), default=now)
    return Seen(node, heard, tuple(look.indexed(PODS, "node", key.name)), now)


def decide(seen: Seen) -> Plan:
    """Conditions of a silent node, taints from conditions, evictions from taints; and when to look again."""
    silent = (seen.now - seen.heard).total_seconds() >= GRACE
    actions: list[Action] = []
    node = seen.node
    if silent:
        actions += _mark_unknown(seen)
        if actions:
            return (*actions, Requeue(0.001))
    actions += _taint(node, seen.now)
    evictions, next_eviction = _evict(seen)
    actions += evictions
    due = GRACE - (seen.now - seen.heard).total_seconds() + 0.1
    waits = [wait for wait in (None if silent else due, next_eviction) if wait is not None]
    return (*actions, Requeue(max(0.001, min(waits)))) if waits else tuple(actions)


def _mark_unknown(seen: Seen) -> list[Action]:
    stamp = format_time(seen.now)
    conditions: list[Obj] = list(status(seen.node).get("conditions") or ())
    made = []
    types = {c["type"] for c in conditions}
    for old in conditions:
        if old["type"] not in REPORTED or old.get("status") == "Unknown":
            made.append(old)
        else:
            made.append({**old, **SILENT, "status": "Unknown", "lastTransitionTime": stamp})
    born = seen.node["metadata"].get("creationTimestamp") or stamp
    unknown = {"status": "Unknown", "lastHeartbeatTime": born, "lastTransitionTime": stamp, **NEVER}
    made += [{"type": name, **unknown} for name in REPORTED if name not in types]
    if made == conditions:
        return []
    text = f"Node {name_of(seen.node)} status is now: NodeNotReady"
    actions: list[Action] = [
        Update(NODES, {**seen.node, "status": {**status(seen.node), "conditions": made}}, "status")
    ]
    actions.append(Emit(seen.node, "Normal", "NodeNotReady", text))
    for pod in seen.pods:
        ready = condition(pod, "Ready")
        if ready and ready.get("status") == "True":
            fresh = {"type": "Ready", "status": "False", "lastTransitionTime": stamp}
            ref = ObjectRef(PODS, namespace_of(pod), name_of(pod))
            patch = {"status": {"conditions": [fresh]}}
            actions.append(Patch(ref, patch, "strategic", "status", missing_ok=True))
            actions.append(Emit(pod, "Warning", "NodeNotReady", "Node is not ready"))
    return actions


def wanted_taints(node: Obj) -> dict[tuple[str, str], str]:
    """The taints that a node's conditions call for: (key, effect)."""
    found: dict[tuple[str, str], str] = {}
    ready = (condition(node, "Ready") or {}).get("status")
    if ready == "Unknown":
        found |= {(UNREACHABLE, "NoSchedule"): "", (UNREACHABLE, "NoExecute"): ""}
    elif ready != "True":
        found |= (
            {(NOT_READY, "NoSchedule"): "", (NOT_READY, "NoExecute"): ""} if ready else {(NOT_READY, "NoSchedule"): ""}
        )
    for name, key in PRESSURES.items():
        if (condition(node, name) or {}).get("status") == "True":
            found[key, "NoSchedule"] = ""
    if spec(node).get("unschedulable"):
        found[UNSCHEDULABLE, "NoSchedule"] = ""
    return found


def _taint(node: Obj, now: datetime) -> list[Action]:
    wanted = wanted_taints(node)
    before: list[Obj] = list(spec(node).get("taints") or ())
    kept = [t for t in before if t.get("key") not in OURS or (t["key"], t.get("effect", "")) in wanted]
    have = {(t.get("key"), t.get("effect")) for t in kept}
    for key, effect in wanted:
        if (key, effect) not in have:
            added = {"key": key, "effect": effect}
            kept.append({**added, "timeAdded": format_time(now)} if effect == "NoExecute" else added)
    if kept == before:
        return []
    version = node["metadata"].get("resourceVersion")
    patch = {"metadata": {"resourceVersion": version}, "spec": {"taints": kept or None}}
    return [Patch(ObjectRef(NODES, "", name_of(node)), patch, missing_ok=True)]


def _evict(seen: Seen) -> tuple[list[Action], float | None]:
    """Delete pods whose toleration of a NoExecute taint has run out; seconds to the next one."""
    taints = [t for t in spec(seen.node).get("taints") or () if t.get("effect") == "NoExecute"]
    actions: list[Action] = []
    waits: list[float] = []
    for pod in seen.pods if taints else ():
        if is_deleting(pod) or status(pod).get("phase") in ("Succeeded", "Failed"):
            continue
        left = tolerated_for(pod, taints, seen.now)
        if left is None:
            continue
        if left > 0:
            waits.append(left)
            continue
        full = f"{namespace_of(pod)}/{name_of(pod)}"
        actions.append(Emit(pod, "Normal", "TaintManagerEviction", f"Marking for deletion Pod {full}"))
        ref = ObjectRef(PODS, namespace_of(pod), name_of(pod))
        conditions = set_condition(status(pod).get("conditions"), EVICTED, format_time(seen.now))
        fate = {"metadata": {"uid": uid_of(pod)}, "status": {"conditions": conditions}}
        actions += [Patch(ref, fate, subresource="status", missing_ok=True), Delete(ref, uid_of(pod))]
    return actions, min(waits, default=None)


def tolerated_for(pod: Obj, taints: Iterable[Mapping[str, Any]], now: datetime) -> float | None:
    """Seconds until the pod must go; None: never."""
    ends: list[datetime] = []
    for taint in taints:
        matching = [t for t in spec(pod).get("tolerations") or () if _tolerates(t, taint)]
        if not matching:
            return 0.0
        limits = [t["tolerationSeconds"] for t in matching if t.get("tolerationSeconds") is not None]
        if limits:
            since = parse_time(taint["timeAdded"]) if taint.get("timeAdded") else now
            ends.append(since + timedelta(seconds=max(0, min(limits))))
    return (min(ends) - now).total_seconds() if ends else None


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if toleration.get("key") not in (None, "", taint.get("key")):
        return False
    if (toleration.get("operator") or "Equal") == "Exists":
        return True
    return (toleration.get("value") or "") == (taint.get("value") or "")


CONTROLLER = Controller(
    "node-lifecycle-controller",
    watches=(Watches(NODES, self_key), Watches(LEASES, lease_key), Watches(PODS, pod_key, indexes={"node": by_node})),
    observe=observe,
    decide=decide,
)
