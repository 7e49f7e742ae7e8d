"""Keep as many pods as the ReplicaSet asks for."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sampan.api.json import Obj
from sampan.api.meta import (
    condition,
    controller_of,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    uid_of,
)
from sampan.api.names import GVK, Key, ObjectRef, RestMapping
from sampan.api.selectors import LabelSelector, SelectorError, label_selector
from sampan.api.times import format_time, parse_time
from sampan.controllers.names import is_active, is_ready, spec, status
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import claim, owner_key, reference_to, self_key
from sampan.reconcile.plan import NOTHING, Action, Announce, Create, Delete, Plan, Requeue, Update
from sampan.resources.kinds import PODS, REPLICASETS

BURST = 500
MANY = 100
"""At most so many pods are created or deleted in one turn."""
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


@dataclass(frozen=True, slots=True)
class Form:
    """A kind that keeps pods: ReplicaSet, or ReplicationController, which is the same in older clothes."""

    gvk: GVK
    mapping: RestMapping
    selector: Callable[[Obj], LabelSelector]
    """The owner's; raises SelectorError."""
    tells_terminating: bool = True
    """Whether its status has terminatingReplicas."""
    component: str = ""
    """As whom its controller reports events, where that is not its name."""


def selector_of(owner: Obj) -> LabelSelector:
    """The selector of a ReplicaSet and of other owners that select as it does."""
    return label_selector(spec(owner).get("selector"))


REPLICASET = Form(GVK("apps", "v1", "ReplicaSet"), REPLICASETS, selector_of)


@dataclass(frozen=True, slots=True)
class Seen:
    """The ReplicaSet, and the pods of its namespace that it owns or that its selector matches."""

    form: Form
    owner: Obj
    pods: tuple[Obj, ...]
    related: dict[str, int]
    """Node name to the number of pods of the same Deployment there: crowded nodes lose pods first."""
    now: datetime
    failure: str = ""
    """Why the last plan was given up: then this is only to be reported."""


def observe(form: Form, look: Lookup, key: Key, now: datetime) -> Seen | None:
    owner = look.get(form.mapping, *key)
    if owner is None:
        return None
    pods = list(look.owned(PODS, uid_of(owner)))
    try:
        selector = form.selector(owner)
    except SelectorError:
        return None
    owned = {uid_of(pod) for pod in pods}
    loose = look.indexed(PODS, "orphans", key.namespace)
    pods += [pod for pod in loose if uid_of(pod) not in owned and selector.matches(labels_of(pod))]
    failure = look.failure()
    too_many = sum(map(is_active, pods)) > spec(owner).get("replicas", 1)
    related = _related(form, look, owner) if too_many else {}
    return Seen(form, owner, tuple(pods), related, now, str(failure) if failure else "")


def _related(form: Form, look: Lookup, owner: Obj) -> dict[str, int]:
    deployment = controller_of(owner)
    counts: dict[str, int] = {}
    siblings = look.owned(form.mapping, deployment["uid"]) if deployment else [owner]
    for sibling in siblings:
        for pod in look.owned(PODS, uid_of(sibling)):
            node = spec(pod).get("nodeName")
            if node and is_active(pod):
                counts[node] = counts.get(node, 0) + 1
    return counts


def pod_keys(form: Form, look: Lookup, pod: Obj) -> Iterable[Key]:
    """The owner of a pod; of an orphan, every ReplicaSet that would adopt it."""
    if controller_of(pod) is not None:
        yield from owner_key(form.gvk.group, form.gvk.kind)(look, pod)
        return
    for owner in look.list(form.mapping, namespace_of(pod)):
        if selects(owner, pod, form.selector):
            yield Key(namespace_of(owner), name_of(owner))


def selects(owner: Obj, obj: Obj, selector_of: Callable[[Obj], LabelSelector] = selector_of) -> bool:
    """Whether the owner's selector matches the object's labels."""
    try:
        selector = selector_of(owner)
    except SelectorError:
        return False
    return bool(selector) and selector.matches(labels_of(obj))


def orphans(pod: Obj) -> Sequence[str]:
    """Index of pods without a controller, by namespace."""
    return () if controller_of(pod) else (namespace_of(pod),)


def decide(seen: Seen) -> Plan:
    """Adopt, scale, report."""
    form, owner = seen.form, seen.owner
    wanted = spec(owner).get("replicas", 1)
    claimed = claim(owner, form.gvk, form.selector(owner), PODS, seen.pods)
    active = [pod for pod in claimed.objects if is_active(pod)]
    if seen.failure:
        return _report(seen, active, claimed.objects)
    actions: list[Action] = list(claimed.actions)
    if not is_deleting(owner):
        missing = wanted - len(active)
        if missing > 0:
            actions += _create(form, owner, min(missing, BURST))
        elif missing < 0:
            actions += _delete(owner, victims(active, min(-missing, BURST), seen.related, seen.now))
    return (*actions, *_report(seen, active, claimed.objects))


def _create(form: Form, owner: Obj, count: int) -> list[Action]:
    template = spec(owner).get("template") or {}
    meta = template.get("metadata") or {}
    pod = {
        "metadata": {
            **{k: meta[k] for k in ("labels", "annotations", "finalizers") if k in meta},
            "generateName": f"{name_of(owner)}-",
            "namespace": namespace_of(owner),
            "ownerReferences": [reference_to(owner, form.gvk)],
        },
        "spec": template.get("spec") or {},
    }
    announce = Announce(owner, ("SuccessfulCreate", "Created pod: {name}"), ("FailedCreate", "Error creating: {error}"))
    return [Create(PODS, pod, announce=announce)] * count


def _delete(owner: Obj, pods: Sequence[Obj]) -> list[Action]:
    announce = Announce(owner, ("SuccessfulDelete", "Deleted pod: {name}"), ("FailedDelete", "Error deleting: {error}"))
    return [Delete(ObjectRef(PODS, namespace_of(p), name_of(p)), uid_of(p), announce=announce) for p in pods]


def victims(pods: Sequence[Obj], count: int, related: dict[str, int], now: datetime) -> list[Obj]:
    """Whom to delete first (upstream: ActivePodsWithRanks): unassigned, pending, not ready, cheap, on a crowded node,
    ready for a shorter time, restarted more often, younger."""

    def rank(pod: Obj) -> tuple[object, ...]:
        state = status(pod)
        node = spec(pod).get("nodeName") or ""
        ready = condition(pod, "Ready") or {}
        since = parse_time(ready["lastTransitionTime"]) if is_ready(pod) and ready.get("lastTransitionTime") else now
        created = parse_time(pod["metadata"].get("creationTimestamp") or format_time(now))
        restarts = max((c.get("restartCount", 0) for c in state.get("containerStatuses") or ()), default=0)
        return (
            bool(node),
            {"Pending": 0, "Unknown": 1}.get(state.get("phase", "Pending"), 2),
            is_ready(pod),
            _cost(pod),
            -related.get(node, 0),
            -since.timestamp(),
            -restarts,
            -created.timestamp(),
            name_of(pod),
        )

    return sorted(pods, key=rank)[:count]


def _cost(pod: Obj) -> int:
    try:
        return int((pod["metadata"].get("annotations") or {}).get(DELETION_COST, "0"))
    except ValueError:
        return 0


def available(pod: Obj, seconds: int, now: datetime) -> bool:
    """Ready for at least that long."""
    ready = condition(pod, "Ready") or {}
    if ready.get("status") != "True":
        return False
    return not seconds or parse_time(ready["lastTransitionTime"]) + timedelta(seconds=seconds) <= now


def _report(seen: Seen, active: Sequence[Obj], kept: Sequence[Obj]) -> Plan:
    """The status, when it differs; and when a pod becomes available by mere waiting, a look at that time."""
    owner = seen.owner
    wait = spec(owner).get("minReadySeconds", 0)
    labels = ((spec(owner).get("template") or {}).get("metadata") or {}).get("labels") or {}
    ready = [pod for pod in active if is_ready(pod)]
    good = [pod for pod in ready if available(pod, wait, seen.now)] if wait else ready
    fresh = {
        "replicas": len(active),
        "fullyLabeledReplicas": sum(labels.items() <= labels_of(pod).items() for pod in active),
        "readyReplicas": len(ready),
        "availableReplicas": len(good),
        "terminatingReplicas": sum(
            is_deleting(pod) and status(pod).get("phase") not in ("Succeeded", "Failed") for pod in kept
        ),
        "observedGeneration": owner["metadata"].get("generation", 0),
    }
    before = status(owner)
    conditions = [c for c in before.get("conditions") or () if c.get("type") != "ReplicaFailure"]
    if not seen.form.tells_terminating:
        del fresh["terminatingReplicas"]
    made = {key: value for key, value in fresh.items() if value or key in ("replicas", "terminatingReplicas")}
    if seen.failure:
        conditions = [*conditions, _failure(seen, len(active))]
    if conditions:
        made["conditions"] = conditions
    actions: list[Action] = []
    if made != before:
        actions.append(Update(seen.form.mapping, {**owner, "status": made}, "status"))
    if wait and len(good) < len(ready):
        due = [parse_time((condition(p, "Ready") or {})["lastTransitionTime"]) for p in ready if p not in good]
        seconds = (min(due) + timedelta(seconds=wait) - seen.now).total_seconds()
        actions.append(Requeue(max(seconds, 0.001)))
    return tuple(actions) or NOTHING


def _failure(seen: Seen, active: int) -> Obj:
    """The ReplicaFailure condition; one that stands keeps its time."""
    before = condition(seen.owner, "ReplicaFailure")
    reason = "FailedCreate" if active < spec(seen.owner).get("replicas", 1) else "FailedDelete"
    made = {"type": "ReplicaFailure", "status": "True", "reason": reason, "message": seen.failure}
    return before or {**made, "lastTransitionTime": format_time(seen.now)}


def rest(seen: Seen) -> float:
    """Sets of many pods are looked at less often than each of their pods changes: a millisecond apart for each pod."""
    return min(1.0, 0.001 * len(seen.pods)) if len(seen.pods) >= MANY else 0.0


def controller(name: str, form: Form) -> Controller:
    """The loop for a kind that keeps pods."""
    return Controller(
        name,
        watches=(
            Watches(form.mapping, self_key),
            Watches(PODS, partial(pod_keys, form), indexes={"orphans": orphans}),
        ),
        observe=partial(observe, form),
        decide=decide,
        rest=rest,
        reports_failures=True,
        component=form.component,
    )


CONTROLLER = controller("replicaset-controller", REPLICASET)
