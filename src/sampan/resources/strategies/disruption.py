"""The DisruptionAllowed condition of PodDisruptionBudgets (component-helpers: apps/poddisruptionbudget)."""

from sampan.api.json import Obj

ALLOWED = "DisruptionAllowed"


def with_condition(status: Obj, wanted: Obj, now: str) -> Obj:
    """A budget's status with its condition as wanted (status, reason, message); the time moves with its status."""
    conditions = list(status.get("conditions") or ())
    at = next((n for n, one in enumerate(conditions) if one.get("type") == ALLOWED), len(conditions))
    before = conditions[at] if at < len(conditions) else {}
    made: Obj = {"type": ALLOWED, "status": wanted["status"]}
    if status.get("observedGeneration"):
        made["observedGeneration"] = status["observedGeneration"]
    same = before.get("status") == wanted["status"]
    made["lastTransitionTime"] = (before.get("lastTransitionTime") if same else None) or now
    made |= {"reason": wanted["reason"], "message": wanted.get("message") or ""}
    conditions[at : at + 1] = [made]
    return {**status, "conditions": conditions}


def with_allowed_condition(status: Obj, now: str) -> Obj:
    """With the condition that follows from disruptionsAllowed."""
    if (status.get("disruptionsAllowed") or 0) > 0:
        return with_condition(status, {"status": "True", "reason": "SufficientPods"}, now)
    return with_condition(status, {"status": "False", "reason": "InsufficientPods"}, now)


def is_condition_current(status: Obj, generation: int) -> bool:
    """Whether the condition says what disruptionsAllowed does, of this generation."""
    found = next((one for one in status.get("conditions") or () if one.get("type") == ALLOWED), None)
    if found is None or (status.get("observedGeneration") or 0) != generation:
        return False
    enough = (status.get("disruptionsAllowed") or 0) > 0
    wanted = ("True", "SufficientPods") if enough else ("False", "InsufficientPods")
    return (found.get("status"), found.get("reason")) == wanted
