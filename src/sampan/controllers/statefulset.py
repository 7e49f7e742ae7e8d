"""Keep pods with names, places and claims of their own: web-0, web-1, web-2."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sampan.api.json import Obj
from sampan.api.meta import condition, controller_of, is_deleting, labels_of, name_of, namespace_of, uid_of
from sampan.api.names import Key
from sampan.api.selectors import SelectorError, label_selector
from sampan.api.times import parse_time
from sampan.controllers import revisions
from sampan.controllers.names import is_ready, spec, status
from sampan.controllers.replicaset import orphans, selects
from sampan.controllers.statefulset_claims import SET, claim_names, ordinal_of, start_of
from sampan.controllers.statefulset_turn import Turn, counts, revision_of, take
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import claim, owner_key, self_key
from sampan.reconcile.plan import NOTHING, Action, Plan, Requeue, Update
from sampan.resources.kinds import CONTROLLERREVISIONS, PODS, PVCS, STATEFULSETS

OWNER = owner_key("apps", "StatefulSet")


@dataclass(frozen=True, slots=True)
class Seen:
    """A StatefulSet; its pods and revisions with those it may adopt; the claims of its pods, by name."""

    owner: Obj
    pods: tuple[Obj, ...]
    claims: Mapping[str, Obj]
    history: tuple[Obj, ...]
    namesake: Obj | None
    now: datetime
    failed: bool = False
    """The last plan was given up: now only report."""


def pod_keys(look: Lookup, pod: Obj) -> Iterable[Key]:
    """The owner of a pod; of an orphan, the StatefulSets that would adopt it."""
    if controller_of(pod) is not None:
        yield from OWNER(look, pod)
        return
    for owner in look.list(STATEFULSETS, namespace_of(pod)):
        if selects(owner, pod):
            yield Key(namespace_of(pod), name_of(owner))


def claim_keys(look: Lookup, claim: Obj) -> Iterable[Key]:
    """The StatefulSets that have a template for a claim of this name."""
    name = name_of(claim)
    for owner in look.list(STATEFULSETS, namespace_of(claim)):
        number = ordinal_of(claim)
        if number >= 0 and name in claim_names(owner, number).values():
            yield Key(namespace_of(claim), name_of(owner))


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    owner = look.get(STATEFULSETS, *key)
    if owner is None:
        return None
    try:
        selector = label_selector(spec(owner).get("selector"))
    except SelectorError:
        return None
    pods = list(look.owned(PODS, uid_of(owner)))
    loose = [pod for pod in look.indexed(PODS, "orphans", key.namespace) if selector.matches(labels_of(pod))]
    pods += [pod for pod in loose if name_of(pod).rpartition("-")[0] == key.name]
    start = start_of(owner)
    numbers = {*range(start, start + spec(owner).get("replicas", 1)), *map(ordinal_of, pods)}
    names = [name for number in numbers for name in claim_names(owner, number).values()]
    claims = {name: found for name in names if (found := look.get(PVCS, key.namespace, name)) is not None}
    history, namesake = revisions.observe(look, owner, selector)
    return Seen(owner, tuple(pods), claims, history, namesake, now, look.failure() is not None)


def decide(seen: Seen) -> Plan:
    """Adopt; find the revisions; one turn; tell; forget what is too old."""
    owner = seen.owner
    claimed = claim(owner, SET, label_selector(spec(owner).get("selector")), PODS, seen.pods)
    newest = revisions.newest(owner, SET, seen.history, seen.namesake)
    if newest.revision is None:
        collided = {**status(owner), "collisionCount": (status(owner).get("collisionCount") or 0) + 1}
        return (*newest.actions, Update(STATEFULSETS, {**owner, "status": collided}, "status"))
    told = status(owner).get("currentRevision")
    current = next((one for one in seen.history if name_of(one) == told), newest.revision)
    turn = Turn(owner, current, newest.revision, claimed.objects, seen.claims, seen.now)
    actions: list[Action] = []
    if not seen.failed and not is_deleting(owner):
        take(turn)
        live = {name_of(current), name_of(newest.revision), *map(revision_of, claimed.objects)}
        forgotten = revisions.forget(owner, seen.history, live)
        actions = [*claimed.actions, *newest.actions, *turn.actions, *forgotten]
    return (*_waits(turn), *actions, *_report(turn)) or NOTHING


def _report(turn: Turn) -> Plan:
    owner = turn.owner
    numbers = counts(turn)
    made: dict[str, Any] = {
        **{key: value for key, value in numbers.items() if value or key in ("replicas", "availableReplicas")},
        "observedGeneration": owner["metadata"].get("generation", 0),
        "currentRevision": name_of(turn.current),
        "updateRevision": name_of(turn.update),
        "collisionCount": status(owner).get("collisionCount") or 0,
    }
    wanted = spec(owner).get("replicas", 1)
    strategy = (spec(owner).get("updateStrategy") or {}).get("type")
    if strategy == "RollingUpdate" and all(
        numbers[key] == wanted for key in ("updatedReplicas", "readyReplicas", "replicas")
    ):
        made["currentRevision"] = made["updateRevision"]
        if wanted:
            made["currentReplicas"] = wanted
    if status(owner).get("conditions"):
        made["conditions"] = status(owner)["conditions"]
    return () if made == status(owner) else (Update(STATEFULSETS, {**owner, "status": made}, "status"),)


def _waits(turn: Turn) -> Plan:
    """When a pod becomes available by mere waiting, look again then."""
    wait = spec(turn.owner).get("minReadySeconds", 0)
    ready = [pod for pod in turn.pods if is_ready(pod) and not turn.available(pod)]
    if not wait or not ready:
        return ()
    due = min(parse_time((condition(pod, "Ready") or {})["lastTransitionTime"]) for pod in ready)
    return (Requeue(max(0.001, (due + timedelta(seconds=wait) - turn.now).total_seconds())),)


CONTROLLER = Controller(
    "statefulset-controller",
    watches=(
        Watches(STATEFULSETS, self_key),
        Watches(PODS, pod_keys, indexes={"orphans": orphans}),
        Watches(PVCS, claim_keys),
        Watches(CONTROLLERREVISIONS, OWNER, indexes={"orphans": revisions.orphans}),
    ),
    observe=observe,
    decide=decide,
    reports_failures=True,
)
