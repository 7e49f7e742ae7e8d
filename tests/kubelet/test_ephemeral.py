"""Ephemeral containers: added to a pod that runs, told of in its status, ended with it."""

from typing import TYPE_CHECKING, Any

import pytest

from sampan.api.json import Obj
from sampan.api.names import ObjectRef
from sampan.resources.kinds import PODS

if TYPE_CHECKING:
    from tests.kubelet.conftest import Node

REF = ObjectRef(PODS, "default", "p")


async def debug(agent: "Node", command: str = "", **more: Any) -> None:
    """Add a container `e` to the pod."""
    added = {**agent.container("e", command), "terminationMessagePolicy": "File", **more}
    await agent.api.patch(REF, {"spec": {"ephemeralContainers": [added]}}, "strategic", "ephemeralcontainers")
    await agent.advance(0.3)


async def entry(agent: "Node") -> Obj:
    status = await agent.status()
    found: Obj = status["ephemeralContainerStatuses"][0]
    return found


async def test_it_runs_beside_the_others_and_ends(agent: "Node") -> None:
    await agent.create()
    await debug(agent, "sleep 3; exit 4")
    assert await agent.runs() == ["a/0 running", "e/0 running"]
    found = await entry(agent)
    assert list(found["state"]) == ["running"]
    assert (found["ready"], found["restartCount"], "started" in found) == (False, 0, False)
    await agent.advance(4)
    assert (await entry(agent))["state"]["terminated"]["exitCode"] == 4
    assert (await agent.shown())["ready"] == "True"
    await agent.advance(400)
    assert await agent.runs() == ["a/0 running", "e/0 exited"], "never again"


async def test_events_say_which_kind_it_is(agent: "Node") -> None:
    await agent.create()
    await debug(agent)
    assert len(await agent.events("Started")) == 2
    assert {e["involvedObject"].get("fieldPath") for e in await agent.all_events() if e["reason"] == "Started"} == {
        "spec.containers{a}", "spec.ephemeralContainers{e}",
    }  # fmt: skip


async def test_the_processes_of_its_target(agent: "Node", monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    create = agent.simulated.create_container

    async def spy(sandbox_id: str, config: Any, sandbox: Any) -> str:
        made.append(config)
        return await create(sandbox_id, config, sandbox)

    monkeypatch.setattr(agent.simulated, "create_container", spy)
    await agent.create()
    await debug(agent, targetContainerName="a")
    (run,) = [c for c in await agent.simulated.list_containers() if c.name == "a"]
    assert [(c.name, c.security.target_id) for c in made] == [("a", ""), ("e", run.id)]


async def test_a_target_that_never_ran(agent: "Node") -> None:
    await agent.create(initContainers={"i": ""})
    await debug(agent, targetContainerName="a")
    assert (await entry(agent))["state"]["waiting"] == {
        "reason": "CreateContainerConfigError", "message": "unable to find target container a",
    }  # fmt: skip
    assert await agent.runs() == ["i/0 running"]


async def test_it_ends_with_its_pod(agent: "Node") -> None:
    await agent.create()
    await debug(agent)
    await agent.api.delete(REF, grace_seconds=1)
    await agent.advance(2)
    assert (await agent.pod(), await agent.runs()) == (None, [])
