"""Which claims on devices a pod has: it names them itself, or its status tells those that were made for it."""

from collections.abc import Iterable, Iterator

from sampan.api.json import Obj
from sampan.api.meta import controller_of, namespace_of, uid_of
from sampan.controllers.names import spec


def entries_of(pod: Obj) -> list[Obj]:
    """What the pod says of its claims."""
    found: list[Obj] = spec(pod).get("resourceClaims") or []
    return found


def claim_names(pod: Obj) -> Iterator[tuple[Obj, str | None, bool]]:
    """Each entry of a pod with its claim's name (None: not known or not needed), and whether that has been settled."""
    told = {one["name"]: one for one in (pod.get("status") or {}).get("resourceClaimStatuses") or ()}
    for entry in entries_of(pod):
        if entry.get("resourceClaimName") is not None:
            yield entry, entry["resourceClaimName"], True
        else:
            yield entry, (told.get(entry["name"]) or {}).get("resourceClaimName"), entry["name"] in told


def used(pod: Obj) -> Iterable[str]:
    """Index: the claims of a pod."""
    return [f"{namespace_of(pod)}/{name}" for _, name, _ in claim_names(pod) if name is not None]


def is_own(claim: Obj, pod: Obj) -> bool:
    """Whether the claim was made for that pod."""
    return (controller_of(claim) or {}).get("uid") == uid_of(pod)
