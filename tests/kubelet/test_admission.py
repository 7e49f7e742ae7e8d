"""Pods that were bound to a node and do not fit: refused; or others make room for critical ones."""

from typing import TYPE_CHECKING

from sampan.api.json import Obj
from sampan.api.names import ObjectRef
from sampan.resources.kinds import NODES, PODS

if TYPE_CHECKING:
    from tests.kubelet.conftest import Node


def asking(agent: "Node", cpu: str) -> list[Obj]:
    return [agent.container("a", resources={"requests": {"cpu": cpu}})]


async def test_a_pod_that_does_not_fit_is_refused(agent: "Node") -> None:
    await agent.create("first", containers=asking(agent, "3"))
    await agent.create("second", containers=asking(agent, "2"))
    status = await agent.status("second")
    why = "Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 4000"
    assert {k: status[k] for k in ("phase", "reason", "message")} == {
        "phase": "Failed", "reason": "OutOfcpu", "message": f"Pod was rejected: {why}",
    }  # fmt: skip
    assert "containerStatuses" not in status
    assert status["startTime"]
    assert await agent.events("OutOfcpu") == [why]
    assert agent.kubelet is not None
    assert b'kubelet_admission_rejections_total{reason="OutOfcpu"} 1.0' in await agent.kubelet.metrics()
    assert await agent.runs() == ["a/0 running"]
    await agent.api.delete(ObjectRef(PODS, "default", "second"))
    await agent.advance(0.5)
    assert await agent.pod("second") is None
    await agent.api.delete(ObjectRef(PODS, "default", "first"), grace_seconds=0)
    await agent.advance(1)
    await agent.create("third", containers=asking(agent, "4"))
    assert (await agent.status("third"))["phase"] == "Running"


async def test_after_a_restart_the_oldest_are_admitted_first(agent: "Node") -> None:
    await agent.create("old", containers=asking(agent, "3"))
    await agent.advance(2)
    await agent.stop()
    await agent.create("a-new", containers=asking(agent, "3"))
    await agent.start()
    assert (await agent.status("old"))["phase"] == "Running"
    assert (await agent.status("a-new"))["reason"] == "OutOfcpu"


async def test_a_label_that_has_just_come_counts(agent: "Node") -> None:
    await agent.api.patch(ObjectRef(NODES, "", "n1"), {"metadata": {"labels": {"disk": "fast"}}})
    await agent.create("p", nodeSelector={"disk": "fast"})
    assert (await agent.status())["phase"] == "Running"
    await agent.create("q", nodeSelector={"disk": "slow"})
    assert (await agent.status("q"))["reason"] == "NodeAffinity"


async def test_apparmor_needs_a_kernel_that_has_it(node: "Node") -> None:
    node.settings["apparmor"] = False
    await node.start()
    await node.create("free", securityContext={"appArmorProfile": {"type": "Unconfined"}})
    await node.create("confined", securityContext={"appArmorProfile": {"type": "RuntimeDefault"}})
    assert (await node.status("free"))["phase"] == "Running"
    status = await node.status("confined")
    assert (status["reason"], status["message"]) == (
        "AppArmor", "Pod was rejected: Cannot enforce AppArmor: AppArmor is not enabled on the host",
    )  # fmt: skip


async def test_a_critical_pod_makes_room(agent: "Node") -> None:
    await agent.create("victim", containers=asking(agent, "3"), terminationGracePeriodSeconds=5)
    await agent.create("critical", containers=asking(agent, "2"), priority=2_000_000_000)
    await agent.advance(8)
    assert (await agent.status("critical"))["phase"] == "Running"
    status = await agent.status("victim")
    assert {k: status[k] for k in ("phase", "reason", "message")} == {
        "phase": "Failed", "reason": "Preempting", "message": "Preempted in order to admit critical pod",
    }  # fmt: skip
    target = next(c for c in status["conditions"] if c["type"] == "DisruptionTarget")
    assert (target["status"], target["reason"], target["message"]) == (
        "True", "TerminationByKubelet", "Pod was preempted by Kubelet to accommodate a critical pod.",
    )  # fmt: skip
    assert agent.kubelet is not None
    assert b'kubelet_preemptions{preemption_signal="cpu"} 1.0' in await agent.kubelet.metrics()
    assert await agent.events("Preempting") == ["Preempted in order to admit critical pod"]
