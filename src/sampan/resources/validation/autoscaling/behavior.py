"""What is wrong with the behavior of autoscalers (autoscaling validation: validateBehavior)."""

from sampan.api.json import Obj
from sampan.api.quantity import canonical, number
from sampan.resources.strategies.checks import Errors, invalid, not_supported, required

LONGEST_WINDOW, LONGEST_PERIOD = 3600, 1800
SELECT, POLICIES = ("Disabled", "Max", "Min"), ("Percent", "Pods")


def check_behavior(behavior: Obj, at: str) -> Errors:
    """How fast it may scale up and down."""
    errors: Errors = []
    for key in ("scaleUp", "scaleDown"):
        rules = behavior.get(key)
        if rules is not None:
            errors += _rules(rules, f"{at}.{key}")
    return errors


def _rules(rules: Obj, at: str) -> Errors:
    window, select, tolerance = (
        rules.get("stabilizationWindowSeconds"),
        rules.get("selectPolicy"),
        rules.get("tolerance"),
    )
    policies = rules.get("policies") or ()
    errors: Errors = []
    if window is not None and window < 0:
        errors.append(invalid(f"{at}.stabilizationWindowSeconds", window, "must be greater than or equal to zero"))
    if window is not None and window > LONGEST_WINDOW:
        why = f"must be less than or equal to {LONGEST_WINDOW}"
        errors.append(invalid(f"{at}.stabilizationWindowSeconds", window, why))
    if select is not None and select not in SELECT:
        errors.append(not_supported(f"{at}.selectPolicy", select, SELECT))
    if not policies:
        errors.append(required(f"{at}.policies", "must specify at least one Policy"))
    for index, policy in enumerate(policies):
        errors += _policy(policy, f"{at}.policies[{index}]")
    if tolerance is not None and number(tolerance) < 0:
        why = "must be greater than or equal to 0"
        errors.append(invalid(f"{at}.tolerance", canonical(str(tolerance)), why))
    return errors


def _policy(policy: Obj, at: str) -> Errors:
    kind, value, period = policy.get("type") or "", policy.get("value") or 0, policy.get("periodSeconds") or 0
    errors: Errors = [] if kind in POLICIES else [not_supported(f"{at}.type", kind, POLICIES)]
    if value <= 0:
        errors.append(invalid(f"{at}.value", value, "must be greater than zero"))
    if period <= 0:
        errors.append(invalid(f"{at}.periodSeconds", period, "must be greater than zero"))
    if period > LONGEST_PERIOD:
        errors.append(invalid(f"{at}.periodSeconds", period, f"must be less than or equal to {LONGEST_PERIOD}"))
    return errors
