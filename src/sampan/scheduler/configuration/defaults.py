"""What stands for the fields that nobody set: upstream's defaults of 1.36, and how plugin sets are merged."""

from typing import Any

from sampan.api.json import Obj
from sampan.scheduler.configuration.types import POINTS, arguments

DEFAULT_NAME = "default-scheduler"
PLUGINS: tuple[tuple[str, int], ...] = (
    ("SchedulingGates", 0), ("PrioritySort", 0), ("NodeUnschedulable", 0), ("NodeName", 0), ("TaintToleration", 3),
    ("NodeAffinity", 2), ("NodePorts", 0), ("NodeResourcesFit", 1), ("VolumeRestrictions", 0),
    ("NodeVolumeLimits", 0), ("VolumeBinding", 0), ("VolumeZone", 0), ("PodTopologySpread", 2),
    ("InterPodAffinity", 2), ("DynamicResources", 2), ("DefaultPreemption", 0),
    ("NodeResourcesBalancedAllocation", 1), ("ImageLocality", 1), ("DefaultBinder", 0), ("NodeDeclaredFeatures", 0),
)  # fmt: skip
"""The plugins of a profile that says nothing, with their weights; 0: none said."""
BOTH = ({"name": "cpu", "weight": 1}, {"name": "memory", "weight": 1})


def default_plugins() -> Obj:
    """The `plugins` of a profile that says nothing."""
    return {"multiPoint": {"enabled": [{"name": n, **({"weight": w} if w else {})} for n, w in PLUGINS]}}


def merged_set(default: Obj, custom: Obj) -> Obj:
    """The default plugins of one extension point under what the profile says of it (upstream: mergePluginSet)."""
    disabled = [{"name": one.get("name", "")} for one in custom.get("disabled") or ()]
    off = {one["name"] for one in disabled}
    wanted: list[Obj] = list(custom.get("enabled") or ())
    last = {one.get("name", ""): index for index, one in enumerate(wanted)}
    replaced: set[int] = set()
    enabled: list[Obj] = []
    for one in default.get("enabled") or () if "*" not in off else ():
        if one["name"] in off:
            continue
        index = last.get(one["name"])
        if index is not None:
            replaced.add(index)
        enabled.append(one if index is None else wanted[index])
    enabled += [one for index, one in enumerate(wanted) if index not in replaced]
    return {"enabled": enabled, "disabled": disabled}


def with_defaults(config: Obj) -> Obj:
    """The configuration with every default filled in; plugin arguments too."""
    given: list[Obj] = config.get("profiles") or [{}]
    profiles = [dict(one) for one in given]
    if len(profiles) == 1:
        profiles[0].setdefault("schedulerName", DEFAULT_NAME)
    client, leader = config.get("clientConnection") or {}, config.get("leaderElection") or {}
    profiling = config.get("enableProfiling", True)
    return {
        "parallelism": 16, "percentageOfNodesToScore": 0, "podInitialBackoffSeconds": 1, "podMaxBackoffSeconds": 10,
        "enableProfiling": True, "enableContentionProfiling": profiling, "extenders": [],
        **config,
        "profiles": [_profile(profile) for profile in profiles],
        "clientConnection": {
            **client, "contentType": client.get("contentType") or "application/vnd.kubernetes.protobuf",
            "qps": client.get("qps") or 50, "burst": client.get("burst") or 100,
        },
        "leaderElection": {
            "leaderElect": leader.get("leaderElect", True),
            "leaseDuration": _unless_zero(leader.get("leaseDuration"), "15s"),
            "renewDeadline": _unless_zero(leader.get("renewDeadline"), "10s"),
            "retryPeriod": _unless_zero(leader.get("retryPeriod"), "2s"),
            "resourceLock": leader.get("resourceLock") or "leases",
            "resourceName": leader.get("resourceName") or "kube-scheduler",
            "resourceNamespace": leader.get("resourceNamespace") or "kube-system",
        },
    }  # fmt: skip


def _unless_zero(given: str | None, default: str) -> str:
    return default if given in (None, "", "0", "0s") else str(given)


def _profile(profile: Obj) -> Obj:
    default, custom = default_plugins(), profile.get("plugins")
    plugins = {point: merged_set(default.get(point) or {}, (custom or {}).get(point) or {}) for point in POINTS}
    given = [{**one, "args": default_args(one.get("name", ""), one.get("args"))}
             for one in profile.get("pluginConfig") or ()]  # fmt: skip
    told = {one.get("name") for one in given}
    named = {one.get("name", "") for plugin_set in plugins.values() for one in plugin_set["enabled"]}
    known = arguments()
    rest = [{"name": n, "args": default_args(n, None)} for n in sorted(named) if n in known and n not in told]
    return {"schedulerName": "", **profile, "plugins": plugins, "pluginConfig": [*given, *rest]}


def default_args(plugin: str, given: Any) -> Any:
    """A plugin's arguments with their defaults; those of a plugin that is not known stay as they are."""
    if plugin not in arguments():
        return given
    args: Obj = dict(given or {})
    match plugin:
        case "DefaultPreemption":
            return {"minCandidateNodesPercentage": 10, "minCandidateNodesAbsolute": 100, **args}
        case "InterPodAffinity":
            return {"hardPodAffinityWeight": 1, "ignorePreferredTermsOfExistingPods": False, **args}
        case "VolumeBinding":
            return {"bindTimeoutSeconds": 600, **args}
        case "PodTopologySpread":
            return {**args, "defaultingType": args.get("defaultingType") or "System"}
        case "NodeResourcesBalancedAllocation":
            return {**args, "resources": _weighed(args.get("resources"))}
        case "NodeResourcesFit":
            strategy = args.get("scoringStrategy") or {}
            kind = "LeastAllocated" if args.get("scoringStrategy") is None else strategy.get("type", "")
            strategy = {**strategy, "type": kind, "resources": _weighed(strategy.get("resources"))}
            return {**args, "scoringStrategy": strategy}
        case "DynamicResources":
            return {"filterTimeout": "10s", "bindingTimeout": "10m0s", **args}
    return args


def _weighed(resources: list[Obj] | None) -> list[Obj]:
    return [{**one, "weight": one.get("weight") or 1} for one in resources or BOTH]
