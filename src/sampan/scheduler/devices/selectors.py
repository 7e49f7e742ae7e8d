"""Whether a device is what CEL selectors ask for."""

from functools import lru_cache
from typing import Any

from sampan.api.cel.library.numbers import Quantity, parse_semver
from sampan.api.cel.values import EvalError
from sampan.api.json import Obj
from sampan.resources.device_selectors import Selector
from sampan.scheduler.devices.pools import DeviceId, quantity


class SelectorFailed(Exception):
    """An expression that cannot be compiled, or that fails on a device."""


class Domains(dict[str, Any]):
    """Attributes by domain; a domain that a device does not have is empty."""

    def __missing__(self, key: str) -> dict[str, Any]:
        return {}

    def __contains__(self, key: object) -> bool:
        return True


compiled = lru_cache(1024)(Selector)


def qualified(name: str, driver: str) -> tuple[str, str]:
    """Domain and identifier of an attribute's or a capacity's name."""
    domain, slash, own = name.partition("/")
    return (domain, own) if slash else (driver, name)


def value_of(attribute: Obj) -> Any:
    """An attribute's value as CEL sees it."""
    if "version" in attribute:
        return parse_semver(attribute["version"])
    return next((attribute[kind] for kind in ("string", "int", "bool") if kind in attribute), None)


def variables(device: Obj, driver: str) -> dict[str, Any]:
    """The variable `device`."""
    attributes, capacity = Domains(), Domains()
    for name, given in (device.get("attributes") or {}).items():
        domain, own = qualified(name, driver)
        attributes.setdefault(domain, {})[own] = value_of(given)
    for name, given in (device.get("capacity") or {}).items():
        domain, own = qualified(name, driver)
        capacity.setdefault(domain, {})[own] = Quantity(quantity(given["value"]))
    multiple = bool(device.get("allowMultipleAllocations"))
    return {
        "device": {
            "driver": driver, "allowMultipleAllocations": multiple, "attributes": attributes, "capacity": capacity,
        }
    }  # fmt: skip


class Matcher:
    """Asks selectors, and remembers the answers for the devices of one decision."""

    def __init__(self) -> None:
        self._variables: dict[DeviceId, dict[str, Any]] = {}
        self._known: dict[tuple[DeviceId, str], bool] = {}

    def matches(self, device: Obj, named: DeviceId, selectors: list[Obj], about: str) -> bool:
        """Whether the device matches all of them; `about`: whose they are. Raises SelectorFailed."""
        for number, selector in enumerate(selectors):
            source = (selector.get("cel") or {}).get("expression", "")
            answer = self._known.get((named, source))
            if answer is None:
                answer = self._known[named, source] = self._ask(device, named, source, f"{about}: selector #{number}")
            if not answer:
                return False
        return True

    def _ask(self, device: Obj, named: DeviceId, source: str, about: str) -> bool:
        program = compiled(source)
        if program.program is None:
            raise SelectorFailed(f"{about}: CEL compile error: {program.wrong}")
        seen = self._variables.get(named)
        if seen is None:
            seen = self._variables[named] = variables(device, named.driver)
        try:
            value, _ = program.program.evaluate(seen)
        except EvalError as error:
            raise SelectorFailed(f"{about}: CEL runtime error: {error}") from None
        if not isinstance(value, bool):
            raise SelectorFailed(f"{about}: CEL runtime error: CEL native result value should have been a bool")
        return value
