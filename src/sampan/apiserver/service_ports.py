"""Node ports of Services: which ones are taken, and which a Service gets (upstream: alloc.go, portallocator)."""

import random

from sampan.api.errors import FieldError, StatusError
from sampan.api.errors import invalid as invalid_object
from sampan.api.json import Obj
from sampan.resources.strategies.checks import invalid
from sampan.resources.validation.core.service import NODE_TYPES, needs_health_port

NODE_PORTS = range(30000, 32768)
SPAN = f"{NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
NOT_IN_RANGE = f"provided port is not in the valid range. The range of valid ports is {SPAN}"
ALLOCATED = "provided port is already allocated"
REHEARSED = 32768
"""Dry runs are given ports from the next one on."""


def refused(service: Obj, *errors: FieldError) -> StatusError:
    """422 of a Service."""
    return invalid_object("", "Service", (service.get("metadata") or {}).get("name", ""), errors)


def failed(text: str) -> StatusError:
    """500 of an allocator."""
    return StatusError(500, "InternalError", f"Internal error occurred: {text}")


class Ports:
    """The numbers with their owners."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._taken: dict[int, str] = {}

    def note(self, number: int, owner: str) -> None:
        """Somebody has it already."""
        self._taken.setdefault(number, owner)

    def free(self, number: int, owner: str) -> None:
        """Take it back, if that owner has it."""
        if self._taken.get(number) == owner:
            del self._taken[number]

    def order(self, service: Obj, *, dry_run: bool) -> "Order":
        """What one write takes."""
        return Order(self, service, dry_run)

    def take(self, number: int, owner: str, dry_run: bool) -> str:
        """What is wrong with a number that was asked for, or nothing."""
        if number in self._taken:
            return ALLOCATED
        if dry_run:
            return ""
        if number not in NODE_PORTS:
            return NOT_IN_RANGE
        self._taken[number] = owner
        return ""

    def next(self, owner: str) -> int:
        """Give a free number; 0 if there is none. The lower part is for those who ask (KEP-3668)."""
        reserved = min(max(16, len(NODE_PORTS) // 32), 128)
        for low, high in (
            (NODE_PORTS.start + reserved, NODE_PORTS.stop),
            (NODE_PORTS.start, NODE_PORTS.start + reserved),
        ):
            start = self._rng.randrange(high - low)
            for step in range(high - low):
                number = low + (start + step) % (high - low)
                if number not in self._taken:
                    self._taken[number] = owner
                    return number
        return 0


class Order:
    """The ports of one write: all of them are given, or none."""

    def __init__(self, ports: Ports, service: Obj, dry_run: bool) -> None:
        self._ports, self._service, self._dry_run = ports, service, dry_run
        self._owner = str((service.get("metadata") or {}).get("uid", ""))
        self._got: list[int] = []

    def undo(self) -> None:
        """Give back what was taken."""
        for number in self._got:
            self._ports.free(number, self._owner)

    def _take(self, number: int) -> str:
        if self._dry_run and number in self._got:
            return ALLOCATED
        problem = self._ports.take(number, self._owner, self._dry_run)
        if not problem:
            self._got.append(number)
        return problem

    def _next(self, what: str) -> int:
        number = max(self._got, default=REHEARSED) + 1 if self._dry_run else self._ports.next(self._owner)
        if not number:
            raise failed(f"failed to allocate a {what}: range is full")
        self._got.append(number)
        return number

    def create(self, spec: Obj) -> Obj:
        """The spec of a new Service with its ports. Raises StatusError."""
        if spec.get("type") in NODE_TYPES:
            spec = {**spec, "ports": self._new(spec)}
        return self._health(spec) if needs_health_port(spec) else spec

    def _new(self, spec: Obj) -> list[Obj]:
        given: dict[int, int] = {}
        made: list[Obj] = []
        for index, port in enumerate(spec.get("ports") or ()):
            number, asked = port.get("port") or 0, port.get("nodePort") or 0
            if not asked and not _gives(spec):
                made.append(port)
                continue
            known = given.get(number)
            if known is None:
                asked = asked or next(
                    (p["nodePort"] for p in spec["ports"] if p.get("port") == number and p.get("nodePort")), 0
                )
                self._demand(index, asked)
                given[number] = asked = asked or self._next("nodePort")
            elif asked and asked != known:
                self._demand(index, asked)
            made.append({**port, "nodePort": asked or known})
        return made

    def _demand(self, index: int, asked: int) -> None:
        if asked and (problem := self._take(asked)):
            raise refused(self._service, invalid(f"spec.ports[{index}].nodePort", asked, problem))

    def update(self, spec: Obj, before: Obj) -> Obj:
        """The spec of a changed Service with its ports; what goes is freed after the write. Raises StatusError."""
        if spec.get("type") in NODE_TYPES:
            spec = {**spec, "ports": self._changed(spec, before)}
        return self._health(spec) if needs_health_port(spec) and not needs_health_port(before) else spec

    def _changed(self, spec: Obj, before: Obj) -> list[Obj]:
        had = {port["nodePort"] for port in before.get("ports") or () if port.get("nodePort")}
        taken: set[int] = set()
        made: list[Obj] = []
        seen: set[tuple[str, int]] = set()
        for index, port in enumerate(spec.get("ports") or ()):
            asked = port.get("nodePort") or 0
            if not asked and not _gives(spec):
                made.append(port)
                continue
            if asked and asked not in had and asked not in taken:
                self._demand(index, asked)
                taken.add(asked)
            asked = asked or self._next("nodePort")
            key = (port.get("protocol") or "", asked)
            if key in seen:
                raise StatusError(500, "", f"duplicate nodePort: {{{key[0]} {key[1]}}}")
            seen.add(key)
            made.append({**port, "nodePort": asked})
        return made

    def _health(self, spec: Obj) -> Obj:
        asked = spec.get("healthCheckNodePort") or 0
        if not asked:
            return {**spec, "healthCheckNodePort": self._next("HealthCheck NodePort 0")}
        if problem := self._take(asked):
            raise failed(f"failed to allocate requested HealthCheck NodePort {asked}: {problem}")
        return spec


def _gives(spec: Obj) -> bool:
    """Whether ports that ask for none get one."""
    return spec.get("type") == "NodePort" or bool(spec.get("allocateLoadBalancerNodePorts"))
