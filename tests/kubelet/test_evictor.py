"""A node that runs short evicts pods, says so, and takes no others in."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from sampan.api.names import ObjectRef
from sampan.kubelet.eviction.thresholds import thresholds
from sampan.kubelet.evictor import Rules
from sampan.kubelet.shutdown_plan import Grace, by_periods, groups
from sampan.kubelet.summary import VolumeUsage
from sampan.resources.kinds import NODES

if TYPE_CHECKING:
    from tests.kubelet.conftest import Node

USES = "sampan.dev/usage-memory"


async def begin(node: "Node", rules: Rules) -> None:
    node.settings["eviction"] = rules
    await node.start()
    assert node.kubelet is not None
    node.simulated.annotations_of = node.kubelet.annotations


async def pressures(node: "Node") -> dict[str, str]:
    found = await node.api.get(ObjectRef(NODES, "", "n1"))
    return {c["type"]: f"{c['status']} {c['reason']}" for c in found["status"]["conditions"] if "Pressure" in c["type"]}


async def test_memory(node: "Node") -> None:
    await begin(node, Rules(thresholds({"memory.available": "1Gi"}, {}, {}, {}), transition=30))
    await node.create("modest", metadata={"annotations": {USES: "1Gi"}})
    await node.create("greedy", metadata={"annotations": {USES: "6500Mi"}})
    await node.advance(25)
    status = await node.status("greedy")
    assert (status["phase"], status["reason"]) == ("Failed", "Evicted")
    assert status["message"].startswith("The node was low on resource: memory. Threshold quantity: 1Gi, available: ")
    assert "Container a was using 6500Mi, request is 0, has larger consumption of memory. " in status["message"]
    target = next(c for c in status["conditions"] if c["type"] == "DisruptionTarget")
    assert (target["status"], target["reason"], target["message"]) == (
        "True", "TerminationByKubelet", status["message"],
    )  # fmt: skip
    assert (await node.status("modest"))["phase"] == "Running"
    assert node.kubelet is not None
    assert b'kubelet_evictions{eviction_signal="memory.available"} 1.0' in await node.kubelet.metrics()
    assert await node.events("Evicted") == [status["message"]]
    assert (await pressures(node))["MemoryPressure"] == "True KubeletHasInsufficientMemory"
    await node.create("late")
    late = await node.status("late")
    assert (late["reason"], late["message"]) == (
        "Evicted", "Pod was rejected: The node had condition: [MemoryPressure]. ",
    )  # fmt: skip
    container = node.container("a", resources={"requests": {"memory": "1Mi"}})
    await node.create("burstable", containers=[container])
    assert (await node.status("burstable"))["phase"] == "Running"
    await node.advance(60)
    assert (await pressures(node))["MemoryPressure"] == "False KubeletHasSufficientMemory"


async def test_critical_pods_stay(node: "Node") -> None:
    await begin(node, Rules(thresholds({"memory.available": "1Gi"}, {}, {}, {})))
    await node.create("p", priority=2_000_000_000, metadata={"annotations": {USES: "7500Mi"}})
    await node.advance(30)
    assert (await node.status())["phase"] == "Running"


async def test_own_limits(node: "Node", monkeypatch: pytest.MonkeyPatch) -> None:
    await begin(node, Rules())
    volumes = [{"name": "v", "emptyDir": {"sizeLimit": "1Mi"}}]
    await node.create("p", volumes=volumes)
    await node.create("q")
    uid = (await node.pod("p") or {})["metadata"]["uid"]
    assert node.kubelet is not None

    async def used() -> dict[str, Sequence[VolumeUsage]]:
        return {uid: (VolumeUsage("v", used=2 << 20),)}

    monkeypatch.setattr(node.kubelet.stats, "volumes", used, raising=False)
    await node.advance(15)
    status = await node.status()
    assert (status["phase"], status["reason"]) == ("Failed", "Evicted")
    assert status["message"] == 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '
    assert not [c for c in status["conditions"] if c["type"] == "DisruptionTarget"]
    assert (await node.status("q"))["phase"] == "Running"


async def test_shutdown(node: "Node") -> None:
    node.settings["shutdown"] = by_periods(20, 10)
    await node.start()
    hook = {"preStop": {"exec": {"command": ["sleep", "4"]}}}
    await node.create("plain", containers=[node.container("a", lifecycle=hook)])
    await node.create("vital", priority=2_000_000_000)
    assert node.kubelet is not None
    task = asyncio.ensure_future(node.kubelet.house.shutdown.begin())
    await node.advance(3)
    assert (await node.status("vital"))["phase"] == "Running", "the critical ones come last"
    await node.advance(12)
    assert task.done()
    for name in ("plain", "vital"):
        status = await node.status(name)
        assert {k: status[k] for k in ("phase", "reason", "message")} == {
            "phase": "Failed", "reason": "Terminated",
            "message": "Pod was terminated in response to imminent node shutdown.",
        }  # fmt: skip
    await node.create("late")
    late = await node.status("late")
    assert (late["reason"], late["message"]) == (
        "NodeShutdown", "Pod was rejected: Pod was rejected as the node is shutting down.",
    )  # fmt: skip
    found = await node.api.get(ObjectRef(NODES, "", "n1"))
    ready = next(c for c in found["status"]["conditions"] if c["type"] == "Ready")
    assert (ready["status"], ready["message"]) == ("False", "node is shutting down")
    node.kubelet.house.shutdown.cancel()
    await node.create("after")
    assert (await node.status("after"))["phase"] == "Running"


def test_who_ends_when() -> None:
    def pod(name: str, priority: int, grace: int | None = None) -> dict[str, object]:
        own = {} if grace is None else {"terminationGracePeriodSeconds": grace}
        return {"metadata": {"name": name}, "spec": {"priority": priority, **own}}

    pods = [pod("a", -5), pod("b", 0, 30), pod("c", 99, 3), pod("d", 100), pod("e", 5000, 1000)]
    found = groups([Grace(100, 20), Grace(0, 10), Grace(1000, 5)], pods)
    assert [(g.seconds, [(p["metadata"]["name"], s) for p, s in g.pods]) for g in found] == [
        (10, [("a", 10), ("b", 10), ("c", 3)]), (20, [("d", 20)]), (5, [("e", 5)]),
    ]  # fmt: skip
    assert groups((), pods) == []
    assert by_periods(0, 0) == ()
