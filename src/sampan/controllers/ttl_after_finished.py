"""Delete Jobs that ended longer ago than their ttlSecondsAfterFinished (KEP-592)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sampan.api.json import Obj
from sampan.api.meta import condition, is_condition_true, is_deleting, name_of, namespace_of, uid_of
from sampan.api.names import Key, ObjectRef
from sampan.api.times import parse_time
from sampan.controllers.names import spec
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import self_key
from sampan.reconcile.plan import NOTHING, Ask, Delete, Plan, Requeue
from sampan.resources.kinds import JOBS


@dataclass(frozen=True, slots=True)
class Seen:
    """A Job; and as it is now, if that was asked."""

    job: Obj
    now: datetime
    asked: bool = False
    live: Obj | None = None


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    job = look.get(JOBS, *key)
    if job is None:
        return None
    ref = ObjectRef(JOBS, *key)
    return Seen(job, now, look.asked(ref), look.live(ref) if look.asked(ref) else None)


def time_left(job: Obj, now: datetime) -> float | None:
    """Seconds until the Job is to be deleted; None if it is not over, is going already, or may stay."""
    ttl = spec(job).get("ttlSecondsAfterFinished")
    if ttl is None or is_deleting(job):
        return None
    for end in ("Complete", "Failed"):
        at = (condition(job, end) or {}).get("lastTransitionTime")
        if is_condition_true(job, end) and at:
            return (parse_time(at) + timedelta(seconds=ttl) - now).total_seconds()
    return None


def decide(seen: Seen) -> Plan:
    """Wait; then look at the Job itself, as its ttl may just have been raised; then delete it with its pods."""
    job = seen.live if seen.asked else seen.job
    left = time_left(job, seen.now) if job is not None else None
    if job is None or left is None:
        return NOTHING
    if left > 0:
        return (Requeue(left),)
    ref = ObjectRef(JOBS, namespace_of(job), name_of(job))
    return (Delete(ref, uid_of(job), "Foreground"),) if seen.asked else (Ask(ref),)


CONTROLLER = Controller(
    "ttl-after-finished-controller",
    watches=(Watches(JOBS, self_key),),
    observe=observe,
    decide=decide,
)
