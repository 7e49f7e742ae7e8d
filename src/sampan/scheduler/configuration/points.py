"""Which plugin is asked at which extension point, once a profile's plugin sets are spread out; and the weights."""

from collections.abc import Mapping
from typing import Any

from sampan.api.json import Obj
from sampan.scheduler.configuration.arguments import check_fit
from sampan.scheduler.configuration.reading import ConfigurationError, aggregate

MOST_WEIGHT = (2**63 - 1) // 100
"""So much may all weights together be."""
GO_TYPES = {
    "preFilter": "PreFilterPlugin", "filter": "FilterPlugin", "postFilter": "PostFilterPlugin",
    "reserve": "ReservePlugin", "preScore": "PreScorePlugin", "score": "ScorePlugin", "preBind": "PreBindPlugin",
    "bind": "BindPlugin", "postBind": "PostBindPlugin", "permit": "PermitPlugin", "preEnqueue": "PreEnqueuePlugin",
    "queueSort": "QueueSortPlugin", "placementGenerate": "PlacementGeneratePlugin",
    "placementScore": "PlacementScorePlugin",
}  # fmt: skip
"""Go's name of the interface of each extension point, in the order in which upstream fills them."""
EXTENDS: Mapping[str, tuple[str, ...]] = {
    "SchedulingGates": ("preEnqueue",),
    "PrioritySort": ("queueSort",),
    "NodeUnschedulable": ("filter",),
    "NodeName": ("filter",),
    "TaintToleration": ("filter", "preScore", "score"),
    "NodeAffinity": ("preFilter", "filter", "preScore", "score"),
    "NodePorts": ("preFilter", "filter"),
    "NodeResourcesFit": ("preFilter", "filter", "preScore", "score"),
    "VolumeRestrictions": ("preFilter", "filter"),
    "NodeVolumeLimits": ("preFilter", "filter"),
    "VolumeBinding": ("preFilter", "filter", "reserve", "preBind", "preScore", "score"),
    "VolumeZone": ("preFilter", "filter"),
    "PodTopologySpread": ("preFilter", "filter", "preScore", "score"),
    "InterPodAffinity": ("preFilter", "filter", "preScore", "score"),
    "DynamicResources": ("preEnqueue", "preFilter", "filter", "postFilter", "score", "reserve", "preBind"),
    "DefaultPreemption": ("postFilter", "preEnqueue"),
    "NodeResourcesBalancedAllocation": ("preScore", "score"),
    "ImageLocality": ("score",),
    "DefaultBinder": ("bind",),
    "NodeDeclaredFeatures": ("preFilter", "filter"),
    "GangScheduling": ("preEnqueue", "permit"),
}
"""The plugins there are, and the extension points that each has something to do at."""
Points = Mapping[str, tuple[str, ...]]
"""The names of the plugins of each extension point, in the order in which they are asked."""


def expanded(plugins: Obj, args: Mapping[str, Any]) -> Points:
    """What runs at each extension point once `multiPoint` is spread over them. Raises ConfigurationError."""
    named = {one.get("name", "") for plugin_set in plugins.values() for one in plugin_set["enabled"]}
    if "NodeResourcesFit" in named and (errors := check_fit(args.get("NodeResourcesFit") or {}, "")):
        told = aggregate([f"{error.field}: {error.message}" for error in errors])
        raise ConfigurationError(f'initializing plugin "NodeResourcesFit": {told}')
    chosen = {point: _chosen(plugins[point], point) for point in GO_TYPES}
    return {point: _with_multipoint(plugins, point, chosen[point]) for point in GO_TYPES}


def _chosen(plugin_set: Obj, point: str) -> list[str]:
    """The plugins that are enabled at that very point."""
    names: list[str] = []
    for one in plugin_set["enabled"]:
        name = one.get("name", "")
        if name not in EXTENDS:
            raise ConfigurationError(f'{GO_TYPES[point]} "{name}" does not exist')
        if point not in EXTENDS[name]:
            raise ConfigurationError(f'plugin "{name}" does not extend {GO_TYPES[point]} plugin')
        if name in names:
            raise ConfigurationError(f'plugin "{name}" already registered as "{GO_TYPES[point]}"')
        names.append(name)
    return names


def _with_multipoint(plugins: Obj, point: str, chosen: list[str]) -> tuple[str, ...]:
    """Those, and the plugins of multiPoint: first what overrides these, then these, then the rest."""
    off = {one["name"] for one in plugins[point]["disabled"]}
    every = plugins["multiPoint"]["enabled"]
    if "*" in off or not every:
        return tuple(chosen)
    spread: list[str] = []
    overriding: set[str] = set()
    for one in every:
        name = one.get("name", "")
        if name not in EXTENDS:
            raise ConfigurationError(f'{GO_TYPES[point]} "{name}" does not exist')
        if point not in EXTENDS[name] or name in off:
            continue
        if name in chosen:
            overriding.add(name)
            continue
        if name in spread:
            raise ConfigurationError(f'plugin "{name}" already registered as "{GO_TYPES[point]}"')
        spread.append(name)
    return (*(n for n in chosen if n in overriding), *spread, *(n for n in chosen if n not in overriding))


def weights_of(plugins: Obj) -> dict[str, int]:
    """The weight of each plugin that scores; one said at `score` counts before one said at `multiPoint`."""
    weights: dict[str, int] = {}
    total = 0
    for one in (*plugins["score"]["enabled"], *plugins["multiPoint"]["enabled"]):
        name = one.get("name", "")
        if "score" not in EXTENDS.get(name, ()) or name in weights:
            continue
        weights[name] = one.get("weight") or 1
        total += weights[name]
        if total > MOST_WEIGHT:
            raise ConfigurationError("score plugins: total score of Score plugins could overflow")
    return weights
