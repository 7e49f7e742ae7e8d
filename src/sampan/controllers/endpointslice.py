"""Publish the pods of Services as EndpointSlices (KEP-752)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sampan.api.json import Obj
from sampan.api.meta import annotations_of, is_deleting, labels_of, name_of, namespace_of, uid_of
from sampan.api.names import GVK, Key, ObjectRef
from sampan.controllers.names import is_ready, spec
from sampan.controllers.service_pods import (
    HEADLESS,
    TRIGGER_TIME,
    addresses,
    by_node,
    hostname_of,
    is_headless,
    is_managed,
    of_family,
    ports_of,
    publishable,
    selected,
    service_keys,
    target_of,
    trigger_time,
)
from sampan.controllers.service_pods import families as families_of
from sampan.controllers.slice_packing import Changes, pack, ports_key
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import reference_to, self_key
from sampan.reconcile.plan import NOTHING, Action, Announce, Create, Delete, Plan, Update
from sampan.resources.kinds import ENDPOINTSLICES, NODES, PODS, SERVICES

SERVICE_NAME, MANAGED_BY = "kubernetes.io/service-name", "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"
ZONE = "topology.kubernetes.io/zone"
RESERVED = {SERVICE_NAME, MANAGED_BY, HEADLESS}
FAILED = "Error updating Endpoint Slices for Service {name}: {{error}}"


@dataclass(frozen=True, slots=True)
class Seen:
    """A Service, its pods, its slices, and the zones of the nodes that exist."""

    service: Obj
    pods: tuple[Obj, ...]
    slices: tuple[Obj, ...]
    zones: Mapping[str, str]


def slice_keys(look: Lookup, endpoint_slice: Obj) -> Iterable[Key]:
    """The Service that a slice of ours is for."""
    labels = labels_of(endpoint_slice)
    if labels.get(MANAGED_BY) == MANAGER and labels.get(SERVICE_NAME):
        yield Key(namespace_of(endpoint_slice), labels[SERVICE_NAME])


def node_keys(look: Lookup, node: Obj) -> Iterable[Key]:
    """The Services with pods on a node: their endpoints wait for it, and carry its zone."""
    for pod in look.indexed(PODS, "node", name_of(node)):
        yield from service_keys(look, pod)


def by_service(endpoint_slice: Obj) -> Sequence[str]:
    """Index of our slices by Service."""
    labels = labels_of(endpoint_slice)
    if labels.get(MANAGED_BY) != MANAGER:
        return ()
    return (f"{namespace_of(endpoint_slice)}/{labels.get(SERVICE_NAME, '')}",)


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    service = look.get(SERVICES, *key)
    if service is None or not is_managed(service):
        return None
    pods = tuple(selected(look, service))
    nodes = {spec(pod).get("nodeName") or "" for pod in pods}
    found = [node for name in nodes if (node := look.get(NODES, "", name)) is not None]
    zones = {name_of(node): labels_of(node).get(ZONE, "") for node in found}
    slices = look.indexed(ENDPOINTSLICES, "service", f"{key.namespace}/{key.name}")
    return Seen(service, pods, tuple(s for s in slices if not is_deleting(s)), zones)


def decide(seen: Seen) -> Plan:
    """Slices of families that are no longer published go; each family is packed by itself."""
    families = families_of(seen.service)
    actions: list[Action] = []
    for family in families:
        changes = _family(seen, family, [s for s in seen.slices if s.get("addressType") == family])
        actions += _actions(seen, changes)
    gone = [s for s in seen.slices if s.get("addressType") not in families]
    return (*actions, *(_delete(s) for s in gone)) or NOTHING


def _family(seen: Seen, family: str, existing: Sequence[Obj]) -> Changes:
    service = seen.service
    labels = labels_for(service)
    own = [s for s in existing if _owned(s, service)]
    groups: dict[str, tuple[list[Obj], list[Obj]]] = {}
    for pod in seen.pods:
        if not publishable(pod, terminating=True):
            continue
        ports = slice_ports(service, pod)
        group = groups.setdefault(ports_key(ports), (ports, []))[1]
        node = spec(pod).get("nodeName") or ""
        if node not in seen.zones and not spec(service).get("publishNotReadyAddresses"):
            continue
        endpoint = endpoint_of(service, pod, family, seen.zones.get(node, ""))
        if endpoint["addresses"]:
            group.append(endpoint)
    total = Changes(delete=[s for s in existing if not _owned(s, service)])
    for key, (ports, endpoints) in sorted(groups.items()):
        there = [s for s in own if ports_key(s.get("ports")) == key]
        changes = pack(there, endpoints, _blank(service, family, ports), labels)
        total.create += changes.create
        total.update += changes.update
        total.delete += changes.delete
    total.delete += [s for s in own if ports_key(s.get("ports")) not in groups]
    if not total.create and len(total.delete) == len(existing):
        _place_holder(total, _blank(service, family, []))
    return _reuse(total, service)


def _place_holder(changes: Changes, blank: Obj) -> None:
    """A Service without endpoints keeps one empty slice per family; one that is there already stays untouched."""
    if len(changes.delete) == 1 and _same_holder(changes.delete[0], blank):
        changes.delete = []
    else:
        changes.create.append(blank)


def _same_holder(have: Obj, blank: Obj) -> bool:
    ours, theirs = have["metadata"], blank["metadata"]
    return (
        ours.get("labels") == theirs["labels"]
        and ours.get("ownerReferences") == theirs["ownerReferences"]
        and not have.get("endpoints")
        and not have.get("ports")
    )


def _reuse(changes: Changes, service: Obj) -> Changes:
    """Instead of deleting one slice and creating another, write the one under the other's name."""
    kept: list[Obj] = []
    for old in changes.delete:
        if changes.create and _owned(old, service):
            new = changes.create.pop()
            meta = {**old["metadata"], "labels": new["metadata"]["labels"]}
            changes.update.append({**new, "metadata": meta})
        else:
            kept.append(old)
    changes.delete = kept
    return changes


def _owned(endpoint_slice: Obj, service: Obj) -> bool:
    references = endpoint_slice["metadata"].get("ownerReferences") or ()
    return any(r.get("uid") == uid_of(service) and r.get("kind") == "Service" for r in references)


def labels_for(service: Obj) -> dict[str, str]:
    """The Service's labels, and those that say whose slice it is."""
    labels = {key: value for key, value in labels_of(service).items() if key not in RESERVED}
    if is_headless(service):
        labels[HEADLESS] = ""
    return {**labels, SERVICE_NAME: name_of(service), MANAGED_BY: MANAGER}


def _blank(service: Obj, family: str, ports: list[Obj]) -> Obj:
    meta = {
        "generateName": f"{name_of(service)}-",
        "namespace": namespace_of(service),
        "labels": labels_for(service),
        "ownerReferences": [reference_to(service, GVK("", "v1", "Service"))],
    }
    return {"metadata": meta, "addressType": family, "ports": ports, "endpoints": []}


def slice_ports(service: Obj, pod: Obj) -> list[Obj]:
    """The ports under which this pod serves."""
    ports = []
    for port, number in ports_of(service, pod):
        made = {"name": port.get("name") or "", "port": number, "protocol": port.get("protocol") or "TCP"}
        ports.append({**made, "appProtocol": port["appProtocol"]} if port.get("appProtocol") else made)
    return ports


def endpoint_of(service: Obj, pod: Obj, family: str, zone: str) -> Obj:
    """The pod as an endpoint: ready if it serves and does not go, or if the Service does not care."""
    serving, going = is_ready(pod), is_deleting(pod)
    ready = bool(spec(service).get("publishNotReadyAddresses")) or (serving and not going)
    made: Obj = {
        "addresses": of_family(addresses(pod), family),
        "conditions": {"ready": ready, "serving": serving, "terminating": going},
        "targetRef": target_of(pod),
    }
    more = {"nodeName": spec(pod).get("nodeName"), "zone": zone, "hostname": hostname_of(service, pod)}
    return {**made, **{key: value for key, value in more.items() if value}}


def _actions(seen: Seen, changes: Changes) -> list[Action]:
    service = seen.service
    stamp = {TRIGGER_TIME: trigger_time(service, seen.pods)}
    name = f"{namespace_of(service)}/{name_of(service)}"
    refused = ("FailedToUpdateEndpointSlices", FAILED.format(name=name))
    actions: list[Action] = []
    if not is_deleting(service):
        quiet = Announce(service, ("", ""), refused)
        actions += [Create(ENDPOINTSLICES, _stamped(new, stamp), announce=quiet) for new in changes.create]
    actions += [Update(ENDPOINTSLICES, _stamped(new, stamp)) for new in changes.update]
    actions += [_delete(old) for old in changes.delete]
    return actions


def _stamped(endpoint_slice: Obj, stamp: Mapping[str, str]) -> Obj:
    annotations = {**annotations_of(endpoint_slice), **stamp}
    return {**endpoint_slice, "metadata": {**endpoint_slice["metadata"], "annotations": annotations}}


def _delete(endpoint_slice: Obj) -> Action:
    ref = ObjectRef(ENDPOINTSLICES, namespace_of(endpoint_slice), name_of(endpoint_slice))
    return Delete(ref, uid_of(endpoint_slice))


CONTROLLER = Controller(
    "endpointslice-controller",
    component="endpoint-slice-controller",
    watches=(
        Watches(SERVICES, self_key),
        Watches(PODS, service_keys, indexes={"node": by_node}),
        Watches(ENDPOINTSLICES, slice_keys, indexes={"service": by_service}),
        Watches(NODES, node_keys),
    ),
    observe=observe,
    decide=decide,
)
