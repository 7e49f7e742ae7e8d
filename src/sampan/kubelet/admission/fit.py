"""Whether pods fit on a node: resources, affinity, host ports, taints, as upstream's kubelet looks at them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sampan.api.json import Obj
from sampan.api.quantity import milli_value, value
from sampan.kubelet.podspec import containers, init_containers, is_sidecar, is_static, spec
from sampan.resources.node_selection import selects, tolerates
from sampan.resources.pod_resources import pod_requests

FIRST = ("cpu", "memory", "ephemeral-storage")
PORT_REASON = "node(s) didn't have free ports for the requested pod ports"
AFFINITY_REASON = "node(s) didn't match Pod's node affinity/selector"
TAINT_REASON = "node(s) had taints that the pod didn't tolerate"
EVERY = "0.0.0.0"
Port = tuple[str, str, int]
"""Protocol, address, number."""


@dataclass(frozen=True, slots=True)
class Held:
    """What one pod takes of its node; CPU in thousandths."""

    pod: Obj
    amounts: Mapping[str, int]
    ports: tuple[Port, ...]


@dataclass(frozen=True, slots=True)
class Short:
    """There is too little of a resource."""

    name: str
    requested: int
    used: int
    capacity: int

    @property
    def reason(self) -> str:
        return f"OutOf{self.name}"

    @property
    def message(self) -> str:
        return (
            f"Node didn't have enough resource: {self.name}, requested: {self.requested}, "
            f"used: {self.used}, capacity: {self.capacity}"
        )

    @property
    def missing(self) -> int:
        return self.requested - (self.capacity - self.used)


@dataclass(frozen=True, slots=True)
class Failed:
    """Another rule is not kept."""

    name: str
    why: str

    @property
    def reason(self) -> str:
        return self.name

    @property
    def message(self) -> str:
        return f"Predicate {self.name} failed: {self.why}"


Problem = Short | Failed


def held(pod: Obj) -> Held:
    """What a pod takes."""
    amounts = {name: milli_value(n) if name == "cpu" else value(n) for name, n in pod_requests(pod).items()}
    lasting = (*containers(pod), *(c for c in init_containers(pod) if is_sidecar(c)))
    ports = tuple(
        (port.get("protocol") or "TCP", port.get("hostIP") or EVERY, int(port["hostPort"]))
        for container in lasting
        for port in container.get("ports") or ()
        if port.get("hostPort")
    )
    return Held(pod, amounts, ports)


def amount_of(quantities: Mapping[str, Any], name: str) -> int:
    """An amount as `Held.amounts` has it; nothing is 0."""
    found = quantities.get(name) or 0
    return milli_value(found) if name == "cpu" else value(found)


def shortages(wanted: Held, others: Sequence[Held], allocatable: Mapping[str, Any]) -> list[Short]:
    """What there is too little of beside the other pods. Extended resources that the node has not do not count."""
    found = []
    most = amount_of(allocatable, "pods")
    if len(others) + 1 > most:
        found.append(Short("pods", 1, len(others), most))
    names = (*FIRST, *(name for name in wanted.amounts if name not in FIRST))
    for name in names:
        asked = wanted.amounts.get(name) or 0
        if not asked or (name not in allocatable and is_extended(name)):
            continue
        used = sum(other.amounts.get(name) or 0 for other in others)
        capacity = amount_of(allocatable, name)
        if asked > capacity - used:
            found.append(Short(name, asked, used, capacity))
    return found


def is_extended(name: str) -> bool:
    """Whether a resource is one that others than Kubernetes define."""
    domain, slash, _ = name.partition("/")
    native = not slash or domain == "kubernetes.io" or domain.endswith(".kubernetes.io")
    return not native and not name.startswith("requests.")


def clash(a: Port, b: Port) -> bool:
    """Whether two host ports cannot be on one node: 0.0.0.0 meets every address."""
    return a[0] == b[0] and a[2] == b[2] and (a[1] == b[1] or EVERY in (a[1], b[1]))


def repelled(pod: Obj, taints: Iterable[Obj]) -> bool:
    """Whether a NoExecute taint is not tolerated; the node agent heeds no others."""
    tolerations = spec(pod).get("tolerations") or ()
    return any(
        taint.get("effect") == "NoExecute" and not any(tolerates(one, taint) for one in tolerations) for taint in taints
    )


def problems(wanted: Held, others: Sequence[Held], node: Obj, allocatable: Mapping[str, Any]) -> list[Problem]:
    """All that keeps a pod from its node, in upstream's order."""
    pod, meta = wanted.pod, node["metadata"]
    found: list[Problem] = list(shortages(wanted, others, allocatable))
    if not selects(spec(pod), meta["name"], meta.get("labels") or {}):
        found.append(Failed("NodeAffinity", AFFINITY_REASON))
    if wanted.ports and any(clash(a, b) for other in others for a in wanted.ports for b in other.ports):
        found.append(Failed("NodePorts", PORT_REASON))
    if not is_static(pod) and repelled(pod, (node.get("spec") or {}).get("taints") or ()):
        found.append(Failed("TaintToleration", TAINT_REASON))
    return found
