"""Run one pod on every node that fits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sampan.api.json import Obj
from sampan.api.meta import (
    annotations_of,
    condition,
    controller_of,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    uid_of,
)
from sampan.api.names import GVK, Key, ObjectRef
from sampan.api.selectors import SelectorError, label_selector
from sampan.api.times import parse_time
from sampan.controllers import revisions
from sampan.controllers.daemonset_turn import (
    FAILURES,
    GENERATION,
    Place,
    Rules,
    Step,
    counts,
    one_each,
    roll,
)
from sampan.controllers.names import is_ready, spec, status
from sampan.controllers.node_fit import Fit, bound_to, fit, target_of, tolerations
from sampan.controllers.replicaset import orphans, selects
from sampan.controllers.revisions import POD_LABEL
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import claim, owner_key, reference_to, self_key
from sampan.reconcile.plan import NOTHING, Action, Announce, Create, Delete, Plan, Requeue, Update
from sampan.resources.kinds import CONTROLLERREVISIONS, DAEMONSETS, NODES, PODS

GVK_ = GVK("apps", "v1", "DaemonSet")
OWNER = owner_key("apps", "DaemonSet")
BURST = 250
"""At most so many pods are created, and so many deleted, in one turn."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A DaemonSet; its pods and revisions with those it may adopt; all nodes, and whether they fit."""

    owner: Obj
    pods: tuple[Obj, ...]
    nodes: tuple[tuple[str, Fit], ...]
    history: tuple[Obj, ...]
    namesake: Obj | None
    now: datetime
    failed: bool = False
    """The last plan was given up: now only report."""


def pod_keys(look: Lookup, pod: Obj) -> Iterable[Key]:
    """The owner of a pod; of an orphan, the DaemonSets that would adopt it."""
    if controller_of(pod) is not None:
        yield from OWNER(look, pod)
        return
    for owner in look.list(DAEMONSETS, namespace_of(pod)):
        if selects(owner, pod):
            yield Key(namespace_of(pod), name_of(owner))


def node_changes(look: Lookup, old: Obj | None, new: Obj | None) -> Iterable[Key]:
    """The DaemonSets for which the node fits otherwise than before."""
    if old and new and labels_of(old) == labels_of(new) and spec(old).get("taints") == spec(new).get("taints"):
        return
    nowhere = Fit(False, False)
    for owner in look.list(DAEMONSETS):
        template = spec(owner).get("template") or {}
        before, after = (fit(template, node) if node is not None else nowhere for node in (old, new))
        if before != after or new is None:
            yield Key(namespace_of(owner), name_of(owner))


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    owner = look.get(DAEMONSETS, *key)
    if owner is None or is_deleting(owner):
        return None
    try:
        selector = label_selector(spec(owner).get("selector"))
    except SelectorError:
        return None
    pods = [*look.owned(PODS, uid_of(owner)), *look.indexed(PODS, "orphans", key.namespace)]
    mine = tuple(pod for pod in pods if controller_of(pod) is not None or selector.matches(labels_of(pod)))
    template = spec(owner).get("template") or {}
    nodes = tuple((name_of(node), fit(template, node)) for node in look.list(NODES))
    history, namesake = revisions.observe(look, owner, selector)
    return Seen(
        owner, mine, tuple(sorted(nodes, key=lambda one: one[0])), history, namesake, now, look.failure() is not None
    )


def decide(seen: Seen) -> Plan:
    """Adopt; find the revisions; one pod to each node, and when all have theirs, roll on; tell; forget."""
    owner = seen.owner
    claimed = claim(owner, GVK_, label_selector(spec(owner).get("selector")), PODS, seen.pods)
    newest = revisions.newest(owner, GVK_, seen.history, seen.namesake, POD_LABEL)
    if newest.revision is None:
        collided = {**status(owner), "collisionCount": (status(owner).get("collisionCount") or 0) + 1}
        return (*newest.actions, Update(DAEMONSETS, {**owner, "status": collided}, "status"))
    rules = Rules(owner, labels_of(newest.revision).get(POD_LABEL, ""), seen.now)
    places = _places(seen, claimed.objects)
    report = _report(rules, places)
    if seen.failed:
        return report or NOTHING
    step = one_each(rules, places) + Step(delete=_homeless(seen, claimed.objects))
    if not step.delete and not step.create and rules.rolling:
        step += roll(rules, places)
    waits = [Requeue(seconds) for seconds in step.waits]
    actions = (*claimed.actions, *newest.actions, *step.events, *_create(rules, step), *_delete(owner, step))
    return (*waits, *actions, *_forget(seen, name_of(newest.revision)), *report) or NOTHING


def _is_over(pod: Obj) -> bool:
    """Ended and on its way out: its place is free."""
    return is_deleting(pod) and status(pod).get("phase") in ("Succeeded", "Failed")


def _places(seen: Seen, pods: Sequence[Obj]) -> list[Place]:
    there: dict[str, list[Obj]] = {}
    for pod in pods:
        if not _is_over(pod):
            there.setdefault(target_of(pod), []).append(pod)
    return [Place(node, judged, there.get(node, [])) for node, judged in seen.nodes]


def _homeless(seen: Seen, pods: Sequence[Obj]) -> tuple[Obj, ...]:
    """Pods that wait for a node that is gone; those that had started are left to the pod garbage collector."""
    known = {node for node, _ in seen.nodes}
    return tuple(
        pod
        for pod in pods
        if not spec(pod).get("nodeName") and target_of(pod) and target_of(pod) not in known and not is_deleting(pod)
    )


def _create(rules: Rules, step: Step) -> list[Action]:
    owner = rules.owner
    announce = Announce(owner, ("SuccessfulCreate", "Created pod: {name}"), ("FailedCreate", "Error creating: {error}"))
    return [Create(PODS, _pod(rules, node, failed), announce=announce) for node, failed in step.create[:BURST]]


def _pod(rules: Rules, node: str, failed: int) -> Obj:
    owner = rules.owner
    template = spec(owner).get("template") or {}
    meta, inner = template.get("metadata") or {}, template.get("spec") or {}
    generation = annotations_of(owner).get(GENERATION)
    labels = {**(meta.get("labels") or {}), POD_LABEL: rules.hash}
    annotations = {**(meta.get("annotations") or {}), **({FAILURES: str(failed)} if failed else {})}
    return {
        "metadata": {
            **({"finalizers": meta["finalizers"]} if "finalizers" in meta else {}),
            **({"annotations": annotations} if annotations else {}),
            "labels": {**labels, "pod-template-generation": generation} if generation else labels,
            "generateName": f"{name_of(owner)}-",
            "namespace": namespace_of(owner),
            "ownerReferences": [reference_to(owner, GVK_)],
        },
        "spec": {**inner, "affinity": bound_to(inner, node), "tolerations": tolerations(inner)},
    }


def _delete(owner: Obj, step: Step) -> list[Action]:
    announce = Announce(owner, ("SuccessfulDelete", "Deleted pod: {name}"), ("FailedDelete", "Error deleting: {error}"))
    return [
        Delete(ObjectRef(PODS, namespace_of(pod), name_of(pod)), uid_of(pod), announce=announce)
        for pod in step.delete[:BURST]
    ]


def _forget(seen: Seen, newest: str) -> list[Action]:
    """Old revisions beyond the limit go, the oldest first, but not those that pods were made from."""
    used = {labels_of(pod).get(POD_LABEL) for pod in seen.pods}
    old = [one for one in revisions.ordered(seen.history) if name_of(one) != newest]
    surplus = len(old) - spec(seen.owner).get("revisionHistoryLimit", 10)
    unused = [one for one in old if labels_of(one).get(POD_LABEL) not in used]
    return [revisions.delete(one) for one in unused[: max(0, surplus)]]


def _report(rules: Rules, places: Sequence[Place]) -> tuple[Action, ...]:
    """The status, when it differs; and when a pod becomes available by mere waiting, a look at that time."""
    owner, wait = rules.owner, spec(rules.owner).get("minReadySeconds", 0)
    numbers = counts(rules, places)
    always = ("desiredNumberScheduled", "currentNumberScheduled", "numberMisscheduled", "numberReady")
    made = {
        **{key: status(owner)[key] for key in ("collisionCount", "conditions") if status(owner).get(key)},
        **{key: value for key, value in numbers.items() if value or key in always},
        "observedGeneration": owner["metadata"].get("generation", 0),
    }
    actions: list[Action] = []
    if made != status(owner):
        actions.append(Update(DAEMONSETS, {**owner, "status": made}, "status"))
    waiting = [pod for place in places for pod in place.pods if is_ready(pod) and not rules.is_available(pod)]
    if wait and waiting:
        since = min(parse_time((condition(pod, "Ready") or {})["lastTransitionTime"]) for pod in waiting)
        left = (since + timedelta(seconds=wait) - rules.now).total_seconds()
        actions.append(Requeue(max(0.001, left)))
    return tuple(actions)


CONTROLLER = Controller(
    "daemonset-controller",
    watches=(
        Watches(DAEMONSETS, self_key),
        Watches(PODS, pod_keys, indexes={"orphans": orphans}),
        Watches(CONTROLLERREVISIONS, OWNER, indexes={"orphans": revisions.orphans}),
        Watches(NODES, self_key, changes=node_changes),
    ),
    observe=observe,
    decide=decide,
    reports_failures=True,
)
