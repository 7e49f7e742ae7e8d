"""What can happen in a cluster that may make a pod schedulable, and which change of a pod or node is which event."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from sampan.api.json import Obj
from sampan.scheduler.pod import PodInfo
from sampan.scheduler.snapshot import NodeInfo, Snapshot


class Event(NamedTuple):
    """An event of a kind of object, under upstream's names."""

    resource: str
    action: str

    @property
    def label(self) -> str:
        """As metrics show it."""
        return self.resource + self.action


Hint = Callable[[PodInfo, Any, Any, Snapshot], bool]
"""Whether an event may help this pod: the object before and after it (nodes and pods as NodeInfo and PodInfo)."""
Events = Mapping[Event, Hint | None]
"""The events that may help a pod which a plugin turned away; None: they always may."""
PLACED, WAITING = "AssignedPod", "UnschedulablePod"
OF_PODS = ("UpdatePodLabel", "UpdatePodScaleDown", "UpdatePodSchedulingGatesEliminated", "UpdatePodToleration",
           "UpdatePodGeneratedResourceClaim", "Update")  # fmt: skip
OF_NODES = ("UpdateNodeAllocatable", "UpdateNodeLabel", "UpdateNodeTaint")
CLAIM, VOLUME, CLASS = "PersistentVolumeClaim", "PersistentVolume", "storage.k8s.io/StorageClass"
CSI_NODE, CSI_DRIVER = "storage.k8s.io/CSINode", "storage.k8s.io/CSIDriver"
ATTACHMENT, CAPACITY = "storage.k8s.io/VolumeAttachment", "storage.k8s.io/CSIStorageCapacity"
DEVICE_CLAIM, DEVICE_CLASS = "resource.k8s.io/ResourceClaim", "resource.k8s.io/DeviceClass"
DEVICE_SLICE = "resource.k8s.io/ResourceSlice"
ANY_CHANGE = ("Add", "Update", "Delete")
EVERY: tuple[Event, ...] = (
    *(Event("Node", action) for action in ("Add", "Delete", *OF_NODES)),
    *(Event(resource, action) for resource in (PLACED, WAITING) for action in ("Add", "Delete", *OF_PODS)),
    *(
        Event(resource, action)
        for resource in (CLAIM, VOLUME, CLASS, CSI_NODE, CSI_DRIVER, ATTACHMENT, CAPACITY, DEVICE_CLAIM, DEVICE_CLASS,
                         DEVICE_SLICE)
        for action in ANY_CHANGE
    ),
)  # fmt: skip
TIMEOUT, ACTIVATE = Event("", "UnschedulableTimeout"), Event("", "ForceActivate")
"""These concern a pod whatever turned it away."""
FAILURE, BACKOFF_COMPLETE, FROM_BACKOFF = "ScheduleAttemptFailure", "BackoffComplete", "PopFromBackoffQ"


def on(resource: str, actions: Iterable[str], hint: Hint | None = None) -> dict[Event, Hint | None]:
    """These events with that hint; those of `Pod` are of pods with and without a node."""
    resources = (PLACED, WAITING) if resource == "Pod" else (resource,)
    return {Event(one, action): hint for one in resources for action in actions}


def pod_changes(old: PodInfo, new: PodInfo) -> list[Event]:
    """What a change of a pod is, to the scheduler."""
    resource = PLACED if new.node else WAITING
    actions = []
    if old.labels != new.labels:
        actions.append("UpdatePodLabel")
    if any(number > new.requests.get(name, 0) or name not in new.requests for name, number in old.requests.items()):
        actions.append("UpdatePodScaleDown")
    if old.gated and not new.gated:
        actions.append("UpdatePodSchedulingGatesEliminated")
    if len(old.tolerations) != len(new.tolerations):
        actions.append("UpdatePodToleration")
    if _claim_statuses(old.obj) != _claim_statuses(new.obj):
        actions.append("UpdatePodGeneratedResourceClaim")
    return [Event(resource, action) for action in actions or ("Update",)]


def _claim_statuses(pod: Obj) -> Any:
    status = pod.get("status") or {}
    return status.get("resourceClaimStatuses") or [], status.get("extendedResourceClaimStatus")


def node_changes(old: NodeInfo, new: NodeInfo) -> list[Event]:
    """What a change of a node is, to the scheduler."""
    actions = []
    if old.unschedulable and not new.unschedulable:
        actions.append("UpdateNodeTaint")
    if old.allocatable != new.allocatable:
        actions.append("UpdateNodeAllocatable")
    if old.labels != new.labels:
        actions.append("UpdateNodeLabel")
    if old.taints != new.taints and "UpdateNodeTaint" not in actions:
        actions.append("UpdateNodeTaint")
    return [Event("Node", action) for action in actions]
