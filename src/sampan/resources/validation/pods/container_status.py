"""What is wrong with the statuses of containers: users and devices (core validation)."""

from collections.abc import Iterable

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, duplicate, forbidden, invalid, not_among, required, too_long

MOST_ID, MOST_MESSAGE = 2**31 - 1, 1024
HEALTH = ("Healthy", "Unhealthy", "Unknown")
NO_CLAIM = (
    "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or "
    "'claim:<claimName>' if request is empty"
)


def check_users(statuses: Iterable[Obj], at: str, system: str) -> Errors:
    """Users of containers; `system` is the pod's."""
    errors: Errors = []
    for index, status in enumerate(statuses):
        linux = (status.get("user") or {}).get("linux")
        if linux is None:
            continue
        here = f"{at}[{index}].user.linux"
        if system == "windows":
            errors.append(forbidden(here, "cannot be set for a windows pod"))
        elif system == "linux":
            ids = [("uid", linux.get("uid") or 0), ("gid", linux.get("gid") or 0)]
            ids += [(f"supplementalGroups[{n}]", gid) for n, gid in enumerate(linux.get("supplementalGroups") or ())]
            why = f"must be between 0 and {MOST_ID}, inclusive"
            errors += [invalid(f"{here}.{key}", value, why) for key, value in ids if not 0 <= value <= MOST_ID]
    return errors


def check_allocated(statuses: Iterable[Obj], at: str, containers: Iterable[Obj], never: bool) -> Errors:
    """The health of devices (KEP-4680); `never`: these containers have none."""
    errors: Errors = []
    for index, status in enumerate(statuses):
        allocated = status.get("allocatedResourcesStatus")
        if not allocated:
            continue
        here = f"{at}[{index}].allocatedResourcesStatus"
        if never:
            errors.append(forbidden(here, "must not be specified in container status"))
            continue
        container = next((one for one in containers if one.get("name") == status.get("name")), None)
        for place, resource in enumerate(allocated):
            if container is not None:
                errors += _known(resource.get("name") or "", container, f"{here}[{place}].name")
            errors += _devices(resource.get("resources") or (), f"{here}[{place}].resources")
    return errors


def _known(name: str, container: Obj, at: str) -> Errors:
    resources = container.get("resources") or {}
    if not name.startswith("claim:"):
        known = name in (resources.get("requests") or {})
        return [] if known else [invalid(at, name, "must match one of the container's resource requests")]
    for claim in resources.get("claims") or ():
        request = claim.get("request")
        if name == f"claim:{claim.get('name') or ''}" + (f"/{request}" if request else ""):
            return []
    return [invalid(at, name, NO_CLAIM)]


def _devices(devices: Iterable[Obj], at: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, device in enumerate(devices):
        here, health = f"{at}[{index}]", device.get("health") or ""
        if health not in HEALTH:
            errors.append(not_among(f"{here}.health", health, HEALTH))
        message = device.get("message")
        if message == "":
            errors.append(required(f"{here}.message", "must be non-empty if specified"))
        elif message is not None and len(message.encode()) > MOST_MESSAGE:
            errors.append(too_long(f"{here}.message", MOST_MESSAGE))
        name = device.get("resourceID") or ""
        if name in seen:
            errors.append(duplicate(f"{here}.resourceID", name))
        seen.add(name)
    return errors
