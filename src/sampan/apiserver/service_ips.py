"""Gives Services their cluster IPs and node ports, and takes them back (upstream: registry/core/service/storage)."""

import random
from collections.abc import Iterable

from sampan.api.json import Obj, loads
from sampan.apiserver.call import Hook, Kit
from sampan.apiserver.service_carry import carried, levelled, shed, unused_dropped
from sampan.apiserver.service_families import choose, stays
from sampan.apiserver.service_ports import Ports, failed, refused
from sampan.apiserver.service_ranges import Ranges, write_down
from sampan.resources.strategies.checks import invalid
from sampan.resources.validation.core.service import needs_health_port
from sampan.resources.validation.core.service_ips import is_headless

SERVICES = "/core/services/"


class ServiceAddresses(Hook):
    """What Services have is read from the store when it is first asked."""

    def __init__(self, cidr: str, rng: random.Random) -> None:
        self.ranges, self.ports = Ranges(cidr, rng), Ports(rng)
        self._loaded = False

    async def _load(self, kit: Kit) -> None:
        if self._loaded:
            return
        self._loaded = True
        for kv in (await kit.store.range(SERVICES)).items:
            service = loads(kv.value)
            owner = owner_of(service)
            for address in addresses_of(service):
                self.ranges.note(address, owner)
                await write_down(kit, address, self.ranges.family, service)  # it may be older than these objects
            for port in ports_of(service):
                self.ports.note(port, owner)

    async def before_create(self, kit: Kit, obj: Obj, dry_run: bool) -> Obj:
        await self._load(kit)
        spec = unused_dropped(levelled(obj.get("spec") or {}, None))
        return await self._allocate(kit, {**obj, "spec": spec}, None, dry_run)

    async def before_update(self, kit: Kit, obj: Obj, old: Obj, dry_run: bool) -> Obj:
        await self._load(kit)
        before = old.get("spec") or {}
        spec = levelled(carried(obj.get("spec") or {}, before), before)
        return shed(await self._allocate(kit, {**obj, "spec": spec}, before, dry_run), old)

    async def after_write(self, kit: Kit, obj: Obj | None, old: Obj | None) -> None:
        """Free what the Service had and has no more."""
        if old is None:
            return
        owner = owner_of(old)
        kept_addresses = set(addresses_of(obj)) if obj is not None else set()
        kept_ports = set(ports_of(obj)) if obj is not None else set()
        for port in set(ports_of(old)) - kept_ports:
            self.ports.free(port, owner)
        for address in set(addresses_of(old)) - kept_addresses:
            await self.ranges.free(kit, address, owner)

    async def _allocate(self, kit: Kit, service: Obj, before: Obj | None, dry_run: bool) -> Obj:
        """The Service with addresses and ports. Raises StatusError, and then nothing is taken."""
        given = service["spec"]
        spec, errors = choose(given, before, (self.ranges.family,))
        if errors:
            raise refused(service, *errors)
        order = self.ports.order(service, dry_run=dry_run)
        got: list[str] = []
        try:
            if not stays(given, before):
                spec = await self._address(kit, {**service, "spec": spec}, before, (dry_run, got))
            spec = order.create(spec) if before is None else order.update(spec, before)
        except BaseException:
            order.undo()
            for address in got:
                await self.ranges.free(kit, address, owner_of(service))
            raise
        return {**service, "spec": spec}

    async def _address(self, kit: Kit, service: Obj, before: Obj | None, how: tuple[bool, list[str]]) -> Obj:
        """The spec with its cluster IP; `how`: whether it is a dry run, and a list for what was taken."""
        spec: Obj = service["spec"]
        dry_run, got = how
        fresh = before is None or before.get("type") == "ExternalName"
        if spec.get("type") == "ExternalName" or is_headless(spec) or not fresh:
            return spec
        asked = next(iter(spec.get("clusterIPs") or ()), "")
        if asked:
            problem = await self.ranges.take(kit, asked, service, dry_run=dry_run)
            if problem:
                why = f"failed to allocate IP {asked}: {problem}"
                raise refused(service, invalid("spec.clusterIPs", spec["clusterIPs"], why))
        else:
            asked = await self.ranges.next(kit, service, dry_run=dry_run)
            if not asked:
                name = (service.get("metadata") or {}).get("name", "")
                raise failed(f'failed to allocate a serviceIP for Service "{name}": range is full')
        if not dry_run:
            got.append(asked)
        return {**spec, "clusterIP": asked, "clusterIPs": [asked]}


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
    """Its node ports, and the one for health checks."""
    spec = service.get("spec") or {}
    ports = [port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")]
    if needs_health_port(spec) and spec.get("healthCheckNodePort"):
        ports.append(spec["healthCheckNodePort"])
    return ports
