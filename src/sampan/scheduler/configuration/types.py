"""The fields of KubeSchedulerConfiguration and of the arguments of plugins, as schema nodes with Go's names."""

from collections.abc import Mapping
from functools import cache

from sampan.api.schema.nodes import Node
from sampan.resources.load import load_schema

API_VERSION = "kubescheduler.config.k8s.io/v1"
KIND = "KubeSchedulerConfiguration"
SCHEMA_OF = "1.37"
"""The version whose core/v1 types arguments contain."""
POINTS = (
    "preEnqueue", "queueSort", "preFilter", "filter", "postFilter", "preScore", "score", "reserve", "permit",
    "preBind", "bind", "postBind", "multiPoint", "placementGenerate", "placementScore",
)  # fmt: skip
TEXT, FLAG, ANY, BYTES = Node("string"), Node("boolean"), Node("any"), Node("bytes")
INT32, INT64, NUMBER = Node("integer", format="int32"), Node("integer", format="int64"), Node("number")


def struct(name: str, fields: Mapping[str, Node]) -> Node:
    """A struct of a Go package, e.g. v1.Plugin."""
    return Node("object", name=name, resolve=lambda: fields)


def each(item: Node) -> Node:
    """A list."""
    return Node("array", items=item)


def typed(name: str, fields: Mapping[str, Node]) -> Node:
    """A struct with apiVersion and kind."""
    return struct(name, {"apiVersion": TEXT, "kind": TEXT, **fields})


PLUGIN = struct("v1.Plugin", {"name": TEXT, "weight": INT32})
PLUGIN_SET = struct("v1.PluginSet", {"enabled": each(PLUGIN), "disabled": each(PLUGIN)})
PROFILE = struct("v1.KubeSchedulerProfile", {
    "schedulerName": TEXT, "percentageOfNodesToScore": INT32,
    "plugins": struct("v1.Plugins", dict.fromkeys(POINTS, PLUGIN_SET)),
    "pluginConfig": each(struct("v1.PluginConfig", {"name": TEXT, "args": ANY})),
})  # fmt: skip
TLS = struct("v1.ExtenderTLSConfig", {
    "insecure": FLAG, "serverName": TEXT, "certFile": TEXT, "keyFile": TEXT, "caFile": TEXT,
    "certData": BYTES, "keyData": BYTES, "caData": BYTES,
})  # fmt: skip
EXTENDER = struct("v1.Extender", {
    "urlPrefix": TEXT, "filterVerb": TEXT, "preemptVerb": TEXT, "prioritizeVerb": TEXT, "weight": INT64,
    "bindVerb": TEXT, "enableHTTPS": FLAG, "tlsConfig": TLS, "httpTimeout": TEXT, "nodeCacheCapable": FLAG,
    "managedResources": each(struct("v1.ExtenderManagedResource", {"name": TEXT, "ignoredByScheduler": FLAG})),
    "ignorable": FLAG,
})  # fmt: skip
CONFIGURATION = typed("v1.KubeSchedulerConfiguration", {
    "parallelism": INT32,
    "leaderElection": struct("v1alpha1.LeaderElectionConfiguration", {
        "leaderElect": FLAG, "leaseDuration": TEXT, "renewDeadline": TEXT, "retryPeriod": TEXT, "resourceLock": TEXT,
        "resourceName": TEXT, "resourceNamespace": TEXT,
    }),
    "clientConnection": struct("v1alpha1.ClientConnectionConfiguration", {
        "kubeconfig": TEXT, "acceptContentTypes": TEXT, "contentType": TEXT, "qps": NUMBER, "burst": INT32,
    }),
    "enableProfiling": FLAG, "enableContentionProfiling": FLAG, "percentageOfNodesToScore": INT32,
    "podInitialBackoffSeconds": INT64, "podMaxBackoffSeconds": INT64, "profiles": each(PROFILE),
    "extenders": each(EXTENDER), "delayCacheUntilActive": FLAG,
})  # fmt: skip
RESOURCES = each(struct("v1.ResourceSpec", {"name": TEXT, "weight": INT64}))
SHAPE = each(struct("v1.UtilizationShapePoint", {"utilization": INT32, "score": INT32}))
STRATEGY = struct("v1.ScoringStrategy", {
    "type": TEXT, "resources": RESOURCES,
    "requestedToCapacityRatio": struct("v1.RequestedToCapacityRatioParam", {"shape": SHAPE}),
})  # fmt: skip


@cache
def arguments() -> Mapping[str, Node]:
    """The arguments of every plugin that has some, by the plugin's name."""
    core = load_schema(SCHEMA_OF)
    constraint = core.node("io.k8s.api.core.v1.TopologySpreadConstraint")
    affinity = core.node("io.k8s.api.core.v1.NodeAffinity")
    fields: Mapping[str, Mapping[str, Node]] = {
        "DefaultPreemption": {"minCandidateNodesPercentage": INT32, "minCandidateNodesAbsolute": INT32},
        "InterPodAffinity": {"hardPodAffinityWeight": INT32, "ignorePreferredTermsOfExistingPods": FLAG},
        "NodeResourcesFit": {
            "ignoredResources": each(TEXT), "ignoredResourceGroups": each(TEXT), "scoringStrategy": STRATEGY,
        },
        "PodTopologySpread": {"defaultConstraints": each(constraint), "defaultingType": TEXT},
        "NodeResourcesBalancedAllocation": {"resources": RESOURCES},
        "VolumeBinding": {"bindTimeoutSeconds": INT64, "shape": SHAPE},
        "NodeAffinity": {"addedAffinity": affinity},
        "DynamicResources": {"filterTimeout": TEXT, "bindingTimeout": TEXT},
    }  # fmt: skip
    return {name: typed(f"v1.{name}Args", own) for name, own in fields.items()}
