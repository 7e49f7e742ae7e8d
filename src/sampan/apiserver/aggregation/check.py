"""Whether an extension API server can be reached: what its Service says before anybody asks it (kube-aggregator)."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sampan.api.json import Obj
from sampan.apiserver.aggregation.records import Remote


class Verdict(NamedTuple):
    """What the condition Available is to say."""

    status: str
    reason: str
    message: str


LOCAL = Verdict("True", "Local", "Local APIServices are always available")
PASSED = Verdict("True", "Passed", "all checks passed")


def failed(why: str) -> Verdict:
    """The server itself does not answer as it should."""
    return Verdict("False", "FailedDiscoveryCheck", why)


def before_asking(remote: Remote, service: Obj | None, slices: Sequence[Obj]) -> Verdict | None:
    """What is missing; None: ask the server. `slices` are the EndpointSlices of the Service."""
    named = f'service/{remote.service.name} in "{remote.service.namespace}"'
    if service is None:
        return Verdict("False", "ServiceNotFound", f"{named} is not present")
    spec = service.get("spec") or {}
    if (spec.get("type") or "ClusterIP") != "ClusterIP":
        return None
    port = next((one for one in spec.get("ports") or () if one.get("port") == remote.service.port), None)
    if port is None:
        return Verdict("False", "ServicePortError", f"{named} is not listening on port {remote.service.port}")
    if not slices:
        return Verdict("False", "EndpointsNotFound", f"cannot find endpointslices for {named}")
    name = port.get("name") or ""
    if not any(has_ready_endpoint(one, name) for one in slices):
        why = f'endpointslices for {named} have no addresses with port name "{name}"'
        return Verdict("False", "MissingEndpoints", why)
    return None


def has_ready_endpoint(one: Obj, port: str) -> bool:
    """Whether a slice has the named port and an endpoint that is ready."""
    if not any((entry.get("name") or "") == port for entry in one.get("ports") or ()):
        return False
    return any((end.get("conditions") or {}).get("ready") is not False for end in one.get("endpoints") or ())


def with_condition(api_service: Obj, verdict: Verdict, now: str) -> Obj:
    """The APIService with the condition; its time changes when its status does."""
    conditions: list[Obj] = list((api_service.get("status") or {}).get("conditions") or ())
    at = next((i for i, one in enumerate(conditions) if one.get("type") == "Available"), len(conditions))
    old = conditions[at] if at < len(conditions) else {}
    since = old.get("lastTransitionTime") if old.get("status") == verdict.status else now
    made = {
        "type": "Available", "status": verdict.status, "lastTransitionTime": since, "reason": verdict.reason,
        "message": verdict.message,
    }  # fmt: skip
    if old == made:
        return api_service
    conditions[at : at + 1] = [made]
    return {**api_service, "status": {**(api_service.get("status") or {}), "conditions": conditions}}


def of_service(slices: Iterable[Obj], name: str) -> list[Obj]:
    """Those EndpointSlices that are of the Service."""
    label = "kubernetes.io/service-name"
    return [one for one in slices if ((one["metadata"].get("labels") or {}).get(label)) == name]
