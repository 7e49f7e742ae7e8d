"""Which pods a Job makes and deletes in this turn (upstream: manageJob)."""

from collections.abc import Sequence
from dataclasses import dataclass

from sampan.api.json import Obj
from sampan.api.meta import name_of, namespace_of, uid_of
from sampan.api.names import GVK, ObjectRef
from sampan.controllers.job_indexes import Indexes
from sampan.controllers.job_pods import (
    FAILURES,
    FINALIZER,
    IGNORED,
    INDEX,
    counts,
    failures_before,
    failures_in_a_row,
    finished_at,
    index_of,
    is_failed,
    is_indexed,
    is_terminating,
    is_tracked,
    per_index,
    phase,
    replaces_only_failed,
    wait_left,
)
from sampan.controllers.job_state import State, is_suspended
from sampan.controllers.names import MAX_GENERATED, is_ready, spec
from sampan.controllers.replicaset import victims
from sampan.reconcile.owners import reference_to
from sampan.reconcile.plan import Action, Announce, Create, Delete, Patch, Requeue
from sampan.resources.kinds import PODS

GVK_ = GVK("batch", "v1", "Job")
BURST = 500
"""At most so many pods are created or deleted in one turn."""


@dataclass(frozen=True, slots=True)
class Managed:
    """What is to be done, and how many pods are active, ready and going after it."""

    actions: tuple[Action, ...]
    active: int
    ready: int
    terminating: int


def untouched(state: State) -> Managed:
    """Nothing is done."""
    return Managed((), len(state.active), sum(map(is_ready, state.active)), state.terminating)


def end(state: State) -> Managed:
    """The Job is over: active pods are deleted, and counted before they may go."""
    return _without(state, state.active, [_delete(state.job, state.active)])


def manage(state: State) -> Managed:
    """Make what is missing, delete what is too much; never both in one turn."""
    job, active = state.job, len(state.active)
    if is_suspended(job):
        return _remove(state, _surplus(state, active))
    wanted = _wanted(state)
    surplus = _surplus(state, max(0, active - wanted))[:BURST]
    if surplus:
        return _remove(state, surplus)
    going = state.terminating if replaces_only_failed(job) else 0
    missing = wanted - going - active
    return _add(state, min(missing, BURST)) if missing > 0 else untouched(state)


def _wanted(state: State) -> int:
    completions, parallelism = spec(state.job).get("completions"), int(spec(state.job).get("parallelism", 1))
    if completions is None:
        return len(state.active) if state.succeeded else parallelism
    return max(0, min(int(completions) - state.succeeded, parallelism))


def _surplus(state: State, at_least: int) -> list[Obj]:
    """Pods to delete: of each index all but one, those without a valid index, and then the least far ones."""
    left = list(state.active)
    gone: list[Obj] = []
    if is_indexed(state.job):
        by_index: dict[int, list[Obj]] = {}
        for pod in left:
            by_index.setdefault(index_of(pod), []).append(pod)
        left = []
        for index, pods in sorted(by_index.items()):
            valid = 0 <= index < spec(state.job)["completions"]
            ranked = victims(pods, len(pods), {}, state.now)
            gone += ranked[:-1] if valid else ranked
            left += ranked[-1:] if valid else []
    return gone + victims(left, max(0, at_least - len(gone)), {}, state.now)


def release(pod: Obj) -> Patch:
    """Take the finalizer off: the pod is accounted for."""
    patch = {"metadata": {"uid": uid_of(pod), "$deleteFromPrimitiveList/finalizers": [FINALIZER]}}
    return Patch(ObjectRef(PODS, namespace_of(pod), name_of(pod)), patch, "strategic", missing_ok=True)


def _remove(state: State, pods: Sequence[Obj]) -> Managed:
    """Delete pods that are too many: they do not count as failures, so nobody waits for them."""
    return _without(state, pods, [[release(pod) for pod in pods if is_tracked(pod)], _delete(state.job, pods)])


def _without(state: State, pods: Sequence[Obj], actions: Sequence[Sequence[Action]]) -> Managed:
    now = untouched(state)
    ready = sum(map(is_ready, pods))
    return Managed(
        tuple(action for part in actions for action in part),
        now.active - len(pods), now.ready - ready, now.terminating + len(pods),
    )  # fmt: skip


def _delete(job: Obj, pods: Sequence[Obj]) -> list[Action]:
    announce = Announce(job, ("SuccessfulDelete", "Deleted pod: {name}"), ("FailedDelete", "Error deleting: {error}"))
    return [Delete(ObjectRef(PODS, namespace_of(p), name_of(p)), uid_of(p), announce=announce) for p in pods]


def _add(state: State, number: int) -> Managed:
    """New pods, unless a failure is so recent that they have to wait."""
    if not per_index(state.job):
        left = _wait(state)
        if left > 0:
            return _later(state, left)
    if not is_indexed(state.job):
        return _made(state, [_pod(state.job)] * number)
    indexes = _vacant(state, number)
    waits = {index: _index_wait(state, index) for index in indexes}
    due = [index for index in indexes if not waits[index]]
    if indexes and not due:
        return _later(state, min(waits.values()))
    return _made(state, [_indexed_pod(state, index) for index in due])


def _later(state: State, seconds: float) -> Managed:
    now = untouched(state)
    return Managed((Requeue(seconds),), now.active, now.ready, now.terminating)


def _made(state: State, pods: Sequence[Obj]) -> Managed:
    now, job = untouched(state), state.job
    announce = Announce(job, ("SuccessfulCreate", "Created pod: {name}"), ("FailedCreate", "Error creating: {error}"))
    creations = tuple(Create(PODS, pod, announce=announce) for pod in pods)
    return Managed(creations, now.active + len(pods), now.ready, now.terminating)


def _wait(state: State) -> float:
    """Seconds to wait after failures in a row, as far as their pods are still there to tell."""
    failed = [pod for pod in state.pods if is_failed(state.job, pod) and counts(state.job, pod)]
    succeeded = (pod for pod in state.pods if phase(pod) == "Succeeded")
    return wait_left(*failures_in_a_row(failed, succeeded), state.now)


def _index_wait(state: State, index: int) -> float:
    last = state.delayed.get(index)
    if last is None:
        return 0.0
    return wait_left(failures_before(last, ignored=True) + 1, finished_at(last), state.now)


def _vacant(state: State, number: int) -> list[int]:
    """The first indexes on which nobody works and that are not settled."""
    taken = Indexes.of({index_of(pod) for pod in state.active if index_of(pod) >= 0})
    if replaces_only_failed(state.job):
        taken |= Indexes.of({index_of(pod) for pod in state.pods if is_terminating(pod) and index_of(pod) >= 0})
    return (taken | state.done | (state.lost or Indexes())).missing(number, spec(state.job)["completions"])


def _pod(job: Obj) -> Obj:
    template = spec(job).get("template") or {}
    meta = template.get("metadata") or {}
    finalizers = list(meta.get("finalizers") or ())
    return {
        "metadata": {
            **{key: meta[key] for key in ("labels", "annotations") if key in meta},
            "finalizers": finalizers if FINALIZER in finalizers else [*finalizers, FINALIZER],
            "generateName": f"{name_of(job)}-",
            "namespace": namespace_of(job),
            "ownerReferences": [reference_to(job, GVK_)],
        },
        "spec": template.get("spec") or {},
    }


def _indexed_pod(state: State, index: int) -> Obj:
    """A pod that knows its index by annotation, label, host name and environment."""
    job, pod = state.job, _pod(state.job)
    annotations = {**pod["metadata"].get("annotations", {}), INDEX: str(index)}
    if per_index(job):
        annotations |= _failure_notes(state, index)
    suffix = f"-{index}-"
    name = f"{name_of(job)}{suffix}"
    if len(name) > MAX_GENERATED:
        name = name[: MAX_GENERATED - len(suffix)] + suffix
    meta = {
        **pod["metadata"],
        "annotations": annotations,
        "labels": {**pod["metadata"].get("labels", {}), INDEX: str(index)},
        "generateName": name,
    }
    containers = {
        key: [_told(container) for container in pod["spec"][key]]
        for key in ("initContainers", "containers")
        if pod["spec"].get(key)
    }
    return {"metadata": meta, "spec": {**pod["spec"], **containers, "hostname": f"{name_of(job)}-{index}"}}


def _told(container: Obj) -> Obj:
    """The container with its index in the environment, unless it has such a variable."""
    env = container.get("env") or []
    if any(one.get("name") == "JOB_COMPLETION_INDEX" for one in env):
        return container
    source = {"fieldRef": {"fieldPath": f"metadata.labels['{INDEX}']"}}
    return {**container, "env": [*env, {"name": "JOB_COMPLETION_INDEX", "valueFrom": source}]}


def _failure_notes(state: State, index: int) -> dict[str, str]:
    """How often the index has failed, handed on from the pod that is replaced."""
    last = state.delayed.get(index)
    if last is None:
        return {FAILURES: "0"}
    counted = counts(state.job, last)
    failures = failures_before(last) + (1 if counted else 0)
    ignored = failures_before(last, ignored=True) - failures_before(last) + (0 if counted else 1)
    return {FAILURES: str(failures), **({IGNORED: str(ignored)} if ignored else {})}
