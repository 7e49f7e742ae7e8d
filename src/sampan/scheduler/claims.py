"""Device claims, classes and slices as the scheduler looks them up, and what is done to claims when pods are bound."""

import asyncio
from collections.abc import Callable, Iterable

from sampan.aio.clock import Clock
from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.names import ObjectRef
from sampan.api.times import format_time
from sampan.client.api import Api
from sampan.client.cache import Delta
from sampan.client.informer import Informers
from sampan.resources.kinds import DEVICECLASSES, RESOURCECLAIMS, RESOURCESLICES
from sampan.scheduler.devices.allocator import Market, Taken
from sampan.scheduler.devices.pools import Slices
from sampan.scheduler.framework import DevicePlan
from sampan.scheduler.plugins.devices import allocation_of, readiness, users_of
from sampan.scheduler.pod import PodInfo

FINALIZER = "resource.kubernetes.io/delete-protection"
ATTEMPTS = 5
KINDS = (RESOURCECLAIMS, DEVICECLASSES, RESOURCESLICES)


class CachedDevices:
    """From informer caches. `pending`: allocations that are being written, by the claim's uid."""

    def __init__(self, informers: Informers, share_id: Callable[[], str]) -> None:
        self._claims, self._classes, self._slices = (informers.of(kind).cache for kind in KINDS)
        self._share_id = share_id
        self.pending: dict[str, Obj] = {}
        self._known: Slices | None = None
        informers.of(RESOURCESLICES).subscribe(self._slices_changed)

    def _slices_changed(self, delta: Delta) -> None:
        self._known = None

    def claim(self, namespace: str, name: str) -> Obj | None:
        return self._claims.get(namespace, name)

    def device_class(self, name: str) -> Obj | None:
        return self._classes.get("", name)

    def market(self) -> Market:
        """All devices, and what others have of them."""
        if self._known is None:
            self._known = Slices(self._slices)
        taken = Taken()
        for result in self._allocations():
            taken.add(result)
        return Market(self._known, taken, self.device_class, self._share_id)

    def _allocations(self) -> Iterable[Obj]:
        for claim in self._claims:
            given = self.pending.get(claim["metadata"].get("uid", "")) or allocation_of(claim)
            if given is not None:
                yield given


class ClaimWriter:
    """Writes allocations and reservations of a pod that is being bound."""

    def __init__(self, api: Api, informers: Informers, clock: Clock, devices: CachedDevices) -> None:
        self._api, self._clock, self._devices = api, clock, devices
        self._informer = informers.of(RESOURCECLAIMS)
        self._changed: list[asyncio.Event] = []

    def follow(self) -> None:
        """Learn of changed claims from now on."""
        self._informer.subscribe(self._claim_changed)

    def _claim_changed(self, delta: Delta) -> None:
        for waiter in self._changed:
            waiter.set()

    def reserve(self, plans: Iterable[DevicePlan]) -> None:
        """Count the devices as taken while their allocations are written."""
        for plan in plans:
            if plan.allocation is not None:
                self._devices.pending[plan.claim["metadata"]["uid"]] = plan.allocation

    def release(self, plans: Iterable[DevicePlan]) -> None:
        """They are written, or will not be."""
        for plan in plans:
            self._devices.pending.pop(plan.claim["metadata"].get("uid", ""), None)

    async def bind(self, pod: PodInfo, plans: Iterable[DevicePlan]) -> None:
        """Write allocations, reserve the claims for the pod, wait until their devices are ready.

        Raises StatusError, OSError, TimeoutError.
        """
        for plan in plans:
            claim = await self._bind(pod, plan)
            await self._seen(claim)

    async def unbind(self, pod: PodInfo, plans: Iterable[DevicePlan]) -> None:
        """Take the pod's reservations back; what cannot be taken back is left to the controller of claims."""
        for plan in plans:
            meta = plan.claim["metadata"]
            row = {"$patch": "delete", "uid": pod.uid}
            patch = {"metadata": {"uid": meta["uid"]}, "status": {"reservedFor": [row]}}
            ref = ObjectRef(RESOURCECLAIMS, meta["namespace"], meta["name"])
            try:
                await self._api.patch(ref, patch, "strategic", "status")
            except (StatusError, OSError):
                continue

    async def deallocate(self, claim: Obj) -> None:
        """Take the allocation off a claim that is as it was when it was found idle."""
        status = claim.get("status") or {}
        kept = {key: status[key] for key in status if key not in ("allocation", "reservedFor", "devices")}
        try:
            await self._api.update(RESOURCECLAIMS, {**claim, "status": kept}, "status")
        except (StatusError, OSError):
            return

    async def _bind(self, pod: PodInfo, plan: DevicePlan) -> Obj:
        claim = plan.claim
        for attempt in range(ATTEMPTS):
            try:
                return await self._write(pod, claim, plan.allocation)
            except StatusError as error:
                if error.code != 409 or attempt + 1 == ATTEMPTS:
                    raise
            meta = claim["metadata"]
            claim = await self._api.get(ObjectRef(RESOURCECLAIMS, meta["namespace"], meta["name"]))
        raise AssertionError

    async def _write(self, pod: PodInfo, claim: Obj, allocation: Obj | None) -> Obj:
        meta, status = claim["metadata"], dict(claim.get("status") or {})
        if "deletionTimestamp" in meta:
            raise StatusError(409, "Deleted", f"claim {meta['namespace']}/{meta['name']} got deleted in the meantime")
        if allocation is not None:
            if status.get("allocation") is not None:
                text = f"claim {meta['namespace']}/{meta['name']} got allocated elsewhere in the meantime"
                raise StatusError(422, "Invalid", text)
            if FINALIZER not in (meta.get("finalizers") or ()):
                meta = {**meta, "finalizers": [*(meta.get("finalizers") or ()), FINALIZER]}
                claim = await self._api.update(RESOURCECLAIMS, {**claim, "metadata": meta})
            status["allocation"] = {**allocation, "allocationTimestamp": format_time(self._clock.now())}
        elif status.get("allocation") is None:
            text = f"claim {meta['namespace']}/{meta['name']} got deallocated in the meantime"
            raise StatusError(422, "Invalid", text)
        if any(one.get("uid") == pod.uid for one in users_of(claim)):
            return claim
        mine = {"resource": "pods", "name": pod.name, "uid": pod.uid}
        status["reservedFor"] = [*users_of(claim), mine]
        return await self._api.update(RESOURCECLAIMS, {**claim, "status": status}, "status")

    async def _seen(self, claim: Obj) -> None:
        """Until the cache has it as written and its devices are ready."""
        meta = claim["metadata"]
        waiter = asyncio.Event()
        self._changed.append(waiter)
        try:
            while True:
                waiter.clear()
                known = self._informer.cache.get(meta["namespace"], meta["name"])
                if known is None or known["metadata"].get("uid") != meta["uid"]:
                    text = f"claim {meta['namespace']}/{meta['name']} got deleted in the meantime"
                    raise StatusError(404, "NotFound", text)
                ready = readiness(known)
                if ready is None:
                    text = f"claim {meta['name']}: a device's binding failure condition is met"
                    raise StatusError(422, "Invalid", text)
                if allocation_of(known) is not None and ready:
                    return
                await waiter.wait()
        finally:
            self._changed.remove(waiter)
