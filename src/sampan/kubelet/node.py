"""This node in the API: registered, its status kept true, its lease renewed."""

import logging
import os
import platform
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from sampan.aio.clock import Clock
from sampan.api.csi import MANAGED
from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.names import ObjectRef
from sampan.api.times import format_micro, format_time
from sampan.client.api import Api
from sampan.client.recorder import Recorder
from sampan.kubelet.runtime import Condition, RuntimeVersion
from sampan.resources.kinds import LEASES, NODES

log = logging.getLogger("sampan.kubelet")
DECLARED = ("InPlacePodVerticalScalingInitContainers",)
"""What this agent can do of what API servers ask nodes for."""
LEASE_NAMESPACE = "kube-node-lease"
LEASE_SECONDS = 40
RENEW_EVERY = 10.0
REPORT_EVERY = 300.0
"""Seconds between status reports in which nothing has changed, as upstream's nodeStatusReportFrequency."""
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}
PRESSURES = {
    "MemoryPressure": ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
}
PRESSED = {
    "MemoryPressure": ("KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
    "DiskPressure": ("KubeletHasDiskPressure", "kubelet has disk pressure"),
    "PIDPressure": ("KubeletHasInsufficientPID", "kubelet has insufficient PID available"),
}


@dataclass(frozen=True, slots=True)
class Machine:
    """What a node has, in API quantities, and what it is."""

    cpu: str
    memory: str
    storage: str
    pods: int = 110
    info: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What does not change while the agent runs."""

    name: str
    address: str
    port: int
    machine: Machine
    runtime: RuntimeVersion
    kubernetes_version: str
    pod_cidr: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Obj] = ()


def this_machine(root: Path) -> Machine:
    """The machine we run on; `root` is the directory whose file system pods' data goes to."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    release = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    boot, machine_id = Path("/proc/sys/kernel/random/boot_id"), Path("/etc/machine-id")
    info = {
        "machineID": machine_id.read_text().strip() if machine_id.exists() else "",
        "systemUUID": machine_id.read_text().strip() if machine_id.exists() else "",
        "bootID": boot.read_text().strip() if boot.exists() else "",
        "kernelVersion": platform.release(),
        "osImage": release.get("PRETTY_NAME", platform.system()),
        "operatingSystem": platform.system().lower(),
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
    }
    disk = shutil.disk_usage(root).total
    return Machine(str(os.cpu_count() or 1), f"{memory // 1024}Ki", f"{disk // 1024}Ki", info=info)


def has_apparmor() -> bool:
    """Whether this kernel enforces AppArmor profiles."""
    try:
        return Path("/sys/module/apparmor/parameters/enabled").read_text().startswith("Y")
    except OSError:
        return False


def node_object(facts: NodeFacts) -> Obj:
    """The Node to register, without status."""
    info = facts.machine.info
    labels = {
        "beta.kubernetes.io/arch": info.get("architecture", ""),
        "beta.kubernetes.io/os": info.get("operatingSystem", ""),
        "kubernetes.io/arch": info.get("architecture", ""),
        "kubernetes.io/hostname": facts.name,
        "kubernetes.io/os": info.get("operatingSystem", ""),
        **facts.labels,
    }
    spec: Obj = {"podCIDR": facts.pod_cidr, "podCIDRs": [facts.pod_cidr]} if facts.pod_cidr else {}
    if facts.taints:
        spec["taints"] = list(facts.taints)
    meta = {"name": facts.name, "labels": labels, "annotations": {MANAGED: "true"}}
    return {"kind": "Node", "apiVersion": "v1", "metadata": meta, "spec": spec}


def capacity(machine: Machine) -> dict[str, str]:
    """What a machine has to give."""
    return {
        "cpu": machine.cpu,
        "ephemeral-storage": machine.storage,
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
        "memory": machine.memory,
        "pods": str(machine.pods),
    }


@dataclass(frozen=True, slots=True)
class Told:
    """What the agent knows of its node at a time."""

    wrong: str = ""
    """Why it is not ready."""
    in_use: Sequence[str] = ()
    """Its attached volumes."""
    pressures: Sequence[str] = ()
    """The conditions of pressure that hold."""


def node_status(facts: NodeFacts, old: Obj, told: Told, now: datetime) -> Obj:
    """The node's status."""
    wrong, in_use = told.wrong, told.in_use
    amounts, stamp = capacity(facts.machine), format_time(now)
    ready = (
        {"type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": wrong}
        if wrong
        else {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"}
    )
    fine: list[Obj] = []
    for type_ in PRESSURES:
        pressed = type_ in told.pressures
        reason, message = (PRESSED if pressed else PRESSURES)[type_]
        fine.append({"type": type_, "status": "True" if pressed else "False", "reason": reason, "message": message})
    before = {c["type"]: c for c in old.get("conditions") or ()}
    conditions = []
    for made in [*fine, ready]:
        was = before.get(made["type"]) or {}
        since = was.get("lastTransitionTime") if was.get("status") == made["status"] else stamp
        conditions.append({**made, "lastHeartbeatTime": stamp, "lastTransitionTime": since or stamp})
    return {
        "addresses": [{"type": "InternalIP", "address": facts.address}, {"type": "Hostname", "address": facts.name}],
        "allocatable": amounts,
        "capacity": amounts,
        "conditions": conditions,
        **({"volumesInUse": list(in_use)} if in_use or old.get("volumesInUse") else {}),
        **({"declaredFeatures": list(DECLARED)} if _declares(facts.kubernetes_version) else {}),
        "daemonEndpoints": {"kubeletEndpoint": {"Port": facts.port}},
        "nodeInfo": {
            "kubeProxyVersion": "",
            **facts.machine.info,
            "containerRuntimeVersion": f"{facts.runtime.name}://{facts.runtime.version}",
            "kubeletVersion": facts.kubernetes_version,
        },
    }


def _declares(version: str) -> bool:
    """Whether nodes of a version (v1.36.0) say what they can do (KEP-5328)."""
    parts = version.lstrip("v").split(".")
    return len(parts) > 1 and parts[1].isdecimal() and (int(parts[0]), int(parts[1])) >= (1, 36)


def without_heartbeats(status: Obj) -> Obj:
    """The status without what changes at every report, and without others' conditions."""
    mine = {c["type"]: c for c in status.get("conditions") or () if c["type"] in (*PRESSURES, "Ready")}
    return {
        **status,
        "conditions": {t: {k: v for k, v in c.items() if k != "lastHeartbeatTime"} for t, c in mine.items()},
    }


def not_ready(conditions: Sequence[Condition], pleg: str) -> str:
    """Upstream's message for a node that is not ready: what of runtime and PLEG is wrong."""
    wrong = [
        f"container runtime {'network ' if c.type == 'NetworkReady' else ''}not ready: "
        f"{c.type}={'true' if c.status else 'false'} reason:{c.reason} message:{c.message}"
        for c in conditions
        if not c.status and c.type in ("RuntimeReady", "NetworkReady")
    ]
    return ", ".join([*wrong, *([f"PLEG is not healthy: {pleg}"] if pleg else [])])


Look = Callable[[], Awaitable[str]]
"""Says what is wrong with the node, nothing when it is ready."""


class NodeKeeper:
    """Registers the node and keeps status and lease. `look` says what is wrong with it."""

    def __init__(self, api: Api, clock: Clock, facts: NodeFacts, recorder: Recorder) -> None:
        self._api, self._clock, self.facts, self._recorder = api, clock, facts, recorder
        self.node: Obj = node_object(facts)
        self._reported_at = 0.0
        self._lease: Obj | None = None
        self.pressures: Callable[[], Sequence[str]] = tuple
        self.in_use: Callable[[], Sequence[str]] = tuple
        """The volumes that must not be detached."""

    async def register(self) -> None:
        """Create the node, or take over the one that is there. Raises StatusError, OSError."""
        try:
            self.node = await self._api.create(NODES, node_object(self.facts))
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise
            meta = node_object(self.facts)["metadata"]
            mine = {"labels": meta["labels"], "annotations": meta["annotations"]}
            self.node = await self._api.patch(self._ref(), {"metadata": mine})
        self.event("Normal", "Starting", "Starting kubelet.")

    async def refresh(self) -> None:
        """Read the Node now. Raises StatusError, OSError."""
        self.node = await self._api.get(self._ref())

    @property
    def allocatable(self) -> Obj:
        """What pods may have: the machine's own, and what others have put into the Node (extended resources)."""
        told: Obj = (self.node.get("status") or {}).get("allocatable") or {}
        return {**told, **capacity(self.facts.machine)}

    def _ref(self) -> ObjectRef:
        return ObjectRef(NODES, "", self.facts.name)

    async def report(self, wrong: str) -> None:
        """Write the status when it differs from what the API has, or when the last report is five minutes old.

        Others write the node too: a Ready that the node controller has called Unknown is put right at once.
        """
        now = self._clock.monotonic()
        try:
            self.node = await self._api.get(self._ref())
        except StatusError as error:
            if error.code != 404:
                raise
            await self.register()  # somebody deleted the node: it comes back
        old: Obj = self.node.get("status") or {}
        status = node_status(self.facts, old, Told(wrong, self.in_use(), self.pressures()), self._clock.now())
        self._tell_changes(old, status)
        seen = {key: value for key, value in old.items() if key in status}
        seen["nodeInfo"] = {
            key: value for key, value in (old.get("nodeInfo") or {}).items() if key in status["nodeInfo"]
        }
        if without_heartbeats(seen) == without_heartbeats(status) and now - self._reported_at < REPORT_EVERY:
            return
        self.node = await self._api.patch(self._ref(), {"status": status}, "strategic", "status")
        self._reported_at = now

    def _tell_changes(self, old: Obj, new: Obj) -> None:
        """Events for conditions of pressure that have come or gone."""
        before = {c["type"]: c.get("status") for c in old.get("conditions") or ()}
        for condition in new["conditions"]:
            if condition["type"] in PRESSURES and before.get(condition["type"]) != condition["status"]:
                self.event("Normal", condition["reason"].replace("Kubelet", "Node", 1))

    def event(self, type_: Literal["Normal", "Warning"], reason: str, message: str = "") -> None:
        """Post an Event about the node; without a message, that its status is so now."""
        name = self.facts.name
        about = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": name, "uid": name}}
        self._recorder.event(about, type_, reason, message or f"Node {name} status is now: {reason}")

    async def renew(self) -> None:
        """Renew the lease; make it first when there is none."""
        stamp = format_micro(self._clock.now())
        name = self.facts.name
        if self._lease is None:
            try:
                self._lease = await self._api.get(ObjectRef(LEASES, LEASE_NAMESPACE, name))
            except StatusError as error:
                if error.code != 404:
                    raise
                self._lease = await self._make_lease(stamp)
                return
        spec = {**(self._lease.get("spec") or {}), "holderIdentity": name, "renewTime": stamp}
        spec["leaseDurationSeconds"] = LEASE_SECONDS
        try:
            self._lease = await self._api.update(LEASES, {**self._lease, "spec": spec})
        except StatusError as error:
            self._lease = None
            if error.code not in (404, 409):
                raise

    async def _make_lease(self, stamp: str) -> Obj:
        owner = {"apiVersion": "v1", "kind": "Node", "name": self.facts.name, "uid": self.node["metadata"]["uid"]}
        meta = {"name": self.facts.name, "namespace": LEASE_NAMESPACE, "ownerReferences": [owner]}
        spec = {"holderIdentity": self.facts.name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": stamp}
        lease = {"kind": "Lease", "apiVersion": "coordination.k8s.io/v1", "metadata": meta, "spec": spec}
        return await self._api.create(LEASES, lease)

    async def run(self, look: Look) -> None:
        """Renew and report every ten seconds until cancelled; a call that fails is tried again at the next."""
        while True:
            await self._clock.sleep(RENEW_EVERY)
            await self.beat(look)

    async def beat(self, look: Look) -> None:
        """One round: lease, then status."""
        try:
            await self.renew()
            await self.report(await look())
        except (StatusError, OSError) as error:
            log.warning("node %s: %s", self.facts.name, error)
