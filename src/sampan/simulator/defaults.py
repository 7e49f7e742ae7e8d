"""The stages that are built in: pods run at once, those of Jobs complete, deleted ones go."""

from sampan.simulator.paths import compile_path
from sampan.simulator.stage import Amount, Containers, Next, Operator, Requirement, Selector, Stage

COMPLETES_AFTER = "simulator.sampan.dev/completes-after"
"""A pod's annotation: a Go duration, how long it runs when it is a Job's."""


def _where(path: str, operator: Operator, *values: str) -> Requirement:
    return Requirement(compile_path(path), operator, frozenset(values))


def _pods(name: str, then: Next, *requirements: Requirement, delay: Amount | None = None) -> Stage:
    return Stage(name, "Pod", Selector(expressions=requirements), then, delay=delay or Amount())


ALIVE = _where(".metadata.deletionTimestamp", "DoesNotExist")
GOING = _where(".metadata.deletionTimestamp", "Exists")
BOUND = _where(".metadata.finalizers[]", "Exists")
FREE = _where(".metadata.finalizers[]", "DoesNotExist")
OVER = _where(".status.phase", "In", "Succeeded", "Failed")
NOT_OVER = _where(".status.phase", "NotIn", "Succeeded", "Failed")
DEFAULTS = (
    _pods(
        "pod-running", Next(pod=Containers("Running")), ALIVE, NOT_OVER, _where(".status.phase", "NotIn", "Running")
    ),
    _pods(
        "pod-complete", Next(pod=Containers("Succeeded")), ALIVE, _where(".status.phase", "In", "Running"),
        _where('.metadata.ownerReferences[] | select(.controller == true) | .kind', "In", "Job"),
        delay=Amount(1.0, compile_path(f'.metadata.annotations["{COMPLETES_AFTER}"]')),
    ),
    _pods("pod-stopped", Next(pod=Containers("Failed", 143)), GOING, BOUND, NOT_OVER),
    _pods(
        "pod-stopped-deleted", Next(delete=True), GOING, BOUND, OVER,
        _where(".metadata.deletionGracePeriodSeconds", "NotIn", "0"),
    ),
    _pods("pod-deleted", Next(delete=True), GOING, FREE),
)  # fmt: skip
"""What happens to pods when no stages are given. Nodes need none: they are registered ready and stay so."""
