"""Which of a DaemonSet's pods are made and deleted in a turn: one to each node, and the rolling update."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sampan.api.json import Obj
from sampan.api.meta import annotations_of, is_deleting, labels_of, name_of, namespace_of
from sampan.api.times import parse_time
from sampan.controllers.names import is_ready, spec, status
from sampan.controllers.node_fit import Fit
from sampan.controllers.replicaset import available
from sampan.controllers.revisions import POD_LABEL
from sampan.controllers.rollout import scaled
from sampan.reconcile.plan import Action, Emit

FAILURES = "daemonset.sampan.dev/failures-in-a-row"
"""On a pod that replaces a failed one: how many before it failed, each soon after the other."""
GENERATION = "deprecated.daemonset.template.generation"
LONGEST_WAIT = 900.0


@dataclass(frozen=True, slots=True)
class Place:
    """A node: whether pods belong there, and which are there or on their way."""

    node: str
    fit: Fit
    pods: Sequence[Obj]


@dataclass(frozen=True, slots=True)
class Step:
    """Pods to delete; nodes that get one, with how often it has failed there; what to say; when to look again."""

    delete: tuple[Obj, ...] = ()
    create: tuple[tuple[str, int], ...] = ()
    events: tuple[Action, ...] = ()
    waits: tuple[float, ...] = ()

    def __add__(self, other: "Step") -> "Step":
        return Step(
            self.delete + other.delete, self.create + other.create,
            self.events + other.events, self.waits + other.waits,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rules:
    """What a turn goes by."""

    owner: Obj
    hash: str
    """Of the newest template's revision."""
    now: datetime

    def is_new(self, pod: Obj) -> bool:
        """Made from the newest template."""
        generation = annotations_of(self.owner).get(GENERATION)
        labels = labels_of(pod)
        same = generation is not None and labels.get("pod-template-generation") == generation
        return same or labels.get(POD_LABEL) == self.hash

    def is_available(self, pod: Obj) -> bool:
        """Ready for long enough."""
        return available(pod, spec(self.owner).get("minReadySeconds", 0), self.now)

    @property
    def rolling(self) -> Obj:
        """The bounds of a rolling update; empty for OnDelete."""
        strategy = spec(self.owner).get("updateStrategy") or {}
        return (strategy.get("rollingUpdate") or {}) if strategy.get("type") == "RollingUpdate" else {}

    def surge(self, wanted: int) -> int:
        return scaled(self.rolling.get("maxSurge") or 0, wanted, up=True)


def seniority(pod: Obj) -> tuple[bool, str, str]:
    """Pods with a node first, then older ones."""
    return (not spec(pod).get("nodeName"), pod["metadata"].get("creationTimestamp") or "", name_of(pod))


def one_each(rules: Rules, places: Sequence[Place]) -> Step:
    """Every node that fits has its pod, and no more than that."""
    step = Step()
    for place in places:
        if place.fit.run and not place.pods:
            step += Step(create=((place.node, 0),))
        elif place.fit.stay:
            step += _stay(rules, place)
        else:
            step += Step(delete=tuple(pod for pod in place.pods if not is_deleting(pod)))
    return step


def _stay(rules: Rules, place: Place) -> Step:
    step, running = Step(), []
    failures = 0
    for pod in (pod for pod in place.pods if not is_deleting(pod)):
        if status(pod).get("phase") not in ("Failed", "Succeeded"):
            running.append(pod)
            continue
        ended, count = _ended(rules, pod, place.node)
        step, failures = step + ended, max(failures, count)
    if not running and len(step.delete) == len(place.pods) and place.fit.run:
        return step + Step(create=((place.node, failures),))
    running.sort(key=seniority)
    if not rules.surge(1):
        return step + Step(delete=tuple(running[1:]))
    if not running and place.fit.run and not step.waits:
        return step + Step(create=((place.node, failures),))
    return step + _surplus(rules, running)


def _ended(rules: Rules, pod: Obj, node: str) -> tuple[Step, int]:
    """A pod that ended is deleted; a failed one the later, the more often it has failed there."""
    place = f"{namespace_of(pod)}/{name_of(pod)} on node {node}"
    if status(pod).get("phase") == "Succeeded":
        text = f"Found succeeded daemon pod {place}, will try to delete it"
        return Step((pod,), events=(Emit(rules.owner, "Normal", "SucceededDaemonPod", text),)), 0
    made = parse_time(pod["metadata"]["creationTimestamp"])
    told = annotations_of(pod).get(FAILURES, "")
    before = int(told) if told.isdecimal() and rules.is_new(pod) else 0
    if rules.now - made > timedelta(seconds=2 * LONGEST_WAIT):
        before = 0
    wait = min(LONGEST_WAIT, 2.0 ** min(before - 1, 10)) if before else 0.0
    left = (made + timedelta(seconds=wait) - rules.now).total_seconds()
    if left > 0:
        return Step(waits=(left,)), 0
    text = f"Found failed daemon pod {place}, will try to kill it"
    return Step((pod,), events=(Emit(rules.owner, "Warning", "FailedDaemonPod", text),)), before + 1


def _surplus(rules: Rules, running: Sequence[Obj]) -> Step:
    """While surging, an old and a new pod share a node until the new one is available or the old one is not ready."""
    if len(running) <= 1:
        return Step()
    new = [pod for pod in running if labels_of(pod).get(POD_LABEL) == rules.hash]
    old = [pod for pod in running if labels_of(pod).get(POD_LABEL) != rules.hash]
    gone = [*new[1:], *old[1:]]
    if new and old and (not is_ready(old[0]) or rules.is_available(new[0])):
        gone.append(old[0])
    return Step(delete=tuple(gone))


def roll(rules: Rules, places: Sequence[Place]) -> Step:
    """One step of a rolling update, within maxUnavailable or maxSurge."""
    wanted = sum(place.fit.run for place in places)
    surge = rules.surge(wanted)
    unavailable = scaled(rules.rolling.get("maxUnavailable", 1), wanted, up=True)
    if wanted and not surge and not unavailable:
        unavailable = 1
    concerned = [place for place in places if place.fit.run or place.pods]
    return _surging(rules, concerned, surge, wanted) if surge else _replacing(rules, concerned, unavailable)


def _pair(rules: Rules, place: Place) -> tuple[list[Obj], list[Obj]]:
    """New pods and old pods that are there to stay."""
    staying = [pod for pod in place.pods if not is_deleting(pod)]
    return [p for p in staying if rules.is_new(p)], [p for p in staying if not rules.is_new(p)]


def _replacing(rules: Rules, places: Sequence[Place], most: int) -> Step:
    """Delete old pods: those that are not available anyway, then as many others as may be missing."""
    broken: list[Obj] = []
    candidates: list[Obj] = []
    missing = 0
    for place in places:
        new, old = _pair(rules, place)
        if len(old) == 1 and not new:
            if rules.is_available(old[0]):
                candidates.append(old[0])
            else:
                broken.append(old[0])
                missing += 1
        elif len(new) != 1 or old or not rules.is_available(new[0]):
            missing += 1
    return Step(delete=(*broken, *candidates[: max(0, most - missing)]))


def _surging(rules: Rules, places: Sequence[Place], most: int, wanted: int) -> Step:
    """Make new pods beside old ones; delete old ones whose successor is available."""
    gone: list[Obj] = []
    unwanted: list[Obj] = []
    due: list[str] = []
    candidates: list[str] = []
    surging = running = 0
    for place in places:
        new, old = _pair(rules, place)
        if len(new) > 1 or len(old) > 1:
            surging += 1
            continue
        lead = (old or new)[:1]
        running += sum(map(rules.is_available, lead))
        if not old:
            continue
        if new:
            if rules.is_available(new[0]):
                gone.append(old[0])
            else:
                surging += 1
        elif not place.fit.run:
            (unwanted if rules.is_available(old[0]) else gone).append(old[0])
        else:
            (candidates if rules.is_available(old[0]) else due).append(place.node)
    gone += unwanted[: max(0, running - wanted)]
    chosen = (*due, *candidates[: max(0, most - surging)])
    return Step(tuple(gone), tuple((node, 0) for node in chosen))


def counts(rules: Rules, places: Sequence[Place]) -> Mapping[str, int]:
    """The status's numbers."""
    wanted = [place for place in places if place.fit.run]
    leads = [min(place.pods, key=seniority) for place in wanted if place.pods]
    ready = [pod for pod in leads if is_ready(pod)]
    good = sum(map(rules.is_available, ready))
    return {
        "desiredNumberScheduled": len(wanted),
        "currentNumberScheduled": len(leads),
        "numberMisscheduled": sum(bool(place.pods) and not place.fit.run for place in places),
        "numberReady": len(ready),
        "updatedNumberScheduled": sum(map(rules.is_new, leads)),
        "numberAvailable": good,
        "numberUnavailable": len(wanted) - good,
    }
