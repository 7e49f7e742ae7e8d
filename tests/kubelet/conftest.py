"""A runtime in memory on virtual time, and what fills it with pods."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.names import ObjectRef
from sampan.api.resource import Resource
from sampan.apiserver.app import App, Parts
from sampan.apiserver.context import UserInfo
from sampan.client.api import Api
from sampan.client.informer import Informers
from sampan.client.local import LocalTransport
from sampan.kubelet.kubelet import Kubelet
from sampan.kubelet.node import Machine, NodeFacts
from sampan.kubelet.pleg.base import PlegConfig
from sampan.kubelet.runtime import ContainerConfig, Runtime, SandboxConfig
from sampan.kubelet.settings import KubeletConfig
from sampan.kubelet.simulated import SimulatedRuntime
from sampan.resources.build import builtin_resources
from sampan.resources.kinds import EVENTS, PODS
from sampan.store.memory import MemoryStore
from sampan.testing.clock import FakeClock, settle

IMAGE = "registry.example/app:1"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def runtime(clock: FakeClock) -> AsyncIterator[SimulatedRuntime]:
    made = SimulatedRuntime("10.0.0.0/24", clock, random.Random(1))
    yield made
    await made.close()


@dataclass(slots=True)
class Pods:
    """Makes sandboxes and containers in a runtime."""

    runtime: Runtime

    def config(self, uid: str, attempt: int = 0) -> SandboxConfig:
        """The sandbox of a pod that is named as its UID."""
        return SandboxConfig(uid, f"pod-{uid}", "default", attempt, labels={"app": uid})

    async def sandbox(self, uid: str, attempt: int = 0) -> str:
        """A ready sandbox."""
        return await self.runtime.run_sandbox(self.config(uid, attempt))

    async def create(self, uid: str, sandbox_id: str, name: str, attempt: int = 0, command: str = "") -> str:
        """A container that was never started; without a command it runs for ever."""
        words = ("sh", "-c", command) if command else ()
        config = ContainerConfig(name, attempt, IMAGE, IMAGE, command=words, labels={"name": name})
        return await self.runtime.create_container(sandbox_id, config, self.config(uid))

    async def run(self, uid: str, sandbox_id: str, name: str, attempt: int = 0, command: str = "") -> str:
        """A container that was started."""
        made = await self.create(uid, sandbox_id, name, attempt, command)
        await self.runtime.start_container(made)
        return made

    async def ended(self, uid: str, sandbox_id: str, name: str, attempt: int = 0) -> str:
        """A container that has run and was stopped."""
        made = await self.run(uid, sandbox_id, name, attempt)
        await self.runtime.stop_container(made, 0)
        return made


@pytest.fixture
def pods(runtime: SimulatedRuntime) -> Pods:
    return Pods(runtime)


@pytest.fixture
def pods_in() -> Callable[[Runtime], Pods]:
    """The same for any runtime."""
    return Pods


# --- a whole node agent, with an API server, on virtual time


@cache
def resources() -> tuple[Resource, ...]:
    """The built-in kinds, loaded once."""
    return tuple(builtin_resources("1.36"))


class Node:
    """An API server, a runtime and a node agent over them. `advance` lets virtual time pass and everything settle."""

    def __init__(self, app: App, clock: FakeClock, runtime: SimulatedRuntime, root: Path) -> None:
        self.app, self.clock, self.simulated, self.root = app, clock, runtime, root
        self.runtime: Runtime = runtime
        user = UserInfo("admin", groups=("system:masters", "system:authenticated"))
        self.api = Api(LocalTransport(app, user, "test"))
        self.informers: Informers | None = None
        self.kubelet: Kubelet | None = None
        self.settings: dict[str, Any] = {}
        """More fields of KubeletConfig."""

    async def start(self, pleg: PlegConfig | None = None) -> None:
        """Start an agent; one that was started before has to be closed."""
        machine = Machine("4", "8Gi", "100Gi", info={"operatingSystem": "linux", "architecture": "amd64"})
        version = await self.simulated.version()
        facts = NodeFacts("n1", "192.0.2.1", 10250, machine, version, "v1.36.0", "10.0.0.0/24")
        config = KubeletConfig(facts, self.root, owner="ours", pods_reachable=False, pleg=pleg or PlegConfig())
        config = replace(config, **self.settings)
        self.informers = Informers(self.api, self.clock)
        self.kubelet = Kubelet(config, self.runtime, self.api, self.informers, self.clock)
        task = asyncio.ensure_future(self.kubelet.start())
        for _ in range(1000):
            await self.advance(0.01)
            if task.done():
                break
        await task
        await self.advance(0.1)

    async def stop(self) -> None:
        """End the agent as when its process ends: the runtime goes on."""
        if self.kubelet is not None and self.informers is not None:
            await self.kubelet.close()
            await self.informers.close()
        self.kubelet = self.informers = None

    async def advance(self, seconds: float) -> None:
        """Let that much time pass, with everything done at its own time."""
        end = self.clock.monotonic() + seconds
        await self._quiet()
        while (at := self.clock.next_wake()) is not None and at <= end:
            await self.clock.advance(max(0.0, at - self.clock.monotonic()))
            await self._quiet()
        await self.clock.advance(max(0.0, end - self.clock.monotonic()))
        await self._quiet()

    async def _quiet(self) -> None:
        """Nothing is written any more."""
        seen, still = -1, 0
        while still < 3:
            await settle(25)
            revision = self.app.parts.store.revision
            seen, still = (seen, still + 1) if revision == seen else (revision, 0)

    async def create(self, name: str = "p", *, metadata: Obj | None = None, **spec: Any) -> Obj:
        """A pod that is bound to the node; `containers` may be name to command."""
        given = spec.pop("containers", {"a": ""})
        kinds = {"containers": given, "initContainers": spec.pop("initContainers", {})}
        for kind, wanted in kinds.items():
            if isinstance(wanted, dict):
                spec[kind] = [self.container(key, value) for key, value in wanted.items()]
            else:
                spec[kind] = wanted
        body = {
            "metadata": {"name": name, "namespace": "default", **(metadata or {})},
            "spec": {"nodeName": "n1", "automountServiceAccountToken": False, **spec},
        }
        made = await self.api.create(PODS, body)
        await self.advance(0.2)
        return made

    @staticmethod
    def container(name: str, command: str = "", **more: Any) -> Obj:
        """A container; without a command it runs for ever."""
        return {"name": name, "image": IMAGE, **({"command": ["sh", "-c", command]} if command else {}), **more}

    async def pod(self, name: str = "p") -> Obj | None:
        """The pod in the API, None if it is not there."""
        try:
            return await self.api.get(ObjectRef(PODS, "default", name))
        except StatusError as error:
            if error.code != 404:
                raise
            return None

    async def status(self, name: str = "p") -> Obj:
        found = await self.pod(name)
        assert found is not None, f"no pod {name}"
        status: Obj = found["status"]
        return status

    async def shown(self, name: str = "p") -> dict[str, str]:
        """Phase, readiness and containers in a few words."""
        status = await self.status(name)
        made = {"phase": status.get("phase", ""), "ready": self.condition(status, "Ready")}
        for entry in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
            ((kind, state),) = entry["state"].items()
            words = [kind, state.get("reason", ""), str(state.get("exitCode", ""))]
            made[entry["name"]] = " ".join(filter(None, words)) + f" x{entry['restartCount']}"
        return made

    @staticmethod
    def condition(status: Obj, type_: str) -> str:
        """Status and reason of a condition."""
        found: Obj = next((c for c in status.get("conditions") or () if c["type"] == type_), {})
        return " ".join(filter(None, (found.get("status"), found.get("reason"))))

    async def runs(self) -> list[str]:
        """What the runtime has: NAME/ATTEMPT STATE, oldest first."""
        found = sorted(await self.simulated.list_containers(), key=lambda c: (c.created_at, c.name, c.attempt))
        return [f"{c.name}/{c.attempt} {c.state.name.lower()}" for c in found]

    async def events(self, reason: str) -> list[str]:
        """Messages of the Events of a reason."""
        return [f"{e['message']}" for e in await self.all_events() if e["reason"] == reason]

    async def all_events(self) -> list[Obj]:
        """The Events of the namespace."""
        await self.advance(2)
        return list((await self.api.list(EVENTS, "default")).items)


@pytest.fixture
async def node(
    clock: FakeClock, runtime: SimulatedRuntime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Node]:
    """A node whose agent is not started yet."""

    async def at_once(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    monkeypatch.setattr(asyncio, "to_thread", at_once)  # threads know no virtual time
    store = MemoryStore()
    app = App(Parts(store, resources(), version="1.36", rng=random.Random(7), clock=clock))
    await app.start()
    made = Node(app, clock, runtime, tmp_path / "node")
    yield made
    await made.stop()
    await app.close()
    await store.close()


@pytest.fixture
async def agent(node: Node) -> Node:
    """A node whose agent runs."""
    await node.start()
    return node
