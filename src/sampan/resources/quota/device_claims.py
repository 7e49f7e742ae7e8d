"""What ResourceClaims count for in quotas (upstream: quota/v1/evaluator/core/resource_claims.go; KEP-4381, 5004)."""

from collections.abc import Collection, Iterator, Sequence

from sampan.api import quantity
from sampan.api.json import Obj
from sampan.api.meta import annotations_of, controller_of, name_of, namespace_of, uid_of
from sampan.resources.quota.amounts import Amounts
from sampan.resources.quota.evaluator import Change, World, count_name
from sampan.resources.quota.pods import IMPLICIT, Pods, is_extended

COUNT = count_name("resource.k8s.io", "resourceclaims")
BY_CLASS = ".deviceclass.resource.k8s.io/devices"
MOST_DEVICES = 32
"""What a request for all devices counts for: as many as a claim may get."""
FOR_EXTENDED = "resource.kubernetes.io/extended-resource-claim"


class DeviceClaims:
    """Counts claims, and devices by class."""

    def handles(self, change: Change) -> bool:
        return not change.subresource

    def matching(self, names: Collection[str], world: World) -> list[str]:
        found = [name for name in names if name == COUNT or name.endswith(BY_CLASS)]
        requested = [name for name in names if is_extended(name) and name not in found]
        if requested:
            classes = world.extended_resources()
            known = set(classes.values()) | {IMPLICIT.removeprefix("requests.") + name for name in classes}
            found += [name for name in requested if name.removeprefix("requests.") in known]
        return found

    def in_scope(self, requirement: Obj, obj: Obj) -> bool:
        return False

    def lacking(self, required: Sequence[str], obj: Obj) -> str:
        return ""

    def usage(self, obj: Obj, world: World) -> Amounts:
        made = {COUNT: "1"}
        for request in ((obj.get("spec") or {}).get("devices") or {}).get("requests") or ():
            for name, count in _devices(request):
                key = f"{name}{BY_CLASS}"
                made[key] = quantity.add(made.get(key, "0"), str(count))
        return made | _extended(made, obj, world)


def _devices(request: Obj) -> Iterator[tuple[str, int]]:
    """Device classes and how many devices of each a request may get at most."""
    if request.get("firstAvailable"):
        most: dict[str, int] = {}
        for part in request["firstAvailable"]:
            name = part.get("deviceClassName", "")
            most[name] = max(most.get(name, 0), _count(part))
        yield from ((name, count) for name, count in most.items() if count)
    elif request.get("exactly") is not None:
        yield request["exactly"].get("deviceClassName", ""), _count(request["exactly"])


def _count(part: Obj) -> int:
    match part.get("allocationMode"):
        case "ExactCount":
            return int(part.get("count") or 0)
        case "All":
            return MOST_DEVICES
    return 0


def _extended(made: Amounts, claim: Obj, world: World) -> dict[str, str]:
    """The same devices as extended resources, less what the claim's pod was charged for already."""
    devices = {name.removesuffix(BY_CLASS): count for name, count in made.items() if name.endswith(BY_CLASS)}
    devices.pop("", None)
    if not devices:
        return {}
    explicit = world.extended_resources()
    found: dict[str, str] = {}
    for name, count in devices.items():
        found[f"{IMPLICIT}{name}"] = count
        if explicit.get(name):
            found[f"requests.{explicit[name]}"] = count
    charged = _charged(claim, world)
    left = {n: quantity.subtract(count, charged[n]) if n in charged else count for n, count in found.items()}
    return {name: count for name, count in left.items() if quantity.number(count) > 0}


def _charged(claim: Obj, world: World) -> Amounts:
    """What the pod counts for, if the claim was made for the extended resources of its containers."""
    if annotations_of(claim).get(FOR_EXTENDED) != "true":
        return {}
    owner = controller_of(claim)
    if owner is None or owner.get("kind") != "Pod" or owner.get("apiVersion") != "v1":
        return {}
    pod = world.pod(namespace_of(claim), owner["name"])
    if pod is None or uid_of(pod) != owner.get("uid"):
        return {}
    status = (pod.get("status") or {}).get("extendedResourceClaimStatus")
    if status is not None:
        if status.get("resourceClaimName") != name_of(claim):
            return {}
    else:
        mine = _age(claim)
        if any(_age(other) < mine for other in world.claims_of_pod(namespace_of(claim), uid_of(pod))):
            return {}  # another one was made for it
    return Pods().usage(pod, world)


def _age(claim: Obj) -> tuple[str, str]:
    return claim["metadata"].get("creationTimestamp") or "", name_of(claim)
