"""Roll a Deployment's pods over to its newest template, by way of ReplicaSets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sampan.api.json import Obj
from sampan.api.meta import controller_of, is_deleting, labels_of, name_of, namespace_of, uid_of
from sampan.api.names import Key
from sampan.api.selectors import SelectorError, label_selector
from sampan.controllers.deployment_sets import (
    DESIRED,
    GVK_,
    MAX,
    bounds_of,
    clean_up,
    create,
    new_name,
    noted,
    renew,
    same_template,
    scale,
)
from sampan.controllers.deployment_status import Rollout, complete, conditions_of, remaining, status_of
from sampan.controllers.names import is_active, spec, status
from sampan.controllers.replicaset import selects
from sampan.controllers.rollout import proportional, rollout
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import claim, owner_key, self_key
from sampan.reconcile.plan import NOTHING, Action, Plan, Requeue, Update
from sampan.resources.kinds import DEPLOYMENTS, PODS, REPLICASETS

OWNER = owner_key("apps", "Deployment")


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
        return (*actions, *_resize(owner, new, old), *clean_up(owner, old), *_report(seen, sets))
    if _is_resized(owner, sets):
        return (*actions, *_resize(owner, new, old), *_report(seen, sets))
    recreate = (spec(owner).get("strategy") or {}).get("type") == "Recreate"
    if recreate and _recreate_must_wait(seen, old):
        actions += [a for rs in old if spec(rs).get("replicas") for a in scale(owner, rs, 0)]
        return (*actions, *_report(seen, sets))
    if new is None:
        if seen.namesake is not None:
            return (*actions, _collision(owner))
        return (*actions, *create(owner, old, recreate), *_report(seen, sets, created=new_name(owner)))
    actions += renew(owner, new, old)
    if recreate:
        actions += scale(owner, new, spec(owner).get("replicas", 1))
    else:
        actions += _roll(owner, new, old)
    if complete(owner, status_of(owner, new, sets)):
        actions += clean_up(owner, old)
    return (*actions, *_report(seen, sets))


def _refusal(owner: Obj, failure: str) -> str:
    return f'Failed to create new replica set "{new_name(owner)}": {failure}'


def _collision(owner: Obj) -> Action:
    """The name is taken by another template or another owner: count it, which makes another name."""
    count = (status(owner).get("collisionCount") or 0) + 1
    return Update(DEPLOYMENTS, {**owner, "status": {**status(owner), "collisionCount": count}}, "status")


def _recreate_must_wait(seen: Seen, old: Sequence[Obj]) -> bool:
    return any(spec(rs).get("replicas") for rs in old) or seen.old_pods > 0


def _roll(owner: Obj, new: Obj, old: Sequence[Obj]) -> list[Action]:
    sizes = rollout(bounds_of(owner), new, old)
    by_name = {name_of(rs): rs for rs in (new, *old)}
    return [action for name, size in sizes.items() for action in scale(owner, by_name[name], size)]


def _is_resized(owner: Obj, sets: Sequence[Obj]) -> bool:
    """Whether the Deployment asks for another size than when its ReplicaSets were last sized."""
    wanted = spec(owner).get("replicas", 1)
    return any(noted(rs, DESIRED) not in (None, wanted) for rs in sets if spec(rs).get("replicas"))


def _resize(owner: Obj, new: Obj | None, old: Sequence[Obj]) -> list[Action]:
    """Grow or shrink without rolling: the only one, or the finished one, or all in proportion."""
    everything = [*old, *([new] if new else [])]
    alive = [rs for rs in everything if spec(rs).get("replicas")]
    bounds = bounds_of(owner)
    if len(alive) <= 1:
        target = alive[0] if alive else everything[-1] if everything else None
        return scale(owner, target, bounds.wanted) if target is not None else []
    if new is not None and _is_saturated(new, bounds.wanted):
        return [action for rs in alive if rs is not new for action in scale(owner, rs, 0)]
    if (spec(owner).get("strategy") or {}).get("type") == "Recreate":
        return []
    sizes = proportional(bounds, alive, lambda rs: noted(rs, MAX) or status(owner).get("replicas") or 0)
    return [action for rs in alive for action in scale(owner, rs, sizes[name_of(rs)])]


def _is_saturated(new: Obj, wanted: int) -> bool:
    """Whether the newest ReplicaSet has everything: asked for, noted, and available."""
    available = status(new).get("availableReplicas") or 0
    return bool(spec(new).get("replicas") == wanted and noted(new, DESIRED) == wanted and available == wanted)


def _report(seen: Seen, sets: Sequence[Obj], *, created: str = "", failure: str = "") -> Plan:
    owner = seen.owner
    template = spec(owner).get("template") or {}
    new = next((rs for rs in sets if same_template(rs, template)), None)
    made = status_of(owner, new, sets)
    made["conditions"] = conditions_of(owner, Rollout(new, sets, created, failure), made, bounds_of(owner), seen.now)
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
