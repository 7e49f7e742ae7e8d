"""What is seen of pods while they end, and of containers of which the runtime does not know how they are."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sampan.api.names import ObjectRef
from sampan.kubelet.pleg.base import PlegConfig
from sampan.kubelet.runtime import Container, ContainerState, PodStatus
from sampan.kubelet.simulated import SimulatedRuntime
from sampan.resources.kinds import PODS

if TYPE_CHECKING:
    from tests.kubelet.conftest import Node

REF = ObjectRef(PODS, "default", "p")


async def test_a_pod_becomes_unready_while_it_ends(agent: "Node", monkeypatch: pytest.MonkeyPatch) -> None:
    code, real = {"probe": 0}, SimulatedRuntime.exec_sync

    async def exec_sync(
        self: SimulatedRuntime, container_id: str, command: tuple[str, ...], timeout: int
    ) -> tuple[int, bytes, bytes]:
        if command == ("probe",):
            return code["probe"], b"", b""
        return await real(self, container_id, command, timeout)

    monkeypatch.setattr(SimulatedRuntime, "exec_sync", exec_sync)
    probe = {"exec": {"command": ["probe"]}, "periodSeconds": 1, "failureThreshold": 1}
    hook = {"preStop": {"exec": {"command": ["sleep", "8"]}}}
    container = agent.container("a", readinessProbe=probe, lifecycle=hook)
    await agent.create(containers=[container], terminationGracePeriodSeconds=20)
    await agent.advance(2)
    assert (await agent.shown())["ready"] == "True"
    await agent.api.delete(REF)
    await agent.advance(2)
    assert (await agent.shown())["ready"] == "True", "it still answers"
    code["probe"] = 1
    await agent.advance(2)
    assert (await agent.shown())["ready"] == "False ContainersNotReady"
    assert await agent.runs() == ["a/0 running"]
    await agent.advance(8)
    assert await agent.pod() is None


async def test_an_unready_pod_does_not_become_ready_by_ending(agent: "Node") -> None:
    probe = {"exec": {"command": ["false"]}, "periodSeconds": 1}
    hook = {"preStop": {"exec": {"command": ["sleep", "8"]}}}
    await agent.create(containers=[agent.container("a", readinessProbe=probe, lifecycle=hook)])
    await agent.advance(5)
    await agent.api.delete(REF)
    await agent.advance(2)
    assert (await agent.shown())["ready"] == "False ContainersNotReady"


async def test_an_unknown_container_is_seen_to(node: "Node", monkeypatch: pytest.MonkeyPatch) -> None:
    lost: set[str] = set()
    listing, status = SimulatedRuntime.list_containers, SimulatedRuntime.pod_status

    def told(container: Container) -> Container:
        return replace(container, state=ContainerState.UNKNOWN) if container.id in lost else container

    async def list_containers(self: SimulatedRuntime) -> list[Container]:
        return [told(c) for c in await listing(self)]

    async def pod_status(self: SimulatedRuntime, uid: str, sandbox_ids: tuple[str, ...]) -> PodStatus:
        found = await status(self, uid, sandbox_ids)
        return replace(found, containers=tuple(told(c) for c in found.containers))

    for name, function in (("list_containers", list_containers), ("pod_status", pod_status)):
        known: Any = function
        monkeypatch.setattr(SimulatedRuntime, name, known)
    await node.start(PlegConfig(evented=False))
    await node.create()
    await node.advance(2)
    (run,) = await node.simulated.list_containers()
    lost.add(run.id)
    await node.advance(65)
    lost.clear()
    await node.advance(3)
    assert await node.runs() == ["a/0 exited", "a/1 running"]
