"""Where a Job stands: its pods counted, and whether that ends it (upstream: syncJob's evaluation)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sampan.api.json import Obj
from sampan.api.meta import condition, is_condition_true, uid_of
from sampan.api.times import format_time, parse_time
from sampan.controllers.job_indexes import Indexes
from sampan.controllers.job_pods import (
    counts,
    fails_index,
    failures_before,
    finished_at,
    has_valid_index,
    index_of,
    is_failed,
    is_indexed,
    is_terminating,
    is_tracked,
    matched_rule,
    per_index,
    phase,
)
from sampan.controllers.names import is_active, spec, status

ENDS = ("Complete", "Failed")


@dataclass(frozen=True, slots=True)
class State:
    """The Job with its pods, counted at this moment."""

    job: Obj
    pods: Sequence[Obj]
    now: datetime
    active: Sequence[Obj]
    terminating: int
    succeeded: int
    failed: int
    before: Indexes = field(default_factory=Indexes)
    """Indexes that the status tells as succeeded already."""
    done: Indexes = field(default_factory=Indexes)
    """Those and what succeeded since."""
    lost: Indexes | None = None
    """Indexes that failed for good; None if failures are not limited for each index."""
    delayed: Mapping[int, Obj] = field(default_factory=dict)
    """Failed pods that are kept until their replacement has taken over their count, by index."""


def is_finished(job: Obj) -> bool:
    """Whether the Job has its last condition."""
    return any(is_condition_true(job, end) for end in ENDS)


def is_suspended(job: Obj) -> bool:
    return bool(spec(job).get("suspend"))


def count(job: Obj, pods: Sequence[Obj], now: datetime) -> State:
    """Count pods: those in the status, those that wait there to be counted, and those that ended since."""
    waiting = status(job).get("uncountedTerminatedPods") or {}
    new = [pod for pod in pods if is_tracked(pod) and has_valid_index(job, pod)]
    uncounted = {*(waiting.get("succeeded") or ()), *(waiting.get("failed") or ())}
    fresh = [pod for pod in new if uid_of(pod) not in uncounted]
    failed = [pod for pod in fresh if is_failed(job, pod) and counts(job, pod)]
    succeeded = [pod for pod in fresh if phase(pod) == "Succeeded"]
    active = [pod for pod in pods if is_active(pod)]
    made = State(
        job, pods, now, active,
        terminating=sum(map(is_terminating, pods)),
        succeeded=status(job).get("succeeded", 0) + len(succeeded) + len(waiting.get("succeeded") or ()),
        failed=status(job).get("failed", 0) + len(failed) + len(waiting.get("failed") or ()),
    )  # fmt: skip
    return _with_indexes(made, new) if is_indexed(job) else made


def _with_indexes(state: State, tracked: Sequence[Obj]) -> State:
    job, told = state.job, status(state.job)
    completions = spec(job)["completions"]
    before = Indexes.parse(told.get("completedIndexes") or "", completions)
    done = before | Indexes.of(index_of(pod) for pod in tracked if phase(pod) == "Succeeded")
    lost: Indexes | None = None
    delayed: dict[int, Obj] = {}
    if per_index(job):
        lost = Indexes.parse(told.get("failedIndexes") or "", completions)
        lost |= Indexes.of(index_of(pod) for pod in tracked if fails_index(job, pod))
        settled = done | lost | Indexes.of({index_of(pod) for pod in state.active if index_of(pod) >= 0})
        delayed = _delayed([pod for pod in tracked if is_failed(job, pod) and index_of(pod) not in settled])
    return State(
        job, state.pods, state.now, state.active, state.terminating,
        len(done), state.failed, before, done, lost, delayed,
    )  # fmt: skip


def _delayed(failed: Sequence[Obj]) -> dict[int, Obj]:
    """Of each index, the failed pod that knows of most failures; among those, the one that ended last."""
    latest: dict[int, Obj] = {}
    for pod in sorted(failed, key=lambda one: (failures_before(one, ignored=True), finished_at(one))):
        latest[index_of(pod)] = pod
    return latest


def new_condition(type_: str, reason: str, message: str, now: datetime) -> Obj:
    """A condition that is True from now on."""
    stamp = format_time(now)
    return {
        "type": type_, "status": "True", "lastProbeTime": stamp, "lastTransitionTime": stamp,
        "reason": reason, "message": message,
    }  # fmt: skip


def verdict(state: State) -> Obj | None:
    """What ends the Job: FailureTarget or SuccessCriteriaMet, as they stand already or as they are found now.

    The order is upstream's: what was decided before, pod failure policy, limits, limits per index, success policy.
    Completions are judged later, when it is known which pods are made.
    """
    for interim in ("SuccessCriteriaMet", "FailureTarget"):
        if is_condition_true(state.job, interim):
            return condition(state.job, interim)
    return _failure(state) or _index_failure(state) or _success_policy(state)


def _failure(state: State) -> Obj | None:
    job, now = state.job, state.now
    for pod in state.pods:
        if is_failed(job, pod):
            action, message = matched_rule(job, pod)
            if action == "FailJob":
                return new_condition("FailureTarget", "PodFailurePolicy", message, now)
    if state.failed > spec(job).get("backoffLimit", 6) or _restarted_too_often(state):
        message = "Job has reached the specified backoff limit"
        return new_condition("FailureTarget", "BackoffLimitExceeded", message, now)
    left = time_left(state)
    if left is not None and left <= 0:
        message = "Job was active longer than specified deadline"
        return new_condition("FailureTarget", "DeadlineExceeded", message, now)
    return None


def time_left(state: State) -> float | None:
    """Seconds until activeDeadlineSeconds have passed; None without a deadline or while suspended."""
    deadline = spec(state.job).get("activeDeadlineSeconds")
    if deadline is None or is_suspended(state.job):
        return None
    told = status(state.job).get("startTime")
    start = parse_time(told) if told else state.now.replace(microsecond=0)
    if condition_is_suspended(state.job):
        start = state.now.replace(microsecond=0)  # it is resumed in this very turn, which starts the time anew
    return (start + timedelta(seconds=deadline) - state.now).total_seconds()


def condition_is_suspended(job: Obj) -> bool:
    """Whether the status says that the Job is suspended."""
    return is_condition_true(job, "Suspended")


def _restarted_too_often(state: State) -> bool:
    """Containers that are started again in their pods count as failures too."""
    if ((spec(state.job).get("template") or {}).get("spec") or {}).get("restartPolicy") != "OnFailure":
        return False
    restarts = sum(
        one.get("restartCount", 0)
        for pod in state.pods
        if phase(pod) in ("Running", "Pending")
        for key in ("initContainerStatuses", "containerStatuses")
        for one in status(pod).get(key) or ()
    )
    limit = spec(state.job).get("backoffLimit", 6)
    return bool(restarts >= limit if limit else restarts > 0)


def _index_failure(state: State) -> Obj | None:
    if state.lost is None:
        return None
    most = spec(state.job).get("maxFailedIndexes")
    if most is not None and len(state.lost) > most:
        message = "Job has exceeded the specified maximal number of failed indexes"
        return new_condition("FailureTarget", "MaxFailedIndexesExceeded", message, state.now)
    if len(state.lost) and len(state.lost) + len(state.done) >= spec(state.job)["completions"]:
        return new_condition("FailureTarget", "FailedIndexes", "Job has failed indexes", state.now)
    return None


def _success_policy(state: State) -> Obj | None:
    """KEP-3998: the first rule that enough indexes meet."""
    if not len(state.done):
        return None
    for number, rule in enumerate((spec(state.job).get("successPolicy") or {}).get("rules") or ()):
        if _meets(rule, state.done, spec(state.job)["completions"]):
            message = f"Matched rules at index {number}"
            return new_condition("SuccessCriteriaMet", "SuccessPolicy", message, state.now)
    return None


def _meets(rule: Obj, done: Indexes, completions: int) -> bool:
    enough = rule.get("succeededCount")
    if rule.get("succeededIndexes") is None:
        return enough is not None and len(done) >= enough
    wanted = Indexes.parse(rule["succeededIndexes"], completions)
    have = wanted.common(done)
    return bool(wanted.ranges) and (have == len(wanted) or (enough is not None and have >= enough))


def completed(state: State, active: int) -> Obj | None:
    """Enough pods have succeeded, and none is active any more."""
    completions = spec(state.job).get("completions")
    enough = state.succeeded > 0 if completions is None else state.succeeded >= completions
    if not enough or active:
        return None
    message = "Reached expected number of succeeded pods"
    return new_condition("SuccessCriteriaMet", "CompletionsReached", message, state.now)
