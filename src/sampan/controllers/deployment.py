"""Roll a Deployment's pods over to its newest template, by way of ReplicaSets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sampan.api.json import Obj
from sampan.api.meta import annotations_of, controller_of, is_deleting, labels_of, name_of, namespace_of, uid_of
from sampan.api.names import GVK, Key, ObjectRef
from sampan.api.selectors import SelectorError, label_selector
from sampan.controllers.deployment_status import Rollout, complete, conditions_of, remaining, status_of
from sampan.controllers.names import is_active, short_hash, spec, status
from sampan.controllers.replicaset import selects
from sampan.controllers.rollout import Bounds, proportional, rollout
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import claim, owner_key, reference_to, self_key
from sampan.reconcile.plan import NOTHING, Action, Announce, Create, Delete, Emit, Patch, Plan, Requeue, Update
from sampan.resources.kinds import DEPLOYMENTS, PODS, REPLICASETS

GVK_ = GVK("apps", "v1", "Deployment")
OWNER = owner_key("apps", "Deployment")
HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
DESIRED, MAX = "deployment.kubernetes.io/desired-replicas", "deployment.kubernetes.io/max-replicas"
NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    "deployment.kubernetes.io/revision-history",
    DESIRED,
    MAX,
    "deprecated.deployment.rollback.to",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """The Deployment, the ReplicaSets it owns or could adopt, and its old pods (for Recreate)."""

    owner: Obj
    sets: tuple[Obj, ...]
    now: datetime
    old_pods: int = 0
    """Pods of older ReplicaSets that still hold their place."""
    namesake: Obj | None = None
    """A ReplicaSet that has the name which one for the newest template would get."""
    failure: str = ""
    """Why the last plan was given up: then this is only to be reported."""


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    owner = look.get(DEPLOYMENTS, *key)
    if owner is None:
        return None
    try:
        selector = label_selector(spec(owner).get("selector"))
    except SelectorError:
        return None
    sets = list(look.owned(REPLICASETS, uid_of(owner)))
    loose = look.list(REPLICASETS, key.namespace)
    sets += [rs for rs in loose if controller_of(rs) is None and selector.matches(labels_of(rs))]
    template = spec(owner).get("template") or {}
    old_pods = 0
    for candidate in sets:
        if not same_template(candidate, template):
            pods = look.owned(PODS, uid_of(candidate))
            old_pods += sum(status(pod).get("phase") not in ("Succeeded", "Failed") for pod in pods)
    namesake = look.get(REPLICASETS, key.namespace, new_name(owner))
    return Seen(owner, tuple(sets), now, old_pods, namesake, str(look.failure() or ""))


def template_hash(owner: Obj) -> str:
    """The hash of the template, another one after each collision."""
    template = spec(owner).get("template") or {}
    collisions = status(owner).get("collisionCount") or 0
    return short_hash([template, collisions] if collisions else template)


def new_name(owner: Obj) -> str:
    """The name of a ReplicaSet for the newest template."""
    return f"{name_of(owner)}-{template_hash(owner)}"


def same_template(replica_set: Obj, template: Obj) -> bool:
    """Whether a ReplicaSet was made from this template: equal but for the hash label."""
    theirs = spec(replica_set).get("template") or {}
    meta = theirs.get("metadata") or {}
    labels = {k: v for k, v in (meta.get("labels") or {}).items() if k != HASH}
    plain = {k: v for k, v in meta.items() if k not in ("labels", "creationTimestamp") and v is not None}
    ours = template.get("metadata") or {}
    own = {k: v for k, v in ours.items() if k not in ("labels", "creationTimestamp") and v is not None}
    return (labels, plain, theirs.get("spec")) == (ours.get("labels") or {}, own, template.get("spec"))


def revision(obj: Obj) -> int:
    """The revision annotation as a number."""
    try:
        return int(annotations_of(obj).get(REVISION, "0"))
    except ValueError:
        return 0


def decide(seen: Seen) -> Plan:
    """Adopt; then, unless it is going or paused, one step of the rollout; clean up; report."""
    owner = seen.owner
    selector = label_selector(spec(owner).get("selector"))
    claimed = claim(owner, GVK_, selector, REPLICASETS, seen.sets)
    if is_deleting(owner):
        return _report(seen, claimed.objects)
    sets = sorted(claimed.objects, key=lambda rs: (rs["metadata"].get("creationTimestamp") or "", name_of(rs)))
    template = spec(owner).get("template") or {}
    matching = [rs for rs in sets if same_template(rs, template)]
    new = matching[0] if matching else None
    old = [rs for rs in sets if rs is not new]
    if seen.failure:
        return _report(seen, sets, failure=_refusal(owner, seen.failure) if new is None else "")
    actions: list[Action] = list(claimed.actions)
    if spec(owner).get("paused"):
        return (*actions, *_resize(owner, new, old), *_clean_up(owner, old), *_report(seen, sets))
    if _is_resized(owner, sets):
        return (*actions, *_resize(owner, new, old), *_report(seen, sets))
    recreate = (spec(owner).get("strategy") or {}).get("type") == "Recreate"
    if recreate and _recreate_must_wait(seen, old):
        actions += [a for rs in old if spec(rs).get("replicas") for a in scale(owner, rs, 0)]
        return (*actions, *_report(seen, sets))
    if new is None:
        if seen.namesake is not None:
            return (*actions, _collision(owner))
        return (*actions, *_create(owner, old, recreate), *_report(seen, sets, created=new_name(owner)))
    actions += _renew(owner, new, old)
    if recreate:
        actions += scale(owner, new, spec(owner).get("replicas", 1))
    else:
        actions += _roll(owner, new, old)
    if complete(owner, status_of(owner, new, sets)):
        actions += _clean_up(owner, old)
    return (*actions, *_report(seen, sets))


def _refusal(owner: Obj, failure: str) -> str:
    return f'Failed to create new replica set "{new_name(owner)}": {failure}'


def _collision(owner: Obj) -> Action:
    """The name is taken by another template or another owner: count it, which makes another name."""
    count = (status(owner).get("collisionCount") or 0) + 1
    return Update(DEPLOYMENTS, {**owner, "status": {**status(owner), "collisionCount": count}}, "status")


def _recreate_must_wait(seen: Seen, old: Sequence[Obj]) -> bool:
    return any(spec(rs).get("replicas") for rs in old) or seen.old_pods > 0


def _bounds(owner: Obj) -> Bounds:
    return Bounds.of(spec(owner).get("replicas", 1), spec(owner).get("strategy") or {})


def _annotations(owner: Obj, number: int) -> dict[str, str]:
    copied = {k: v for k, v in annotations_of(owner).items() if k not in NOT_COPIED}
    bounds = _bounds(owner)
    return {**copied, REVISION: str(number), DESIRED: str(bounds.wanted), MAX: str(bounds.most)}


def _create(owner: Obj, old: Sequence[Obj], recreate: bool) -> list[Action]:
    """A ReplicaSet for a template that has none."""
    template = spec(owner).get("template") or {}
    code = template_hash(owner)
    meta = template.get("metadata") or {}
    labels = {**(meta.get("labels") or {}), HASH: code}
    selector = spec(owner).get("selector") or {}
    number = max((revision(rs) for rs in old), default=0) + 1
    bounds = _bounds(owner)
    there = sum(spec(rs).get("replicas", 0) for rs in old)
    size = bounds.wanted if recreate else max(0, min(bounds.wanted, bounds.most - there))
    name = f"{name_of(owner)}-{code}"
    replica_set = {
        "metadata": {
            "name": name,
            "namespace": namespace_of(owner),
            "labels": labels,
            "annotations": _annotations(owner, number),
            "ownerReferences": [reference_to(owner, GVK_)],
        },
        "spec": {
            **({"minReadySeconds": spec(owner)["minReadySeconds"]} if spec(owner).get("minReadySeconds") else {}),
            "replicas": size,
            "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), HASH: code}},
            "template": {**template, "metadata": {**meta, "labels": labels}},
        },
    }
    done = ("ScalingReplicaSet", f"Scaled up replica set {name} from 0 to {size}") if size else ("", "")
    announce = Announce(owner, done, ("ReplicaSetCreateError", f'Failed to create new replica set "{name}": {{error}}'))
    return [Create(REPLICASETS, replica_set, exists_ok=True, announce=announce), *_note_revision(owner, number)]


def _note_revision(owner: Obj, number: int) -> list[Action]:
    if revision(owner) == number:
        return []
    patch = {"metadata": {"annotations": {REVISION: str(number)}}}
    return [Patch(ObjectRef(DEPLOYMENTS, namespace_of(owner), name_of(owner)), patch, missing_ok=True)]


def _renew(owner: Obj, new: Obj, old: Sequence[Obj]) -> list[Action]:
    """The newest ReplicaSet has the highest revision and the Deployment's annotations."""
    number = max(revision(new), max((revision(rs) for rs in old), default=0) + 1)
    wanted = _annotations(owner, number)
    have = annotations_of(new)
    if revision(new) and revision(new) != number:
        history = [h for h in have.get("deployment.kubernetes.io/revision-history", "").split(",") if h]
        wanted["deployment.kubernetes.io/revision-history"] = ",".join([*history, str(revision(new))])
    patch: Obj = {}
    if any(have.get(k) != v for k, v in wanted.items()):
        patch["metadata"] = {"annotations": wanted}
    wait = spec(owner).get("minReadySeconds") or 0
    if (spec(new).get("minReadySeconds") or 0) != wait:
        patch["spec"] = {"minReadySeconds": wait}
    ref = ObjectRef(REPLICASETS, namespace_of(new), name_of(new))
    return [*([Patch(ref, patch)] if patch else []), *_note_revision(owner, number)]


def scale(owner: Obj, replica_set: Obj, size: int) -> list[Action]:
    """Set a ReplicaSet's size and say so; note for which size of the Deployment that was."""
    before = spec(replica_set).get("replicas", 0)
    bounds = _bounds(owner)
    notes = {DESIRED: str(bounds.wanted), MAX: str(bounds.most)}
    patch: Obj = {}
    if any(annotations_of(replica_set).get(key) != value for key, value in notes.items()):
        patch["metadata"] = {"annotations": notes}
    if before != size:
        patch["spec"] = {"replicas": size}
    if not patch:
        return []
    action = Patch(ObjectRef(REPLICASETS, namespace_of(replica_set), name_of(replica_set)), patch, missing_ok=True)
    if before == size:
        return [action]
    direction = "up" if size > before else "down"
    message = f"Scaled {direction} replica set {name_of(replica_set)} from {before} to {size}"
    return [action, Emit(owner, "Normal", "ScalingReplicaSet", message)]


def _roll(owner: Obj, new: Obj, old: Sequence[Obj]) -> list[Action]:
    sizes = rollout(_bounds(owner), new, old)
    by_name = {name_of(rs): rs for rs in (new, *old)}
    return [action for name, size in sizes.items() for action in scale(owner, by_name[name], size)]


def _noted(replica_set: Obj, annotation: str) -> int | None:
    """A number that was noted when the ReplicaSet was last sized."""
    text = annotations_of(replica_set).get(annotation)
    return int(text) if text and text.isdigit() else None


def _is_resized(owner: Obj, sets: Sequence[Obj]) -> bool:
    """Whether the Deployment asks for another size than when its ReplicaSets were last sized."""
    wanted = spec(owner).get("replicas", 1)
    return any(_noted(rs, DESIRED) not in (None, wanted) for rs in sets if spec(rs).get("replicas"))


def _resize(owner: Obj, new: Obj | None, old: Sequence[Obj]) -> list[Action]:
    """Grow or shrink without rolling: the only one, or the finished one, or all in proportion."""
    everything = [*old, *([new] if new else [])]
    alive = [rs for rs in everything if spec(rs).get("replicas")]
    bounds = _bounds(owner)
    if len(alive) <= 1:
        target = alive[0] if alive else everything[-1] if everything else None
        return scale(owner, target, bounds.wanted) if target is not None else []
    if new is not None and _is_saturated(new, bounds.wanted):
        return [action for rs in alive if rs is not new for action in scale(owner, rs, 0)]
    if (spec(owner).get("strategy") or {}).get("type") == "Recreate":
        return []
    sizes = proportional(bounds, alive, lambda rs: _noted(rs, MAX) or status(owner).get("replicas") or 0)
    return [action for rs in alive for action in scale(owner, rs, sizes[name_of(rs)])]


def _is_saturated(new: Obj, wanted: int) -> bool:
    """Whether the newest ReplicaSet has everything: asked for, noted, and available."""
    available = status(new).get("availableReplicas") or 0
    return bool(spec(new).get("replicas") == wanted and _noted(new, DESIRED) == wanted and available == wanted)


def _clean_up(owner: Obj, old: Sequence[Obj]) -> list[Action]:
    """Forget the oldest empty ReplicaSets beyond the history limit."""
    there = sorted((rs for rs in old if not is_deleting(rs)), key=revision)
    surplus = there[: max(0, len(there) - spec(owner).get("revisionHistoryLimit", 10))]
    empty = [
        rs for rs in surplus
        if not spec(rs).get("replicas") and not status(rs).get("replicas")
        and (status(rs).get("observedGeneration") or 0) >= (rs["metadata"].get("generation") or 0)
    ]  # fmt: skip
    return [Delete(ObjectRef(REPLICASETS, namespace_of(rs), name_of(rs)), uid_of(rs)) for rs in empty]


def _report(seen: Seen, sets: Sequence[Obj], *, created: str = "", failure: str = "") -> Plan:
    owner = seen.owner
    template = spec(owner).get("template") or {}
    new = next((rs for rs in sets if same_template(rs, template)), None)
    made = status_of(owner, new, sets)
    made["conditions"] = conditions_of(owner, Rollout(new, sets, created, failure), made, _bounds(owner), seen.now)
    made = {key: value for key, value in made.items() if value or key == "terminatingReplicas"}
    actions: list[Action] = []
    if made != status(owner):
        actions.append(Update(DEPLOYMENTS, {**owner, "status": made}, "status"))
    left = remaining(owner, made, seen.now)
    if left is not None:
        actions.append(Requeue(left))
    return tuple(actions) or NOTHING


def set_keys(look: Lookup, replica_set: Obj) -> Iterable[Key]:
    """The owner of a ReplicaSet; of an orphan, every Deployment that would adopt it."""
    if controller_of(replica_set) is not None:
        yield from OWNER(look, replica_set)
        return
    for owner in look.list(DEPLOYMENTS, namespace_of(replica_set)):
        if selects(owner, replica_set):
            yield Key(namespace_of(owner), name_of(owner))


def _of_pod(look: Lookup, pod: Obj) -> Sequence[Key]:
    """A pod that is over may be what a Recreate rollout waits for."""
    owner = controller_of(pod)
    if owner is None or owner["kind"] != "ReplicaSet" or is_active(pod):
        return ()
    replica_set = look.get(REPLICASETS, namespace_of(pod), owner["name"])
    above = controller_of(replica_set) if replica_set else None
    return (Key(namespace_of(pod), above["name"]),) if above else ()


CONTROLLER = Controller(
    "deployment-controller",
    watches=(
        Watches(DEPLOYMENTS, self_key),
        Watches(REPLICASETS, set_keys),
        Watches(PODS, _of_pod),
    ),
    observe=observe,
    decide=decide,
    reports_failures=True,
)
