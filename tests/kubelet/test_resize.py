"""In-place resize: granted, deferred, done, refused, taken up again."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sampan.api.json import Obj
from sampan.api.names import ObjectRef
from sampan.kubelet.admission.fit import held
from sampan.kubelet.cgroups import PodCgroups
from sampan.kubelet.resize import Amounts, amounts, begin, needs_restart, shortage, too_small, updates, view
from sampan.kubelet.runtime import CriError, Resources
from sampan.kubelet.simulated.load import MEMORY
from sampan.resources.kinds import PODS

if TYPE_CHECKING:
    from tests.kubelet.conftest import Node

RESOURCES = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "2Gi"}}


async def make(agent: "Node", name: str = "p", resources: Obj | None = None, **more: Any) -> None:
    """A pod with one container `a`."""
    container = agent.container("a", resources=resources or RESOURCES, **more)
    await agent.create(name, containers=[container])


async def resize(agent: "Node", name: str = "p", seconds: float = 0.5, **parts: Obj) -> None:
    """Ask for other resources of container `a`."""
    patch = {"spec": {"containers": [{"name": "a", "resources": parts}]}}
    await agent.api.patch(ObjectRef(PODS, "default", name), patch, "strategic", "resize")
    await agent.advance(seconds)


async def has(agent: "Node", name: str = "a") -> Resources:
    """What the newest run of a container has."""
    runs = [c for c in await agent.simulated.list_containers() if c.name == name]
    newest = max(runs, key=lambda c: c.created_at)
    found = (await agent.simulated.container_status(newest.id)).resources
    assert found is not None
    return found


def conditions(status: Obj) -> dict[str, str]:
    """Resize conditions: reason and message."""
    return {
        c["type"]: " ".join(filter(None, (c.get("reason"), c.get("message"))))
        for c in status["conditions"]
        if c["type"].startswith("PodResize")
    }


async def told(agent: "Node", name: str = "p") -> Obj:
    status = await agent.status(name)
    found: Obj = status["containerStatuses"][0]
    return found


async def test_what_a_pod_is_run_with_is_told(agent: "Node") -> None:
    await make(agent)
    entry = await told(agent)
    assert entry["resources"] == RESOURCES
    assert entry["allocatedResources"] == RESOURCES["requests"]


async def test_more_in_place(agent: "Node") -> None:
    await make(agent)
    await resize(agent, requests={"cpu": "1500m"}, limits={"cpu": "3", "memory": "3Gi"})
    found = await has(agent)
    assert (found.cpu_shares, found.cpu_quota, found.memory_bytes) == (1536, 300_000, 3 << 30)
    entry = await told(agent)
    assert entry["restartCount"] == 0
    assert entry["resources"] == {
        "requests": {"cpu": "1500m", "memory": "1Gi"}, "limits": {"cpu": "3", "memory": "3Gi"},
    }  # fmt: skip
    assert entry["allocatedResources"] == {"cpu": "1500m", "memory": "1Gi"}
    assert conditions(await agent.status()) == {}
    assert (await agent.status())["observedGeneration"] == 2
    started, completed = await agent.events("ResizeStarted"), await agent.events("ResizeCompleted")
    assert started[0].startswith('Pod resize started: {"containers":[{"name":"a","resources":{')
    assert '"generation":2}' in started[0]
    assert len(completed) == 1


async def test_a_container_that_wants_to_start_again(agent: "Node") -> None:
    await make(agent, resizePolicy=[{"resourceName": "memory", "restartPolicy": "RestartContainer"}])
    await resize(agent, requests={"cpu": "500m"})
    assert (await told(agent))["restartCount"] == 0
    await resize(agent, limits={"memory": "3Gi"})
    assert (await told(agent))["restartCount"] == 1
    assert (await has(agent)).memory_bytes == 3 << 30
    assert await agent.runs() == ["a/0 exited", "a/1 running"]
    assert "Container a resize requires restart" in await agent.events("Killing")
    assert conditions(await agent.status()) == {}


async def test_the_pods_cgroup_has_room_before_a_container_starts_again(
    agent: "Node", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("cpu", "memory"):
        (tmp_path / "cgroup" / name).mkdir(parents=True)
    cgroups = PodCgroups(mount=tmp_path / "cgroup")
    assert agent.kubelet is not None
    place = replace(agent.kubelet._runner.place, cgroups=cgroups)
    object.__setattr__(agent.kubelet._runner, "place", place)
    quotas: list[str] = []
    start = agent.simulated.start_container

    async def spy(container_id: str) -> None:
        (file,) = (tmp_path / "cgroup" / "cpu").rglob("pod*/cpu.cfs_quota_us")
        quotas.append(file.read_text())
        await start(container_id)

    monkeypatch.setattr(agent.simulated, "start_container", spy)
    await make(agent, resizePolicy=[{"resourceName": "cpu", "restartPolicy": "RestartContainer"}])
    await resize(agent, limits={"cpu": "3"})
    assert quotas == ["200000", "300000"]


async def test_an_init_container_that_runs(agent: "Node") -> None:
    first = agent.container("i", resources=RESOURCES)
    await agent.create(initContainers=[first], containers=[agent.container("a", resources=RESOURCES)])
    patch = {"spec": {"initContainers": [{"name": "i", "resources": {"requests": {"cpu": "1500m"}}}]}}
    await agent.api.patch(ObjectRef(PODS, "default", "p"), patch, "strategic", "resize")
    await agent.advance(0.5)
    assert (await has(agent, "i")).cpu_shares == 1536
    entry = (await agent.status())["initContainerStatuses"][0]
    assert (entry["allocatedResources"]["cpu"], entry["restartCount"]) == ("1500m", 0)
    assert conditions(await agent.status()) == {}


async def test_what_does_not_fit_waits_until_it_does(agent: "Node") -> None:
    await make(agent)
    await make(agent, "other")
    await resize(agent, requests={"cpu": "3500m"}, limits={"cpu": "4"})
    why = "Deferred Node didn't have enough resource: cpu, requested: 3500, used: 1000, capacity: 4000"
    assert conditions(await agent.status()) == {"PodResizePending": why}
    assert (await told(agent))["allocatedResources"] == RESOURCES["requests"]
    assert (await has(agent)).cpu_quota == 200_000
    (text,) = await agent.events("ResizeDeferred")
    assert text.startswith("Pod resize Deferred: {")
    await agent.api.delete(ObjectRef(PODS, "default", "other"), grace_seconds=1)
    await agent.advance(3)
    assert conditions(await agent.status()) == {}
    assert (await has(agent)).cpu_quota == 400_000
    assert (await told(agent))["allocatedResources"]["cpu"] == "3500m"


async def test_a_resize_that_waits_and_is_taken_back(agent: "Node") -> None:
    await make(agent)
    await resize(agent, requests={"cpu": "8"}, limits={"cpu": "8"})
    assert list(conditions(await agent.status())) == ["PodResizePending"]
    await resize(agent, requests={"cpu": "1"}, limits={"cpu": "2"})
    assert conditions(await agent.status()) == {}


async def test_room_made_by_another_resize(agent: "Node") -> None:
    await make(agent)
    await make(agent, "other", resources={"requests": {"cpu": "2"}, "limits": {"cpu": "4"}})
    await resize(agent, requests={"cpu": "2500m"}, limits={"cpu": "4"})
    assert list(conditions(await agent.status())) == ["PodResizePending"]
    await resize(agent, "other", 1, requests={"cpu": "1"})
    assert conditions(await agent.status()) == {}


async def test_memory_that_is_used_already(agent: "Node") -> None:
    busy = {"annotations": {MEMORY: "1Gi"}}
    await agent.create(containers=[agent.container("a", resources=RESOURCES)], metadata=busy)
    await resize(agent, limits={"memory": "1Gi"})
    why = (
        'Error cannot decrease memory limits: attempting to set container "a" memory limit (1073741824) '
        "below current usage (1073741824)"
    )
    assert conditions(await agent.status()) == {"PodResizeInProgress": why}
    assert (await told(agent))["resources"]["limits"]["memory"] == "2Gi"
    assert len(await agent.events("ResizeError")) == 1
    await resize(agent, seconds=12, limits={"memory": "1536Mi"})
    assert conditions(await agent.status()) == {}
    assert (await has(agent)).memory_bytes == 1536 << 20


async def test_a_runtime_that_refuses_is_asked_again(agent: "Node") -> None:
    await make(agent)
    agent.simulated.fail("update_container", CriError("UNKNOWN", "no cgroup"), times=2)
    await resize(agent, requests={"cpu": "1500m"})
    assert conditions(await agent.status()) == {"PodResizeInProgress": "Error no cgroup"}
    await agent.advance(25)
    assert conditions(await agent.status()) == {}
    assert (await has(agent)).cpu_shares == 1536


@pytest.mark.parametrize("fits", [True, False])
async def test_an_agent_that_starts_again(agent: "Node", fits: bool) -> None:
    """A resize asked for while the agent was away; one that waited still waits."""
    await make(agent)
    await agent.stop()
    await resize(agent, requests={"cpu": "1500m" if fits else "4500m"}, limits={"cpu": "5"})
    await agent.start()
    await agent.advance(1)
    entry = await told(agent)
    assert entry["restartCount"] == 0
    if fits:
        assert (await has(agent)).cpu_shares == 1536
        assert entry["allocatedResources"]["cpu"] == "1500m"
    else:
        assert list(conditions(await agent.status())) == ["PodResizePending"]
        assert (await has(agent)).cpu_shares == 1024
        await agent.stop()
        await agent.start()
        await agent.advance(1)
        assert (await told(agent))["resources"]["requests"]["cpu"] == "1", "what was granted is not forgotten"


async def test_pods_that_are_not_resized_ask_for_nothing(agent: "Node", monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def update(container_id: str, resources: Resources) -> None:
        asked.append(container_id)

    monkeypatch.setattr(agent.simulated, "update_container", update)
    await make(agent)
    await agent.stop()
    await agent.start()
    await agent.advance(400)
    assert asked == []


# -- the pure parts


def pod(*containers: Obj, **more: Any) -> Obj:
    return {"metadata": {"name": "p"}, "spec": {"containers": list(containers), **more}}


def one(name: str, cpu: str = "1", memory: str = "1Gi", **more: Any) -> Obj:
    return {"name": name, "resources": {"requests": {"cpu": cpu, "memory": memory}}, **more}


def test_what_shrinks_comes_first_and_memory_before_cpu() -> None:
    asked = pod(one("a", "2", "2Gi"), one("b", "500m", "512Mi"), one("c"))
    old = Amounts(1000, 0, 1 << 30, 0)
    found = updates(asked, {"a": "1", "b": "2", "c": "3"}, dict.fromkeys("abc", old))
    assert [(u.kind, u.name) for u in found] == [("memory", "b"), ("memory", "a"), ("cpu", "b"), ("cpu", "a")]


def test_containers_that_do_not_run_or_are_not_known() -> None:
    asked = pod(one("a", "2"), one("b", "2"))
    assert updates(asked, {"b": "2"}, {"a": Amounts()}) == ()


def test_limits_of_the_whole_pod() -> None:
    whole = pod(one("a"), resources={"limits": {"cpu": "4", "memory": "4Gi"}})
    assert amounts(whole, whole["spec"]["containers"][0]) == Amounts(1000, 4000, 1 << 30, 4 << 30)


@pytest.mark.parametrize(
    ("policy", "new", "want"),
    [
        ({}, Amounts(2, 2, 1, 1), False),
        ({"cpu": "RestartContainer"}, Amounts(2, 1, 1, 1), True),
        ({"cpu": "RestartContainer"}, Amounts(1, 1, 1, 2), False),
        ({"memory": "RestartContainer", "cpu": "NotRequired"}, Amounts(1, 1, 2, 1), True),
    ],
)
def test_needs_restart(policy: dict[str, str], new: Amounts, want: bool) -> None:
    listed = [{"resourceName": name, "restartPolicy": how} for name, how in policy.items()]
    assert needs_restart({"name": "a", "resizePolicy": listed}, Amounts(1, 1, 1, 1), new) is want


@pytest.mark.parametrize(
    ("asked", "allocatable", "want"),
    [
        ({"cpu": "1"}, {"cpu": "2", "memory": "2Gi", "pods": "3"}, None),
        ({"cpu": "1001m"}, {"cpu": "2"}, ("cpu", "requested: 1001, used: 1000, capacity: 2000")),
        ({"memory": "9"}, {"memory": "1Gi"}, ("memory", "requested: 9, used: 1073741824, capacity: 1073741824")),
        ({}, {"pods": "1"}, ("pods", "requested: 1, used: 1, capacity: 1")),
        ({"x.io/gpu": "2"}, {"x.io/gpu": "1"}, ("x.io/gpu", "requested: 2, used: 0, capacity: 1")),
        ({"x.io/gpu": "2"}, {}, None),
    ],
)  # fmt: skip
def test_shortage(asked: Obj, allocatable: Obj, want: tuple[str, str] | None) -> None:
    found = shortage(pod({"name": "a", "resources": {"requests": asked}}), [held(pod(one("b")))], allocatable)
    if want is None:
        assert found is None
    else:
        assert found == (want[0], f"Node didn't have enough resource: {want[0]}, {want[1]}")


def test_what_an_earlier_agent_granted() -> None:
    asked = pod(one("a", "3", "1Gi"))
    entry = {"name": "a", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}
    asked["status"] = {"containerStatuses": [{**entry, "allocatedResources": {"cpu": "2", "memory": "1024Mi"}}]}
    resize = begin(asked)
    assert resize.granted == {"a": {"requests": {"cpu": "2", "memory": "1Gi"}}}
    assert resize.actual == {"a": Amounts(2000, 0, 1 << 30, 0)}
    shown = view(asked, resize.granted)
    assert shown["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "2"
    asked["status"]["conditions"] = [{"type": "PodResizeInProgress", "status": "True"}]
    assert begin(asked).actual == {"a": Amounts(1000, 0, 1 << 30, 0)}, "half done: what the status says it has"


def test_memory_in_use_that_nobody_knows() -> None:
    asked = pod({"name": "a", "resources": {"limits": {"memory": "1Gi"}}})
    todo = updates(asked, {"a": "1"}, {"a": Amounts(0, 0, 0, 2 << 30)})
    assert too_small(todo, {}) == 'cannot decrease memory limits: missing container "a" memory usage'
    assert too_small(todo, {"a": 1}) == ""
