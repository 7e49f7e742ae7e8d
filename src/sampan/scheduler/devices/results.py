"""An allocation as the claim's status tells it (resource.k8s.io/v1 AllocationResult)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sampan.api.json import Obj
from sampan.api.quantity import parse, render
from sampan.scheduler.devices.requests import AllocationFailed, Ask, Device, requests_of


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """One device that a request gets, and how much of it."""

    ask: Ask
    device: Device
    share: str = ""
    taken: Mapping[str, Decimal] | None = None


def allocation(claim: Obj, given: Sequence[Given], chosen: Mapping[str, Ask], node: str) -> Obj:
    """The whole result. `chosen`: the alternative that each request got."""
    devices: Obj = {"results": [_result(one) for one in given]}
    if config := [*_of_classes(claim, chosen), *_of_claim(claim, chosen)]:
        devices["config"] = config
    made: Obj = {"devices": devices}
    if selector := node_selector(given, node):
        made["nodeSelector"] = selector
    return made


def _result(given: Given) -> Obj:
    named, device, ask = given.device.id, given.device.obj, given.ask
    made: Obj = {"request": ask.name, "driver": named.driver, "pool": named.pool, "device": named.name}
    if ask.admin:
        made["adminAccess"] = True
    if ask.spec.get("tolerations"):
        made["tolerations"] = ask.spec["tolerations"]
    for key in ("bindingConditions", "bindingFailureConditions"):
        if device.get(key):
            made[key] = device[key]
    if given.share:
        made["shareID"] = given.share
    if given.taken:
        given_as = {name: parse(capacity["value"])[1] for name, capacity in device["capacity"].items()}
        made["consumedCapacity"] = {name: render(amount, given_as[name]) for name, amount in given.taken.items()}
    return made


def _of_classes(claim: Obj, chosen: Mapping[str, Ask]) -> list[Obj]:
    """Configuration of device classes; requests of one class share it."""
    made: list[Obj] = []
    ranges: dict[str, list[Obj]] = {}
    for request in requests_of(claim):
        ask = chosen[request["name"]]
        name = ask.klass["metadata"]["name"]
        if name in ranges:
            for row in ranges[name]:
                row["requests"].append(ask.name)
            continue
        configs = (ask.klass.get("spec") or {}).get("config") or ()
        ranges[name] = [{"source": "FromClass", "requests": [ask.name], **config} for config in configs]
        made += ranges[name]
    return made


def _of_claim(claim: Obj, chosen: Mapping[str, Ask]) -> list[Obj]:
    """Configuration of the claim that is for what was chosen."""
    made: list[Obj] = []
    for config in (claim["spec"].get("devices") or {}).get("config") or ():
        names = config.get("requests") or []
        row = {"source": "FromClaim", **config}
        if not names:
            made.append(row)
        made += [row for name, ask in chosen.items() if name in names or (ask.sub and ask.name in names)]
    return made


def node_selector(given: Sequence[Given], node: str) -> Obj | None:
    """Where the devices can be used; None: everywhere."""
    fields: list[Obj] = []
    labels: list[Obj] = []
    for one in given:
        place = one.device.obj if one.device.slice["spec"].get("perDeviceNodeSelection") else one.device.slice["spec"]
        if place.get("nodeName") or one.device.obj.get("bindsToNode"):
            match = {"key": "metadata.name", "operator": "In", "values": [node]}
            return {"nodeSelectorTerms": [{"matchFields": [match]}]}
        terms = (place.get("nodeSelector") or {}).get("nodeSelectorTerms") or ()
        if len(terms) > 1:
            raise AllocationFailed(f"unsupported ResourceSlice.NodeSelector with {len(terms)} terms")
        for term in terms:
            fields += [row for row in term.get("matchFields") or () if row not in fields]
            labels += [row for row in term.get("matchExpressions") or () if row not in labels]
    if not fields and not labels:
        return None
    term = {key: rows for key, rows in (("matchFields", fields), ("matchExpressions", labels)) if rows}
    return {"nodeSelectorTerms": [term]}
