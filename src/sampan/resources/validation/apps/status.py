"""What is wrong with the statuses of workloads of the apps group (apps validation: Validate...Status)."""

from collections.abc import Sequence

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, invalid, not_negative

REPLICAS, READY = "cannot be greater than status.replicas", "cannot be greater than readyReplicas"
AVAILABLE = "availableReplicas"


def check_deployment_status(new: Obj, old: Obj) -> Errors:
    """Of a Deployment."""
    counts = ("observedGeneration", "replicas", "updatedReplicas", "readyReplicas", AVAILABLE, "unavailableReplicas",
              "terminatingReplicas", "collisionCount")  # fmt: skip
    status = new.get("status") or {}
    errors = _counts(status, counts) + _within(status, ("updatedReplicas", "readyReplicas", AVAILABLE), READY)
    return errors + _collisions(new, old)


def check_replica_set_status(new: Obj, old: Obj) -> Errors:
    """Of a ReplicaSet."""
    counts = ("replicas", "fullyLabeledReplicas", "readyReplicas", AVAILABLE, "observedGeneration",
              "terminatingReplicas")  # fmt: skip
    status = new.get("status") or {}
    return _counts(status, counts) + _within(status, ("fullyLabeledReplicas", "readyReplicas", AVAILABLE), READY)


def check_stateful_set_status(new: Obj, old: Obj) -> Errors:
    """Of a StatefulSet."""
    counts = ("replicas", "readyReplicas", "currentReplicas", "updatedReplicas", AVAILABLE, "observedGeneration",
              "collisionCount")  # fmt: skip
    status = new.get("status") or {}
    errors = _counts(status, counts)
    bounded = ("readyReplicas", "currentReplicas", "updatedReplicas", AVAILABLE)
    return errors + _within(status, bounded, "cannot be greater than status.readyReplicas") + _collisions(new, old)


def check_daemon_set_status(new: Obj, old: Obj) -> Errors:
    """Of a DaemonSet."""
    counts = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady",
              "observedGeneration", "updatedNumberScheduled", "numberAvailable", "numberUnavailable",
              "collisionCount")  # fmt: skip
    return _counts(new.get("status") or {}, counts) + _collisions(new, old)


def _counts(status: Obj, keys: Sequence[str]) -> Errors:
    return [error for key in keys for error in not_negative(f"status.{key}", status.get(key))]


def _within(status: Obj, keys: Sequence[str], ready: str) -> Errors:
    """No more than there are; `ready`: what is said when more are available than ready."""
    most = status.get("replicas") or 0
    counts = {key: status.get(key) or 0 for key in keys}
    errors = [invalid(f"status.{key}", count, REPLICAS) for key, count in counts.items() if count > most]
    available = status.get(AVAILABLE) or 0
    if available > (status.get("readyReplicas") or 0):
        errors.append(invalid(f"status.{AVAILABLE}", available, ready))
    return errors


def _collisions(new: Obj, old: Obj) -> Errors:
    """A count of collisions that only grows."""
    count, had = (((obj.get("status") or {}).get("collisionCount")) for obj in (new, old))
    if had is None or (count is not None and count >= had):
        return []
    return [invalid("status.collisionCount", count or 0, "cannot be decremented")]
