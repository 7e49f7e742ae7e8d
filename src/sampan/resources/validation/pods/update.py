"""What of a pod may change (core validation: ValidatePodUpdate)."""

from typing import Any

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, forbidden, invalid, spec_of

KEYS = ("initContainers", "containers")
FREE = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "schedulingGates")
MAY_CHANGE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def check_pod_update(new: Obj, old: Obj) -> Errors:
    """Of a pod's spec only images, the deadline (lower), more tolerations and removed gates may change."""
    after, before = spec_of(new), spec_of(old)
    if after == before:
        return []
    errors = _deadline(after.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds"))
    if _fixed(after) != _fixed(before):
        errors.append(forbidden("spec", MAY_CHANGE))
    kept = after.get("tolerations") or []
    if any(toleration not in kept for toleration in before.get("tolerations") or ()):
        errors.append(
            forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")
        )
    gates = {gate.get("name") for gate in before.get("schedulingGates") or ()}
    for index, gate in enumerate(after.get("schedulingGates") or ()):
        if gate.get("name") not in gates:
            why = "only deletion is allowed, but found new scheduling gate"
            errors.append(forbidden(f"spec.schedulingGates[{index}]", f"{why} '{gate.get('name')}'"))
    return errors


def _fixed(spec: Obj) -> Obj:
    """What may not change."""
    kept: dict[str, Any] = {k: v for k, v in spec.items() if k not in FREE and k not in KEYS}
    for key in KEYS:
        kept[key] = [{k: v for k, v in c.items() if k != "image"} for c in spec.get(key) or ()]
    return kept


def _deadline(new: int | None, old: int | None) -> Errors:
    at = "spec.activeDeadlineSeconds"
    if new == old:
        return []
    if new is None:
        return [invalid(at, None, "must not update from a positive integer to nil value")]
    if not 0 <= new <= 2**31 - 1:
        return [invalid(at, new, "must be between 0 and 2147483647, inclusive")]
    if old is not None and new > old:
        return [invalid(at, new, "must be less than or equal to previous value")]
    return []
