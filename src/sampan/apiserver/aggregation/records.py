"""APIServices as records: those of other servers, and those that this server makes for what it serves itself."""

import base64
from collections.abc import Iterable
from typing import NamedTuple

from sampan.api.json import Obj
from sampan.api.names import parse_api_version
from sampan.api.resource import Resource
from sampan.apiserver.webhook_client import ServiceRef

GROUP, PLURAL = "apiregistration.k8s.io", "apiservices"
AUTOMANAGED = "kube-aggregator.kubernetes.io/automanaged"
PRIORITIES = {
    "": 18000, "apps": 17800, "events.k8s.io": 17750, "authentication.k8s.io": 17700, "authorization.k8s.io": 17600,
    "autoscaling": 17500, "batch": 17400, "certificates.k8s.io": 17300, "networking.k8s.io": 17200, "policy": 17100,
    "rbac.authorization.k8s.io": 17000, "storage.k8s.io": 16800, "apiextensions.k8s.io": 16700,
    "admissionregistration.k8s.io": 16700, "scheduling.k8s.io": 16600, "coordination.k8s.io": 16500,
    "node.k8s.io": 16300, "discovery.k8s.io": 16200, "resource.k8s.io": 16200, "flowcontrol.apiserver.k8s.io": 16100,
}  # fmt: skip
"""Of groups in the tree: groupPriorityMinimum."""
VERSIONS = {
    ("", "v1"): 1, ("autoscaling", "v2"): 30, ("flowcontrol.apiserver.k8s.io", "v1"): 21,
    ("resource.k8s.io", "v1"): 21,
}  # fmt: skip
"""versionPriority, where it is not 15 for a stable version."""
CUSTOM_GROUP, CUSTOM_VERSION = 1000, 100
BEGINNING, ALWAYS = "onstart", "true"
UNMANAGED = frozenset((GROUP,))


class Remote(NamedTuple):
    """An APIService that another server answers for."""

    name: str
    group: str
    version: str
    service: ServiceRef
    ca: bytes
    """PEM of who signed the server's certificate; empty: the system's authorities."""
    verify: bool
    group_priority: int
    version_priority: int
    available: bool
    """Whether its condition Available is True."""


def remote_of(api_service: Obj) -> Remote | None:
    """The record of an APIService with a service; None for one that is served here."""
    spec = api_service.get("spec") or {}
    service = spec.get("service")
    if service is None:
        return None
    conditions = (api_service.get("status") or {}).get("conditions") or ()
    return Remote(
        api_service["metadata"]["name"],
        spec.get("group") or "",
        spec.get("version") or "",
        ServiceRef(service.get("namespace") or "", service.get("name") or "", "", service.get("port") or 443),
        base64.b64decode(spec.get("caBundle") or "").strip(),
        not spec.get("insecureSkipTLSVerify"),
        spec.get("groupPriorityMinimum") or 0,
        spec.get("versionPriority") or 0,
        any(one.get("type") == "Available" and one.get("status") == "True" for one in conditions),
    )


def local_services(resources: Iterable[Resource]) -> dict[str, Obj]:
    """The APIServices of all group versions that are served here, by name."""
    found: dict[str, Obj] = {}
    for resource in resources:
        group, version = parse_api_version(resource.gvk.api_version)
        name = f"{version}.{group}"
        if name in found or group in UNMANAGED:
            continue
        if resource.custom:
            priorities, managed = (CUSTOM_GROUP, CUSTOM_VERSION), ALWAYS
        else:
            stable = 15 if version.lstrip("v").isdecimal() else 9 if "beta" in version else 1
            priorities = (PRIORITIES.get(group, CUSTOM_GROUP), VERSIONS.get((group, version), stable))
            managed = BEGINNING
        spec: Obj = {"group": group} if group else {}
        spec |= {"version": version, "groupPriorityMinimum": priorities[0], "versionPriority": priorities[1]}
        found[name] = {"metadata": {"name": name, "labels": {AUTOMANAGED: managed}}, "spec": spec}
    return found
