"""Capacities of devices that several claims may share (KEP-5075): what a request takes, and whether that is left."""

from collections.abc import Mapping
from decimal import Decimal

from sampan.api.json import Obj
from sampan.scheduler.devices.pools import Amounts, quantity


def consumed(wanted: Mapping[str, str], device: Obj) -> dict[str, Decimal]:
    """What a request takes of each capacity of a device, rounded up as the device asks for."""
    given: Mapping[str, Obj] = device.get("capacity") or {}
    return {name: _taken(wanted.get(name), capacity) for name, capacity in given.items()}


def suffices(wanted: Mapping[str, str], device: Obj, *held: Amounts) -> bool:
    """Whether the device has what is wanted beside what is held of it."""
    given: Mapping[str, Obj] = device.get("capacity") or {}
    if not wanted.keys() <= given.keys():
        return False
    for name, capacity in given.items():
        taken = _taken(wanted.get(name), capacity)
        if _violates(taken, capacity.get("requestPolicy") or {}):
            return False
        if taken + sum(one.get(name, Decimal(0)) for one in held) > quantity(capacity["value"]):
            return False
    return True


def _taken(wanted: str | None, capacity: Obj) -> Decimal:
    policy: Obj = capacity.get("requestPolicy") or {}
    if wanted is None:
        return quantity(policy["default"] if policy.get("default") is not None else capacity["value"])
    asked = quantity(wanted)
    bounds: Obj = policy.get("validRange") or {}
    if bounds.get("min") is not None:
        least = quantity(bounds["min"])
        if asked < least:
            return least
        if bounds.get("step") is None:
            return asked
        step, above = quantity(bounds["step"]), asked - least
        return least + step * (above // step + (1 if above % step else 0))
    valid = (quantity(one) for one in policy.get("validValues") or ())
    return next((one for one in valid if asked <= one), asked)


def _violates(taken: Decimal, policy: Obj) -> bool:
    if policy.get("default") is not None and taken == quantity(policy["default"]):
        return False
    bounds: Obj | None = policy.get("validRange")
    if bounds is not None:
        if bounds.get("max") is not None and taken > quantity(bounds["max"]):
            return True
        step = bounds.get("step")
        return step is not None and bool((taken - quantity(bounds["min"])) % quantity(step))
    valid: list[str] = policy.get("validValues") or []
    return bool(valid) and all(taken != quantity(one) for one in valid)
