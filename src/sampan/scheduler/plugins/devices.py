"""DynamicResources: the claims of a pod are allocated, or can be, where it goes (KEP-4381)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from sampan.api.json import Obj
from sampan.api.meta import controller_of
from sampan.scheduler.devices.allocator import InvalidPools, Market
from sampan.scheduler.devices.requests import AllocationFailed, alternatives, requests_of, title
from sampan.scheduler.events import DEVICE_CLAIM, DEVICE_CLASS, DEVICE_SLICE, Events, on
from sampan.scheduler.framework import FITS, Broken, DevicePlan, Hopeless, Reasons, Rejected
from sampan.scheduler.plugins.node_affinity import selector_matches
from sampan.scheduler.pod import PodInfo
from sampan.scheduler.snapshot import DeviceObjects, NodeInfo, Snapshot

UNAVAILABLE = Hopeless(("resourceclaim not available on the node",))
NOT_ALL = Hopeless(("cannot allocate all claims",))
MOST_ALTERNATIVES = 8
MOST_USERS = 256
"""So many pods may share a claim."""


class NoClaim(Exception):
    """A claim of the pod that cannot be used yet; the text is upstream's."""


@dataclass(slots=True, eq=False)
class State:
    """The pod's claims, and what was found for those without an allocation, by node."""

    claims: tuple[Obj, ...]
    wanting: tuple[Obj, ...]
    market: Market | None
    found: dict[str, Sequence[Obj]] = field(default_factory=dict)
    unavailable: list[Obj] = field(default_factory=list)
    """Allocated claims that kept the pod from a node."""


def claims_of(pod: PodInfo, objects: DeviceObjects) -> list[Obj]:
    """The ResourceClaims that a pod uses. Raises NoClaim."""
    made: list[Obj] = []
    told = {one["name"]: one for one in (pod.obj.get("status") or {}).get("resourceClaimStatuses") or ()}
    for entry in pod.obj["spec"].get("resourceClaims") or ():
        name = entry.get("resourceClaimName")
        if name is None:
            if entry["name"] not in told:
                raise NoClaim(f'pod "{pod.namespace}/{pod.name}": ResourceClaim not created yet')
            name = told[entry["name"]].get("resourceClaimName")
            if name is None:
                continue  # no claim is needed
        claim = objects.claim(pod.namespace, name)
        if claim is None:
            raise NoClaim(f'resourceclaim.resource.k8s.io "{name}" not found')
        if "deletionTimestamp" in claim["metadata"]:
            raise NoClaim(f'resourceclaim "{name}" is being deleted')
        if "resourceClaimName" not in entry and (controller_of(claim) or {}).get("uid") != pod.uid:
            whose = f"ResourceClaim {pod.namespace}/{name} was not created for Pod {pod.namespace}/{pod.name}"
            raise NoClaim(f"{whose} (Pod is not owner)")
        made.append(claim)
    return made


def users_of(claim: Obj) -> list[Obj]:
    """Who has reserved the claim."""
    found: list[Obj] = (claim.get("status") or {}).get("reservedFor") or []
    return found


def allocation_of(claim: Obj) -> Obj | None:
    """The claim's AllocationResult."""
    return (claim.get("status") or {}).get("allocation")


@dataclass(frozen=True, slots=True)
class DynamicResources:
    """Upstream's plugin of the same name."""

    name: ClassVar = "DynamicResources"
    local: ClassVar = False

    @property
    def events(self) -> Events:
        return {
            **on("Node", ("Add", "UpdateNodeLabel", "UpdateNodeAllocatable")),
            **on(DEVICE_CLAIM, ("Add", "Update"), self._claim_changed),
            **on("Pod", ("UpdatePodGeneratedResourceClaim",), self._pod_changed),
            **on(DEVICE_CLASS, ("Add", "Update")), **on(DEVICE_SLICE, ("Add", "Update")),
        }  # fmt: skip

    @staticmethod
    def _claim_changed(pod: PodInfo, old: Obj | None, new: Obj, look: Snapshot) -> bool:
        if look.devices is None:
            return False
        try:
            mine = claims_of(pod, look.devices)
        except NoClaim:
            return False
        if old is not None and allocation_of(old) is not None and allocation_of(new) is None:
            return True
        if all(claim["metadata"].get("uid") != new["metadata"].get("uid") for claim in mine):
            return False
        return old is None or (old.get("status") or {}) != (new.get("status") or {})

    @staticmethod
    def _pod_changed(pod: PodInfo, old: PodInfo, new: PodInfo, look: Snapshot) -> bool:
        return pod.uid == new.uid and not DynamicResources.gate(new, look)

    @staticmethod
    def gate(pod: PodInfo, look: Snapshot) -> str:
        """Why the pod is not tried at all now; empty: it may be."""
        if look.devices is None or not pod.obj["spec"].get("resourceClaims"):
            return ""
        try:
            claims_of(pod, look.devices)
        except NoClaim as error:
            return str(error)
        return ""

    def prepare(self, pod: PodInfo, snapshot: Snapshot) -> State | None:
        objects = snapshot.devices
        if objects is None or not pod.obj["spec"].get("resourceClaims"):
            return None
        try:
            claims = claims_of(pod, objects)
        except NoClaim as error:
            raise Rejected(self.name, str(error)) from None
        wanting = tuple(claim for claim in claims if allocation_of(claim) is None)
        for claim in claims:
            if allocation_of(claim) is None:
                self._check(claim, objects)
            elif len(users_of(claim)) >= MOST_USERS and not _uses(pod, claim):
                raise Rejected(self.name, "resourceclaim in use")
        return State(tuple(claims), wanting, objects.market() if wanting else None) if claims else None

    def _check(self, claim: Obj, objects: DeviceObjects) -> None:
        if claim["metadata"].get("uid") in objects.pending:
            raise Rejected(self.name, f"resource claim {title(claim)} is in the process of being allocated")
        for request in requests_of(claim):
            for sub, spec in alternatives(request):
                name = spec.get("deviceClassName", "")
                if objects.device_class(name) is None:
                    asked = f"{request['name']}/{sub}" if sub else request["name"]
                    raise Rejected(self.name, f"request {asked}: device class {name} does not exist")

    def filter(self, state: State, node: NodeInfo) -> Reasons:
        for claim in state.claims:
            given = allocation_of(claim)
            if given is not None and not is_usable(given, claim, node):
                if claim not in state.unavailable:
                    state.unavailable.append(claim)
                return UNAVAILABLE
        if state.market is None:
            return FITS
        try:
            found = state.market.allocate(node, state.wanting)
        except InvalidPools as error:
            return Hopeless((str(error),))
        except AllocationFailed as error:
            raise Broken(f'running "{self.name}" filter plugin: {error}') from None
        if found is None:
            return NOT_ALL
        state.found[node.name] = found
        return FITS

    @staticmethod
    def points(state: State, nodes: Sequence[NodeInfo]) -> list[int]:
        """More for nodes where requests get an earlier one of their alternatives."""
        return [_points(state, state.found.get(node.name, ())) for node in nodes]

    @staticmethod
    def plan(state: State, node: NodeInfo) -> tuple[DevicePlan, ...]:
        """What must be written into the claims when the pod goes to that node."""
        found = iter(state.found.get(node.name, ()))
        return tuple(
            DevicePlan(claim, next(found, None) if allocation_of(claim) is None else None) for claim in state.claims
        )


def _points(state: State, results: Sequence[Obj]) -> int:
    found, total = iter(results), 0
    for claim in state.claims:
        given = allocation_of(claim) or next(found, None) or {}
        chosen = {one["request"] for one in (given.get("devices") or {}).get("results") or ()}
        for request in requests_of(claim):
            for number, (sub, _) in enumerate(alternatives(request)):
                total += MOST_ALTERNATIVES - number if sub and f"{request['name']}/{sub}" in chosen else 0
    return total


def _uses(pod: PodInfo, claim: Obj) -> bool:
    return any(one.get("uid") == pod.uid for one in users_of(claim))


def is_usable(given: Obj, claim: Obj, node: NodeInfo) -> bool:
    """Whether an allocated claim can be used on a node: it is there, and its devices have not failed to come."""
    selector = given.get("nodeSelector")
    return (selector is None or selector_matches(selector, node)) and readiness(claim) is not None


def readiness(claim: Obj) -> bool | None:
    """Whether all devices of the claim are ready to be used; None: one will never be (KEP-5007)."""
    status = claim.get("status") or {}
    told = {(one["driver"], one["pool"], one["device"]): one for one in status.get("devices") or ()}
    ready = True
    for result in ((status.get("allocation") or {}).get("devices") or {}).get("results") or ():
        wanted, fatal = result.get("bindingConditions") or (), result.get("bindingFailureConditions") or ()
        if not wanted:
            continue
        row: Obj = told.get((result["driver"], result["pool"], result["device"])) or {}
        true = {one["type"] for one in row.get("conditions") or () if one.get("status") == "True"}
        if not true.isdisjoint(fatal):
            return None
        ready = ready and true.issuperset(wanted)
    return ready
