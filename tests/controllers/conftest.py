"""A world for controllers: the real API server in memory, some controllers over it, and time that is virtual."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from typing import Any

import pytest

from sampan.aio.clock import Clock
from sampan.api.errors import StatusError
from sampan.api.meta import name_of, namespace_of, uid_of
from sampan.api.names import ObjectRef, RestMapping
from sampan.api.resource import Resource
from sampan.apiserver.admission.chain import Chain
from sampan.apiserver.admission.review import Review
from sampan.apiserver.app import App, Parts
from sampan.apiserver.context import UserInfo
from sampan.apiserver.objects import StoredObjects
from sampan.client.api import Api
from sampan.client.informer import Informers
from sampan.client.local import LocalTransport
from sampan.controllers import Settings, controllers
from sampan.obs.metrics import Metrics
from sampan.reconcile.loop import Kit, Manager
from sampan.resources.build import builtin_resources
from sampan.resources.kinds import EVENTS, PODS, SERVICEACCOUNTS
from sampan.store.memory import MemoryStore
from sampan.testing.clock import FakeClock

Obj = dict[str, Any]
DEEP = {"list", "watch", "delete"}


@cache
def resources() -> tuple[Resource, ...]:
    """The built-in kinds, loaded once for all tests."""
    return tuple(builtin_resources("1.36"))


def listed_kinds() -> list[RestMapping]:
    """Kinds that can be listed, watched and deleted, each at one version."""
    found: dict[tuple[str, str], RestMapping] = {}
    for resource in resources():
        if set(resource.verbs) >= DEEP:
            found.setdefault((resource.mapping.group, resource.mapping.plural), resource.mapping)
    return list(found.values())


class Gate:
    """Admission that a test can close: what `refuses` names is forbidden."""

    def __init__(self, inner: Chain) -> None:
        self.inner = inner
        self.refuses: Callable[[Review], bool] = lambda review: False

    async def mutate(self, review: Review) -> Obj:
        return await self.inner.mutate(review)

    async def validate(self, review: Review) -> None:
        if self.refuses(review):
            raise StatusError(403, "Forbidden", f"{review.resource.mapping.plural} is forbidden: by the test")
        await self.inner.validate(review)


class World:
    """What a test sees: the API, the clock, and `settle`, which returns when nobody has anything left to do now."""

    def __init__(self, app: App, gate: Gate, clock: Clock, manager: Manager, api: Api) -> None:
        self.app, self.gate, self.clock, self.manager, self.api = app, gate, clock, manager, api
        self.store = app.parts.store

    async def settle(self) -> None:
        """Let controllers work until nothing is written and nobody is busy."""
        quiet, revision = 0, -1
        for _ in range(200_000):
            await asyncio.sleep(0)
            if self.manager.idle and self.store.revision == revision:
                quiet += 1
                if quiet > 60:
                    return
            else:
                quiet, revision = 0, self.store.revision
        raise AssertionError("the controllers do not come to rest")

    async def pass_time(self, seconds: float) -> None:
        """Let virtual time pass, in steps at which everything settles."""
        assert isinstance(self.clock, FakeClock)
        end = self.clock.monotonic() + seconds
        await self.settle()
        while (at := self.clock.next_wake()) is not None and at <= end:
            await self.clock.advance(max(0.0, at - self.clock.monotonic()))
            await self.settle()
        await self.clock.advance(end - self.clock.monotonic())
        await self.settle()

    async def create(self, mapping: RestMapping, obj: Obj) -> Obj:
        """Create, and let things settle."""
        made = await self.api.create(mapping, obj)
        await self.settle()
        return made

    async def get(self, mapping: RestMapping, name: str, namespace: str = "default") -> Obj:
        return await self.api.get(ObjectRef(mapping, namespace if mapping.namespaced else "", name))

    async def exists(self, mapping: RestMapping, name: str, namespace: str = "default") -> bool:
        try:
            await self.get(mapping, name, namespace)
        except StatusError as error:
            if error.code != 404:
                raise
            return False
        return True

    async def all(self, mapping: RestMapping, namespace: str = "default", labels: str = "") -> list[Obj]:
        listed = await self.api.list(mapping, namespace if mapping.namespaced else "", labels=labels)
        return listed.items

    async def patch(self, mapping: RestMapping, name: str, patch: Any, **more: Any) -> Obj:
        """A merge patch, and let things settle."""
        namespace = more.pop("namespace", "default") if mapping.namespaced else ""
        made = await self.api.patch(ObjectRef(mapping, namespace, name), patch, **more)
        await self.settle()
        return made

    async def delete(self, mapping: RestMapping, name: str, namespace: str = "default", **more: Any) -> None:
        await self.api.delete(ObjectRef(mapping, namespace if mapping.namespaced else "", name), **more)
        await self.settle()

    async def pod_status(self, pod: Obj, status: Obj) -> Obj:
        """Say what a node agent would say."""
        ref = ObjectRef(PODS, namespace_of(pod), name_of(pod))
        return await self.api.patch(ref, {"metadata": {"uid": uid_of(pod)}, "status": status}, "merge", "status")

    async def make_ready(self, *pods: Obj) -> None:
        """Pods run and are ready from now on."""
        stamp = self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        for number, pod in enumerate(pods):
            condition = {"type": "Ready", "status": "True", "lastTransitionTime": stamp}
            ip = f"10.0.{number // 250}.{number % 250 + 1}"
            status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": [condition]}
            await self.pod_status(pod, status)
        await self.settle()

    async def all_ready(self, namespace: str = "default") -> None:
        """Every pod that is not going is ready, also those that come because of it."""
        for _ in range(50):
            pods = [p for p in await self.all(PODS, namespace) if not is_ready(p)]
            if not pods:
                return
            await self.make_ready(*pods)
        raise AssertionError("there are always new pods")

    async def events(self, reason: str = "", namespace: str = "default") -> list[str]:
        """Messages of Events of that reason, oldest first."""
        for runner in self.manager.runners:
            await runner.recorder.flush()
        found = await self.all(EVENTS, namespace)
        found.sort(key=lambda e: int(e["metadata"]["resourceVersion"]))
        return [event["message"] for event in found if not reason or event["reason"] == reason]

    def metric(self, name: str) -> float:
        """The value of a metric without labels, as /metrics shows it."""
        for line in self.app.parts.metrics.text().decode().splitlines():
            if line.split(" ")[0] == name:
                return float(line.split(" ")[1])
        return 0.0


def is_ready(pod: Obj) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


@asynccontextmanager
async def make_world(
    *names: str, clock: Clock | None = None, before: Callable[[Api], Awaitable[None]] | None = None
) -> AsyncIterator[World]:
    """A server with the controllers of these names (all, if none is named); `before` is done before they run."""
    store, rng, time = MemoryStore(), random.Random(7), clock or FakeClock()
    metrics, gate = Metrics(), Gate(Chain(StoredObjects(store), rng))
    app = App(
        Parts(
            store, resources(), admission=gate, version="1.36", rng=rng, clock=time, metrics=metrics,
        )
    )  # fmt: skip
    await app.start()
    user = UserInfo("system:kube-controller-manager", groups=("system:masters", "system:authenticated"))
    api = Api(LocalTransport(app, user, "controllers"))
    if names and "serviceaccount-controller" not in names:
        await api.create(SERVICEACCOUNTS, {"metadata": {"name": "default", "namespace": "default"}})
    if before is not None:
        await before(api)
    kinds = listed_kinds()
    chosen = [c for c in controllers(Settings("CA", "/volumes", kinds)) if not names or c.name in names]
    assert len(chosen) == len(names) or not names
    informers = Informers(api, time)
    manager = Manager(chosen, Kit(api, informers, time, kinds, metrics))
    await manager.start()
    world = World(app, gate, time, manager, api)
    await world.settle()
    try:
        yield world
    finally:
        await manager.close()
        await informers.close()
        await app.close()
        await store.close()


MakeWorld = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture
def worlds() -> MakeWorld:
    """`make_world`, for tests that choose the controllers."""
    return make_world


@pytest.fixture
def all_kinds() -> Callable[[], list[RestMapping]]:
    """Kinds that can be listed, watched and deleted."""
    return listed_kinds
