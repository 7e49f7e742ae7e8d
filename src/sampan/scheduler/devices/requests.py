"""What a claim asks for, request by request, with the class and the number of devices of each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sampan.api.json import Obj
from sampan.scheduler.devices.pools import DeviceId, Pool

MOST_RESULTS = 32
"""So many devices a claim may have."""
BLOCKING = ("NoSchedule", "NoExecute")


class AllocationFailed(Exception):
    """Claims, classes or slices that cannot be understood: the pod cannot be scheduled until they change."""


class Device(NamedTuple):
    """A device with where it was found."""

    id: DeviceId
    obj: Obj
    slice: Obj
    pool: Pool

    @property
    def shared(self) -> bool:
        """Whether several claims may have it at once."""
        return bool(self.obj.get("allowMultipleAllocations"))


@dataclass(slots=True, eq=False)
class Ask:
    """A request without alternatives, or one of the alternatives (`sub`) of another."""

    request: str
    sub: str
    spec: Obj
    klass: Obj
    count: int = 0
    every: tuple[Device, ...] = field(default_factory=tuple)
    """All devices there are, if it wants them all."""

    @property
    def name(self) -> str:
        """As results tell it."""
        return f"{self.request}/{self.sub}" if self.sub else self.request

    @property
    def own(self) -> str:
        """As errors tell it."""
        return self.sub or self.request

    @property
    def wants_all(self) -> bool:
        return bool(self.spec.get("allocationMode") == "All")

    @property
    def admin(self) -> bool:
        """Whether it wants to look at devices that others have."""
        return bool(self.spec.get("adminAccess"))

    @property
    def capacities(self) -> Mapping[str, str]:
        """How much of a shared device is wanted."""
        found: Mapping[str, str] = (self.spec.get("capacity") or {}).get("requests") or {}
        return found

    def tolerates(self, device: Obj) -> bool:
        """Whether no taint of the device keeps the request away."""
        return all(
            any(tolerates(one, taint) for one in self.spec.get("tolerations") or ())
            for taint in device.get("taints") or ()
            if taint.get("effect") in BLOCKING
        )


def tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """Whether a DeviceToleration matches a DeviceTaint."""
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    if toleration.get("operator") == "Exists":
        return True
    return (toleration.get("value") or "") == (taint.get("value") or "")


def alternatives(request: Obj) -> Iterator[tuple[str, Obj]]:
    """A request's alternatives by name, or itself without a name."""
    if request.get("firstAvailable"):
        for sub in request["firstAvailable"]:
            yield sub["name"], sub
    else:
        yield "", request.get("exactly") or {}


def requests_of(claim: Obj) -> list[Obj]:
    """The requests of a claim."""
    found: list[Obj] = (claim["spec"].get("devices") or {}).get("requests") or []
    return found


def title(claim: Obj) -> str:
    """A claim as errors tell it."""
    return f"{claim['metadata'].get('namespace', '')}/{claim['metadata']['name']}"
