"""The profiles that a configuration asks for: which plugin is asked where, with which arguments and weight."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sampan.api.json import Obj
from sampan.scheduler.configuration.points import EXTENDS, expanded, weights_of
from sampan.scheduler.configuration.reading import ConfigurationError
from sampan.scheduler.decide import Profile
from sampan.scheduler.plugins.company import InterPodAffinity
from sampan.scheduler.plugins.devices import DynamicResources
from sampan.scheduler.plugins.fit import (
    CPU_AND_MEMORY,
    NodeResourcesBalancedAllocation,
    NodeResourcesFit,
    Part,
    least_allocated,
    most_allocated,
    shaped,
)
from sampan.scheduler.plugins.images import ImageLocality
from sampan.scheduler.plugins.node_affinity import NodeAffinity
from sampan.scheduler.plugins.node_name import NodeName
from sampan.scheduler.plugins.node_ports import NodePorts
from sampan.scheduler.plugins.node_unschedulable import NodeUnschedulable
from sampan.scheduler.plugins.spread import SYSTEM_DEFAULTS, PodTopologySpread
from sampan.scheduler.plugins.taints import TaintToleration
from sampan.scheduler.plugins.volume_limits import NodeVolumeLimits, VolumeRestrictions, VolumeZone
from sampan.scheduler.plugins.volumes import VolumeBinding

NODE_SCORES, WEIGHERS = (
    ("TaintToleration", "NodeAffinity", "NodeResourcesFit", "NodeResourcesBalancedAllocation"),
    ("PodTopologySpread", "InterPodAffinity", "ImageLocality"),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a configuration says, ready for use."""

    profiles: Mapping[str, Profile]
    """By schedulerName."""
    extenders: Sequence[Obj] = ()
    """As the file has them, the ignorable ones last."""
    first_backoff: float = 1.0
    most_backoff: float = 10.0


def settings_of(config: Obj) -> Settings:
    """A whole configuration (see `reading.read`) as settings. Raises ConfigurationError."""
    ignored = frozenset(
        resource["name"]
        for extender in config["extenders"]
        for resource in extender.get("managedResources") or ()
        if resource.get("ignoredByScheduler")
    )
    profiles = {}
    for given in config["profiles"]:
        name = given["schedulerName"]
        share = given.get("percentageOfNodesToScore")
        try:
            made = profile_of(given, ignored)
        except ConfigurationError as error:
            raise ConfigurationError(
                f"initializing profiles: creating profile for scheduler name {name}: {error}"
            ) from None
        profiles[name] = replace(made, percentage=config["percentageOfNodesToScore"] if share is None else share)
    extenders = sorted(config["extenders"], key=lambda one: bool(one.get("ignorable")))
    return Settings(profiles, extenders, config["podInitialBackoffSeconds"], config["podMaxBackoffSeconds"])


def profile_of(given: Obj, ignored: frozenset[str] = frozenset()) -> Profile:
    """One profile. `ignored`: extended resources that extenders look after. Raises ConfigurationError."""
    args = {one.get("name", ""): one.get("args") for one in given["pluginConfig"]}
    name = given["schedulerName"]
    if ignored and "NodeResourcesFit" in args:
        args["NodeResourcesFit"] = {**args["NodeResourcesFit"], "ignoredResources": sorted(ignored)}
    points = expanded(given["plugins"], args)
    if len(points["queueSort"]) != 1:
        found = len(points["queueSort"])
        text = f'only one queue sort plugin required for profile with scheduler name "{name}", but got {found}'
        raise ConfigurationError(text)
    if not points["bind"]:
        raise ConfigurationError(f'at least one bind plugin is needed for profile with scheduler name "{name}"')
    weights = weights_of(given["plugins"])
    rules = {plugin: MAKERS[plugin](args.get(plugin) or {}) for plugin in EXTENDS if plugin in MAKERS}
    scores = [plugin for plugin in points["score"] if plugin in rules]
    weighed = {plugin: replace(rules[plugin], weight=weights[plugin]) for plugin in scores if plugin in WEIGHED}
    preemption, volumes = args.get("DefaultPreemption") or {}, args.get("VolumeBinding") or {}
    return Profile(
        filters=tuple(rules[plugin] for plugin in points["filter"] if plugin in rules),
        scores=tuple(weighed[plugin] for plugin in scores if plugin in NODE_SCORES),
        weighers=tuple(weighed[plugin] for plugin in scores if plugin in WEIGHERS),
        name=name,
        preempts="DefaultPreemption" in points["postFilter"],
        alternatives=weights["DynamicResources"] if "DynamicResources" in scores else 0,
        deallocates="DynamicResources" in points["postFilter"],
        candidates=(
            preemption.get("minCandidateNodesPercentage", 10),
            preemption.get("minCandidateNodesAbsolute", 100),
        ),
        gates="SchedulingGates" in points["preEnqueue"],
        bind_timeout=float(volumes.get("bindTimeoutSeconds", 600)),
    )


def _fit(args: Obj) -> NodeResourcesFit:
    strategy = args.get("scoringStrategy") or {}
    kind = strategy.get("type", "LeastAllocated")
    ignored = frozenset((*(args.get("ignoredResources") or ()), *(args.get("ignoredResourceGroups") or ())))
    by_shape = kind == "RequestedToCapacityRatio"
    part: Part = most_allocated if kind == "MostAllocated" else least_allocated
    if by_shape:
        points = strategy["requestedToCapacityRatio"]["shape"]
        part = shaped([(point.get("utilization", 0), point.get("score", 0)) for point in points])
    resources = _resources(strategy.get("resources"))
    return NodeResourcesFit(part=part, resources=resources, skips_zero=by_shape, ignored=ignored)


def _resources(given: Sequence[Obj] | None) -> tuple[tuple[str, int], ...]:
    return tuple((one.get("name", ""), one["weight"]) for one in given) if given else CPU_AND_MEMORY


def _company(args: Obj) -> InterPodAffinity:
    return InterPodAffinity(
        hard_weight=args.get("hardPodAffinityWeight", 1),
        ignore_preferences=args.get("ignorePreferredTermsOfExistingPods", False),
    )


def _spread(args: Obj) -> PodTopologySpread:
    if args.get("defaultingType", "System") == "System":
        return PodTopologySpread(defaults=SYSTEM_DEFAULTS, of_system=True)
    return PodTopologySpread(defaults=tuple(args.get("defaultConstraints") or ()), of_system=False)


MAKERS: Mapping[str, Callable[[Obj], Any]] = {
    "NodeUnschedulable": lambda args: NodeUnschedulable(),
    "NodeName": lambda args: NodeName(),
    "TaintToleration": lambda args: TaintToleration(),
    "NodeAffinity": lambda args: NodeAffinity(added=args.get("addedAffinity") or {}),
    "NodePorts": lambda args: NodePorts(),
    "NodeResourcesFit": _fit,
    "VolumeRestrictions": lambda args: VolumeRestrictions(),
    "NodeVolumeLimits": lambda args: NodeVolumeLimits(),
    "VolumeBinding": lambda args: VolumeBinding(),
    "VolumeZone": lambda args: VolumeZone(),
    "PodTopologySpread": _spread,
    "InterPodAffinity": _company,
    "DynamicResources": lambda args: DynamicResources(),
    "NodeResourcesBalancedAllocation": lambda args: NodeResourcesBalancedAllocation(
        resources=_resources(args.get("resources"))
    ),
    "ImageLocality": lambda args: ImageLocality(),
}
WEIGHED = frozenset((*NODE_SCORES, *WEIGHERS))
