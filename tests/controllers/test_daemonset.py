"""DaemonSets over the real API in virtual time: nodes, taints, updates by replacement and by surge, revisions."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from sampan.resources.kinds import CONTROLLERREVISIONS, DAEMONSETS, NODES, PODS

Worlds = Callable[..., AbstractAsyncContextManager[Any]]
NAME = "daemonset-controller"
LABELS = {"app": "agent"}
Obj = dict[str, Any]


def daemon(image: str = "i:1", inner: Obj | None = None, **spec: Any) -> Obj:
    pod = {"containers": [{"name": "c", "image": image}], "terminationGracePeriodSeconds": 0, **(inner or {})}
    template = {"metadata": {"labels": LABELS}, "spec": pod}
    made = {"selector": {"matchLabels": LABELS}, "template": template, **spec}
    return {"metadata": {"name": "agent", "namespace": "default"}, "spec": made}


def rolling(**values: Any) -> Obj:
    return {"type": "RollingUpdate", "rollingUpdate": values}


async def add_nodes(world: Any, *names: str, taints: list[Obj] | None = None) -> None:
    """New nodes, without the taint that a node has until it is ready."""
    for name in names:
        await world.create(NODES, {"metadata": {"name": name, "labels": {"name": name}}})
        await world.patch(NODES, name, {"spec": {"taints": taints}})


def node_of(pod: Obj) -> str:
    affinity = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (term,) = affinity["nodeSelectorTerms"]
    (field,) = term["matchFields"]
    return str(field["values"][0])


async def where(world: Any) -> list[str]:
    return sorted(node_of(pod) for pod in await world.all(PODS))


async def images(world: Any) -> dict[str, str]:
    pods = await world.all(PODS)
    found: dict[str, str] = {}
    for pod in sorted(pods, key=lambda one: one["spec"]["containers"][0]["image"]):
        found[node_of(pod)] = found.get(node_of(pod), "") + pod["spec"]["containers"][0]["image"][-1]
    return dict(sorted(found.items()))


async def numbers(world: Any) -> tuple[int, int, int, int]:
    told = (await world.get(DAEMONSETS, "agent"))["status"]
    keys = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "numberMisscheduled")
    found = [told[key] for key in keys]
    return found[0], found[1], found[2], found[3]


async def set_image(world: Any, tag: str) -> None:
    containers = [{"name": "c", "image": tag}]
    await world.patch(DAEMONSETS, "agent", {"spec": {"template": {"spec": {"containers": containers}}}})


async def step(world: Any) -> None:
    waiting = [p for p in await world.all(PODS) if not p["status"].get("podIP")]
    await world.make_ready(*waiting)


async def test_one_on_every_node_also_on_later_ones(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await add_nodes(world, "a", "b")
        await world.create(DAEMONSETS, daemon())
        assert await where(world) == ["a", "b"]
        await add_nodes(world, "c")
        assert await where(world) == ["a", "b", "c"]
        await world.all_ready()
        assert await numbers(world) == (3, 3, 3, 0)
        told = (await world.get(DAEMONSETS, "agent"))["status"]
        assert (told["updatedNumberScheduled"], told["numberAvailable"]) == (3, 3)
        assert "numberUnavailable" not in told
        pod = (await world.all(PODS))[0]
        assert pod["metadata"]["generateName"] == "agent-"
        keys = {t["key"].rpartition("/")[2] for t in pod["spec"]["tolerations"]}
        wanted = {"not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"}
        assert keys == wanted
        assert len(await world.events("SuccessfulCreate")) == 3


async def test_deleted_pods_come_back(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await add_nodes(world, "a")
        await world.create(DAEMONSETS, daemon())
        (old,) = await world.all(PODS)
        await world.delete(PODS, old["metadata"]["name"])
        (new,) = await world.all(PODS)
        assert new["metadata"]["uid"] != old["metadata"]["uid"]


async def test_pods_for_a_node_that_is_gone_go(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await add_nodes(world, "a", "b")
        await world.create(DAEMONSETS, daemon())
        await world.delete(NODES, "b")
        assert await where(world) == ["a"]


async def test_labels_of_nodes_choose(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await add_nodes(world, "a", "b")
        await world.create(DAEMONSETS, daemon(inner={"nodeSelector": {"disk": "fast"}}))
        assert await where(world) == []
        await world.patch(NODES, "a", {"metadata": {"labels": {"disk": "fast"}}})
        assert await where(world) == ["a"]
        await world.patch(NODES, "a", {"metadata": {"labels": {"disk": None}}})
        assert await where(world) == []


async def test_required_affinity_chooses_and_is_replaced_by_the_node(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await add_nodes(world, "a", "b")
        rule = {"key": "name", "operator": "NotIn", "values": ["a"]}
        terms = {"nodeSelectorTerms": [{"matchExpressions": [rule]}]}
        affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
        await world.create(DAEMONSETS, daemon(inner={"affinity": affinity}))
        assert await where(world) == ["b"]


@pytest.mark.parametrize(("effect", "stays"), [("NoSchedule", True), ("NoExecute", False)])
async def test_taints_keep_new_pods_away_and_some_drive_out_old_ones(worlds: Worlds, effect: str, stays: bool) -> None:
    async with worlds(NAME) as world:
        await add_nodes(world, "a")
        await world.create(DAEMONSETS, daemon())
        taint = {"key": "mine", "effect": effect}
        await world.patch(NODES, "a", {"spec": {"taints": [taint]}})
        assert await where(world) == (["a"] if stays else [])
        assert await numbers(world) == (0, 0, 0, int(stays))
        await add_nodes(world, "b", taints=[taint])
        assert "b" not in await where(world)
        more = {"tolerations": [{"key": "mine", "operator": "Exists"}]}
        await world.patch(DAEMONSETS, "agent", {"spec": {"template": {"spec": more}}})
        await world.all_ready()
        assert await where(world) == ["a", "b"]


async def test_nodes_that_are_unschedulable_or_not_ready_have_their_daemons(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        taints = [
            {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"},
            {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"},
        ]
        await add_nodes(world, "a", taints=taints)
        await world.create(DAEMONSETS, daemon())
        assert await where(world) == ["a"]


async def test_rolls_by_replacement_one_at_a_time(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await add_nodes(world, "a", "b", "c")
        await world.create(DAEMONSETS, daemon())
        await world.all_ready()
        await set_image(world, "i:2")
        for expected in ("211", "221", "222"):
            assert "".join((await images(world)).values()) == expected
            await step(world)
        assert (await world.get(DAEMONSETS, "agent"))["status"]["updatedNumberScheduled"] == 3


async def test_more_may_be_unavailable_and_broken_ones_go_first(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await add_nodes(world, "a", "b", "c", "d")
        await world.create(DAEMONSETS, daemon(updateStrategy=rolling(maxUnavailable="50%")))
        await step(world)
        broken = next(pod for pod in await world.all(PODS) if node_of(pod) == "d")
        await world.pod_status(broken, {"conditions": [{"type": "Ready", "status": "False"}]})
        await set_image(world, "i:2")
        assert await images(world) == {"a": "2", "b": "1", "c": "1", "d": "2"}
        await step(world)
        assert "".join((await images(world)).values()) == "2222"


async def test_rolls_by_surge_new_beside_old(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await add_nodes(world, "a", "b")
        await world.create(DAEMONSETS, daemon(updateStrategy=rolling(maxSurge=1, maxUnavailable=0)))
        await world.all_ready()
        await set_image(world, "i:2")
        assert await images(world) == {"a": "12", "b": "1"}
        await step(world)
        assert await images(world) == {"a": "2", "b": "12"}
        await step(world)
        assert await images(world) == {"a": "2", "b": "2"}
        assert await numbers(world) == (2, 2, 2, 0)


async def test_on_delete_waits_for_somebody(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await add_nodes(world, "a", "b")
        await world.create(DAEMONSETS, daemon(updateStrategy={"type": "OnDelete"}))
        await world.all_ready()
        await set_image(world, "i:2")
        assert "".join((await images(world)).values()) == "11"
        pod = next(pod for pod in await world.all(PODS) if node_of(pod) == "a")
        await world.delete(PODS, pod["metadata"]["name"])
        assert await images(world) == {"a": "2", "b": "1"}


async def test_a_failed_pod_is_replaced_the_later_the_more_often_it_failed(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await add_nodes(world, "a")
        await world.create(DAEMONSETS, daemon())
        for wait in (0, 1, 2, 4, 8):
            (old,) = await world.all(PODS)
            await world.pod_status(old, {"phase": "Failed"})
            await world.settle()
            if wait:
                await world.pass_time(wait - 0.5)
                assert (await world.all(PODS))[0]["metadata"]["uid"] == old["metadata"]["uid"]
                await world.pass_time(0.5)
            (new,) = await world.all(PODS)
            assert new["metadata"]["uid"] != old["metadata"]["uid"]
        assert len(await world.events("FailedDaemonPod")) == 5


async def test_revisions_are_kept_and_renewed(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await add_nodes(world, "a")
        await world.create(DAEMONSETS, daemon(revisionHistoryLimit=1))
        await world.all_ready()
        (first,) = await world.all(CONTROLLERREVISIONS)
        (pod,) = await world.all(PODS)
        code = first["metadata"]["labels"]["controller-revision-hash"]
        assert pod["metadata"]["labels"]["controller-revision-hash"] == code
        assert first["metadata"]["name"] == f"agent-{code}"
        for tag in ("i:2", "i:1"):
            await set_image(world, tag)
            await world.all_ready()
        assert (await world.get(CONTROLLERREVISIONS, first["metadata"]["name"]))["revision"] == 3
        for tag in ("i:3", "i:4"):
            await set_image(world, tag)
            await world.all_ready()
        assert sorted(one["revision"] for one in await world.all(CONTROLLERREVISIONS)) == [4, 5]


async def test_available_after_a_while(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await add_nodes(world, "a")
        await world.create(DAEMONSETS, daemon(minReadySeconds=20))
        await world.all_ready()
        assert (await world.get(DAEMONSETS, "agent"))["status"]["numberUnavailable"] == 1
        await world.pass_time(20)
        assert (await world.get(DAEMONSETS, "agent"))["status"]["numberAvailable"] == 1


async def test_at_rest_nothing_is_written(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await add_nodes(world, "a", "b")
        await world.create(DAEMONSETS, daemon(inner={"hostNetwork": True}))
        await world.all_ready()
        before = world.store.revision
        await world.patch(NODES, "a", {"metadata": {"annotations": {"touched": "yes"}}})
        await world.patch(DAEMONSETS, "agent", {"metadata": {"labels": {"touched": "yes"}}})
        assert world.store.revision == before + 2
