"""One turn of a StatefulSet: which pods are made, deleted or waited for, in the order of their ordinals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sampan.api.json import Obj
from sampan.api.meta import is_deleting, labels_of, name_of, namespace_of, uid_of
from sampan.api.names import ObjectRef
from sampan.controllers.names import is_ready, spec, status
from sampan.controllers.replicaset import available
from sampan.controllers.revisions import POD_LABEL, template_of
from sampan.controllers.rollout import scaled
from sampan.controllers.statefulset_claims import (
    SET,
    entrust,
    going,
    in_range,
    is_stale,
    missing,
    ordinal_of,
    start_of,
    storage_matches,
    volumes,
)
from sampan.reconcile.owners import reference_to
from sampan.reconcile.plan import Action, Announce, Create, Delete, Emit, Update
from sampan.resources.kinds import PODS

NAME_LABEL, INDEX_LABEL = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"


@dataclass(slots=True)
class Turn:
    """What a turn works on, and the actions it has come to so far."""

    owner: Obj
    current: Obj
    update: Obj
    pods: Sequence[Obj]
    claims: Mapping[str, Obj]
    now: datetime
    actions: list[Action] = field(default_factory=list)
    updated: int = 0
    """Pods that were deleted to be replaced by newer ones."""

    @property
    def ordered(self) -> bool:
        """One pod after the other, each only when its predecessors are available."""
        return spec(self.owner).get("podManagementPolicy") != "Parallel"

    def available(self, pod: Obj) -> bool:
        """Ready for long enough."""
        return exists(pod) and available(pod, spec(self.owner).get("minReadySeconds", 0), self.now)

    def unavailable(self, pod: Obj) -> bool:
        return not self.available(pod) or is_deleting(pod)


def exists(pod: Obj) -> bool:
    """Whether the pod has been created, or is only to be."""
    return bool(uid_of(pod))


def revision_of(pod: Obj) -> str:
    """The name of the revision that the pod was made from."""
    return labels_of(pod).get(POD_LABEL, "")


def take(turn: Turn) -> None:
    """Make and mend the wanted pods, then delete those that are too many, then roll on."""
    owner = turn.owner
    start = start_of(owner)
    have = {ordinal_of(pod): pod for pod in turn.pods if in_range(owner, pod)}
    numbers = range(start, start + spec(owner).get("replicas", 1))
    replicas = [have.get(number) or _new_pod(turn, number) for number in numbers]
    condemned = sorted(
        (pod for pod in turn.pods if not in_range(owner, pod) and ordinal_of(pod) >= 0), key=ordinal_of, reverse=True
    )
    first = next((pod for pod in (*replicas, *reversed(condemned)) if turn.unavailable(pod)), None)
    for pod in replicas:
        if _replica(turn, pod) and turn.ordered:
            return
    for pod in condemned:
        turn.actions += entrust(owner, pod, turn.claims)
    for pod in condemned:
        if _condemned(turn, pod, first) and turn.ordered:
            return
    strategy = spec(owner).get("updateStrategy") or {}
    if strategy.get("type") != "OnDelete":
        _roll(turn, replicas, strategy.get("rollingUpdate") or {})


def _replica(turn: Turn, pod: Obj) -> bool:
    """Care for one wanted pod; whether the ordered ones after it have to wait."""
    if status(pod).get("phase") in ("Failed", "Succeeded"):
        if not is_deleting(pod):
            turn.actions.append(_delete(turn.owner, pod))
        return True
    if not exists(pod):
        return _create(turn, pod)
    if status(pod).get("phase", "Pending") == "Pending":
        turn.actions += missing(turn.owner, pod, turn.claims)
        turn.actions += entrust(turn.owner, pod, turn.claims)
    if turn.ordered and turn.unavailable(pod):
        return True
    _mend(turn, pod)
    return False


def _create(turn: Turn, pod: Obj) -> bool:
    owner = turn.owner
    if is_stale(owner, pod, turn.claims):
        return True
    turn.actions += missing(owner, pod, turn.claims)
    for name in going(owner, pod, turn.claims):
        text = f"Create Pod {name_of(pod)} in StatefulSet {name_of(owner)} failed error: pvc {name} is being deleted"
        turn.actions.append(Emit(owner, "Warning", "FailedCreate", text))
        return True
    turn.actions.append(Create(PODS, pod, announce=_announce("create", owner, pod)))
    return True


def _announce(verb: str, owner: Obj, pod: Obj) -> Announce:
    title = verb.capitalize()
    text = f"{title} Pod {name_of(pod)} in StatefulSet {name_of(owner)}"
    return Announce(
        owner, (f"Successful{title}", f"{text} successful"), (f"Failed{title}", f"{text} failed error: {{error}}")
    )


def _delete(owner: Obj, pod: Obj) -> Delete:
    ref = ObjectRef(PODS, namespace_of(pod), name_of(pod))
    return Delete(ref, uid_of(pod), announce=_announce("delete", owner, pod))


def _mend(turn: Turn, pod: Obj) -> None:
    """Put right the label with the name, the volumes and the claims' owners."""
    named = labels_of(pod).get(NAME_LABEL) == name_of(pod)
    stored = storage_matches(turn.owner, pod)
    if not stored:
        turn.actions += missing(turn.owner, pod, turn.claims)
    turn.actions += entrust(turn.owner, pod, turn.claims)
    if named and stored:
        return
    labels = {**labels_of(pod), NAME_LABEL: name_of(pod), INDEX_LABEL: str(ordinal_of(pod))}
    mounted = (
        spec(pod) if stored else {**spec(pod), "volumes": volumes(turn.owner, pod, spec(pod).get("volumes") or ())}
    )
    turn.actions.append(Update(PODS, {**pod, "metadata": {**pod["metadata"], "labels": labels}, "spec": mounted}))
    text = f"Update Pod {name_of(pod)} in StatefulSet {name_of(turn.owner)} successful"
    turn.actions.append(Emit(turn.owner, "Normal", "SuccessfulUpdate", text))


def _condemned(turn: Turn, pod: Obj, first: Obj | None) -> bool:
    """Delete one pod that is too many; whether those below it have to wait."""
    if is_deleting(pod):
        return True
    if turn.ordered and not turn.available(pod) and pod is not first:
        return True
    turn.actions.append(_delete(turn.owner, pod))
    return True


def _roll(turn: Turn, replicas: Sequence[Obj], rolling: Obj) -> None:
    """Replace older pods from the highest ordinal down to the partition, as many at once as may be unavailable."""
    most = rolling.get("maxUnavailable")
    lowest = rolling.get("partition") or 0
    if most is not None:
        room = max(1, scaled(most, len(replicas), up=False)) - sum(map(turn.unavailable, replicas))
        old = [pod for pod in replicas[lowest:] if _is_old(turn, pod)]
        for pod in reversed(old[max(0, len(old) - room) :] if room > 0 else ()):
            _replace(turn, pod)
        return
    for pod in reversed(replicas[lowest:]):
        if _is_old(turn, pod):
            _replace(turn, pod)
            return
        if turn.unavailable(pod):
            return


def _is_old(turn: Turn, pod: Obj) -> bool:
    return exists(pod) and revision_of(pod) != name_of(turn.update) and not is_deleting(pod)


def _replace(turn: Turn, pod: Obj) -> None:
    turn.actions.append(_delete(turn.owner, pod))
    turn.updated += 1


def _new_pod(turn: Turn, number: int) -> Obj:
    """The pod of that ordinal, from the older template while it is below what the update has reached."""
    owner = turn.owner
    strategy = spec(owner).get("updateStrategy") or {}
    rolling = strategy.get("rollingUpdate")
    if rolling is not None:
        older = number < start_of(owner) + (rolling.get("partition") or 0)
    else:
        current = status(owner).get("currentReplicas") or 0
        older = strategy.get("type") == "RollingUpdate" and number < start_of(owner) + current
    revision = turn.current if older else turn.update
    template = template_of(revision)
    meta = template.get("metadata") or {}
    name = f"{name_of(owner)}-{number}"
    labels = {NAME_LABEL: name, INDEX_LABEL: str(number), POD_LABEL: name_of(revision)}
    pod = {
        "metadata": {
            **{key: meta[key] for key in ("annotations", "finalizers") if key in meta},
            "name": name,
            "namespace": namespace_of(owner),
            "labels": {**(meta.get("labels") or {}), **labels},
            "ownerReferences": [reference_to(owner, SET)],
        }
    }
    inner = template.get("spec") or {}
    place = {"hostname": name, "subdomain": spec(owner).get("serviceName") or ""}
    mounted = volumes(owner, pod, inner.get("volumes") or ())
    made = {**inner, **{k: v for k, v in place.items() if v}, **({"volumes": mounted} if mounted else {})}
    return {**pod, "spec": made}


def counts(turn: Turn) -> dict[str, int]:
    """The status's numbers."""
    pods = [pod for pod in turn.pods if ordinal_of(pod) >= 0]
    staying = [pod for pod in pods if not is_deleting(pod)]
    running = [pod for pod in pods if status(pod).get("phase") == "Running" and is_ready(pod)]
    return {
        "replicas": len(pods),
        "readyReplicas": len(running),
        "availableReplicas": sum(map(turn.available, running)),
        "currentReplicas": sum(revision_of(pod) == name_of(turn.current) for pod in staying) - turn.updated,
        "updatedReplicas": sum(revision_of(pod) == name_of(turn.update) for pod in staying),
    }
