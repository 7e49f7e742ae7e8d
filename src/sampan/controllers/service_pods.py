"""What a Service publishes of its pods: who is in, under which ports, under which name (endpointslice/util)."""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence

from sampan.api.json import Obj
from sampan.api.meta import is_deleting, labels_of, name_of, namespace_of, uid_of
from sampan.api.names import Key
from sampan.controllers.names import spec, status
from sampan.reconcile.controller import Lookup
from sampan.resources.kinds import PODS, SERVICES

HEADLESS = "service.kubernetes.io/headless"
TRIGGER_TIME = "endpoints.kubernetes.io/last-change-trigger-time"
FINISHED = ("Succeeded", "Failed")


def is_managed(service: Obj) -> bool:
    """Whether its endpoints are ours to write: it has a selector and is no ExternalName."""
    return spec(service).get("type") != "ExternalName" and spec(service).get("selector") is not None


def selects(service: Obj, pod: Obj) -> bool:
    """Whether the Service's selector matches a pod; an empty selector matches none (services never select all)."""
    selector: dict[str, str] = spec(service).get("selector") or {}
    return bool(selector) and selector.items() <= labels_of(pod).items()


def service_keys(look: Lookup, pod: Obj) -> Iterator[Key]:
    """The Services that select a pod."""
    for service in look.list(SERVICES, namespace_of(pod)):
        if selects(service, pod):
            yield Key(namespace_of(service), name_of(service))


def selected(look: Lookup, service: Obj) -> list[Obj]:
    """The pods of a Service."""
    return [pod for pod in look.list(PODS, namespace_of(service)) if selects(service, pod)]


def by_node(pod: Obj) -> Sequence[str]:
    """Index of pods by node."""
    return (spec(pod).get("nodeName") or "",)


def publishable(pod: Obj, *, terminating: bool) -> bool:
    """Whether a pod can be an endpoint at all: it has an address and is not over."""
    if status(pod).get("phase") in FINISHED or not addresses(pod):
        return False
    return terminating or not is_deleting(pod)


def addresses(pod: Obj) -> list[str]:
    """The pod's IPs in their usual form."""
    state = status(pod)
    texts = [entry.get("ip") for entry in state.get("podIPs") or ()] or [state.get("podIP")]
    found = []
    for text in texts:
        try:
            found.append(str(ipaddress.ip_address(text or "")))
        except ValueError:
            continue
    return found


def of_family(texts: Iterable[str], family: str) -> list[str]:
    """The addresses of IPv4 or IPv6."""
    return [text for text in texts if (":" in text) == (family == "IPv6")]


def families(service: Obj) -> list[str]:
    """IPv4, IPv6: what the Service publishes."""
    named = spec(service).get("ipFamilies")
    if named:
        return list(named)
    address = spec(service).get("clusterIP") or "None"
    if address != "None":
        return ["IPv6" if ":" in address else "IPv4"]
    return ["IPv4", "IPv6"]


def is_headless(service: Obj) -> bool:
    return spec(service).get("clusterIP") in (None, "", "None")


def ports_of(service: Obj, pod: Obj) -> list[tuple[Obj, int]]:
    """The Service's ports with their numbers in this pod; ports that the pod does not name are left out."""
    found = []
    for port in spec(service).get("ports") or ():
        number = find_port(pod, port)
        if number is not None:
            found.append((port, number))
    return found


def find_port(pod: Obj, port: Obj) -> int | None:
    """The target port's number: itself, or that of the pod's container port of this name and protocol."""
    target = port.get("targetPort", port.get("port"))
    if isinstance(target, int):
        return target
    sidecars = [c for c in spec(pod).get("initContainers") or () if c.get("restartPolicy") == "Always"]
    for container in (*(spec(pod).get("containers") or ()), *sidecars):
        for offered in container.get("ports") or ():
            same_protocol = (offered.get("protocol") or "TCP") == (port.get("protocol") or "TCP")
            if offered.get("name") == target and same_protocol:
                return int(offered["containerPort"])
    return None


def hostname_of(service: Obj, pod: Obj) -> str:
    """The pod's host name, if it says that it wants one below this Service."""
    name = spec(pod).get("hostname")
    return str(name) if name and spec(pod).get("subdomain") == name_of(service) else ""


def target_of(pod: Obj) -> Obj:
    """The reference to the pod that endpoints carry."""
    return {"kind": "Pod", "namespace": namespace_of(pod), "name": name_of(pod), "uid": uid_of(pod)}


def trigger_time(service: Obj, pods: Iterable[Obj]) -> str:
    """When the latest change happened that endpoints tell of: a pod's readiness, or the Service's creation."""
    times = [service["metadata"].get("creationTimestamp") or ""]
    for pod in pods:
        times += [
            c.get("lastTransitionTime") or "" for c in status(pod).get("conditions") or () if c["type"] == "Ready"
        ]
    return max(times)
