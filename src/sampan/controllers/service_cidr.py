"""ServiceCIDRs: ready once they are held by a finalizer, and let go when no address is lost with them (KEP-1880)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from sampan.api.json import Obj
from sampan.api.meta import condition, finalizers_of, is_deleting, labels_of, meta, name_of
from sampan.api.names import Key, ObjectRef
from sampan.api.times import format_time, parse_time
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.plan import NOTHING, Patch, Plan, Requeue
from sampan.resources.kinds import IPADDRESSES, SERVICECIDRS

FINALIZER = "networking.k8s.io/service-cidr-finalizer"
MANAGED_BY, ALLOCATOR = "ipaddress.kubernetes.io/managed-by", "ipallocator.k8s.io"
GRACE = 10.0
"""Seconds until a range that is going is gone: by then no API server gives addresses of it any more."""
READY = ("True", "", "Kubernetes Service CIDR is ready")
HELD = (
    "False",
    "Terminating",
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR",
)
Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Seen:
    """A range, all ranges, and the addresses that Services have."""

    cidr: Obj
    ranges: Sequence[Obj]
    addresses: Sequence[Obj]
    now: datetime


def networks(cidr: Obj) -> list[Network]:
    """What a ServiceCIDR spans."""
    return [ip_network(text, strict=False) for text in (cidr.get("spec") or {}).get("cidrs") or ()]


def holds(network: Network, address: Address) -> bool:
    """Whether a range can give an address: all but the network's own and the IPv4 broadcast address."""
    if address not in network or address == network.network_address:
        return False
    return network.version == 6 or address != network.broadcast_address


def contains(outer: Network, inner: Network) -> bool:
    """Whether one range lies in another."""
    return outer.version == inner.version and outer.prefixlen <= inner.prefixlen and inner.network_address in outer


def ranges_of(look: Lookup, address: Obj) -> Iterable[Key]:
    """The ranges that an address lies in."""
    one = ip_address(name_of(address))
    for cidr in look.list(SERVICECIDRS):
        if any(holds(network, one) for network in networks(cidr)):
            yield Key("", name_of(cidr))


def overlapping(look: Lookup, changed: Obj) -> Iterable[Key]:
    """A range, and those that it has addresses in common with."""
    yield Key("", name_of(changed))
    mine = networks(changed)
    for cidr in look.list(SERVICECIDRS):
        theirs = networks(cidr)
        if any(one.version == other.version and one.overlaps(other) for one in mine for other in theirs):
            yield Key("", name_of(cidr))


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    """The range, if it is there."""
    cidr = look.get(SERVICECIDRS, "", key.name)
    if cidr is None:
        return None
    going = is_deleting(cidr)
    return Seen(cidr, look.list(SERVICECIDRS) if going else (), look.list(IPADDRESSES) if going else (), now)


def may_go(seen: Seen) -> bool:
    """Whether every address in use lies in another range as well."""
    name = name_of(seen.cidr)
    others = [network for cidr in seen.ranges if name_of(cidr) != name for network in networks(cidr)]
    mine = networks(seen.cidr)
    if all(any(contains(other, network) for other in others) for network in mine):
        return True
    for obj in seen.addresses:
        if labels_of(obj).get(MANAGED_BY) != ALLOCATOR:
            continue
        address = ip_address(name_of(obj))
        lies_here = any(holds(network, address) for network in mine)
        if lies_here and not any(holds(network, address) for network in others):
            return False
    return True


def decide(seen: Seen) -> Plan:
    """Hold and ready it; when it is going, let go or say why not."""
    ref = ObjectRef(SERVICECIDRS, "", name_of(seen.cidr))
    has = FINALIZER in finalizers_of(seen.cidr)
    if not is_deleting(seen.cidr):
        hold = () if has else (Patch(ref, {"metadata": {"finalizers": [FINALIZER]}}, "strategic", missing_ok=True),)
        return (*hold, *_say(ref, seen, READY))
    if not may_go(seen):
        return _say(ref, seen, HELD)
    left = GRACE - (seen.now - parse_time(meta(seen.cidr)["deletionTimestamp"])).total_seconds()
    if left > 0:
        return (Requeue(left),)
    let_go = {"metadata": {"$deleteFromPrimitiveList/finalizers": [FINALIZER]}}
    return (Patch(ref, let_go, "strategic", missing_ok=True),) if has else NOTHING


def _say(ref: ObjectRef, seen: Seen, what: tuple[str, str, str]) -> Plan:
    """The condition Ready, if it does not say so already."""
    have = condition(seen.cidr, "Ready") or {}
    if (have.get("status"), have.get("reason") or "", have.get("message") or "") == what:
        return NOTHING
    status, reason, message = what
    ready = {
        "type": "Ready", "status": status, "reason": reason, "message": message,
        "lastTransitionTime": format_time(seen.now),
    }  # fmt: skip
    return (Patch(ref, {"status": {"conditions": [ready]}}, "strategic", "status", missing_ok=True),)


CONTROLLER = Controller(
    "service-cidr-controller",
    watches=(Watches(SERVICECIDRS, overlapping), Watches(IPADDRESSES, ranges_of)),
    observe=observe,
    decide=decide,
)
