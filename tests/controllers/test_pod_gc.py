"""Pods that nobody else would delete."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from sampan.api.json import Obj
from sampan.controllers import pod_gc
from sampan.resources.kinds import NODES, PODS

Worlds = Callable[..., AbstractAsyncContextManager[Any]]
NAME = "pod-garbage-collector-controller"


def pod(name: str, node: str = "n1", **meta: Any) -> Obj:
    spec: Obj = {"containers": [{"name": "c", "image": "i"}], **({"nodeName": node} if node else {})}
    return {"metadata": {"name": name, "namespace": "default", **meta}, "spec": spec}


async def test_pods_of_a_node_that_is_gone_fail_and_go_after_the_quarantine(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(NODES, {"metadata": {"name": "n1"}})
        await world.create(PODS, pod("a", finalizers=["example.com/hold"]))
        await world.create(PODS, pod("b"))
        await world.delete(NODES, "n1")
        await world.pass_time(38)
        assert await world.exists(PODS, "b")
        await world.pass_time(4)
        assert not await world.exists(PODS, "b")
        held = await world.get(PODS, "a")
        assert held["status"]["phase"] == "Failed"
        (condition,) = [c for c in held["status"]["conditions"] if c["type"] == "DisruptionTarget"]
        assert (condition["reason"], condition["message"]) == ("DeletionByPodGC", "PodGC: node no longer exists")


async def test_a_node_that_comes_back_in_time_keeps_its_pods(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(PODS, pod("early"))
        await world.pass_time(30)
        await world.create(NODES, {"metadata": {"name": "n1"}})
        await world.pass_time(300)
        assert await world.exists(PODS, "early")


async def test_a_pod_that_was_never_scheduled_is_finished_off(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(PODS, pod("a", node="", finalizers=["example.com/hold"]))
        await world.delete(PODS, "a", grace_seconds=30)
        await world.patch(PODS, "a", {"metadata": {"finalizers": None}})
        assert not await world.exists(PODS, "a")


async def test_terminating_pods_go_from_nodes_that_are_out_of_service(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(NODES, {"metadata": {"name": "n1"}})
        await world.create(PODS, pod("going"))
        await world.create(PODS, pod("staying"))
        await world.delete(PODS, "going", grace_seconds=30)
        assert await world.exists(PODS, "going")
        taint = {"key": "node.kubernetes.io/out-of-service", "effect": "NoExecute"}
        await world.patch(NODES, "n1", {"spec": {"taints": [taint]}})
        assert not await world.exists(PODS, "going")
        assert await world.exists(PODS, "staying")


async def test_of_too_many_finished_pods_evicted_and_old_ones_go(
    worlds: Worlds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod_gc, "THRESHOLD", 2)
    async with worlds(NAME) as world:
        await world.create(NODES, {"metadata": {"name": "n1"}})
        for name, reason in (("a", ""), ("b", ""), ("c", "Evicted"), ("d", "")):
            made = await world.create(PODS, pod(name))
            await world.pod_status(made, {"phase": "Failed", **({"reason": reason} if reason else {})})
            await world.pass_time(1)
        left = {p["metadata"]["name"] for p in await world.all(PODS)}
        assert left == {"b", "d"}
