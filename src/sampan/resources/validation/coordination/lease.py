"""What is wrong with a Lease (coordination validation: ValidateLease)."""

from sampan.api.json import Obj
from sampan.api.meta import is_qualified_name
from sampan.resources.strategies.checks import Errors, Shown, forbidden, invalid, marshalled, not_among, spec_of

STRATEGIES = ("OldestEmulationVersion",)


def check_lease(obj: Obj) -> Errors:
    """Durations and the strategy of choosing a holder."""
    spec = spec_of(obj)
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    strategy = spec.get("strategy")
    errors: Errors = []
    if seconds is not None and seconds <= 0:
        errors.append(invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"))
    if transitions is not None and transitions < 0:
        errors.append(invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0"))
    if strategy is not None:
        errors += _strategy(strategy, "spec.strategy")
    if spec.get("preferredHolder") and not strategy:
        errors.append(forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined"))
    return errors


def _strategy(strategy: str, at: str) -> Errors:
    if "/" not in strategy:
        return [] if strategy in STRATEGIES else [not_among(f"{at}.strategy", strategy, STRATEGIES)]
    shown = Shown(marshalled(strategy))
    return [invalid(f"{at}.strategy", shown, text) for text in is_qualified_name(strategy)]
