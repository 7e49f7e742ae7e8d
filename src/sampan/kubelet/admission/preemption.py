"""Which pods make room for a critical one: the fewest, with the smallest requests, the least guaranteed first. Pure.

The rules are upstream's (pkg/kubelet/preemption).
"""

from collections.abc import Mapping, Sequence

from sampan.api.json import Obj
from sampan.kubelet.admission.fit import Held, Short
from sampan.kubelet.podspec import is_critical, spec
from sampan.resources.strategies.qos import qos_class

REASON, MESSAGE = "Preempting", "Preempted in order to admit critical pod"
CONDITION = "Pod was preempted by Kubelet to accommodate a critical pod."
Need = Mapping[str, int]
"""How much of what has to become free."""


class NoVictims(Exception):
    """Nothing that may be ended would make enough room; the text is upstream's."""


def preemptable(preemptor: Obj, pod: Obj) -> bool:
    """Whether a pod may be ended for another one."""
    if is_critical(preemptor) and not is_critical(pod):
        return True
    mine, its = spec(preemptor).get("priority"), spec(pod).get("priority")
    return mine is not None and its is not None and int(mine) > int(its)


def victims(preemptor: Obj, pods: Sequence[Held], short: Sequence[Short]) -> list[Held]:
    """The pods to end. Raises NoVictims."""
    classes: dict[str, list[Held]] = {"BestEffort": [], "Burstable": [], "Guaranteed": []}
    for one in pods:
        if preemptable(preemptor, one.pod):
            classes[qos_class(spec(one.pod))].append(one)
    need: Need = {one.name: one.missing for one in short}
    best, burst, sure = classes.values()
    if left := _less(need, [*best, *burst, *sure]):
        raise NoVictims(_none(left))
    from_sure = _nearest(sure, _less(need, [*best, *burst]))
    from_burst = _nearest(burst, _less(need, [*best, *from_sure]))
    from_best = _nearest(best, _less(need, [*from_burst, *from_sure]))
    return [*from_best, *from_burst, *from_sure]


def _none(need: Need) -> str:
    shown = "".join(f"(res: {name}, q: {amount}), " for name, amount in need.items())
    return f"no set of running pods found to reclaim resources: [{shown}]"


def _of(one: Held, name: str) -> int:
    return 1 if name == "pods" else one.amounts.get(name) or 0


def _less(need: Need, pods: Sequence[Held]) -> Need:
    """What is still needed when these have gone."""
    left = {name: amount - sum(_of(one, name) for one in pods) for name, amount in need.items()}
    return {name: amount for name, amount in left.items() if amount > 0}


def _nearest(pods: Sequence[Held], need: Need) -> list[Held]:
    """Pods one by one, each the one that leaves the least to be freed; of equals the smaller."""
    left, chosen = list(pods), []
    while need:
        if not left:
            raise NoVictims(_none(need))
        best = 0
        for index, one in enumerate(left):
            mine, its = _distance(need, one), _distance(need, left[best])
            if mine < its or (mine == its and _size(one) <= _size(left[best])):
                best = index
        one = left[best]
        left[best] = left[-1]
        left.pop()
        chosen.append(one)
        need = _less(need, [one])
    return chosen


def _distance(need: Need, one: Held) -> float:
    """How much of what is needed the pod does not give, each resource weighed alike."""
    return sum((max(0, amount - _of(one, name)) / amount) ** 2 for name, amount in need.items())


def _size(one: Held) -> tuple[int, int]:
    return _of(one, "memory"), _of(one, "cpu")
