"""A simulated node as the API has it: the Node with its status, its lease."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sampan.api.json import Obj

LEASE_NAMESPACE, LEASE_SECONDS = "kube-node-lease", 40
FINE = {
    "MemoryPressure": ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
}
READY = ("KubeletReady", "kubelet is posting ready status")
NOT_READY = "KubeletNotReady"


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One simulated node."""

    name: str
    address: str
    pod_cidr: str
    version: str
    """v1.37.0"""
    amounts: Mapping[str, str]
    labels: Mapping[str, str] = field(default_factory=dict)


def conditions(ready: bool, reason: str, message: str, now: str) -> list[Obj]:
    """All conditions of a node that reports now; as a patch it renews those that are there."""
    fine = [_condition(type_, "False", *said, now) for type_, said in FINE.items()]
    why = (reason or READY[0], message or READY[1]) if ready else (reason or NOT_READY, message)
    return [*fine, _condition("Ready", "True" if ready else "False", *why, now)]


def _condition(type_: str, status: str, reason: str, message: str, now: str) -> Obj:
    stamps = {"lastHeartbeatTime": now, "lastTransitionTime": now}
    return {"type": type_, "status": status, "reason": reason, "message": message, **stamps}


def heartbeat(node: Obj, now: str) -> list[Obj]:
    """The patch of conditions that says they still hold. What the node controller called Unknown is put right."""
    have = (node.get("status") or {}).get("conditions") or ()
    ready = next((c for c in have if c["type"] == "Ready"), None)
    if ready is None or ready.get("status") == "Unknown":
        return conditions(True, "", "", now)
    mine = (*FINE, "Ready")
    return [{"type": c["type"], "lastHeartbeatTime": now} for c in have if c["type"] in mine]


def node_object(spec: NodeSpec, now: str) -> Obj:
    """The Node, registered with its status, as kubelets do."""
    labels = {
        "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": spec.name, "kubernetes.io/os": "linux", "type": "simulated", **spec.labels,
    }  # fmt: skip
    meta = {"name": spec.name, "labels": labels}
    cidr = {"podCIDR": spec.pod_cidr, "podCIDRs": [spec.pod_cidr]}
    return {"kind": "Node", "apiVersion": "v1", "metadata": meta, "spec": cidr, "status": node_status(spec, now)}


def node_status(spec: NodeSpec, now: str) -> Obj:
    """The status of a node that is ready."""
    info = dict.fromkeys(("machineID", "systemUUID", "bootID", "kubeProxyVersion"), "")
    info |= {
        "kernelVersion": "simulated", "osImage": "Sampan simulated node", "operatingSystem": "linux",
        "architecture": "amd64", "containerRuntimeVersion": "simulated://1.0", "kubeletVersion": spec.version,
    }  # fmt: skip
    return {
        "addresses": [{"type": "InternalIP", "address": spec.address}, {"type": "Hostname", "address": spec.name}],
        "allocatable": dict(spec.amounts),
        "capacity": dict(spec.amounts),
        "conditions": conditions(True, "", "", now),
        "nodeInfo": info,
    }


def lease_object(name: str, node_uid: str, stamp: str) -> Obj:
    """A node's first lease."""
    owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": node_uid}
    meta = {"name": name, "namespace": LEASE_NAMESPACE, "ownerReferences": [owner]}
    spec = {"holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": stamp}
    return {"kind": "Lease", "apiVersion": "coordination.k8s.io/v1", "metadata": meta, "spec": spec}
