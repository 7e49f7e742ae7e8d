"""PLUGINS: the rules of the default scheduler, in the order in which they are asked."""

from typing import get_args

from sampan.scheduler.decide import Profile
from sampan.scheduler.framework import ClusterEvent
from sampan.scheduler.plugins.company import InterPodAffinity
from sampan.scheduler.plugins.fit import NodeResourcesBalancedAllocation, NodeResourcesFit
from sampan.scheduler.plugins.images import ImageLocality
from sampan.scheduler.plugins.node_affinity import NodeAffinity
from sampan.scheduler.plugins.node_name import NodeName
from sampan.scheduler.plugins.node_ports import NodePorts
from sampan.scheduler.plugins.node_unschedulable import NodeUnschedulable
from sampan.scheduler.plugins.spread import PodTopologySpread
from sampan.scheduler.plugins.taints import TaintToleration
from sampan.scheduler.plugins.volume_limits import NodeVolumeLimits, VolumeRestrictions, VolumeZone
from sampan.scheduler.plugins.volumes import VolumeBinding

FILTERS = (
    NodeUnschedulable(),
    NodeName(),
    TaintToleration(),
    NodeAffinity(),
    NodePorts(),
    NodeResourcesFit(),
    VolumeRestrictions(),
    NodeVolumeLimits(),
    VolumeBinding(),
    VolumeZone(),
    PodTopologySpread(),
    InterPodAffinity(),
)
SCORES = (TaintToleration(), NodeAffinity(), NodeResourcesFit(), NodeResourcesBalancedAllocation())
WEIGHERS = (PodTopologySpread(), InterPodAffinity(), ImageLocality())
DEFAULT = Profile(FILTERS, SCORES, WEIGHERS)
WAKES: dict[str, frozenset[ClusterEvent]] = {rule.name: rule.wakes for rule in FILTERS} | {
    "Extender": frozenset(get_args(ClusterEvent))
}
