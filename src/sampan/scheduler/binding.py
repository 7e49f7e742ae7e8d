"""What a placement takes: claims are bound first, then the pod, by an extender or by us."""

import asyncio

from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.meta import annotations_of
from sampan.api.names import ObjectRef
from sampan.client.api import Api
from sampan.client.cache import Delta
from sampan.client.informer import Informers
from sampan.resources.kinds import PODS, PVCS, PVS
from sampan.scheduler.claims import ClaimWriter
from sampan.scheduler.extenders import ExtenderError, Extenders
from sampan.scheduler.framework import ClaimPlan, Placement
from sampan.scheduler.plugins.volumes import SELECTED_NODE
from sampan.scheduler.pod import PodInfo

FAILURES = (StatusError, OSError, TimeoutError)


class BindError(Exception):
    """A pod that could not be bound, and why in upstream's words; `gone`: there is no such pod any more."""

    def __init__(self, message: str, *, gone: bool = False) -> None:
        super().__init__(message)
        self.gone = gone


def _told(error: BaseException) -> str:
    return "context deadline exceeded" if isinstance(error, TimeoutError) else str(error)


class Binder:
    """Carries placements out."""

    def __init__(
        self, api: Api, informers: Informers, extenders: Extenders, devices: ClaimWriter | None = None
    ) -> None:
        self._api, self._extenders, self._devices = api, extenders, devices
        self._claims = informers.of(PVCS)
        self._waiters: list[asyncio.Event] = []

    def follow(self) -> None:
        """Learn of changed claims from now on."""
        self._claims.subscribe(self._claims_changed)
        if self._devices is not None:
            self._devices.follow()

    def _claims_changed(self, delta: Delta) -> None:
        """Those that wait for a claim look again."""
        for waiter in self._waiters:
            waiter.set()

    async def prepare(self, pod: PodInfo, placement: Placement, seconds: float) -> None:
        """Bind the pod's claims, within `seconds` each kind. Raises BindError."""
        if placement.claims:
            try:
                await self._bind_claims(placement, seconds)
            except FAILURES as error:
                raise BindError(f'running PreBind plugin "VolumeBinding": binding volumes: {_told(error)}') from error
        if placement.devices and self._devices is not None:
            try:
                async with asyncio.timeout(seconds):
                    await self._devices.bind(pod, placement.devices)
            except FAILURES as error:
                raise BindError(f'running PreBind plugin "DynamicResources": {_told(error)}') from error

    async def bind(self, pod: PodInfo, placement: Placement) -> None:
        """Bind the pod. Raises BindError."""
        try:
            if self._extenders and await self._extenders.bound(pod, placement.node):
                return
        except ExtenderError as error:
            raise BindError(str(error)) from error
        target = {"apiVersion": "v1", "kind": "Node", "name": placement.node}
        meta = {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": meta, "target": target}
        try:
            await self._api.call("POST", PODS.path(pod.namespace, pod.name, "binding"), binding)
        except FAILURES as error:
            gone = isinstance(error, StatusError) and error.code == 404
            raise BindError(f'running Bind plugin "DefaultBinder": {_told(error)}', gone=gone) from error

    def reserve(self, placement: Placement) -> None:
        """What the placement takes is nobody else's from now on."""
        if self._devices is not None:
            self._devices.reserve(placement.devices)

    def release(self, placement: Placement) -> None:
        """The end of that: the caches know, or it failed."""
        if self._devices is not None:
            self._devices.release(placement.devices)

    async def undo(self, pod: PodInfo, placement: Placement) -> None:
        """After a failure: the pod's reservations are taken back."""
        if self._devices is not None and placement.devices:
            await self._devices.unbind(pod, placement.devices)

    async def deallocate(self, claim: Obj) -> None:
        """Give the devices of an idle claim back; if that fails, the next attempt to schedule its pod tries again."""
        if self._devices is not None:
            await self._devices.deallocate(claim)

    async def _bind_claims(self, placement: Placement, seconds: float) -> None:
        """Reserve the chosen volumes, call for the others, and wait until all claims are bound."""
        for plan in placement.claims:
            await self._prepare(plan, placement.node)
        waiter = asyncio.Event()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(seconds):
                while not all(self._is_bound(plan) for plan in placement.claims):
                    waiter.clear()
                    await waiter.wait()
        finally:
            self._waiters.remove(waiter)

    async def _prepare(self, plan: ClaimPlan, node: str) -> None:
        claim = self._claims.cache.get(plan.namespace, plan.claim)
        if claim is None:
            raise StatusError(404, "NotFound", f'persistentvolumeclaim "{plan.claim}" not found')
        if plan.volume:
            meta = claim["metadata"]
            ref = {
                "kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": plan.namespace, "name": plan.claim,
                "uid": meta["uid"], "resourceVersion": meta["resourceVersion"],
            }  # fmt: skip
            bound = {"pv.kubernetes.io/bound-by-controller": "yes"}
            patch = {"metadata": {"annotations": bound}, "spec": {"claimRef": ref}}
            await self._api.patch(ObjectRef(PVS, "", plan.volume), patch)
        elif annotations_of(claim).get(SELECTED_NODE) != node:
            patch = {"metadata": {"annotations": {SELECTED_NODE: node}}}
            await self._api.patch(ObjectRef(PVCS, plan.namespace, plan.claim), patch)

    def _is_bound(self, plan: ClaimPlan) -> bool:
        claim = self._claims.cache.get(plan.namespace, plan.claim)
        if claim is None:
            raise StatusError(404, "NotFound", f'persistentvolumeclaim "{plan.claim}" not found')
        return bool((claim.get("spec") or {}).get("volumeName")) and (claim.get("status") or {}).get("phase") == "Bound"
