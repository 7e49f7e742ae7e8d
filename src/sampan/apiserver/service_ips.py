"""Cluster IPs and node ports of Services: which ones are taken, which one is next."""

import ipaddress
import random
from collections.abc import Iterable
from typing import Any

from sampan.api.errors import FieldError, StatusError
from sampan.api.errors import invalid as invalid_object
from sampan.api.json import Obj, loads
from sampan.apiserver.call import Hook, Kit
from sampan.resources.strategies.checks import invalid

NODE_PORTS = range(30000, 32768)
SERVICES = "/core/services/"


class Pool:
    """Numbers of a range with their owners; the first free one from an offset on."""

    def __init__(self, first: int, size: int) -> None:
        self.first, self.size = first, size
        self._taken: dict[int, str] = {}

    def __contains__(self, number: int) -> bool:
        return self.first <= number < self.first + self.size

    def owner(self, number: int) -> str:
        """Who has it; empty if nobody."""
        return self._taken.get(number, "")

    def take(self, number: int, owner: str) -> bool:
        """Give it to an owner; False if another one has it."""
        return self._taken.setdefault(number, owner) == owner

    def next(self, owner: str, offset: int) -> int | None:
        """Give the first free one from `offset` on; None if all are taken."""
        for step in range(self.size):
            number = self.first + (offset + step) % self.size
            if number not in self._taken:
                self._taken[number] = owner
                return number
        return None

    def free(self, number: int, owner: str) -> None:
        """Take it back, if that owner has it."""
        if self._taken.get(number) == owner:
            del self._taken[number]


class ServiceAddresses(Hook):
    """Gives Services what they ask for. Filled from the store when it is first asked."""

    def __init__(self, cidr: str, rng: random.Random) -> None:
        network = ipaddress.ip_network(cidr)
        self.cidr, self.version = cidr, network.version
        self.addresses = Pool(int(network.network_address) + 1, max(network.num_addresses - 2, 1))
        self.ports = Pool(NODE_PORTS.start, len(NODE_PORTS))
        self._rng = rng
        self._loaded = False

    async def _load(self, kit: Kit) -> None:
        if self._loaded:
            return
        self._loaded = True
        for kv in (await kit.store.range(SERVICES)).items:
            service = loads(kv.value)
            owner = owner_of(service)
            for address in addresses_of(service):
                self.addresses.take(int(ipaddress.ip_address(address)), owner)
            for port in ports_of(service):
                self.ports.take(port, owner)

    async def before_create(self, kit: Kit, obj: Obj, dry_run: bool) -> Obj:
        await self._load(kit)
        return self.allocate(obj, None) if not dry_run else self._rehearsed(obj)

    async def before_update(self, kit: Kit, obj: Obj, old: Obj, dry_run: bool) -> Obj:
        await self._load(kit)
        return self.allocate(carried(obj, old), old)

    def _rehearsed(self, service: Obj) -> Obj:
        """For a dry run: addresses that are free now; what the Service asks for by itself is not checked."""
        spec = service.get("spec") or {}
        if spec.get("clusterIP") or any(port.get("nodePort") for port in spec.get("ports") or ()):
            made = dict(spec)
            if spec.get("clusterIP"):
                made.setdefault("clusterIPs", [spec["clusterIP"]])
                self._families(made)
            return {**service, "spec": made}
        return self.allocate(service, None)

    def after_write(self, obj: Obj | None, old: Obj | None) -> None:
        """Free what the Service had and has no more."""
        if old is None:
            return
        owner = owner_of(old)
        kept_addresses = set(addresses_of(obj)) if obj is not None else set()
        kept_ports = set(ports_of(obj)) if obj is not None else set()
        for address in set(addresses_of(old)) - kept_addresses:
            self.addresses.free(int(ipaddress.ip_address(address)), owner)
        for port in set(ports_of(old)) - kept_ports:
            self.ports.free(port, owner)

    def allocate(self, service: Obj, old: Obj | None) -> Obj:
        """The Service with addresses and ports. Raises 422, and then nothing is taken."""
        spec = dict(service.get("spec") or {})
        kind = spec.get("type", "ClusterIP")
        if kind == "ExternalName":
            return service
        taken_before = (set(addresses_of(old)), set(ports_of(old))) if old is not None else (set(), set())
        try:
            self._cluster_ip(service, spec)
            if kind in ("NodePort", "LoadBalancer"):
                self._node_ports(service, spec)
        except StatusError:
            made = {**service, "spec": spec}
            owner = owner_of(service)
            for address in set(addresses_of(made)) - taken_before[0]:
                if _is_address(address):
                    self.addresses.free(int(ipaddress.ip_address(address)), owner)
            for port in set(ports_of(made)) - taken_before[1]:
                self.ports.free(port, owner)
            raise
        return {**service, "spec": spec}

    def _cluster_ip(self, service: Obj, spec: Obj) -> None:
        asked = spec.get("clusterIP") or next(iter(spec.get("clusterIPs") or ()), "")
        if asked == "None":
            spec["clusterIP"], spec["clusterIPs"] = "None", ["None"]
        elif asked:
            if not _is_address(asked):
                return  # validation says what is wrong with it
            number = int(ipaddress.ip_address(asked))
            if number not in self.addresses:
                text = f"failed to allocate IP {asked}: the provided network does not match the current range"
                if ipaddress.ip_address(asked).version == self.version:
                    text = f"failed to allocate IP {asked}: the provided IP ({asked}) is not in the valid range. "
                    text += f"The range of valid IPs is {self.cidr}"
                raise refused(service, invalid("spec.clusterIPs", [asked], text))
            if not self.addresses.take(number, owner_of(service)):
                text = f"failed to allocate IP {asked}: provided IP is already allocated"
                raise refused(service, invalid("spec.clusterIPs", [asked], text))
            spec["clusterIP"] = asked
            spec.setdefault("clusterIPs", [asked])
        else:
            found = self.addresses.next(owner_of(service), self._rng.randrange(self.addresses.size))
            if found is None:
                raise StatusError(500, "InternalError", "failed to allocate a serviceIP: range is full")
            address = str(ipaddress.ip_address(found))
            spec["clusterIP"], spec["clusterIPs"] = address, [address]
        self._families(spec)

    def _families(self, spec: Obj) -> None:
        if not spec.get("ipFamilies"):
            spec["ipFamilies"] = [f"IPv{self.version}"]
            if spec.get("clusterIP") == "None" and not spec.get("selector") and not spec.get("ipFamilyPolicy"):
                spec["ipFamilies"] = [f"IPv{self.version}", "IPv6" if self.version == 4 else "IPv4"]
                spec["ipFamilyPolicy"] = "RequireDualStack"
        if not spec.get("ipFamilyPolicy"):
            spec["ipFamilyPolicy"] = "SingleStack"

    def _node_ports(self, service: Obj, spec: Obj) -> None:
        if spec.get("type") == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is False:
            wanted = False
        else:
            wanted = True
        made: list[Obj] = []
        spec["ports"], given = made, spec.get("ports") or []
        owner = owner_of(service)
        for index, port in enumerate(given):
            asked = port.get("nodePort")
            field = f"spec.ports[{index}].nodePort"
            if asked:
                if asked not in self.ports:
                    span = f"{NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
                    text = f"provided port is not in the valid range. The range of valid ports is {span}"
                    raise refused(service, invalid(field, asked, text))
                shared = any(
                    one.get("nodePort") == asked and one.get("protocol") != port.get("protocol") for one in made
                )
                if self.ports.owner(asked) not in ("", owner) and not shared:
                    raise refused(service, invalid(field, asked, "provided port is already allocated"))
                self.ports.take(asked, owner)
            elif wanted:
                asked = self._shared(made, port) or self.ports.next(owner, self._rng.randrange(self.ports.size))
            made.append({**port, "nodePort": asked} if asked else port)

    def _shared(self, made: list[Obj], port: Obj) -> int | None:
        """The same number over another protocol gets the same node port."""
        for one in made:
            if one.get("port") == port.get("port") and one.get("protocol") != port.get("protocol"):
                number: int | None = one.get("nodePort")
                return number
        return None


def _is_address(text: Any) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def refused(service: Obj, *errors: FieldError) -> StatusError:
    """422 of a Service."""
    return invalid_object("", "Service", (service.get("metadata") or {}).get("name", ""), errors)


def owner_of(service: Obj) -> str:
    """Who a number belongs to: the Service's uid."""
    return str((service.get("metadata") or {}).get("uid", ""))


def addresses_of(service: Obj) -> Iterable[str]:
    """Its allocated cluster IPs."""
    spec = service.get("spec") or {}
    if spec.get("type") == "ExternalName":
        return []
    return [one for one in spec.get("clusterIPs") or () if one and one != "None"]


def ports_of(service: Obj) -> Iterable[int]:
    """Its node ports."""
    return [port["nodePort"] for port in (service.get("spec") or {}).get("ports") or () if port.get("nodePort")]


def carried(service: Obj, old: Obj) -> Obj:
    """An update that leaves addresses and node ports out keeps those that the Service has."""
    spec, before = dict(service.get("spec") or {}), old.get("spec") or {}
    kind, was = spec.get("type", "ClusterIP"), before.get("type", "ClusterIP")
    if kind == "ExternalName" or was == "ExternalName":
        return service
    for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if not spec.get(key) and before.get(key):
            spec[key] = before[key]
    node_kinds = ("NodePort", "LoadBalancer")
    if kind in node_kinds and was in node_kinds:
        have = {(p.get("port"), p.get("protocol")): p.get("nodePort") for p in before.get("ports") or ()}
        spec["ports"] = [
            p if p.get("nodePort") or not have.get((p.get("port"), p.get("protocol")))
            else {**p, "nodePort": have[p.get("port"), p.get("protocol")]}
            for p in spec.get("ports") or ()
        ]  # fmt: skip
    elif kind not in node_kinds and was in node_kinds:
        used = {p.get("nodePort") for p in before.get("ports") or ()}
        spec["ports"] = [
            {k: v for k, v in p.items() if k != "nodePort" or v not in used} for p in spec.get("ports") or ()
        ]
    return {**service, "spec": spec}
