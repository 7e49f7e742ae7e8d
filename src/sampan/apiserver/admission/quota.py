"""ResourceQuota: writes are charged to the quotas of their namespace, many at once; without quotas nothing is done."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sampan.aio.tasks import Tasks
from sampan.api.errors import StatusError, internal
from sampan.api.json import Obj
from sampan.api.meta import controller_of, name_of, namespace_of
from sampan.apiserver import write
from sampan.apiserver.admission.plugin import refuse
from sampan.apiserver.admission.review import Admission, Review
from sampan.apiserver.call import Call, Kit
from sampan.apiserver.context import RequestInfo
from sampan.apiserver.objects import StoredObjects
from sampan.apiserver.options import PLAIN_WRITE
from sampan.apiserver.start import SYSTEM
from sampan.net.http import Request
from sampan.resources.quota.amounts import equal
from sampan.resources.quota.check import Exceeded, charge
from sampan.resources.quota.device_classes import extended_resources
from sampan.resources.quota.evaluator import Change, Evaluator
from sampan.resources.quota.registry import evaluator_of

PLURAL = "resourcequotas"
ROOT = f"/core/{PLURAL}/"
CLAIMS = "resourceclaims"
GROUP = "resource.k8s.io"
RETRIES = 3
"""How often a charge is tried again when somebody else wrote the quota."""
PATIENCE = 10.0
"""Seconds for which a write waits for its turn."""
REMEMBERED = 65536


@dataclass(frozen=True, slots=True)
class Seen:
    """The World of the evaluators, read before."""

    now: datetime
    classes: Mapping[str, str]
    pods: Mapping[tuple[str, str], Obj]
    claims: Sequence[Obj]

    def extended_resources(self) -> Mapping[str, str]:
        return self.classes

    def pod(self, namespace: str, name: str) -> Obj | None:
        return self.pods.get((namespace, name))

    def claims_of_pod(self, namespace: str, uid: str) -> Sequence[Obj]:
        return [one for one in self.claims if (controller_of(one) or {}).get("uid") == uid]


@dataclass(frozen=True, slots=True)
class Waiter:
    """A write whose charge is not settled yet."""

    review: Review
    change: Change
    evaluator: Evaluator
    settled: "asyncio.Future[None]"

    def grant(self) -> None:
        """It may be."""
        if not self.settled.done():
            self.settled.set_result(None)

    def fail(self, error: BaseException) -> None:
        """It may not be."""
        if not self.settled.done():
            self.settled.set_exception(error)


class ResourceQuota:
    """An Admission that asks an inner one, then charges what it let pass. Call `start` before the first request."""

    def __init__(self, inner: Admission, objects: StoredObjects) -> None:
        self._inner, self._objects = inner, objects
        self._kit: Kit | None = None
        self._without: dict[str, int] = {}
        """Namespaces without quotas, and the revision of the last change of any quota when that was seen."""
        self._waiting: dict[str, list[Waiter]] = {}
        self._tasks = Tasks()

    def start(self, kit: Kit) -> None:
        """Charge from now on."""
        self._kit = kit

    async def close(self) -> None:
        """Settle nothing any more."""
        await self._tasks.cancel()

    async def mutate(self, review: Review) -> Obj:
        """As the inner admission does."""
        return await self._inner.mutate(review)

    async def validate(self, review: Review) -> None:
        """As the inner admission does; then raises 403 if a quota is exceeded."""
        await self._inner.validate(review)
        kit, namespace = self._kit, review.namespace
        if kit is None or not namespace:
            return
        changed = kit.store.changed(ROOT)
        if self._without.get(namespace) != changed:
            await self._evaluate(review, changed)

    async def _evaluate(self, review: Review, changed: int) -> None:
        if review.operation not in ("CREATE", "UPDATE") or review.obj is None:
            return
        mapping = review.resource.mapping
        evaluator = evaluator_of(mapping.group, mapping.plural)
        change = Change(review.operation, review.subresource, review.obj, review.old)
        if evaluator is None or not evaluator.handles(change):
            return
        if not await self._quotas(review.namespace):
            if len(self._without) >= REMEMBERED:
                self._without.clear()
            self._without[review.namespace] = changed
            return
        waiter = Waiter(review, change, evaluator, asyncio.get_running_loop().create_future())
        queue = self._waiting.get(review.namespace)
        if queue is None:
            self._waiting[review.namespace] = [waiter]
            self._tasks.start(self._work(review.namespace), f"quotas of {review.namespace}")
        else:
            queue.append(waiter)
        try:
            await asyncio.wait_for(waiter.settled, PATIENCE)
        except TimeoutError:
            raise internal("resource quota evaluation timed out") from None

    async def _quotas(self, namespace: str) -> list[Obj]:
        return await self._objects.list(PLURAL, namespace)

    async def _work(self, namespace: str) -> None:
        """Settle what waits in a namespace, batch after batch, until nothing does."""
        while batch := self._waiting[namespace]:
            self._waiting[namespace] = []
            try:
                await self._settle(namespace, batch)
            except StatusError as error:
                for waiter in batch:
                    waiter.fail(error)
        del self._waiting[namespace]

    async def _settle(self, namespace: str, batch: Sequence[Waiter]) -> None:
        """Charge a batch: those that fit are charged together, in one write of each quota."""
        world = await self._world(namespace, batch)
        quotas = await self._quotas(namespace)
        for tries_left in range(RETRIES, -1, -1):
            charged, batch = _charge(quotas, batch, world)
            failed, last = await self._write(quotas, charged)
            if last is None:
                for waiter in batch:
                    waiter.grant()
                return
            if not tries_left:
                raise last
            quotas = [quota for quota in await self._quotas(namespace) if name_of(quota) in failed]

    async def _write(self, before: Sequence[Obj], after: Sequence[Obj]) -> tuple[set[str], StatusError | None]:
        """Store what quotas have used now; names of those where that failed, and the last error."""
        failed, last = set(), None
        for old, new in zip(before, after, strict=True):
            if new is old or equal(old["status"]["used"], new["status"]["used"]):
                continue
            try:
                await self._update(new)
            except StatusError as error:
                failed.add(name_of(new))
                last = error
        return failed, last

    async def _update(self, quota: Obj) -> None:
        kit = self._kit
        assert kit is not None
        resource = kit.live.get("", "v1", PLURAL)
        assert resource is not None
        namespace, name = namespace_of(quota), name_of(quota)
        path = f"{resource.mapping.path(namespace)}/{name}/status"
        request = Request("PUT", path, headers={"user-agent": "kube-apiserver"}, context={"user": SYSTEM})
        info = RequestInfo(True, "update", path, "", "v1", namespace, PLURAL, "status", name)
        call = Call(kit, request, info, resource, kit.registry.entry(resource), trusted=True)

        async def make(old: Obj) -> Obj:
            return quota

        await write.update(call, write.Change(make, "status"), PLAIN_WRITE, "UpdateOptions")

    async def _world(self, namespace: str, batch: Sequence[Waiter]) -> Seen:
        assert self._kit is not None
        now = self._kit.clock.now()
        if not any(waiter.review.resource.mapping.plural in (CLAIMS, "pods") for waiter in batch):
            return Seen(now, {}, {}, ())
        claims = await self._objects.list(CLAIMS, namespace, GROUP)
        classes = await self._objects.list("deviceclasses", "", GROUP)
        pods = {}
        for one in [waiter.change.obj for waiter in batch] + [waiter.change.old or {} for waiter in batch]:
            owner = controller_of(one) if one else None
            if owner is not None and owner.get("kind") == "Pod":
                found = await self._objects.get("pods", namespace, owner.get("name", ""))
                if found is not None:
                    pods[namespace, name_of(found)] = found
        return Seen(now, extended_resources(classes), pods, claims)


def _charge(quotas: Sequence[Obj], batch: Sequence[Waiter], world: Seen) -> tuple[list[Obj], list[Waiter]]:
    """The quotas after those that fit; and who waits for these to be stored. The others are settled."""
    running, waiting = list(quotas), []
    for waiter in batch:
        try:
            after = charge(running, waiter.change, waiter.evaluator, world)
        except Exceeded as exceeded:
            waiter.fail(refuse(waiter.review, str(exceeded)))
            continue
        if waiter.review.dry_run or all(new is old for new, old in zip(after, running, strict=True)):
            waiter.grant()
            continue
        running = after
        waiting.append(waiter)
    return running, waiting
