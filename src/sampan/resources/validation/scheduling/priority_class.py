"""What is wrong with PriorityClasses, and what of them may change (scheduling validation)."""

from typing import Final

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, forbidden, immutable, not_among, required

HIGHEST: Final = 1_000_000_000
RESERVED: Final = "system-"
SYSTEM: Final = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}
POLICIES: Final = ("PreemptLowerPriority", "Never")


def check_priority_class(obj: Obj) -> Errors:
    """A new class: its value, its name if that is reserved, its policy."""
    name, value = (obj.get("metadata") or {}).get("name") or "", obj.get("value") or 0
    errors: Errors = []
    if name.startswith(RESERVED):
        if problem := _system_problem(name, value, bool(obj.get("globalDefault"))):
            why = f"priority class names with '{RESERVED}' prefix are reserved for system use only. error: {problem}"
            errors.append(forbidden("metadata.name", why))
    elif value > HIGHEST:
        errors.append(forbidden("value", f"maximum allowed value of a user defined priority is {HIGHEST}"))
    policy = obj.get("preemptionPolicy")
    if policy is not None and policy not in POLICIES:
        at = "preemptionPolicy"
        errors.append(not_among(at, policy, POLICIES) if policy else required(at))
    return errors


def _system_problem(name: str, value: int, default: bool) -> str:
    if name not in SYSTEM:
        return f"{name} is not a known system priority class"
    if value != SYSTEM[name]:
        return f"value of {name} PriorityClass must be {SYSTEM[name]}"
    return f"globalDefault of {name} PriorityClass must be false" if default else ""


def check_priority_class_update(new: Obj, old: Obj) -> Errors:
    """Value and policy stay what they were."""
    errors: Errors = []
    if (new.get("value") or 0) != (old.get("value") or 0):
        errors.append(forbidden("value", "may not be changed in an update."))
    return errors + immutable("preemptionPolicy", new.get("preemptionPolicy"), old.get("preemptionPolicy"))
