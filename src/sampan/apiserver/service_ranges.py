"""The ranges that Services' addresses come from: the configured one, and ServiceCIDRs that are ready (KEP-1880).

Who has an address is kept in memory and written down as an IPAddress object, so that everybody can see and reserve it.
"""

import random
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, ip_address, ip_network

from sampan.api.errors import StatusError
from sampan.api.json import Obj, loads
from sampan.api.meta import condition, is_deleting
from sampan.apiserver import write
from sampan.apiserver.call import Call, Kit
from sampan.apiserver.context import RequestInfo, UserInfo
from sampan.apiserver.options import PLAIN_WRITE
from sampan.net.http import Request
from sampan.resources.validation.cidr import Network

SYSTEM = UserInfo("system:apiserver", groups=("system:masters", "system:authenticated"))
GROUP, ADDRESSES, CIDRS = "networking.k8s.io", "ipaddresses", "servicecidrs"
FAMILY, MANAGED_BY = "ipaddress.kubernetes.io/ip-family", "ipaddress.kubernetes.io/managed-by"
MANAGER = "ipallocator.k8s.io"
ALLOCATED = "provided IP is already allocated"
MISMATCHED = "the provided network does not match the current range"


def usable(network: Network) -> tuple[int, int]:
    """The first and the last address that may be given: no network's own address, and no IPv4 broadcast."""
    first = int(network.network_address) + 1
    return first, int(network.broadcast_address) - isinstance(network, IPv4Network)


def split(first: int, last: int) -> int:
    """Where the part begins that addresses are picked from; below it they are for those who ask (KEP-3070)."""
    size = last - first + 1
    return first + (min(max(16, size // 16), 256) if size > 16 else 0)


def candidates(network: Network, rng: random.Random) -> Iterator[int]:
    """All addresses, from somewhere in the upper part on; then the lower part."""
    first, last = usable(network)
    middle = split(first, last)
    for low, high in ((middle, last), (first, middle - 1)):
        size = high - low + 1
        if size > 0:
            start = rng.randrange(size)
            yield from (low + (start + step) % size for step in range(size))


class Ranges:
    """Gives and takes back addresses of one family."""

    def __init__(self, cidr: str, rng: random.Random) -> None:
        self.network: Network = ip_network(cidr)
        self.family = f"IPv{self.network.version}"
        self._rng = rng
        self._taken: dict[int, str] = {}

    async def ready(self, kit: Kit) -> Sequence[Network]:
        """The ranges that addresses may come from now."""
        found: list[Network] = [self.network]
        for kv in (await kit.store.range(f"/{GROUP}/{CIDRS}/")).items:
            obj = loads(kv.value)
            state = condition(obj, "Ready")
            if is_deleting(obj) or (state is not None and state.get("status") != "True"):
                continue
            for cidr in (obj.get("spec") or {}).get("cidrs") or ():
                network = ip_network(cidr, strict=False)
                if network.version == self.network.version and network not in found:
                    found.append(network)
        return found

    def note(self, address: str, owner: str) -> None:
        """Somebody has it already."""
        self._taken.setdefault(int(ip_address(address)), owner)

    async def take(self, kit: Kit, address: str, service: Obj, *, dry_run: bool) -> str:
        """Give an address that was asked for; what is wrong with it, or nothing."""
        number = int(ip_address(address))
        ranges = await self.ready(kit)
        if dry_run:
            text = f"the provided IP ({address}) is not in the valid range. The range of valid IPs is {self.network}"
            return "" if any(usable(network)[0] <= number <= usable(network)[1] for network in ranges) else text
        if not any(usable(network)[0] <= number <= usable(network)[1] for network in ranges):
            return MISMATCHED
        owner = _owner(service)
        if self._taken.get(number) == owner:
            return ""
        return "" if await self._give(kit, number, service) else ALLOCATED

    async def next(self, kit: Kit, service: Obj, *, dry_run: bool) -> str:
        """Give a free address; nothing if there is none. A dry run gets one that is nobody's."""
        if dry_run:
            return str(self.network.network_address)
        for network in await self.ready(kit):
            for number in candidates(network, self._rng):
                if number not in self._taken and await self._give(kit, number, service):
                    return str(self._address(number))
        return ""

    def _address(self, number: int) -> str:
        return str(type(self.network.network_address)(number))

    async def _give(self, kit: Kit, number: int, service: Obj) -> bool:
        owner = _owner(service)
        if self._taken.setdefault(number, owner) != owner:
            return False
        if await write_down(kit, self._address(number), self.family, service):
            return True
        del self._taken[number]
        return False

    async def free(self, kit: Kit, address: str, owner: str) -> None:
        """Take it back, if that owner has it."""
        number = int(ip_address(address))
        if self._taken.get(number) == owner:
            del self._taken[number]
            await cross_out(kit, self._address(number))


def _owner(service: Obj) -> str:
    return str((service.get("metadata") or {}).get("uid", ""))


def _call(kit: Kit, name: str, verb: str) -> Call | None:
    resource = kit.live.get(GROUP, "v1", ADDRESSES)
    if resource is None:
        return None
    path = resource.mapping.path("")
    request = Request("POST", path, headers={"user-agent": "kube-apiserver"}, context={"user": SYSTEM})
    info = RequestInfo(True, verb, path, GROUP, "v1", "", ADDRESSES, "", name)
    return Call(kit, request, info, resource, kit.registry.entry(resource))


async def write_down(kit: Kit, address: str, family: str, service: Obj) -> bool:
    """Make the IPAddress of a Service; False if there is one of that name. Versions without the kind need none."""
    call = _call(kit, address, "create")
    if call is None:
        return True
    meta = service["metadata"]
    parent = {"resource": "services", "namespace": meta.get("namespace", ""), "name": meta.get("name", "")}
    gvk = call.resource.gvk
    obj = {
        "kind": gvk.kind, "apiVersion": gvk.api_version,
        "metadata": {"name": address, "labels": {FAMILY: family, MANAGED_BY: MANAGER}}, "spec": {"parentRef": parent},
    }  # fmt: skip
    try:
        await write.create(call, obj, PLAIN_WRITE)
    except StatusError as error:
        if error.reason != "AlreadyExists":
            raise
        return False
    return True


async def cross_out(kit: Kit, address: str) -> None:
    """Remove an IPAddress, if it is there."""
    call = _call(kit, address, "delete")
    if call is None:
        return
    kv = await kit.store.get(call.entry.key("", address))
    if kv is not None:
        await kit.registry.delete(call.entry, kv)
