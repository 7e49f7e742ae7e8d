"""What is wrong with the resources of a pod as a whole (core validation: validatePodResources; KEP-2837)."""

from sampan.api.json import Obj
from sampan.api.quantity import canonical, compare
from sampan.resources.strategies.checks import Errors, forbidden, invalid
from sampan.resources.strategies.pod_totals import container_totals
from sampan.resources.validation.pods.options import Seen
from sampan.resources.validation.pods.resources import HUGE, check_resources


def check_pod_resources(spec: Obj, at: str, seen: Seen) -> Errors:
    """spec.resources; `at` is where the spec stands."""
    at = f"{at}.resources"
    resources = spec["resources"]
    if (spec.get("os") or {}).get("name") == "windows":
        return [forbidden(at, "may not be set for a windows pod")]
    errors: Errors = []
    if resources.get("claims") is not None:
        errors.append(forbidden(f"{at}.claims", "claims may not be set for Resources at pod-level"))
    errors += check_resources(resources, at, seen, of_pod=True)
    return errors + _consistency(spec, at)


def _consistency(spec: Obj, at: str) -> Errors:
    """The pod has room for what its containers ask for."""
    resources = spec["resources"]
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    errors: Errors = []
    for part, given in (("requests", requests), ("limits", limits)):
        if not given:
            continue
        for name, total in container_totals(spec, part).items():
            if part == "limits" and not name.startswith(HUGE):
                continue
            if name in given and compare(total, given[name]) > 0:
                why = f"must be greater than or equal to aggregate container {part} of {canonical(total)}"
                errors.append(invalid(f"{at}.{part}[{name}]", canonical(given[name]), why))
    for index, container in enumerate(spec.get("containers") or ()):
        for name, limit in ((container.get("resources") or {}).get("limits") or {}).items():
            if name in limits and compare(limit, limits[name]) > 0:
                why = f"must be less than or equal to pod limits of {canonical(limits[name])}"
                errors.append(invalid(f"{at}.containers[{index}][{name}].limits", canonical(limit), why))
    return errors
