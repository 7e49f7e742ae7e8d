"""What is wrong with the restart and resize policies of containers (core validation; KEP-5307, KEP-1287)."""

from collections.abc import Iterable

from sampan.api.json import Obj
from sampan.resources.strategies.checks import (
    Errors,
    duplicate,
    invalid,
    named,
    not_supported,
    required,
    too_many,
)

POLICIES = ("Always", "Never", "OnFailure")
ACTIONS, OPERATORS = ("Restart", "RestartAllContainers"), ("In", "NotIn")
RESIZED, RESIZING = ("cpu", "memory"), ("NotRequired", "RestartContainer")
MOST_RULES, MOST_CODES = 20, 255


def check_restart_policy(container: Obj, at: str, *, init: bool = False) -> Errors:
    """A container's own restart policy and its rules for exit codes; `init`: it is an init container."""
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or ()
    errors: Errors = []
    if policy is None:
        if not rules:
            return errors
        errors.append(required(f"{at}.restartPolicy", "must specify restartPolicy when restart rules are used"))
        if init:
            return errors
    elif policy not in POLICIES:
        errors.append(not_supported(f"{at}.restartPolicy", policy, POLICIES))
    if len(rules) > MOST_RULES:
        errors.append(too_many(f"{at}.restartPolicyRules", len(rules), MOST_RULES))
    for index, rule in enumerate(rules):
        errors += _rule(rule, f"{at}.restartPolicyRules[{index}]")
    return errors


def _rule(rule: Obj, at: str) -> Errors:
    action, codes = rule.get("action") or "", rule.get("exitCodes")
    errors: Errors = [] if action in ACTIONS else [not_supported(f"{at}.action", action, ACTIONS)]
    if codes is None:
        return [*errors, required(f"{at}.exitCodes", "must be specified")]
    operator, values = codes.get("operator") or "", codes.get("values") or ()
    if operator not in OPERATORS:
        errors.append(not_supported(f"{at}.exitCodes.operator", operator, OPERATORS))
    if len(values) > MOST_CODES:
        errors.append(too_many(f"{at}.exitCodes.values", len(values), MOST_CODES))
    return errors


def check_resize_policy(policies: Iterable[Obj], at: str, pod_restart: str) -> Errors:
    """What a change of a resource means to a container; `pod_restart` is the pod's policy."""
    errors: Errors = []
    seen: set[str] = set()
    for index, policy in enumerate(policies):
        name, restart = policy.get("resourceName") or "", policy.get("restartPolicy") or ""
        if name in seen:
            errors.append(duplicate(f"{at}[{index}]", named(name)))
        seen.add(name)
        for value, choices in ((name, RESIZED), (restart, RESIZING)):
            if value not in choices:
                errors.append(not_supported(at, value, choices) if value else required(at))
        if pod_restart == "Never" and restart != "NotRequired":
            why = "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
            errors.append(invalid(at, named(restart), why))
    return errors
