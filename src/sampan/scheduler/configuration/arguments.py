"""What is wrong with the arguments of plugins: upstream's checks and texts. Paths begin with `at`, dot included."""

from collections.abc import Callable, Mapping
from typing import Any

from sampan.api.json import Obj
from sampan.api.times import parse_duration
from sampan.resources.strategies.checks import (
    Errors,
    duplicate,
    forbidden,
    invalid,
    named,
    not_among,
    not_supported,
    required,
)
from sampan.resources.validation.labels import check_label_name
from sampan.scheduler.configuration.affinity import check_affinity

STRATEGIES = ("LeastAllocated", "MostAllocated", "RequestedToCapacityRatio")
RATIO = "RequestedToCapacityRatio"
ACTIONS = ("DoNotSchedule", "ScheduleAnyway")
MOST_SCORE = 10


def check_preemption(args: Obj, at: str) -> Errors:
    """DefaultPreemptionArgs."""
    percent, least = args["minCandidateNodesPercentage"], args["minCandidateNodesAbsolute"]
    percent_at, least_at = f"{at}minCandidateNodesPercentage", f"{at}minCandidateNodesAbsolute"
    errors: Errors = []
    if not 0 <= percent <= 100:
        errors.append(invalid(percent_at, percent, "not in valid range [0, 100]"))
    if least < 0:
        errors.append(invalid(least_at, least, "not in valid range [0, inf)"))
    if not percent and not least:
        errors.append(invalid(percent_at, percent, "cannot be zero at the same time as minCandidateNodesAbsolute"))
        errors.append(invalid(least_at, least, "cannot be zero at the same time as minCandidateNodesPercentage"))
    return errors


def check_company(args: Obj, at: str) -> Errors:
    """InterPodAffinityArgs."""
    weight = args["hardPodAffinityWeight"]
    if 0 <= weight <= 100:
        return []
    return [invalid(f"{at}hardPodAffinityWeight", weight, "not in valid range [0, 100]")]


def check_spread(args: Obj, at: str) -> Errors:
    """PodTopologySpreadArgs."""
    errors: Errors = []
    kind, constraints = args["defaultingType"], args.get("defaultConstraints") or []
    if kind not in ("System", "List"):
        errors.append(not_among(f"{at}defaultingType", kind, ("System", "List")))
    elif kind == "System" and constraints:
        errors.append(invalid(f"{at}defaultingType", named(kind), "when .defaultConstraints are not empty"))
    seen: set[tuple[Any, Any]] = set()
    for index, constraint in enumerate(constraints):
        here = f"{at}defaultConstraints[{index}]"
        errors += _constraint(constraint, here)
        key, action = constraint.get("topologyKey", ""), constraint.get("whenUnsatisfiable", "")
        if (key, action) in seen:
            errors.append(duplicate(here, f"{{{key}, {action}}}"))
        seen.add((key, action))
    return errors


def _constraint(constraint: Obj, at: str) -> Errors:
    errors: Errors = []
    skew, key = constraint.get("maxSkew", 0), constraint.get("topologyKey", "")
    if skew <= 0:
        errors.append(invalid(f"{at}.maxSkew", skew, "not in valid range (0, inf)"))
    if not key:
        errors.append(required(f"{at}.topologyKey", "can not be empty"))
    else:
        errors += check_label_name(key, f"{at}.topologyKey")
    action = constraint.get("whenUnsatisfiable", "")
    if not action:
        errors.append(required(f"{at}.whenUnsatisfiable", "can not be empty"))
    elif action not in ACTIONS:
        errors.append(not_supported(f"{at}.whenUnsatisfiable", action, ACTIONS))
    if constraint.get("labelSelector") is not None:
        why = "constraint must not define a selector, as they deduced for each pod"
        errors.append(forbidden(f"{at}.labelSelector", why))
    return errors


def check_shape(shape: list[Obj], at: str) -> Errors:
    """The points of a function of utilization."""
    if not shape:
        return [required(at, "at least one point must be specified")]
    errors: Errors = []
    uses = [point.get("utilization", 0) for point in shape]
    for index in range(1, len(uses)):
        if uses[index - 1] >= uses[index]:
            why = "values must be sorted in increasing order"
            errors.append(invalid(f"{at}[{index}].utilization", uses[index], why))
            break
    for index, point in enumerate(shape):
        if not 0 <= uses[index] <= 100:
            errors.append(invalid(f"{at}[{index}].utilization", uses[index], "not in valid range [0, 100]"))
        if not 0 <= point.get("score", 0) <= MOST_SCORE:
            errors.append(invalid(f"{at}[{index}].score", point["score"], f"not in valid range [0, {MOST_SCORE}]"))
    return errors


def check_balance(args: Obj, at: str) -> Errors:
    """NodeResourcesBalancedAllocationArgs."""
    errors: Errors = []
    seen: set[str] = set()
    for index, resource in enumerate(args["resources"]):
        name = resource.get("name", "")
        if name in seen:
            errors.append(duplicate(f"{at}resources[{index}].name", name))
        seen.add(name)
        if resource["weight"] != 1:
            errors.append(invalid(f"{at}resources[{index}].weight", resource["weight"], "must be 1"))
    return errors


def check_volumes(args: Obj, at: str) -> Errors:
    """VolumeBindingArgs; the scoring of capacities is an alpha feature that is off."""
    errors: Errors = []
    if args["bindTimeoutSeconds"] < 0:
        why = "invalid BindTimeoutSeconds, should not be a negative value"
        errors.append(invalid(f"{at}bindTimeoutSeconds", args["bindTimeoutSeconds"], why))
    shape = args.get("shape")
    if shape is not None:
        points = [{"Utilization": p.get("utilization", 0), "Score": p.get("score", 0)} for p in shape]
        why = "unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring"
        errors.append(invalid(f"{at}shape", points, why))
    return errors


def check_fit(args: Obj, at: str) -> Errors:
    """NodeResourcesFitArgs."""
    errors: Errors = []
    for index, name in enumerate(args.get("ignoredResources") or ()):
        errors += check_label_name(name, f"{at}ignoredResources[{index}]")
    for index, group in enumerate(args.get("ignoredResourceGroups") or ()):
        here = f"{at}ignoredResourceGroups[{index}]"
        if "/" in group:
            errors.append(invalid(here, group, "resource group name can't contain '/'"))
        errors += check_label_name(group, here)
    strategy, here = args["scoringStrategy"], f"{at}scoringStrategy"
    kind, ratio = strategy["type"], strategy.get("requestedToCapacityRatio")
    if kind not in STRATEGIES:
        errors.append(not_supported(f"{here}.type", kind, STRATEGIES))
    for index, resource in enumerate(strategy["resources"]):
        if not 0 < resource["weight"] <= 100:
            why = f"resource weight of {resource.get('name', '')} not in valid range (0, 100]"
            errors.append(invalid(f"{here}.resources[{index}].weight", resource["weight"], why))
    here = f"{here}.requestedToCapacityRatio"
    if kind == RATIO and ratio is None:
        errors.append(required(here, f"must be specified when type is {RATIO}"))
    elif kind == RATIO:
        errors += check_shape(ratio.get("shape") or [], f"{here}.shape")
    elif ratio is not None:
        errors.append(forbidden(here, f"must be nil when type is not {RATIO}"))
    return errors


def check_devices(args: Obj, at: str) -> Errors:
    """DynamicResourcesArgs."""
    errors: Errors = []
    if parse_duration(args["filterTimeout"]) < 0:
        errors.append(invalid(f"{at}filterTimeout", args["filterTimeout"], "must be zero or positive"))
    if parse_duration(args["bindingTimeout"]) < 1:
        errors.append(invalid(f"{at}bindingTimeout", args["bindingTimeout"], "must be at least 1 second"))
    return errors


CHECKS: Mapping[str, Callable[[Obj, str], Errors]] = {
    "DefaultPreemption": check_preemption,
    "InterPodAffinity": check_company,
    "NodeAffinity": check_affinity,
    "NodeResourcesBalancedAllocation": check_balance,
    "PodTopologySpread": check_spread,
    "VolumeBinding": check_volumes,
    "DynamicResources": check_devices,
}
"""What is checked with the file; NodeResourcesFit's arguments are checked when the plugin is made, as upstream does."""
