"""Count how many pods each PodDisruptionBudget lets go; clear the marks of disruptions that never came."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sampan.api.json import Obj
from sampan.api.meta import condition, controller_of, is_deleting, labels_of, name_of, namespace_of, uid_of
from sampan.api.names import Key, ObjectRef, RestMapping, parse_api_version
from sampan.api.selectors import SelectorError, label_selector
from sampan.api.times import format_time, parse_time
from sampan.controllers.names import is_ready, spec, status
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import self_key
from sampan.reconcile.plan import NOTHING, Action, Ask, Emit, Plan, Requeue, Update
from sampan.resources.kinds import DEPLOYMENTS, PDBS, PODS, REPLICASETS, REPLICATIONCONTROLLERS, STATEFULSETS
from sampan.resources.strategies.disruption import is_condition_current, with_allowed_condition, with_condition

DELETION = timedelta(minutes=2)
"""An evicted pod that is not deleted by then is counted again."""
STALE = timedelta(minutes=2)
"""A DisruptionTarget condition of a pod that is not deleted by then is cleared."""
POD = "\0"
"""What the namespace of a key begins with that is a pod's and not a budget's."""
DISRUPTED = "DisruptionTarget"


class Scale(NamedTuple):
    """How many pods one owner wants."""

    uid: str
    replicas: int


Found = Scale | ObjectRef | str
"""What is known of a pod's owner: its scale, what must be asked to know it, or why it cannot be known."""


@dataclass(frozen=True, slots=True)
class Budget:
    """A budget, the pods that it selects, and of each pod that has an owner what is known of that (by pod name)."""

    budget: Obj
    pods: Sequence[Obj]
    owners: Mapping[str, Found]
    problem: str
    """Why its pods cannot be told."""
    now: datetime


@dataclass(frozen=True, slots=True)
class Marked:
    """A pod that several budgets select (their names), or that is marked as the target of a disruption."""

    pod: Obj
    budgets: Sequence[str]
    now: datetime


Seen = Budget | Marked


# ---- observe


def _selects(budget: Obj, pod: Obj) -> bool:
    selector = spec(budget).get("selector")
    try:
        return selector is not None and label_selector(selector).matches(labels_of(pod))
    except SelectorError:
        return False


def _budgets_of(look: Lookup, pod: Obj) -> list[str]:
    return sorted(name_of(budget) for budget in look.list(PDBS, namespace_of(pod)) if _selects(budget, pod))


def pod_keys(look: Lookup, pod: Obj) -> Iterable[Key]:
    """The budgets that select a pod; the pod itself if there is something to say about it."""
    namespace, names = namespace_of(pod), _budgets_of(look, pod)
    for name in names:
        yield Key(namespace, name)
    if len(names) > 1 or _may_be_stale(pod):
        yield Key(POD + namespace, name_of(pod))


def _may_be_stale(pod: Obj) -> bool:
    """Whether it is marked by others than its node, and lives on."""
    mark = condition(pod, DISRUPTED)
    if is_deleting(pod) or mark is None or mark.get("status") != "True":
        return False
    return mark.get("reason") != "TerminationByKubelet" and status(pod).get("phase") not in ("Succeeded", "Failed")


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    if key.namespace.startswith(POD):
        pod = look.get(PODS, key.namespace.removeprefix(POD), key.name)
        return None if pod is None else Marked(pod, _budgets_of(look, pod), now)
    budget = look.get(PDBS, key.namespace, key.name)
    if budget is None:
        return None
    selector = spec(budget).get("selector")
    try:
        matches = label_selector(selector).matches if selector is not None else lambda labels: False
    except SelectorError as error:
        return Budget(budget, (), {}, str(error), now)
    pods = [pod for pod in look.list(PODS, key.namespace) if matches(labels_of(pod))]
    owners: dict[str, Found] = {}
    if _needs_scale(budget):
        for pod in pods:
            owner = controller_of(pod)
            if owner is not None:
                owners[name_of(pod)] = _find(look, owner, pod)
    return Budget(budget, pods, owners, "", now)


def _needs_scale(budget: Obj) -> bool:
    wanted = spec(budget)
    return wanted.get("maxUnavailable") is not None or isinstance(wanted.get("minAvailable"), str)


def _find(look: Lookup, owner: Obj, pod: Obj) -> Found:
    """The scale of a pod's owner; of the Deployment above a ReplicaSet."""
    namespace, kind = namespace_of(pod), owner["kind"]
    group, _ = parse_api_version(owner["apiVersion"])
    known: RestMapping | None = {
        ("", "ReplicationController"): REPLICATIONCONTROLLERS,
        ("apps", "ReplicaSet"): REPLICASETS,
        ("extensions", "ReplicaSet"): REPLICASETS,
        ("apps", "StatefulSet"): STATEFULSETS,
    }.get((group, kind))
    obj = look.get(known, namespace, owner["name"]) if known is not None else None
    if obj is not None and uid_of(obj) == owner["uid"]:
        above = controller_of(obj) if known is REPLICASETS else None
        if above is None or above["kind"] != "Deployment":
            return Scale(uid_of(obj), spec(obj).get("replicas", 1))
        deployment = look.get(DEPLOYMENTS, namespace, above["name"])
        if deployment is not None and uid_of(deployment) == above["uid"]:
            return Scale(uid_of(deployment), spec(deployment).get("replicas", 1))
    return _find_live(look, owner, pod)


def _find_live(look: Lookup, owner: Obj, pod: Obj) -> Found:
    """By the scale subresource, which custom kinds may have."""
    group = parse_api_version(owner["apiVersion"])[0]
    mapping = next((one for one in look.mappings() if (one.group, one.kind) == (group, owner["kind"])), None)
    if mapping is None:
        return f'no matches for kind "{owner["kind"]}" in version "{owner["apiVersion"]}"'
    whole = ObjectRef(mapping, namespace_of(pod), owner["name"])
    ref = whole._replace(mapping=mapping._replace(kind="Scale"), name=f"{owner['name']}/scale")
    if not look.asked(ref):
        return ref
    scale = look.live(ref)
    if scale is not None and uid_of(scale) == owner["uid"]:
        return Scale(uid_of(scale), spec(scale).get("replicas") or 0)
    if scale is None and not look.asked(whole):
        return whole
    if scale is None and look.live(whole) is not None:
        name = f"{mapping.plural}.{group}" if group else mapping.plural
        return f"{name} does not implement the scale subresource"
    return f'found no controllers for pod "{name_of(pod)}"'


# ---- decide


def decide(seen: Seen) -> Plan:
    if isinstance(seen, Marked):
        return (*_several(seen), *_clear(seen))
    asks = {found for found in seen.owners.values() if isinstance(found, ObjectRef)}
    if asks:
        return tuple(Ask(ref) for ref in sorted(asks, key=lambda ref: ref.name))
    budget = seen.budget
    if seen.problem:
        told = Emit(budget, "Warning", "NoPods", f"Failed to get pods: {seen.problem}")
        return (told, *_fail(seen, seen.problem))
    told_none = () if seen.pods else (Emit(budget, "Normal", "NoPods", "No matching pods found"),)
    problem = next((found for found in seen.owners.values() if isinstance(found, str)), None)
    if problem is not None:
        text = f"Failed to calculate the number of expected pods: {problem}"
        return (*told_none, Emit(budget, "Warning", "CalculateExpectedPodCountFailed", text), *_fail(seen, problem))
    return (*told_none, *_unmanaged(seen), *_count(seen))


def _unmanaged(seen: Budget) -> Plan:
    if not _needs_scale(seen.budget) or len(seen.owners) == len(seen.pods):
        return NOTHING
    selector = _shown(spec(seen.budget)["selector"])
    text = (
        f"Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be unmanaged. "
        "As a result, the status of the PDB cannot be calculated correctly, which may result in undefined "
        'behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.'
    )
    return (Emit(seen.budget, "Warning", "UnmanagedPods", text),)


def _shown(selector: Obj) -> str:
    """A selector as Go prints the message."""
    labels = "".join(f"{key}: {value}," for key, value in sorted((selector.get("matchLabels") or {}).items()))
    rules = "".join(
        f"LabelSelectorRequirement{{Key:{rule['key']},Operator:{rule['operator']},"
        f"Values:[{' '.join(rule.get('values') or ())}],}},"
        for rule in selector.get("matchExpressions") or ()
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{rules}}},}}"
    )


def _expected(seen: Budget) -> tuple[int, int]:
    """How many pods there should be, and how many of them healthy."""
    wanted = spec(seen.budget)
    total = sum(dict(found for found in seen.owners.values() if isinstance(found, Scale)).values())
    if wanted.get("maxUnavailable") is not None:
        return total, max(0, total - _scaled(wanted["maxUnavailable"], total))
    least = wanted.get("minAvailable")
    if isinstance(least, str):
        return total, _scaled(least, total)
    return (0, 0) if least is None else (len(seen.pods), least)


def _scaled(value: int | str, total: int) -> int:
    """A number, or a percentage of the total, rounded up."""
    return value if isinstance(value, int) else -(-total * int(value.removesuffix("%")) // 100)


def _count(seen: Budget) -> Plan:
    before, now = status(seen.budget), seen.now
    generation = seen.budget["metadata"].get("generation") or 0
    expected, desired = _expected(seen)
    disrupted, told, again = _disrupted(seen)
    healthy = sum(not is_deleting(pod) and name_of(pod) not in disrupted and is_ready(pod) for pod in seen.pods)
    allowed = max(0, healthy - desired) if expected > 0 else 0
    made: Obj = {"observedGeneration": generation} if generation else {}
    if disrupted:
        made["disruptedPods"] = disrupted
    made |= {
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
    }
    keys = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
    same = all((before.get(key) or 0) == made[key] for key in keys) and (before.get("disruptedPods") or {}) == disrupted
    later: Plan = () if again is None else (Requeue((again - now).total_seconds()),)
    if same and is_condition_current(before, generation):
        return (*told, *later)
    made = with_allowed_condition({**made, "conditions": before.get("conditions") or []}, format_time(now))
    return (*told, Update(PDBS, {**seen.budget, "status": made}, "status"), *later)


def _disrupted(seen: Budget) -> tuple[Obj, Plan, datetime | None]:
    """The evicted pods whose deletion is still awaited, what to say of others, and when to look again."""
    known = status(seen.budget).get("disruptedPods") or {}
    kept: Obj = {}
    told: list[Action] = []
    ends: list[datetime] = []
    for pod in seen.pods if known else ():
        at = known.get(name_of(pod))
        if at is None or is_deleting(pod):
            continue
        end = parse_time(at) + DELETION
        if end < seen.now:
            place = namespace_of(seen.budget)
            text = f"Pod was expected by PDB {place}/{place} to be deleted but it wasn't"
            told.append(Emit(pod, "Warning", "NotDeleted", text))
        else:
            kept[name_of(pod)] = at
            ends.append(end)
    return kept, tuple(told), min(ends, default=None)


def _fail(seen: Budget, problem: str) -> Plan:
    """Allow nothing while it cannot be counted."""
    before = status(seen.budget)
    wanted = {"status": "False", "reason": "SyncFailed", "message": problem}
    made = with_condition({**before, "disruptionsAllowed": 0}, wanted, format_time(seen.now))
    return () if made == before else (Update(PDBS, {**seen.budget, "status": made}, "status"),)


def _several(seen: Marked) -> Plan:
    if len(seen.budgets) < 2:
        return NOTHING
    names = f'"{namespace_of(seen.pod)}"/"{name_of(seen.pod)}"'
    text = f'Pod {names} matches multiple PodDisruptionBudgets.  Chose "{seen.budgets[0]}" arbitrarily.'
    return (Emit(seen.pod, "Warning", "MultiplePodDisruptionBudgets", text),)


def _clear(seen: Marked) -> Plan:
    """The mark of a disruption that did not come becomes False."""
    pod, mark = seen.pod, condition(seen.pod, DISRUPTED)
    if mark is None or not _may_be_stale(pod):
        return NOTHING
    left = (parse_time(mark["lastTransitionTime"]) + STALE - seen.now).total_seconds()
    if left > 0:
        return (Requeue(left),)
    made: Obj = {"type": DISRUPTED, "observedGeneration": pod["metadata"].get("generation") or 0, "status": "False"}
    made |= {"lastProbeTime": None, "lastTransitionTime": format_time(seen.now)}
    conditions = [made if one is mark else one for one in status(pod)["conditions"]]
    return (Update(PODS, {**pod, "status": {**status(pod), "conditions": conditions}}, "status"),)


CONTROLLER = Controller(
    "disruption-controller",
    component="controllermanager",
    watches=(Watches(PDBS, self_key), Watches(PODS, pod_keys)),
    observe=observe,
    decide=decide,
    reads=(REPLICATIONCONTROLLERS, REPLICASETS, DEPLOYMENTS, STATEFULSETS),
)
