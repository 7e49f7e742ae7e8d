"""Nodes that fall silent, and the pods on them, in virtual time."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from sampan.api.json import Obj
from sampan.resources.kinds import LEASES, NODES, PODS

Worlds = Callable[..., AbstractAsyncContextManager[Any]]
NAME = "node-lifecycle-controller"
UNREACHABLE, NOT_READY = "node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready"
GRACE = 50
"""Seconds: kube-controller-manager's node-monitor-grace-period."""


def stamp(world: Any) -> str:
    return str(world.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


async def node(world: Any, name: str = "n1", ready: str = "True") -> Obj:
    made = await world.create(NODES, {"metadata": {"name": name}})
    when = stamp(world)[:19] + "Z"
    condition = {"type": "Ready", "status": ready, "lastHeartbeatTime": when, "lastTransitionTime": when}
    await world.patch(NODES, name, {"status": {"conditions": [condition]}}, subresource="status")
    lease = {"metadata": {"name": name, "namespace": "kube-node-lease"}, "spec": {"holderIdentity": name}}
    lease["spec"]["renewTime"] = stamp(world)
    await world.create(LEASES, lease)
    return made  # type: ignore[no-any-return]


async def renew(world: Any, name: str = "n1") -> None:
    await world.patch(LEASES, name, {"spec": {"renewTime": stamp(world)}}, namespace="kube-node-lease")


async def taints(world: Any, name: str = "n1") -> set[tuple[str, str]]:
    found = await world.get(NODES, name)
    return {(taint["key"], taint["effect"]) for taint in found["spec"].get("taints") or []}


async def ready(world: Any, name: str = "n1") -> Obj:
    found = await world.get(NODES, name)
    return next(c for c in found["status"]["conditions"] if c["type"] == "Ready")


def pod(name: str, *tolerations: Obj) -> Obj:
    spec = {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}], "tolerations": list(tolerations)}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


def tolerates(key: str, seconds: int | None = None) -> Obj:
    made: Obj = {"key": key, "operator": "Exists", "effect": "NoExecute"}
    return made if seconds is None else {**made, "tolerationSeconds": seconds}


async def test_a_node_that_renews_its_lease_is_left_alone(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await node(world)
        for _ in range(20):
            await world.pass_time(30)
            await renew(world)
        assert (await ready(world))["status"] == "True"
        assert await taints(world) == set()


async def test_a_silent_node_is_unknown_and_tainted_after_the_grace_period(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await node(world)
        await world.create(PODS, pod("a"))
        await world.make_ready(await world.get(PODS, "a"))
        await world.pass_time(GRACE - 2)
        assert (await ready(world))["status"] == "True"
        await world.pass_time(4)
        condition = await ready(world)
        assert (condition["status"], condition["reason"]) == ("Unknown", "NodeStatusUnknown")
        assert condition["message"] == "Kubelet stopped posting node status."
        assert await taints(world) == {(UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute")}
        assert await world.events("NodeNotReady") == ["Node n1 status is now: NodeNotReady", "Node is not ready"]
        conditions = (await world.get(PODS, "a"))["status"]["conditions"]
        assert next(c for c in conditions if c["type"] == "Ready")["status"] == "False"


async def test_a_node_that_comes_back_loses_the_taints(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await node(world)
        await world.create(PODS, pod("a", tolerates(UNREACHABLE, 300)))
        await world.pass_time(GRACE + 60)
        assert await taints(world)
        await renew(world)
        now = stamp(world)[:19] + "Z"
        condition = {"type": "Ready", "status": "True", "lastHeartbeatTime": now, "lastTransitionTime": now}
        await world.patch(NODES, "n1", {"status": {"conditions": [condition]}}, subresource="status")
        assert await taints(world) == set()
        for _ in range(20):
            await world.pass_time(30)
            await renew(world)
        assert "deletionTimestamp" not in (await world.get(PODS, "a"))["metadata"]


async def test_pods_go_when_their_toleration_runs_out(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await node(world)
        await world.create(PODS, pod("default"))
        await world.create(PODS, pod("short", tolerates(UNREACHABLE, 30), tolerates(NOT_READY, 30)))
        await world.create(PODS, pod("ever", tolerates(UNREACHABLE)))
        await world.pass_time(GRACE + 25)

        async def going() -> set[str]:
            return {p["metadata"]["name"] for p in await world.all(PODS) if p["metadata"].get("deletionTimestamp")}

        assert await going() == set()
        await world.pass_time(10)
        assert await going() == {"short"}
        await world.pass_time(250)
        assert await going() == {"short"}
        await world.pass_time(30)
        assert await going() == {"short", "default"}, "the admission plugin gives 300 seconds"
        assert "Marking for deletion Pod default/short" in await world.events("TaintManagerEviction")


async def test_a_pod_without_toleration_goes_at_once_when_an_admin_taints(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await node(world)
        await world.create(PODS, pod("a"))
        await world.create(PODS, pod("b", {"key": "mine", "operator": "Equal", "value": "x", "effect": "NoExecute"}))
        taint = {"key": "mine", "value": "x", "effect": "NoExecute"}
        await world.patch(NODES, "n1", {"spec": {"taints": [taint]}})
        gone = {p["metadata"]["name"]: bool(p["metadata"].get("deletionTimestamp")) for p in await world.all(PODS)}
        assert gone == {"a": True, "b": False}
        await world.create(PODS, pod("c"))
        assert (await world.get(PODS, "c"))["metadata"]["deletionTimestamp"], "also one that comes later"


async def test_conditions_and_cordons_become_taints(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await node(world, ready="False")
        assert await taints(world) == {(NOT_READY, "NoSchedule"), (NOT_READY, "NoExecute")}
        now = stamp(world)[:19] + "Z"
        conditions = [{"type": "Ready", "status": "True", "lastHeartbeatTime": now, "lastTransitionTime": now}]
        conditions.append({**conditions[0], "type": "DiskPressure"})
        await world.patch(NODES, "n1", {"status": {"conditions": conditions}}, subresource="status")
        assert await taints(world) == {("node.kubernetes.io/disk-pressure", "NoSchedule")}
        await world.patch(NODES, "n1", {"spec": {"unschedulable": True}})
        assert ("node.kubernetes.io/unschedulable", "NoSchedule") in await taints(world)
        await world.patch(NODES, "n1", {"spec": {"unschedulable": None}})
        assert await taints(world) == {("node.kubernetes.io/disk-pressure", "NoSchedule")}


async def test_other_peoples_taints_stay(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await node(world)
        await world.patch(NODES, "n1", {"spec": {"taints": [{"key": "mine", "effect": "NoSchedule"}]}})
        await world.pass_time(GRACE + 5)
        assert ("mine", "NoSchedule") in await taints(world)
        assert (UNREACHABLE, "NoExecute") in await taints(world)
