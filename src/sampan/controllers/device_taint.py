"""Evict pods whose devices have a NoExecute taint that their claims do not tolerate, or no longer (KEP-5055)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sampan.api.json import Obj
from sampan.api.meta import condition, is_deleting, name_of, namespace_of, uid_of
from sampan.api.names import Key, ObjectRef
from sampan.api.times import format_time, parse_time
from sampan.controllers.names import spec
from sampan.controllers.pod_claims import claim_names, is_own, used
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.plan import NOTHING, Action, Delete, Emit, Patch, Plan, Requeue
from sampan.resources.kinds import PODS, RESOURCECLAIMS, RESOURCESLICES

USED, POOLS = "resource claims", "device pools"
NO_EXECUTE = "NoExecute"


@dataclass(frozen=True, slots=True)
class Seen:
    """A pod on a node, the devices that its claims were given with what tolerates their taints, and the time."""

    pod: Obj
    devices: tuple[tuple[Obj, Obj], ...]
    """A result of an allocation, and the device."""
    now: datetime


def pools_of_claim(claim: Obj) -> Iterable[str]:
    """Index: the pools of a claim's devices."""
    return {f"{one['driver']}/{one['pool']}" for one in _results(claim)}


def pools_of_slice(one: Obj) -> Iterable[str]:
    """Index: a slice's pool."""
    return (f"{one['spec']['driver']}/{one['spec']['pool']['name']}",)


def _results(claim: Obj) -> list[Obj]:
    allocation = (claim.get("status") or {}).get("allocation") or {}
    found: list[Obj] = (allocation.get("devices") or {}).get("results") or []
    return found


def keys_of_pod(look: Lookup, pod: Obj) -> Iterable[Key]:
    if spec(pod).get("nodeName") and spec(pod).get("resourceClaims"):
        yield Key(namespace_of(pod), name_of(pod))


def keys_of_claim(look: Lookup, claim: Obj) -> Iterable[Key]:
    for pod in look.indexed(PODS, USED, f"{namespace_of(claim)}/{name_of(claim)}"):
        yield from keys_of_pod(look, pod)


def keys_of_slice(look: Lookup, one: Obj) -> Iterable[Key]:
    for pool in pools_of_slice(one):
        for claim in look.indexed(RESOURCECLAIMS, POOLS, pool):
            yield from keys_of_claim(look, claim)


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    pod = look.get(PODS, key.namespace, key.name)
    if pod is None or is_deleting(pod) or not spec(pod).get("nodeName"):
        return None
    return Seen(pod, tuple(_devices(look, pod)), now)


def _devices(look: Lookup, pod: Obj) -> Iterator[tuple[Obj, Obj]]:
    for entry, name, _ in claim_names(pod):
        claim = look.get(RESOURCECLAIMS, namespace_of(pod), name) if name is not None else None
        if claim is None or (entry.get("resourceClaimTemplateName") and not is_own(claim, pod)):
            continue
        users = (claim.get("status") or {}).get("reservedFor") or ()
        if all(user.get("uid") != uid_of(pod) for user in users):
            continue
        for result in _results(claim):
            slices = look.indexed(RESOURCESLICES, POOLS, f"{result['driver']}/{result['pool']}")
            newest = max((one["spec"]["pool"].get("generation", 0) for one in slices), default=0)
            for one in slices:
                if one["spec"]["pool"].get("generation", 0) == newest:
                    rows = one["spec"].get("devices") or ()
                    yield from ((result, device) for device in rows if device["name"] == result["device"])


def evicted_at(result: Obj, device: Obj) -> datetime | None:
    """When the device's taints end the pod; None: they do not."""
    found: datetime | None = None
    for taint in device.get("taints") or ():
        if taint.get("effect") != NO_EXECUTE or not taint.get("timeAdded"):
            continue
        tolerating = [
            one for one in result.get("tolerations") or () if one.get("effect") == NO_EXECUTE and _tolerates(one, taint)
        ]
        if any(one.get("tolerationSeconds") is None for one in tolerating):
            continue
        seconds = min((max(0, one["tolerationSeconds"]) for one in tolerating), default=0)
        when = parse_time(taint["timeAdded"]) + timedelta(seconds=seconds)
        found = when if found is None else min(found, when)
    return found


def _tolerates(toleration: Obj, taint: Obj) -> bool:
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    return toleration.get("operator") == "Exists" or (toleration.get("value") or "") == (taint.get("value") or "")


def decide(seen: Seen) -> Plan:
    """Tell the pod why and delete it, as soon as the first of the taints is not tolerated any more."""
    times = [when for result, device in seen.devices if (when := evicted_at(result, device)) is not None]
    if not times:
        return NOTHING
    left = (min(times) - seen.now).total_seconds()
    if left > 0:
        return (Requeue(left),)
    pod = seen.pod
    ref = ObjectRef(PODS, namespace_of(pod), name_of(pod))
    actions: list[Action] = [Emit(pod, "Normal", "DeviceTaintManagerEviction", "Marking for deletion")]
    if (condition(pod, "DisruptionTarget") or {}).get("status") != "True":
        said = {
            "type": "DisruptionTarget", "status": "True", "reason": "DeletionByDeviceTaintManager",
            "message": "Device Taint manager: deleting due to NoExecute taint",
            "lastTransitionTime": format_time(seen.now),
        }  # fmt: skip
        actions.append(Patch(ref, {"status": {"conditions": [said]}}, "strategic", "status", missing_ok=True))
    return (*actions, Delete(ref, uid_of(pod)))


CONTROLLER = Controller(
    "device-taint-eviction-controller",
    watches=(
        Watches(PODS, keys_of_pod, indexes={USED: used}),
        Watches(RESOURCECLAIMS, keys_of_claim, indexes={POOLS: pools_of_claim}),
        Watches(RESOURCESLICES, keys_of_slice, indexes={POOLS: pools_of_slice}),
    ),
    observe=observe,
    decide=decide,
)
