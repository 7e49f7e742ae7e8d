"""A Job's status: pods enter it before their finalizers go, and are counted after (KEP-2307).

Every turn writes at most once. A pod that ended is first named under uncountedTerminatedPods, then it loses its
finalizer, then a later turn counts it and forgets its name: whenever this is broken off, nothing counts twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sampan.api.json import Obj
from sampan.api.meta import condition, is_condition_true, is_deleting, uid_of
from sampan.api.times import format_time
from sampan.controllers.job_manage import Managed
from sampan.controllers.job_pods import (
    counts,
    has_valid_index,
    index_of,
    is_failed,
    is_indexed,
    is_tracked,
    per_index,
    phase,
)
from sampan.controllers.job_state import State, is_suspended, new_condition
from sampan.controllers.names import spec, status
from sampan.reconcile.plan import Action, Emit

MOST_UNCOUNTED = 500
"""Pods that a status names at most; the others wait for the next turn."""


@dataclass(frozen=True, slots=True)
class Told:
    """The new status, what to say when it is written, and whose finalizers may go then."""

    status: Obj
    events: tuple[Action, ...]
    released: tuple[Obj, ...]


def report(state: State, managed: Managed, end: Obj | None, *, may_switch: bool) -> Told:
    """The status of this turn. `end`: the interim condition of a Job that is over; `may_switch`: it may be
    suspended or resumed now."""
    job = state.job
    made = dict(status(job))
    if not made.get("startTime") and not is_suspended(job):
        made["startTime"] = format_time(state.now)
    events: list[Action] = []
    if may_switch:
        events += _switch(state, made)
    released, full = _account(state, made, end)
    made |= {"active": managed.active, "ready": managed.ready, "terminating": managed.terminating}
    if end is not None:
        told = is_condition_true(job, end["type"])
        if not told:
            made["conditions"] = [*(made.get("conditions") or ()), end]
        elif not released and not full and not managed.terminating and not managed.active and not _uncounted(made):
            events += _finish(state, made, end)
    kept = ("ready", "terminating", "uncountedTerminatedPods", "failedIndexes", "conditions")
    return Told({k: v for k, v in made.items() if v or (k in kept and v is not None)}, tuple(events), tuple(released))


def _uncounted(made: Obj) -> int:
    waiting = made.get("uncountedTerminatedPods") or {}
    return len(waiting.get("succeeded") or ()) + len(waiting.get("failed") or ())


def _account(state: State, made: Obj, end: Obj | None) -> tuple[list[Obj], bool]:
    """Count whose finalizer is gone, name who ended; who may lose the finalizer, and whether some had to wait."""
    job = state.job
    told = status(job).get("uncountedTerminatedPods") or {}
    tracked = {uid_of(pod) for pod in state.pods if is_tracked(pod)}
    waiting = {key: [uid for uid in told.get(key) or () if uid in tracked] for key in ("succeeded", "failed")}
    for key, uids in waiting.items():
        made[key] = (made.get(key) or 0) + len(told.get(key) or ()) - len(uids)
    fails = end is not None and end["type"] == "FailureTarget"
    fresh: list[int] = []
    released: list[Obj] = []
    full = False
    for pod in sorted(state.pods, key=index_of) if is_indexed(job) else state.pods:
        if not is_tracked(pod) or not _may_go(state, pod, end):
            continue
        released.append(pod)
        kind = _kind(state, pod, fails=fails, told=told)
        if kind == "succeeded" and is_indexed(job):
            if has_valid_index(job, pod) and index_of(pod) not in state.before:
                fresh.append(index_of(pod))
        elif kind:
            waiting[kind].append(uid_of(pod))
        if len(fresh) + sum(map(len, waiting.values())) >= MOST_UNCOUNTED:
            full = True
            break
    made["uncountedTerminatedPods"] = {key: uids for key, uids in waiting.items() if uids}
    if is_indexed(job):
        made["succeeded"], made["completedIndexes"] = len(state.done), str(state.done)
        if full:
            made |= _partial(state, fresh)
        if state.lost is not None:
            made["failedIndexes"] = str(state.lost)
    return released, full


def _partial(state: State, fresh: Sequence[int]) -> dict[str, Any]:
    """Only what was accounted for in this turn."""
    done = state.before | type(state.before).of(fresh)
    return {"succeeded": len(done), "completedIndexes": str(done)}


def _kind(state: State, pod: Obj, *, fails: bool, told: Obj) -> str:
    """As what a pod without finalizer is to be counted; empty if it is named already or does not count."""
    job = state.job
    named_failed = uid_of(pod) in (told.get("failed") or ())
    if phase(pod) == "Succeeded" and not named_failed:
        return "" if uid_of(pod) in (told.get("succeeded") or ()) else "succeeded"
    if named_failed or not (is_failed(job, pod) or fails):
        return ""
    return "failed" if has_valid_index(job, pod) and counts(job, pod) else ""


def _may_go(state: State, pod: Obj, end: Obj | None) -> bool:
    """Whether the finalizer has done its work when the pod is accounted for."""
    if is_deleting(state.job) or end is not None or phase(pod) == "Succeeded":
        return True
    if not is_failed(state.job, pod):
        return False
    return not (per_index(state.job) and state.delayed.get(index_of(pod)) is pod)


def _switch(state: State, made: Obj) -> list[Action]:
    """Suspended or resumed: say so once; the clock of a resumed Job starts anew."""
    job, suspended = state.job, is_suspended(state.job)
    before = condition(job, "Suspended")
    wanted = "True" if suspended else "False"
    if (before is None and not suspended) or (before is not None and before.get("status") == wanted):
        return []
    reason, message = ("JobSuspended", "Job suspended") if suspended else ("JobResumed", "Job resumed")
    fresh = {**new_condition("Suspended", reason, message, state.now), "status": wanted}
    rest = list(made.get("conditions") or ())
    made["conditions"] = [fresh if c["type"] == "Suspended" else c for c in rest] if before else [*rest, fresh]
    if suspended:
        made.pop("startTime", None)
    else:
        made["startTime"] = format_time(state.now)
    return [Emit(job, "Normal", reason.removeprefix("Job"), message)]


def _finish(state: State, made: Obj, end: Obj) -> list[Action]:
    """The last condition, after everything is counted and every pod has ended."""
    job = state.job
    failed = end["type"] == "FailureTarget"
    type_ = "Failed" if failed else "Complete"
    last = new_condition(type_, end.get("reason", ""), end.get("message", ""), state.now)
    made["conditions"] = [*(c for c in made.get("conditions") or () if c["type"] != type_), last]
    if failed:
        return [Emit(job, "Warning", last["reason"], last["message"])]
    made["completionTime"] = last["lastTransitionTime"]
    events: list[Action] = []
    completions = spec(job).get("completions")
    if completions is not None and made.get("succeeded", 0) > completions:
        message = "Too many succeeded pods running after completion count reached"
        events.append(Emit(job, "Warning", "TooManySucceededPods", message))
    return [*events, Emit(job, "Normal", "Completed", "Job completed")]
