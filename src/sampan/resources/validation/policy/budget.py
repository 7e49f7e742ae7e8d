"""What is wrong with a PodDisruptionBudget (policy validation: ValidatePodDisruptionBudget)."""

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, Shown, invalid, marshalled, not_negative, not_supported, spec_of
from sampan.resources.validation.conditions import check_conditions
from sampan.resources.validation.int_or_percent import check_int_or_percent, check_most_hundred
from sampan.resources.validation.labels import check_label_selector

EVICTION = ("AlwaysAllow", "IfHealthyBudget")
COUNTS = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")


def check_budget(obj: Obj) -> Errors:
    """A new budget."""
    return _spec(spec_of(obj), False)


def check_budget_update(new: Obj, old: Obj) -> Errors:
    """A changed one; its selector may keep values that no label can have."""
    return _spec(spec_of(new), bool(check_label_selector(spec_of(old).get("selector"), "")))


def _spec(spec: Obj, any_value: bool) -> Errors:
    least, most, selector = spec.get("minAvailable"), spec.get("maxUnavailable"), spec.get("selector")
    policy = spec.get("unhealthyPodEvictionPolicy")
    errors: Errors = []
    if least is not None and most is not None:
        seen = {
            "MinAvailable": least, "Selector": selector, "MaxUnavailable": most, "UnhealthyPodEvictionPolicy": policy,
        }  # fmt: skip
        errors.append(invalid("spec", Shown(marshalled(seen)), "minAvailable and maxUnavailable cannot be both set"))
    for name, value in (("minAvailable", least), ("maxUnavailable", most)):
        if value is not None:
            errors += check_int_or_percent(value, f"spec.{name}") + check_most_hundred(value, f"spec.{name}")
    errors += check_label_selector(selector, "spec.selector", any_value=any_value)
    if policy is not None and policy not in EVICTION:
        errors.append(not_supported("spec.unhealthyPodEvictionPolicy", policy, EVICTION))
    return errors


def check_budget_status(new: Obj, old: Obj) -> Errors:
    """Conditions and counts."""
    status = new.get("status") or {}
    errors = check_conditions(status.get("conditions") or (), "status.conditions")
    for name in COUNTS:
        errors += not_negative(f"status.{name}", status.get(name))
    return errors
