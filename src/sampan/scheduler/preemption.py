"""Which pods are evicted so that a more important one fits: upstream's DefaultPreemption plugin."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from sampan.api.json import Obj
from sampan.api.meta import condition
from sampan.api.times import parse_time
from sampan.scheduler.decide import Profile, Recall, States, Trial, histogram, shifted
from sampan.scheduler.framework import Reasons, Rejected, Unschedulable
from sampan.scheduler.pod import PodInfo
from sampan.scheduler.snapshot import NodeInfo, Snapshot
from sampan.scheduler.terms import selector_of

NO_VICTIMS: Reasons = ("No preemption victims found for incoming pod",)
NOT_HELPFUL: Reasons = ("Preemption is not helpful for scheduling",)
NEVER = "not eligible due to preemptionPolicy=Never."
WAITING = "not eligible due to a terminating pod on the nominated node."
BY_SCHEDULER = "PreemptionByScheduler"


@dataclass(frozen=True, slots=True)
class Eviction:
    """The node that gets room for the pod, and the pods that must go, most important first."""

    node: str
    victims: tuple[PodInfo, ...]
    violations: int = 0
    """So many of them are protected by a PodDisruptionBudget that allows no more."""


def preempt(pod: PodInfo, snapshot: Snapshot, profile: Profile, answer: Unschedulable, offset: int) -> Eviction | str:
    """How room is made for a pod that no node has; or why none is made, as the end of upstream's message.

    `offset`: which of the nodes that may be mended is tried first.
    """
    found = evictions(pod, snapshot, profile, answer, offset)
    return found if isinstance(found, str) else best_of(found)


def evictions(
    pod: PodInfo, snapshot: Snapshot, profile: Profile, answer: Unschedulable, offset: int
) -> list[Eviction] | str:
    """The ways to make room that are found, one at least; or why none is made."""
    if reason := not_eligible(pod, snapshot, answer):
        return reason
    total = len(snapshot.nodes)
    helpless = [NOT_HELPFUL] * (total - len(answer.mendable))
    if not answer.mendable:
        return histogram(total, helpless)
    try:
        trial = Trial(pod, snapshot, profile, Recall())
    except Rejected:
        return histogram(total, [NOT_HELPFUL] * total)
    budgets = tuple(snapshot.neighbours.budgets())
    count = len(answer.mendable)
    percent, least = profile.candidates
    wanted = min(count, max(least, count * percent // 100))
    found: list[Eviction] = []
    said: list[Reasons] = []
    for index in range(count):
        node = snapshot.nodes[answer.mendable[(offset + index) % count]]
        made = victims_on(trial, node, budgets)
        if isinstance(made, Eviction):
            found.append(made)
            if len(found) >= wanted and not all(one.violations for one in found):
                break
        else:
            said.append(made)
    return found or histogram(total, helpless + said)


def not_eligible(pod: PodInfo, snapshot: Snapshot, answer: Unschedulable) -> str:
    """Why the pod may not evict others; empty if it may."""
    if pod.obj["spec"].get("preemptionPolicy") == "Never":
        return NEVER
    node = snapshot.nodes.get(pod.nominated)
    if node is None or node.name not in answer.mendable:
        return ""
    awaited = any(other.priority < pod.priority and is_preempted(other) for other in node.pods.values())
    return WAITING if awaited else ""


def is_preempted(pod: PodInfo) -> bool:
    """Whether the scheduler has told it to go, and it is going."""
    said = condition(pod.obj, "DisruptionTarget") if pod.going else None
    return said is not None and said.get("status") == "True" and said.get("reason") == BY_SCHEDULER


def victims_on(trial: Trial, node: NodeInfo, budgets: Sequence[Obj]) -> Eviction | Reasons:
    """The fewest pods that must leave the node for the pod to fit; or why that does not help."""
    lower = [other for other in node.pods.values() if other.priority < trial.pod.priority]
    if not lower:
        return NO_VICTIMS
    others: States = trial.others
    for victim in lower:
        others = shifted(others, victim, node, -1)
        node = node.without_pod(victim.key)
    if why := trial.judge(node, others):
        return why
    violating, rest = by_budgets(sorted(lower, key=importance), budgets)
    chosen: list[PodInfo] = []
    violations = 0
    for victim, protected in (*((v, True) for v in violating), *((v, False) for v in rest)):
        back, with_it = node.with_pod(victim), shifted(others, victim, node, 1)
        if trial.judge(back, with_it):
            chosen.append(victim)
            violations += protected
        else:
            node, others = back, with_it
    return Eviction(node.name, tuple(sorted(chosen, key=importance)), violations) if chosen else NO_VICTIMS


def importance(pod: PodInfo) -> tuple[int, float]:
    """Sorts pods with the most important one first: by priority, then by how long they have run."""
    started = (pod.obj.get("status") or {}).get("startTime")
    return -pod.priority, _seconds(started)


def _seconds(time: str | None) -> float:
    return parse_time(time).timestamp() if time else inf


def by_budgets(pods: Iterable[PodInfo], budgets: Sequence[Obj]) -> tuple[list[PodInfo], list[PodInfo]]:
    """Those whose eviction a PodDisruptionBudget does not allow any more, and the others; in the given order."""
    allowed = [(budget.get("status") or {}).get("disruptionsAllowed", 0) for budget in budgets]
    selectors = [selector_of((budget.get("spec") or {}).get("selector")) for budget in budgets]
    violating: list[PodInfo] = []
    rest: list[PodInfo] = []
    for pod in pods:
        violates = False
        for index, budget in enumerate(budgets):
            if budget["metadata"]["namespace"] != pod.namespace or not pod.labels:
                continue
            if not selectors[index] or not selectors[index].matches(pod.labels):
                continue
            disrupted: Mapping[str, str] = (budget.get("status") or {}).get("disruptedPods") or {}
            if pod.name in disrupted:
                continue
            allowed[index] -= 1
            if allowed[index] < 0:
                violates = True
                break
        (violating if violates else rest).append(pod)
    return violating, rest


def best_of(found: Sequence[Eviction]) -> Eviction:
    """Fewest broken budgets, then the least important victims, then few, then those that have run the shortest."""

    def cost(one: Eviction) -> tuple[int, int, int, int, float]:
        highest = one.victims[0].priority
        earliest = min(importance(victim)[1] for victim in one.victims if victim.priority == highest)
        total = sum(victim.priority + 2**31 for victim in one.victims)
        return one.violations, highest, total, len(one.victims), -earliest

    return min(found, key=cost)
