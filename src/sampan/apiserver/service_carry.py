"""What an update of a Service keeps that its writer left out, and what goes with its type. Pure.

Upstream: pkg/registry/core/service, storage/storage.go and strategy.go.
"""

from sampan.api.json import Obj
from sampan.resources.validation.core.service import is_external, needs_health_port


def _needs_ports(spec: Obj) -> bool:
    kind = spec.get("type")
    return kind == "NodePort" or (kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is not False)


def _ports(spec: Obj) -> list[Obj]:
    return spec.get("ports") or []


def _used(spec: Obj) -> set[int]:
    return {port["nodePort"] for port in _ports(spec) if port.get("nodePort")}


def carried(spec: Obj, before: Obj) -> Obj:
    """With the addresses and ports that the Service has, where the new spec says nothing (patchAllocatedValues)."""
    made = dict(spec)
    if "ExternalName" not in (spec.get("type"), before.get("type")):
        for key in ("clusterIP", "clusterIPs"):
            if not made.get(key) and before.get(key):
                made[key] = before[key]
    if _needs_ports(before) and _needs_ports(spec):
        taken = _used(before) & _used(spec)
        known = {port.get("name") or "": port.get("nodePort") for port in _ports(before)}
        ports = []
        for port in _ports(spec):
            had = known.get(port.get("name") or "")
            ports.append(port if port.get("nodePort") or not had or had in taken else {**port, "nodePort": had})
        made["ports"] = ports
    if needs_health_port(before) and needs_health_port(spec) and not spec.get("healthCheckNodePort"):
        made["healthCheckNodePort"] = before.get("healthCheckNodePort")
    return {key: value for key, value in made.items() if value is not None}


def levelled(spec: Obj, before: Obj | None) -> Obj:
    """clusterIPs follow clusterIP, for clients that know only that one (normalizeClusterIPs)."""
    address, addresses = spec.get("clusterIP") or "", spec.get("clusterIPs") or []
    if before is None:
        return {**spec, "clusterIPs": [address]} if address and not addresses else spec
    had, all_had = before.get("clusterIP") or "", before.get("clusterIPs") or []
    if all_had and not addresses and address == had:
        return {**spec, "clusterIPs": all_had}
    if address == had or addresses != all_had:
        return spec
    if had and not address:
        return {key: value for key, value in spec.items() if key != "clusterIPs"}
    return {**spec, "clusterIPs": [address]}


def shed(service: Obj, old: Obj) -> Obj:
    """Without what another type needed and the writer left as it was (dropTypeDependentFields)."""
    spec, before = dict(service.get("spec") or {}), old.get("spec") or {}
    kind, was = spec.get("type"), before.get("type")
    if kind == "ExternalName" and was != "ExternalName":
        same = all((spec.get(key) or "") == (before.get(key) or "") for key in ("clusterIP", "clusterIPs"))
        if same:
            _drop(spec, "clusterIP", "clusterIPs")
        for key in ("ipFamilies", "ipFamilyPolicy"):
            if spec.get(key) == before.get(key):
                _drop(spec, key)
    nodes = ("NodePort", "LoadBalancer")
    if was in nodes and kind not in nodes and _used(spec) <= _used(before) and _ports(spec):
        spec["ports"] = [{k: v for k, v in port.items() if k != "nodePort"} for port in _ports(spec)]
    if needs_health_port(before) and not needs_health_port(spec):
        _drop_same(spec, before, "healthCheckNodePort")
    if was == "LoadBalancer" and kind != "LoadBalancer":
        _drop_same(spec, before, "allocateLoadBalancerNodePorts", "loadBalancerClass")
    if is_external(before) and not is_external(spec):
        _drop_same(spec, before, "externalTrafficPolicy")
    made = {**service, "spec": unused_dropped(spec)}
    if kind != "LoadBalancer":
        made["status"] = {**(service.get("status") or {}), "loadBalancer": {}}
    return made


def unused_dropped(spec: Obj) -> Obj:
    """An ExternalName has no use for internalTrafficPolicy, and does not show it."""
    if spec.get("type") != "ExternalName" or spec.get("internalTrafficPolicy") not in ("Cluster", "Local"):
        return spec
    return {key: value for key, value in spec.items() if key != "internalTrafficPolicy"}


def _drop(spec: Obj, *keys: str) -> None:
    for key in keys:
        spec.pop(key, None)


def _drop_same(spec: Obj, before: Obj, *keys: str) -> None:
    for key in keys:
        if spec.get(key) == before.get(key):
            spec.pop(key, None)
