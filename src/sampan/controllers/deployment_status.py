"""A Deployment's status: counts, conditions, and the progress deadline."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sampan.api.json import Obj
from sampan.api.meta import name_of
from sampan.api.times import format_time, parse_time
from sampan.controllers.names import spec, status
from sampan.controllers.rollout import Bounds

NO_DEADLINE = 2**31 - 1


def _sum(sets: Sequence[Obj], field: str) -> int:
    return sum(status(rs).get(field) or 0 for rs in sets)


def status_of(owner: Obj, new: Obj | None, sets: Sequence[Obj]) -> Obj:
    """The counts."""
    total, available = _sum(sets, "replicas"), _sum(sets, "availableReplicas")
    wanted = sum(spec(rs).get("replicas", 0) for rs in sets)
    made: dict[str, Any] = {
        "observedGeneration": owner["metadata"].get("generation", 0),
        "replicas": total,
        "updatedReplicas": _sum([new], "replicas") if new else 0,
        "readyReplicas": _sum(sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, wanted - available),
        "terminatingReplicas": _sum(sets, "terminatingReplicas"),
    }
    if status(owner).get("collisionCount"):
        made["collisionCount"] = status(owner)["collisionCount"]
    return made


def _find(owner: Obj, type_: str) -> Obj:
    return next((c for c in status(owner).get("conditions") or () if c.get("type") == type_), {})


def complete(owner: Obj, made: Obj) -> bool:
    """Every pod is new and available, and there are no old ones."""
    wanted = spec(owner).get("replicas", 1)
    return bool(
        made["updatedReplicas"] == wanted
        and made["replicas"] == wanted
        and made["availableReplicas"] == wanted
        and made["observedGeneration"] >= owner["metadata"].get("generation", 0)
    )


def progressed(owner: Obj, made: Obj) -> bool:
    """Something moved since the last report."""
    before = status(owner)
    old = (before.get("replicas") or 0) - (before.get("updatedReplicas") or 0)
    return bool(
        made["updatedReplicas"] > (before.get("updatedReplicas") or 0)
        or made["replicas"] - made["updatedReplicas"] < old
        or made["readyReplicas"] > (before.get("readyReplicas") or 0)
        or made["availableReplicas"] > (before.get("availableReplicas") or 0)
    )


@dataclass(frozen=True, slots=True)
class Rollout:
    """What conditions are told of: the ReplicaSets, and what just happened to the newest."""

    new: Obj | None
    sets: Sequence[Obj]
    created: str = ""
    """Name of a ReplicaSet that is created by the same plan."""
    failure: str = ""
    """Why it could not be created."""


def conditions_of(owner: Obj, rollout: Rollout, made: Obj, bounds: Bounds, now: datetime) -> list[Obj]:
    """Available, Progressing and ReplicaFailure, with upstream's reasons and messages."""
    if made["availableReplicas"] >= bounds.wanted - bounds.unavailable:
        text = "Deployment has minimum availability."
        available = _condition("Available", "True", "MinimumReplicasAvailable", text)
    else:
        text = "Deployment does not have minimum availability."
        available = _condition("Available", "False", "MinimumReplicasUnavailable", text)
    conditions = [_merge(owner, available, now)]
    progressing = _progressing(owner, rollout, made, now)
    if progressing:
        touch = progressing.pop("touch", False)
        conditions.append(_merge(owner, progressing, now, touch=touch))
    conditions += _failures(owner, rollout)
    kinds = ("Available", "Progressing", "ReplicaFailure")
    others = [c for c in status(owner).get("conditions") or () if c.get("type") not in kinds]
    order = [c.get("type") for c in status(owner).get("conditions") or ()]
    conditions.sort(key=lambda c: order.index(c["type"]) if c["type"] in order else len(order))
    return [*conditions, *others]


def _failures(owner: Obj, rollout: Rollout) -> list[Obj]:
    """The ReplicaFailure condition of the newest ReplicaSet, else of any."""
    for replica_set in (*([rollout.new] if rollout.new else []), *rollout.sets):
        for found in status(replica_set).get("conditions") or ():
            if found.get("type") == "ReplicaFailure":
                return [{**found, "lastUpdateTime": found.get("lastTransitionTime")}]
    return []


def _progressing(owner: Obj, rollout: Rollout, made: Obj, now: datetime) -> Obj | None:
    deadline = spec(owner).get("progressDeadlineSeconds")
    if deadline is None or deadline == NO_DEADLINE:
        return None
    before = _find(owner, "Progressing")
    reason = before.get("reason")
    if rollout.failure:
        return _condition("Progressing", "False", "ReplicaSetCreateError", rollout.failure)
    if spec(owner).get("paused"):
        if reason == "ProgressDeadlineExceeded":
            return before
        return _condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
    if reason == "DeploymentPaused":
        return _condition("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed")
    if rollout.created:
        text = f'Created new replica set "{rollout.created}"'
        return {**_condition("Progressing", "True", "NewReplicaSetCreated", text), "touch": True}
    return _progress(owner, rollout.new, made, now)


def _progress(owner: Obj, new: Obj | None, made: Obj, now: datetime) -> Obj | None:
    """How far a rollout is that neither begins nor rests."""
    before = _find(owner, "Progressing")
    what = f'ReplicaSet "{name_of(new)}"' if new else f'Deployment "{name_of(owner)}"'
    if made["replicas"] == made["updatedReplicas"] and before.get("reason") == "NewReplicaSetAvailable":
        return before
    if complete(owner, made):
        text = f"{what} has successfully progressed."
        return _condition("Progressing", "True", "NewReplicaSetAvailable", text)
    if progressed(owner, made):
        text = f"{what} is progressing."
        return {**_condition("Progressing", "True", "ReplicaSetUpdated", text), "touch": True}
    if not before and new is not None:
        return _condition("Progressing", "True", "FoundNewReplicaSet", f'Found new replica set "{name_of(new)}"')
    if before and _overdue(before, spec(owner)["progressDeadlineSeconds"], now):
        text = f"{what} has timed out progressing."
        return _condition("Progressing", "False", "ProgressDeadlineExceeded", text)
    return before or None


def _overdue(progressing: Obj, deadline: int, now: datetime) -> bool:
    reason = progressing.get("reason")
    if reason in ("ProgressDeadlineExceeded", "NewReplicaSetAvailable"):
        return bool(reason == "ProgressDeadlineExceeded")
    moved = progressing.get("lastUpdateTime")
    return moved is not None and (now - parse_time(moved)).total_seconds() >= deadline


def remaining(owner: Obj, made: Obj, now: datetime) -> float | None:
    """Seconds until the progress deadline must be looked at; None if it cannot pass."""
    deadline = spec(owner).get("progressDeadlineSeconds")
    if deadline is None or deadline == NO_DEADLINE or spec(owner).get("paused"):
        return None
    progressing: Obj = next((c for c in made.get("conditions") or () if c.get("type") == "Progressing"), {})
    if progressing.get("reason") in ("NewReplicaSetAvailable", "ProgressDeadlineExceeded", None):
        return None
    moved = progressing.get("lastUpdateTime")
    if not moved:
        return None
    left: float = deadline - (now - parse_time(moved)).total_seconds()
    return max(0.001, left)


def _condition(type_: str, state: str, reason: str, message: str) -> Obj:
    return {"type": type_, "status": state, "reason": reason, "message": message}


def _merge(owner: Obj, new: Obj, now: datetime, *, touch: bool = False) -> Obj:
    """Keep the times of a condition that says the same; `touch` moves lastUpdateTime anyway."""
    before = _find(owner, new["type"])
    stamp = format_time(now)
    same = before.get("status") == new["status"]
    if same and before.get("reason") == new["reason"] and not touch:
        return {**before, "message": new["message"]}
    transition = before.get("lastTransitionTime", stamp) if same else stamp
    return {**new, "lastUpdateTime": stamp, "lastTransitionTime": transition}
