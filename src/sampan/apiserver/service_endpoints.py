"""Where a Service of this cluster can be reached from this process: one of its ready endpoints."""

import random

from sampan.api.json import Obj
from sampan.apiserver.objects import StoredObjects


class NoEndpoint(Exception):
    """There is none, and why."""


async def endpoint_of(
    objects: StoredObjects, rng: random.Random, service: tuple[str, str], port: int
) -> tuple[str, int]:
    """Host (an IPv6 address in brackets) and port; `service` is namespace and name. Raises NoEndpoint."""
    namespace, name = service
    found = await objects.get("services", namespace, name)
    if found is None:
        raise NoEndpoint(f'service "{name}" not found')
    spec: Obj = found.get("spec") or {}
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName")), port
    declared = next((p for p in spec.get("ports") or () if p.get("port") == port), None)
    if declared is None:
        raise NoEndpoint(f'no service port {port} found for service "{name}"')
    slices = await objects.list("endpointslices", namespace, "discovery.k8s.io")
    places = [place for one in slices for place in _places(one, name, declared.get("name") or "")]
    if not places:
        raise NoEndpoint(f'no endpoints available for service "{name}"')
    address, number = rng.choice(places)
    return f"[{address}]" if ":" in address else address, number


def _places(one: Obj, service: str, port: str) -> list[tuple[str, int]]:
    """The ready addresses and ports of an EndpointSlice, if it is of the Service."""
    if ((one["metadata"].get("labels") or {}).get("kubernetes.io/service-name")) != service:
        return []
    number = next((p["port"] for p in one.get("ports") or () if (p.get("name") or "") == port and p.get("port")), None)
    if number is None:
        return []
    ready = [e for e in one.get("endpoints") or () if (e.get("conditions") or {}).get("ready") is not False]
    return [(endpoint["addresses"][0], number) for endpoint in ready if endpoint.get("addresses")]
