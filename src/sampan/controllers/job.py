"""Run pods until enough of them have succeeded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sampan.api.json import Obj
from sampan.api.meta import controller_of, is_deleting, labels_of, name_of, namespace_of, uid_of
from sampan.api.names import Key
from sampan.api.selectors import SelectorError, label_selector
from sampan.controllers.job_manage import GVK_, end, manage, release, untouched
from sampan.controllers.job_pods import FINALIZER, is_tracked
from sampan.controllers.job_state import completed, count, is_finished, time_left, verdict
from sampan.controllers.job_status import Told, report
from sampan.controllers.names import spec, status
from sampan.controllers.replicaset import orphans, selects
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import claim, owner_key, self_key
from sampan.reconcile.plan import NOTHING, Action, Patch, Plan, Requeue, Update
from sampan.resources.kinds import JOBS, PODS

OWNER = owner_key("batch", "Job")
OURS = "kubernetes.io/job-controller"
LOOSE = "\0loose"
"""Keys of pods that have the finalizer and no Job: `\\0loose/<name>`."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A Job with its pods and those it could adopt; or pods whose finalizer nobody else will take off."""

    job: Obj | None
    pods: tuple[Obj, ...]
    now: datetime
    failed: bool = False
    """The last plan was given up: now only count."""


def pod_keys(look: Lookup, pod: Obj) -> Iterable[Key]:
    """The Job of a pod; of an orphan, those that would adopt it, and its own key if it has the finalizer."""
    if controller_of(pod) is not None:
        yield from OWNER(look, pod)
        return
    for job in look.list(JOBS, namespace_of(pod)):
        if selects(job, pod):
            yield Key(namespace_of(pod), name_of(job))
    if is_tracked(pod):
        yield Key(namespace_of(pod), f"{LOOSE}/{name_of(pod)}")


def tracked(pod: Obj) -> Sequence[str]:
    """Index of pods with the finalizer, by the Job that owns them."""
    owner = controller_of(pod)
    if owner is None or owner["kind"] != "Job" or not is_tracked(pod):
        return ()
    return (f"{namespace_of(pod)}/{owner['name']}",)


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    if key.name.startswith(LOOSE):
        return _loose(look, key, now)
    job = look.get(JOBS, *key)
    if job is not None and spec(job).get("managedBy", OURS) != OURS:
        return None
    left = look.indexed(PODS, "tracked", f"{key.namespace}/{key.name}")
    if job is None or is_finished(job):
        return Seen(None, tuple(left), now) if left else None
    strangers = [pod for pod in left if (controller_of(pod) or {}).get("uid") != uid_of(job)]
    if strangers:
        return Seen(None, tuple(strangers), now)  # of an older Job of the same name
    pods = list(look.owned(PODS, uid_of(job)))
    try:
        selector = label_selector(spec(job).get("selector"))
    except SelectorError:
        return None
    pods += [pod for pod in look.indexed(PODS, "orphans", key.namespace) if selector.matches(labels_of(pod))]
    return Seen(job, tuple(pods), now, look.failure() is not None)


def _loose(look: Lookup, key: Key, now: datetime) -> Seen | None:
    pod = look.get(PODS, key.namespace, key.name.partition("/")[2])
    if pod is None or controller_of(pod) is not None or not is_tracked(pod):
        return None
    wanted = any(selects(job, pod) and not is_deleting(job) for job in look.list(JOBS, key.namespace))
    return None if wanted else Seen(None, (pod,), now)


def decide(seen: Seen) -> Plan:
    """Adopt; make or delete pods; tell; let go of those that are told."""
    job = seen.job
    if job is None:
        return tuple(release(pod) for pod in seen.pods)
    claimed = claim(job, GVK_, label_selector(spec(job).get("selector")), PODS, seen.pods)
    adopting = tuple(_with_finalizer(action) for action in claimed.actions if isinstance(action, Patch))
    if adopting:
        return (*adopting, Requeue(0.0))
    state = count(job, claimed.objects, seen.now)
    over = verdict(state)
    managed, may_switch = untouched(state), False
    if over is not None:
        if not seen.failed:
            managed = end(state)
        elif state.active:
            over = None
    else:
        if not seen.failed and not is_deleting(job):
            managed, may_switch = manage(state), True
        over = completed(state, managed.active)
    told = report(state, managed, over, may_switch=may_switch and over is None)
    waits = [action for action in managed.actions if isinstance(action, Requeue)]
    work = [action for action in managed.actions if not isinstance(action, Requeue)]
    left = time_left(state) if over is None else None
    if left is not None:
        waits.append(Requeue(left))
    return (*waits, *work, *_tell(job, told))


def _with_finalizer(action: Patch) -> Action:
    """Adopted pods get the finalizer, released ones lose it."""
    meta = action.patch["metadata"]
    ours = any(ref.get("controller") for ref in meta["ownerReferences"])
    if ours:
        changes = {"uid": meta["uid"], "ownerReferences": meta["ownerReferences"], "finalizers": [FINALIZER]}
    else:
        mark = {"$deleteFromPrimitiveList/finalizers": [FINALIZER]}
        kept = [{"$patch": "replace"}, *meta["ownerReferences"]]
        changes = {"uid": meta["uid"], "ownerReferences": kept, **mark}
    return Patch(action.ref, {"metadata": changes}, "strategic", missing_ok=True)


def _tell(job: Obj, told: Told) -> Plan:
    actions: list[Action] = []
    if told.status != status(job):
        actions.append(Update(JOBS, {**job, "status": told.status}, "status"))
    return (*actions, *told.events, *(release(pod) for pod in told.released)) or NOTHING


CONTROLLER = Controller(
    "job-controller",
    watches=(
        Watches(JOBS, self_key),
        Watches(PODS, pod_keys, indexes={"orphans": orphans, "tracked": tracked}),
    ),
    observe=observe,
    decide=decide,
    reports_failures=True,
)
