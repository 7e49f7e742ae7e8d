"""The search for devices that satisfy all claims of a pod on a node: depth first, the first that fits is taken.

Order and rules are those of upstream's structured allocator, with its features of 1.36: alternatives, shared counters,
taints, binding conditions and consumable capacity.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from sampan.api.json import Obj
from sampan.scheduler.devices.capacity import consumed, suffices
from sampan.scheduler.devices.constraints import Constraint
from sampan.scheduler.devices.pools import Amounts, DeviceId, Pool, Slices, devices_of, quantity, selects
from sampan.scheduler.devices.requests import (
    MOST_RESULTS,
    AllocationFailed,
    Ask,
    Device,
    alternatives,
    requests_of,
    title,
)
from sampan.scheduler.devices.results import Given, allocation
from sampan.scheduler.devices.selectors import Matcher, SelectorFailed
from sampan.scheduler.snapshot import NodeInfo

NOTHING: Amounts = {}


@dataclass(slots=True)
class Taken:
    """What other claims have: whole devices, and shares of devices."""

    devices: set[DeviceId] = field(default_factory=set)
    shares: dict[DeviceId, dict[str, Decimal]] = field(default_factory=dict)

    def add(self, result: Obj) -> None:
        """The devices of an AllocationResult; looking at a device does not take it."""
        for one in (result.get("devices") or {}).get("results") or ():
            named = DeviceId(one["driver"], one["pool"], one["device"])
            if one.get("adminAccess"):
                continue
            if one.get("shareID"):
                held = self.shares.setdefault(named, {})
                for name, amount in (one.get("consumedCapacity") or {}).items():
                    held[name] = held.get(name, Decimal(0)) + quantity(amount)
            else:
                self.devices.add(named)

    def has(self, named: DeviceId) -> bool:
        """Whether somebody has it or a share of it."""
        return named in self.devices or named in self.shares


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """What devices there are for the decision upon one pod."""

    slices: Slices
    taken: Taken
    device_class: Callable[[str], Obj | None]
    share_id: Callable[[], str]
    """Makes the name of a new share of a device."""
    matcher: Matcher = field(default_factory=Matcher)

    def allocate(self, node: NodeInfo, claims: Sequence[Obj]) -> list[Obj] | None:
        """An AllocationResult for each of the claims, or None. Raises AllocationFailed."""
        try:
            return Search(self, node, claims).run()
        except SelectorFailed as error:
            raise AllocationFailed(str(error)) from None


Spot = tuple[int, int, int]
"""Pool, slice and device by their numbers."""
FIRST: Spot = (0, 0, 0)


class Place(NamedTuple):
    """How far a search has come: claim, request, alternative, number of the device, and where to look for it."""

    claim: int = 0
    request: int = 0
    sub: int = -1
    device: int = 0
    start: Spot = FIRST


class TooMany(Exception):
    """More devices than a claim may have."""


class Search:
    """One search on one node."""

    def __init__(self, market: Market, node: NodeInfo, claims: Sequence[Obj]) -> None:
        self._market, self._node, self._claims = market, node, claims
        self._pools = market.slices.pools(node)
        self._asks: dict[tuple[int, int], list[Ask]] = {}
        self._constraints = [_constraints(claim) for claim in claims]
        self._given: list[list[Given]] = [[] for _ in claims]
        self._chosen: list[dict[str, Ask]] = [{} for _ in claims]
        self._holding: dict[DeviceId, set[int]] = {}
        self._shares: dict[DeviceId, list[Amounts]] = {}
        self._left: dict[int, dict[str, dict[str, Decimal]]] = {}
        for index, claim in enumerate(claims):
            self._read(index, claim)

    def run(self) -> list[Obj] | None:
        """The results; None if there are none. Raises AllocationFailed."""
        try:
            found = self._next(Place())
        except TooMany:
            found = False
        if not found:
            if any(pool.invalid for pool in self._pools):
                raise InvalidPools("invalid resource pools were encountered")
            return None
        return [
            allocation(claim, given, chosen, self._node.name)
            for claim, given, chosen in zip(self._claims, self._given, self._chosen, strict=True)
        ]

    # ---- what is asked for

    def _read(self, index: int, claim: Obj) -> None:
        least = 0
        for number, request in enumerate(requests_of(claim)):
            asks = [self._ask(claim, request["name"], sub, spec) for sub, spec in alternatives(request)]
            self._asks[index, number] = asks
            least += min(ask.count for ask in asks)
        if least > MOST_RESULTS:
            text = f"number of requested devices {least} exceeds the claim limit of {MOST_RESULTS}"
            raise AllocationFailed(f"claim {title(claim)}: {text}")

    def _ask(self, claim: Obj, request: str, sub: str, spec: Obj) -> Ask:
        about = f"claim {title(claim)}, request {sub or request}"
        name = spec.get("deviceClassName", "")
        if not name:
            raise AllocationFailed(f"{about}: missing device class name (unsupported request type?)")
        klass = self._market.device_class(name)
        if klass is None:
            missing = f'deviceclass.resource.k8s.io "{name}" not found'
            raise AllocationFailed(f"{about}: could not retrieve device class {name}: {missing}")
        ask = Ask(request, sub, spec, klass)
        if not ask.wants_all:
            ask.count = spec.get("count", 1)
            return ask
        for pool in self._pools:
            if pool.incomplete or pool.invalid:
                how = "being updated" if pool.incomplete else "invalid"
                raise AllocationFailed(
                    f"{about}: asks for all devices, but resource pool {pool.name} is currently {how}"
                )
        devices = (device for _, device in self._from(FIRST))
        ask.every = tuple(d for d in devices if self._suits(ask, claim, d) and self._has_capacity(ask, d))
        ask.count = len(ask.every)
        return ask

    def _from(self, start: Spot) -> Iterator[tuple[Spot, Device]]:
        """The devices from a place on."""
        for p in range(start[0], len(self._pools)):
            pool = self._pools[p]
            if pool.incomplete or pool.invalid:
                continue
            for s in range(start[1] if p == start[0] else 0, len(pool.slices)):
                one = pool.slices[s]
                rows = devices_of(one)
                for d in range(start[2] if (p, s) == start[:2] else 0, len(rows)):
                    yield (p, s, d), Device(DeviceId(*pool.id, rows[d]["name"]), rows[d], one, pool)

    def _suits(self, ask: Ask, claim: Obj, device: Device) -> bool:
        """Whether the selectors of class and request match, and the device is for the node."""
        matcher, klass = self._market.matcher, ask.klass
        about = f"class {klass['metadata']['name']}"
        if not matcher.matches(device.obj, device.id, (klass.get("spec") or {}).get("selectors") or [], about):
            return False
        if not matcher.matches(device.obj, device.id, ask.spec.get("selectors") or [], f"claim {title(claim)}"):
            return False
        return not device.slice["spec"].get("perDeviceNodeSelection") or selects(device.obj, self._node)

    # ---- the search

    def _next(self, at: Place) -> bool:
        """Go on from there. Raises TooMany."""
        if at.claim >= len(self._claims):
            return True
        claim = self._claims[at.claim]
        if at.request >= len(requests_of(claim)):
            try:
                return self._next(Place(at.claim + 1))
            except TooMany:
                return False
        asks = self._asks[at.claim, at.request]
        if at.sub < 0:
            return self._one_of(at, asks)
        ask = asks[at.sub]
        if ask.wants_all and not ask.every:
            return False
        if at.device >= ask.count:
            return self._next(Place(at.claim, at.request + 1))
        if len(self._given[at.claim]) + ask.count - at.device > MOST_RESULTS:
            raise TooMany
        after = at._replace(device=at.device + 1)
        if ask.wants_all:
            return self._try(at, ask, ask.every[at.device], after)
        for (pool, one, number), device in self._from(at.start):
            usable = self._is_free(at, ask, device) and self._suits(ask, claim, device)
            if usable and self._try(at, ask, device, after._replace(start=(pool, one, number + 1))):
                return True
        return False

    def _one_of(self, at: Place, asks: list[Ask]) -> bool:
        """The first alternative with which all else succeeds too."""
        exceeded = 0
        for number, ask in enumerate(asks):
            try:
                if self._next(at._replace(sub=number)):
                    self._chosen[at.claim][ask.request] = ask
                    return True
            except TooMany:
                exceeded += 1
        if exceeded == len(asks):
            raise TooMany
        return False

    def _is_free(self, at: Place, ask: Ask, device: Device) -> bool:
        holders = self._holding.get(device.id)
        if ask.admin:
            return device.shared or not holders or at.claim not in holders
        return device.id not in self._market.taken.devices and not holders

    def _has_capacity(self, ask: Ask, device: Device) -> bool:
        held = self._market.taken.shares.get(device.id, NOTHING)
        return suffices(ask.capacities, device.obj, held, *self._shares.get(device.id, ()))

    def _try(self, at: Place, ask: Ask, device: Device, after: Place) -> bool:
        """Take the device and go on; give it back if that leads nowhere."""
        if not (self._is_free(at, ask, device) and ask.tolerates(device.obj) and self._has_capacity(ask, device)):
            return False
        in_use = device.shared and (device.id in self._market.taken.shares or bool(self._shares.get(device.id)))
        counts = bool(device.obj.get("consumesCounters")) and not in_use
        if counts and not self._count(device, 1):
            return False
        done = False
        try:
            if self._agree(at, ask, device):
                self._take(at, ask, device)
                try:
                    done = self._next(after)
                finally:
                    if not done:
                        self._give_back(at, ask, device)
        finally:
            if counts and not done:
                self._count(device, -1)
        return done

    def _agree(self, at: Place, ask: Ask, device: Device) -> bool:
        """Whether the claim's constraints take the device in; those who want all devices want this one."""
        constraints = self._constraints[at.claim]
        for number, constraint in enumerate(constraints):
            if constraint.add(ask.request, ask.sub, device.obj, device.id):
                continue
            if ask.wants_all:
                text = f"cannot add device {device.id} because a claim constraint would not be satisfied"
                raise AllocationFailed(f"claim {title(self._claims[at.claim])}, request {ask.own}: {text}")
            for earlier in constraints[:number]:
                earlier.remove(ask.request, ask.sub)
            return False
        return True

    def _take(self, at: Place, ask: Ask, device: Device) -> None:
        share, taken = "", None
        if device.shared:
            taken = consumed(ask.capacities, device.obj)
            share = self._market.share_id()
            self._shares.setdefault(device.id, []).append(taken)
        else:
            self._holding.setdefault(device.id, set()).add(at.claim)
        self._given[at.claim].append(Given(ask, device, share, taken))

    def _give_back(self, at: Place, ask: Ask, device: Device) -> None:
        self._given[at.claim].pop()
        for constraint in self._constraints[at.claim]:
            constraint.remove(ask.request, ask.sub)
        if device.shared:
            self._shares[device.id].pop()
        else:
            self._holding[device.id].discard(at.claim)

    def _count(self, device: Device, sign: int) -> bool:
        """Take from the pool's counters (or give back); false, and nothing is taken, where not enough is left."""
        left = self._left.get(id(device.pool))
        if left is None:
            left = self._left[id(device.pool)] = counters_left(device.pool, self._market.taken)
        uses = [(u["counterSet"], n, quantity(c["value"])) for u in device.obj["consumesCounters"]
                for n, c in (u.get("counters") or {}).items()]  # fmt: skip
        for one, name, amount in uses:
            left[one][name] -= sign * amount
        if sign > 0 and any(amount < 0 for counters in left.values() for amount in counters.values()):
            for one, name, amount in uses:
                left[one][name] += amount
            return False
        return True


class InvalidPools(AllocationFailed):
    """Pools that contradict themselves: no allocation on this node, which is no error of the pod."""


def counters_left(pool: Pool, taken: Taken) -> dict[str, dict[str, Decimal]]:
    """What of a pool's counters is not used by devices that somebody has."""
    left = {name: dict(counters) for name, counters in pool.counters.items()}
    for one in (*pool.slices, *pool.others):
        for device in devices_of(one):
            if not taken.has(DeviceId(*pool.id, device["name"])):
                continue
            for use in device.get("consumesCounters") or ():
                for name, counter in (use.get("counters") or {}).items():
                    if name in left.get(use["counterSet"], ()):
                        left[use["counterSet"]][name] -= quantity(counter["value"])
    return left


def _constraints(claim: Obj) -> list[Constraint]:
    made = []
    for number, given in enumerate((claim["spec"].get("devices") or {}).get("constraints") or ()):
        same, distinct = given.get("matchAttribute"), given.get("distinctAttribute")
        if not same and not distinct:
            text = f"constraint #{number}: empty constraint (unsupported constraint type?)"
            raise AllocationFailed(f"claim {title(claim)}, {text}")
        requests: Mapping[str, None] = dict.fromkeys(given.get("requests") or ())
        made.append(Constraint(same or distinct, frozenset(requests), distinct=not same))
    return made
