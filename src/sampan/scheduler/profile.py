"""PLUGINS: the rules of the default scheduler, in the order in which they are asked."""

from collections.abc import Iterable, Mapping

from sampan.scheduler.decide import Profile
from sampan.scheduler.events import EVERY, PLACED, WAITING, Event, Hint
from sampan.scheduler.plugins.company import InterPodAffinity
from sampan.scheduler.plugins.devices import DynamicResources
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
from sampan.scheduler.queue import Hints

GATES = "SchedulingGates"
PREEMPTION = "DefaultPreemption"
GOING = (Event(PLACED, "Delete"), Event(WAITING, "Delete"))
"""What a pod for which others are evicted is looked at for again; whether it helps is for those who turned it away."""
OPENED = Event(WAITING, "UpdatePodSchedulingGatesEliminated")
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
    DynamicResources(),
)
SCORES = (TaintToleration(), NodeAffinity(), NodeResourcesFit(), NodeResourcesBalancedAllocation())
WEIGHERS = (PodTopologySpread(), InterPodAffinity(), ImageLocality())
DEFAULT = Profile(FILTERS, SCORES, WEIGHERS)


def hints_of(profiles: Iterable[Profile], extended: bool = False) -> Hints:
    """Which plugin of a profile is asked of which event. `extended`: extenders may turn pods away, and any may help."""
    return {profile.name: _hints(profile, extended) for profile in profiles}


def _hints(profile: Profile, extended: bool) -> Mapping[Event, tuple[tuple[str, Hint | None], ...]]:
    found: dict[Event, list[tuple[str, Hint | None]]] = {}
    for rule in profile.filters:
        for event, hint in rule.events.items():
            found.setdefault(event, []).append((rule.name, hint))
    if profile.gates:
        found.setdefault(OPENED, []).append((GATES, lambda pod, old, new, look: pod.uid == new.uid))
    for event in GOING if profile.preempts else ():
        found.setdefault(event, []).append((PREEMPTION, lambda pod, old, new, look: False))
    for event in EVERY if extended else ():
        found.setdefault(event, []).append(("Extender", None))
    return {event: tuple(rows) for event, rows in found.items()}
