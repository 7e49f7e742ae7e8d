"""Constraints of a claim: devices that agree in an attribute, or that all differ in one."""

from dataclasses import dataclass, field
from typing import Any

from sampan.api.json import Obj
from sampan.scheduler.devices.pools import DeviceId


@dataclass(slots=True)
class Constraint:
    """One constraint while an allocation is being put together."""

    attribute: str
    requests: frozenset[str]
    """The requests, or REQUEST/SUBREQUEST, that it is about; none: all."""
    distinct: bool = False
    values: list[Any] = field(default_factory=list)

    def concerns(self, request: str, sub: str) -> bool:
        """Whether it is about that request."""
        return not self.requests or request in self.requests or bool(sub and f"{request}/{sub}" in self.requests)

    def add(self, request: str, sub: str, device: Obj, named: DeviceId) -> bool:
        """Take a device in; false if it does not go with the others."""
        if not self.concerns(request, sub):
            return True
        value = attribute_of(device, named.driver, self.attribute)
        if value is None:
            return False
        if self.values and (value in self.values if self.distinct else value != self.values[0]):
            return False
        self.values.append(value)
        return True

    def remove(self, request: str, sub: str) -> None:
        """The device that was taken in last goes again."""
        if self.concerns(request, sub):
            self.values.pop()


def attribute_of(device: Obj, driver: str, name: str) -> tuple[str, Any] | None:
    """An attribute's kind and value; None if the device does not have it."""
    attributes: Obj = device.get("attributes") or {}
    found: Obj | None = attributes.get(name)
    if found is None:
        domain, slash, own = name.partition("/")
        found = attributes.get(own) if slash and domain == driver else None
    if not found:
        return None
    return next(iter(found.items()))
