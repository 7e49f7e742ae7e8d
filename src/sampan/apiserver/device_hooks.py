"""Devices: since when their taints are, and who may have the access of an administrator to them (KEP-5018)."""

from sampan.api import errors
from sampan.api.json import Obj
from sampan.apiserver.call import Hook, Kit
from sampan.apiserver.objects import StoredObjects
from sampan.resources.strategies.checks import Errors, forbidden

LABEL = "resource.kubernetes.io/admin-access"
NO_LABEL = f"admin access to devices requires the `{LABEL}: true` label on the containing namespace"


class TaintTimes(Hook):
    """Fills in timeAdded of the taints of a ResourceSlice's devices."""

    async def before_create(self, kit: Kit, obj: Obj, dry_run: bool) -> Obj:
        return with_times(obj, kit.now())

    async def before_update(self, kit: Kit, obj: Obj, old: Obj, dry_run: bool) -> Obj:
        return with_times(obj, kit.now())


class AdminAccess(Hook):
    """Refuses requests for such access outside namespaces that are labelled for it."""

    def __init__(self, path: tuple[str, ...]) -> None:
        self._path = path
        """Where in the object the claim's spec is."""

    async def before_create(self, kit: Kit, obj: Obj, dry_run: bool) -> Obj:
        spec = obj
        for key in self._path:
            spec = spec.get(key) or {}
        requests = (spec.get("devices") or {}).get("requests") or ()
        for index, request in enumerate(requests):
            if (request.get("exactly") or {}).get("adminAccess"):
                at = f"{'.'.join(self._path)}.devices.requests[{index}].adminAccess"
                await self._check(kit, obj, [forbidden(at, NO_LABEL)])
                break
        return obj

    @staticmethod
    async def _check(kit: Kit, obj: Obj, otherwise: Errors) -> None:
        space = await StoredObjects(kit.store).get("namespaces", "", obj["metadata"].get("namespace", ""))
        labels = ((space or {}).get("metadata") or {}).get("labels") or {}
        if labels.get(LABEL) != "true":
            raise errors.invalid("resource.k8s.io", obj["kind"], obj["metadata"].get("name", ""), otherwise)


def with_times(obj: Obj, now: str) -> Obj:
    """The slice with a time for every taint."""
    spec = obj.get("spec") or {}
    devices = spec.get("devices") or ()
    if all("timeAdded" in taint for device in devices for taint in device.get("taints") or ()):
        return obj
    made = [
        {**device, "taints": [{**taint, "timeAdded": taint.get("timeAdded") or now} for taint in device["taints"]]}
        if device.get("taints")
        else device
        for device in devices
    ]
    return {**obj, "spec": {**spec, "devices": made}}
