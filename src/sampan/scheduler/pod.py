"""What scheduling needs to know of a pod, read from its object once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sampan.api.json import Obj
from sampan.api.quantity import milli_value, value
from sampan.scheduler.terms import NO_TERMS, PodTerms, pod_terms

# Upstream scores a container without requests as if it asked for this much (scheduler/util: DefaultMilliCPURequest).
ASSUMED_MILLI_CPU = 100
ASSUMED_MEMORY = 200 * 1024 * 1024

DISKS = ("gcePersistentDisk", "awsElasticBlockStore", "rbd", "iscsi")
"""Volumes of the old kinds that several pods of a node cannot share."""
PodKey = tuple[str, str]
"""Namespace and name."""
Amounts = Mapping[str, int]
"""Resource name to amount: CPU in thousandths of a core, everything else in its own unit."""


@dataclass(frozen=True, slots=True, eq=False)
class PodInfo:
    """One pod as the plugins see it. `ports` are (protocol, host IP, host port)."""

    obj: Obj
    namespace: str
    name: str
    uid: str
    node: str
    priority: int
    scheduler: str
    requests: Amounts
    scored: tuple[int, int]
    """(milli-CPU, bytes of memory) for scoring."""
    ports: tuple[tuple[str, str, int], ...]
    tolerations: tuple[Mapping[str, Any], ...]
    node_selector: Mapping[str, str]
    node_affinity: Mapping[str, Any]
    claims: tuple[str, ...]
    images: tuple[str, ...]
    """Of containers, init containers and image volumes."""
    containers: int
    gated: bool
    labels: Mapping[str, str]
    affinity: PodTerms
    """What it says of the company of other pods."""
    spreads: tuple[Mapping[str, Any], ...]
    """topologySpreadConstraints."""
    nominated: str
    """The node where pods were evicted for it; empty for none."""
    going: bool
    """It has a deletionTimestamp."""

    @property
    def key(self) -> PodKey:
        return self.namespace, self.name


def amount(resource: str, quantity: str) -> int:
    """A quantity as a whole number: thousandths for CPU, rounded up as upstream does."""
    return milli_value(quantity) if resource == "cpu" else value(quantity)


def amounts(quantities: Mapping[str, str] | None) -> dict[str, int]:
    """A resource list as whole numbers."""
    return {name: amount(name, quantity) for name, quantity in (quantities or {}).items()}


def pod_requests(spec: Obj) -> dict[str, int]:
    """The pod's effective request: containers and sidecars add up, init containers count one at a time (KEP-753)."""
    total: dict[str, int] = {}
    for container in spec.get("containers") or ():
        _add(total, amounts(_requests(container)))
    sidecars: dict[str, int] = {}
    peak: dict[str, int] = {}
    for container in spec.get("initContainers") or ():
        wanted = amounts(_requests(container))
        if container.get("restartPolicy") == "Always":
            _add(total, wanted)
            _add(sidecars, wanted)
            wanted = dict(sidecars)
        else:
            _add(wanted, sidecars)
        _raise_to(peak, wanted)
    _raise_to(total, peak)
    total |= amounts((spec.get("resources") or {}).get("requests"))  # pod-level requests replace the sum (KEP-2837)
    _add(total, amounts(spec.get("overhead")))
    return total


def read_pod(pod: Obj) -> PodInfo:
    """The scheduler's view of a pod object."""
    meta, spec = pod["metadata"], pod.get("spec") or {}
    containers = spec.get("containers") or ()
    every = (*containers, *(c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"))
    affinity = spec.get("affinity") or {}
    requests = pod_requests(spec)
    scored = [_scored(_requests(container)) for container in containers]
    return PodInfo(
        obj=pod,
        namespace=meta.get("namespace", ""),
        name=meta["name"],
        uid=meta.get("uid", ""),
        node=spec.get("nodeName", ""),
        priority=spec.get("priority") or 0,
        scheduler=spec.get("schedulerName") or "default-scheduler",
        requests=requests,
        scored=(
            max(requests.get("cpu", 0), sum(cpu for cpu, _ in scored)),
            max(requests.get("memory", 0), sum(memory for _, memory in scored)),
        ),
        ports=tuple(
            (port.get("protocol") or "TCP", port.get("hostIP") or "0.0.0.0", port["hostPort"])
            for container in every
            for port in container.get("ports") or ()
            if port.get("hostPort")
        ),
        tolerations=tuple(spec.get("tolerations") or ()),
        node_selector=spec.get("nodeSelector") or {},
        node_affinity=affinity.get("nodeAffinity") or {},
        claims=tuple(_claims(pod)),
        images=tuple(_images(spec)),
        containers=len(containers) + len(spec.get("initContainers") or ()),
        gated=bool(spec.get("schedulingGates")),
        labels=meta.get("labels") or {},
        affinity=pod_terms(affinity, meta.get("namespace", "")) if affinity else NO_TERMS,
        spreads=tuple(spec.get("topologySpreadConstraints") or ()),
        nominated=(pod.get("status") or {}).get("nominatedNodeName", ""),
        going="deletionTimestamp" in meta,
    )


def slim(pod: PodInfo) -> PodInfo:
    """The pod with that part of its object alone which is looked at once it has a node: there are many such pods."""
    meta, spec, status = pod.obj["metadata"], pod.obj.get("spec") or {}, pod.obj.get("status") or {}
    disks = [v for v in spec.get("volumes") or () if not v.keys().isdisjoint(DISKS)]
    told = [c for c in status.get("conditions") or () if c["type"] == "DisruptionTarget"]
    kept: Obj = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {key: meta[key] for key in ("name", "namespace", "uid") if key in meta},
        "spec": {"volumes": disks},
        "status": {"startTime": status.get("startTime"), "conditions": told},
    }
    if pod.going:
        kept["metadata"]["deletionTimestamp"] = meta["deletionTimestamp"]
    return replace(pod, obj=kept)


def is_same(one: PodInfo, other: PodInfo) -> bool:
    """Whether two slim states of a pod with a node are the same to the scheduler."""
    return (one.labels, one.requests, one.obj) == (other.labels, other.requests, other.obj)


def is_terminal(pod: Obj) -> bool:
    """Succeeded or Failed: it holds no resources any more."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _requests(container: Obj) -> Mapping[str, str]:
    return (container.get("resources") or {}).get("requests") or {}


def _scored(requests: Mapping[str, str]) -> tuple[int, int]:
    cpu, memory = requests.get("cpu"), requests.get("memory")
    return (
        ASSUMED_MILLI_CPU if cpu is None else amount("cpu", cpu),
        ASSUMED_MEMORY if memory is None else amount("memory", memory),
    )


def _images(spec: Obj) -> Iterator[str]:
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        yield container.get("image", "")
    for volume in spec.get("volumes") or ():
        if volume.get("image"):
            yield volume["image"].get("reference", "")


def _claims(pod: Obj) -> list[str]:
    names = []
    for volume in pod["spec"].get("volumes") or ():
        if claim := volume.get("persistentVolumeClaim"):
            names.append(claim["claimName"])
        elif volume.get("ephemeral"):
            names.append(f"{pod['metadata']['name']}-{volume['name']}")
    return names


def _add(total: dict[str, int], more: Amounts) -> None:
    for name, number in more.items():
        total[name] = total.get(name, 0) + number


def _raise_to(total: dict[str, int], floor: Amounts) -> None:
    for name, number in floor.items():
        total[name] = max(total.get(name, 0), number)
