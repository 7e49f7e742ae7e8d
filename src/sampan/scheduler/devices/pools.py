"""Pools of devices as a node sees them, from ResourceSlices: only the newest generation counts, if it is whole."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from sampan.api.json import Obj
from sampan.api.quantity import parse
from sampan.scheduler.plugins.node_affinity import selector_matches
from sampan.scheduler.snapshot import NodeInfo

Amounts = Mapping[str, Decimal]
PoolId = tuple[str, str]
"""Driver and pool."""


class DeviceId(NamedTuple):
    """What a device is called in a cluster."""

    driver: str
    pool: str
    name: str

    def __str__(self) -> str:
        return f"{self.driver}/{self.pool}/{self.name}"


@dataclass(slots=True, eq=False)
class Pool:
    """A pool; `slices` are those for the node, `others` the rest, which matter where counters are shared."""

    id: PoolId
    slices: list[Obj] = field(default_factory=list)
    others: list[Obj] = field(default_factory=list)
    counters: dict[str, Amounts] = field(default_factory=dict)
    """By set and name, what the devices of the pool share."""
    incomplete: bool = False
    invalid: str = ""

    @property
    def name(self) -> str:
        """As errors tell it."""
        return "/".join(self.id)

    @property
    def binds(self) -> bool:
        """Whether one of its devices has conditions to wait for; such pools come last."""
        return any(device.get("bindingConditions") for one in self.slices for device in devices_of(one))


def devices_of(one: Obj) -> list[Obj]:
    """The devices of a slice."""
    found: list[Obj] = one["spec"].get("devices") or []
    return found


def quantity(text: str) -> Decimal:
    """An exact amount."""
    return parse(text)[0]


def selects(given: Obj, node: NodeInfo) -> bool:
    """Whether a slice's or a device's nodeName, allNodes or nodeSelector means the node."""
    if given.get("nodeName"):
        return bool(given["nodeName"] == node.name)
    if given.get("allNodes"):
        return True
    selector = given.get("nodeSelector")
    return selector is not None and selector_matches(selector, node)


class Slices:
    """All slices, found by what they are for."""

    def __init__(self, slices: Iterable[Obj]) -> None:
        self._of_node: dict[str, list[Obj]] = {}
        self._shared: list[Obj] = []
        self._of_pool: dict[PoolId, list[Obj]] = {}
        for one in slices:
            spec = one["spec"]
            self._of_pool.setdefault(pool_of(one), []).append(one)
            if spec.get("nodeName") and not spec.get("sharedCounters"):
                self._of_node.setdefault(spec["nodeName"], []).append(one)
            else:
                self._shared.append(one)

    def pools(self, node: NodeInfo) -> list[Pool]:
        """The pools that have something for the node, by name; those whose devices must be waited for come last."""
        found: dict[PoolId, list[Obj]] = {}
        for one in (*self._of_node.get(node.name, ()), *self._shared):
            if not _is_for(one, node):
                continue
            known = found.setdefault(pool_of(one), [])
            newest = generation(known[0]) if known else generation(one)
            if generation(one) > newest:
                known.clear()
            if generation(one) >= newest:
                known.append(one)
        pools = [pool for name, slices in found.items() if (pool := self._pool(name, slices)) is not None]
        return sorted(pools, key=lambda pool: (pool.binds, pool.id))

    def _pool(self, name: PoolId, slices: list[Obj]) -> Pool | None:
        """None for a pool of which there is a newer generation elsewhere."""
        every = self._of_pool[name]
        mine, count = generation(slices[0]), slices[0]["spec"]["pool"].get("resourceSliceCount", 0)
        others: list[Obj] = []
        if len(slices) != count:
            if any(generation(one) > mine for one in every):
                return None
            same = [one for one in every if generation(one) == mine]
            if len(same) != count:
                return Pool(name, incomplete=True)
            named = {one["metadata"]["name"] for one in slices}
            others = [one for one in same if one["metadata"]["name"] not in named]
        return _built(name, sorted(slices, key=lambda one: str(one["metadata"]["name"])), others)


def pool_of(one: Obj) -> PoolId:
    return one["spec"].get("driver", ""), one["spec"]["pool"]["name"]


def generation(one: Obj) -> int:
    found: int = one["spec"]["pool"].get("generation", 0)
    return found


def _is_for(one: Obj, node: NodeInfo) -> bool:
    spec = one["spec"]
    if spec.get("sharedCounters"):
        return True
    if spec.get("perDeviceNodeSelection"):
        return any(selects(device, node) for device in devices_of(one))
    return selects(spec, node)


def _built(name: PoolId, slices: list[Obj], others: list[Obj]) -> Pool:
    counters: dict[str, Amounts] = {}
    names: set[str] = set()
    for one in slices:
        for given in one["spec"].get("sharedCounters") or ():
            if given["name"] in counters:
                return Pool(name, invalid=f"duplicate counter set name {given['name']}")
            counters[given["name"]] = {key: quantity(c["value"]) for key, c in (given.get("counters") or {}).items()}
        for device in devices_of(one):
            if device["name"] in names:
                return Pool(name, invalid=f"duplicate device name {device['name']}")
            names.add(device["name"])
    for device in (device for one in (*slices, *others) for device in devices_of(one)):
        for use in device.get("consumesCounters") or ():
            known = counters.get(use["counterSet"])
            if known is None:
                return Pool(name, invalid=f"counter set {use['counterSet']} not found")
            for counter in use.get("counters") or ():
                if counter not in known:
                    return Pool(name, invalid=f"counter {counter} not found in counter set {use['counterSet']}")
    return Pool(name, [one for one in slices if not one["spec"].get("sharedCounters")], others, counters)
