"""Publish the pods of Services as Endpoints, the older form, for those who still read it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from sampan.api.json import Obj, dumps
from sampan.api.meta import annotations_of, labels_of, name_of, namespace_of, uid_of
from sampan.api.names import Key, ObjectRef
from sampan.controllers.names import is_ready, spec
from sampan.controllers.service_pods import (
    HEADLESS,
    TRIGGER_TIME,
    addresses,
    families,
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
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import self_key
from sampan.reconcile.plan import NOTHING, Announce, Create, Delete, Plan, Update
from sampan.resources.kinds import ENDPOINTS, PODS, SERVICES

MANAGED_BY, MANAGER = "endpoints.kubernetes.io/managed-by", "endpoint-controller"
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
CAPACITY = 1000
"""Addresses in one object; the rest are left out."""
LEADER = "control-plane.alpha.kubernetes.io/leader"
"""Endpoints that elect leaders have no Service and are nobody's business here."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A Service (None: there is none of this name), its pods, and its Endpoints if there are any."""

    service: Obj | None
    pods: tuple[Obj, ...]
    endpoints: Obj | None


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    service = look.get(SERVICES, *key)
    endpoints = look.get(ENDPOINTS, *key)
    if service is None:
        return None if endpoints is None else Seen(None, (), endpoints)
    if not is_managed(service):
        return None
    return Seen(service, tuple(selected(look, service)), endpoints)


def decide(seen: Seen) -> Plan:
    """Endpoints without a Service go; the others say what the pods are."""
    have = seen.endpoints
    service = seen.service
    if service is None:
        if have is None or LEADER in annotations_of(have):
            return NOTHING
        return (Delete(ObjectRef(ENDPOINTS, namespace_of(have), name_of(have)), uid_of(have)),)
    full = subsets_of(service, seen.pods)
    subsets = truncated(full)
    labels = _labels(service)
    annotations = {**annotations_of(have or {}), TRIGGER_TIME: trigger_time(service, seen.pods)}
    annotations.pop(OVER_CAPACITY, None)
    if subsets != full:
        annotations[OVER_CAPACITY] = "truncated"
    if have is not None:
        over = annotations_of(have).get(OVER_CAPACITY) == annotations.get(OVER_CAPACITY)
        if over and (have.get("subsets") or []) == subsets and dict(labels_of(have)) == labels:
            return NOTHING
        meta = {**have["metadata"], "labels": labels, "annotations": annotations}
        return (Update(ENDPOINTS, {**have, "metadata": meta, "subsets": subsets}),)
    where = {"name": name_of(service), "namespace": namespace_of(service)}
    made = {"metadata": {**where, "labels": labels, "annotations": annotations}, "subsets": subsets}
    text = f"Failed to create endpoint for service {where['namespace']}/{where['name']}: {{error}}"
    about = {"kind": "Endpoints", "apiVersion": "v1", **made}
    return (Create(ENDPOINTS, made, announce=Announce(about, ("", ""), ("FailedToCreateEndpoint", text))),)


def _labels(service: Obj) -> dict[str, str]:
    labels = {key: value for key, value in labels_of(service).items() if key != HEADLESS}
    if is_headless(service):
        labels[HEADLESS] = ""
    return {**labels, MANAGED_BY: MANAGER}


def subsets_of(service: Obj, pods: Iterable[Obj]) -> list[Obj]:
    """Addresses grouped by the ports that they share, sorted (endpoints: RepackSubsets)."""
    unready_too = bool(spec(service).get("publishNotReadyAddresses"))
    offers: dict[str, tuple[Obj | None, dict[str, tuple[Obj, bool]]]] = {}
    for pod in pods:
        if not publishable(pod, terminating=unready_too):
            continue
        found = of_family(addresses(pod), families(service)[0])
        if not found:
            continue
        entry = (_address(service, pod, found[0]), unready_too or is_ready(pod))
        for port in _ports(service, pod):
            offers.setdefault(dumps(port).decode(), (port, {}))[1][uid_of(pod)] = entry
    groups: dict[str, tuple[list[Obj], dict[str, tuple[Obj, bool]]]] = {}
    for _, (port, entries) in sorted(offers.items()):
        key = dumps(sorted((uid, ready) for uid, (_, ready) in entries.items())).decode()
        ports = groups.setdefault(key, ([], entries))[0]
        if port is not None:
            ports.append(port)
    made = [_subset(entries.values(), ports) for ports, entries in groups.values()]
    return sorted(made, key=lambda subset: dumps(subset.get("ports", [])).decode())


def _ports(service: Obj, pod: Obj) -> Sequence[Obj | None]:
    if not spec(service).get("ports"):
        return [None] if spec(service).get("clusterIP") == "None" else []
    ports: list[Obj] = []
    for port, number in ports_of(service, pod):
        named = {"name": port["name"]} if port.get("name") else {}
        more = {"appProtocol": port["appProtocol"]} if port.get("appProtocol") else {}
        ports.append({**named, "port": number, "protocol": port.get("protocol") or "TCP", **more})
    return ports


def _address(service: Obj, pod: Obj, ip: str) -> Obj:
    hostname = hostname_of(service, pod)
    made = {"ip": ip, "nodeName": spec(pod).get("nodeName"), "hostname": hostname, "targetRef": target_of(pod)}
    return {key: value for key, value in made.items() if value}


def _subset(entries: Iterable[tuple[Obj, bool]], ports: list[Obj]) -> Obj:
    ordered = sorted(entries, key=lambda entry: (_number(entry[0]["ip"]), entry[0]["targetRef"]["uid"]))
    subset: Obj = {}
    if ready := [address for address, is_up in ordered if is_up]:
        subset["addresses"] = ready
    if unready := [address for address, is_up in ordered if not is_up]:
        subset["notReadyAddresses"] = unready
    return {**subset, "ports": ports} if ports else subset


def _number(ip: str) -> tuple[int, ...]:
    return tuple(int(part or "0", 16 if ":" in ip else 10) for part in ip.replace(":", ".").split("."))


def truncated(subsets: Sequence[Obj]) -> list[Obj]:
    """At most CAPACITY addresses, ready ones first, each subset keeping its share."""
    ready = sum(len(s.get("addresses", ())) for s in subsets)
    unready = sum(len(s.get("notReadyAddresses", ())) for s in subsets)
    if ready + unready <= CAPACITY:
        return list(subsets)
    field, room, total = ("addresses", CAPACITY, ready) if ready > CAPACITY else (
        "notReadyAddresses", CAPACITY - ready, unready,
    )  # fmt: skip
    left, made = room, []
    for subset in subsets:
        here: Sequence[Mapping[str, object]] = subset.get(field, ())
        count = min(left, ceil(len(here) / total * room))
        left -= min(count, len(here))
        cut = {**subset, field: list(here[:count])}
        if field == "addresses":
            cut.pop("notReadyAddresses", None)
        made.append({key: value for key, value in cut.items() if value})
    return made


CONTROLLER = Controller(
    "endpoints-controller",
    component="endpoint-controller",
    watches=(Watches(SERVICES, self_key), Watches(PODS, service_keys), Watches(ENDPOINTS, self_key)),
    observe=observe,
    decide=decide,
)
