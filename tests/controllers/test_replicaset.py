"""ReplicaSets over the real API: scaling, adoption, release, events, failures."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from sampan.api.errors import StatusError
from sampan.resources.kinds import EVENTS, PODS, REPLICASETS

Worlds = Callable[..., AbstractAsyncContextManager[Any]]
NAME = "replicaset-controller"
LABELS = {"app": "web"}


def replica_set(replicas: int = 2, **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    return {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": LABELS}, "template": template, **spec},
    }


def pod(name: str, labels: dict[str, str]) -> dict[str, Any]:
    meta = {"name": name, "namespace": "default", "labels": labels}
    return {"metadata": meta, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def owners(obj: dict[str, Any]) -> list[str]:
    return [ref["name"] for ref in obj["metadata"].get("ownerReferences") or []]


async def test_grows_shrinks_and_says_so(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(REPLICASETS, replica_set(3))
        pods = await world.all(PODS)
        assert len(pods) == 3
        assert all(p["metadata"]["name"].startswith("web-") and owners(p) == ["web"] for p in pods)
        messages = {f"Created pod: {p['metadata']['name']}" for p in pods}
        assert set(await world.events("SuccessfulCreate")) == messages
        await world.make_ready(*pods[:2])
        status = (await world.get(REPLICASETS, "web"))["status"]
        assert (status["replicas"], status["readyReplicas"], status["availableReplicas"]) == (3, 2, 2)
        assert (status["fullyLabeledReplicas"], status["observedGeneration"]) == (3, 1)
        await world.patch(REPLICASETS, "web", {"spec": {"replicas": 2}})
        assert {p["metadata"]["name"] for p in await world.all(PODS)} == {p["metadata"]["name"] for p in pods[:2]}
        assert await world.events("SuccessfulDelete") == [f"Deleted pod: {pods[2]['metadata']['name']}"]
        await world.patch(REPLICASETS, "web", {"spec": {"replicas": 0}})
        assert await world.all(PODS) == []
        status = (await world.get(REPLICASETS, "web"))["status"]
        assert status["replicas"] == 0
        assert not status.get("readyReplicas")


async def test_replaces_what_is_deleted_or_has_failed(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(REPLICASETS, replica_set(2))
        first, second = await world.all(PODS)
        await world.delete(PODS, first["metadata"]["name"])
        assert len(await world.all(PODS)) == 2
        await world.pod_status(second, {"phase": "Failed"})
        await world.settle()
        phases = sorted(p["status"]["phase"] for p in await world.all(PODS))
        assert phases == ["Failed", "Pending", "Pending"]


async def test_adopts_matching_orphans_at_any_time(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(PODS, pod("before", LABELS))
        await world.create(REPLICASETS, replica_set(2))
        assert owners(await world.get(PODS, "before")) == ["web"]
        assert len(await world.all(PODS)) == 2
        await world.create(PODS, pod("after", LABELS))
        left = await world.all(PODS)
        assert len(left) == 2, "one too many: the youngest goes"
        assert all(owners(p) == ["web"] for p in left)


async def test_adopts_a_pod_whose_labels_come_to_match(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(REPLICASETS, replica_set(1))
        await world.patch(REPLICASETS, "web", {"spec": {"replicas": 2}})
        (victim, _) = await world.all(PODS)
        await world.patch(PODS, victim["metadata"]["name"], {"metadata": {"labels": {"app": "other"}}})
        released = await world.get(PODS, victim["metadata"]["name"])
        assert owners(released) == []
        assert len(await world.all(PODS)) == 3, "a released pod is replaced"


async def test_deleting_the_set_leaves_what_it_had_unreplaced(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        made = replica_set(1)
        made["metadata"]["finalizers"] = ["example.com/hold"]
        await world.create(REPLICASETS, made)
        (only,) = await world.all(PODS)
        await world.delete(REPLICASETS, "web")
        await world.delete(PODS, only["metadata"]["name"])
        assert await world.all(PODS) == []


async def test_available_after_min_ready_seconds_without_any_event(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(REPLICASETS, replica_set(1, minReadySeconds=30))
        await world.make_ready(*await world.all(PODS))
        assert not (await world.get(REPLICASETS, "web"))["status"].get("availableReplicas")
        await world.pass_time(29)
        assert not (await world.get(REPLICASETS, "web"))["status"].get("availableReplicas")
        await world.pass_time(2)
        assert (await world.get(REPLICASETS, "web"))["status"]["availableReplicas"] == 1


async def test_a_refused_creation_is_a_condition_and_an_event_until_it_works(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        made = replica_set(8)
        made["spec"]["template"]["spec"]["priorityClassName"] = "missing"
        await world.create(REPLICASETS, made)
        refused = {
            "metadata": {"generateName": "web-", "namespace": "default"},
            "spec": made["spec"]["template"]["spec"],
        }
        with pytest.raises(StatusError) as caught:
            await world.api.create(PODS, refused)
        refusal = str(caught.value)
        (condition,) = (await world.get(REPLICASETS, "web"))["status"]["conditions"]
        assert {k: condition[k] for k in ("type", "status", "reason")} == {
            "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
        }  # fmt: skip
        assert condition["message"] == refusal
        assert await world.events("FailedCreate") == [f"Error creating: {refusal}"]
        await world.patch(REPLICASETS, "web", {"spec": {"template": {"spec": {"priorityClassName": None}}}})
        await world.settle()
        status = (await world.get(REPLICASETS, "web"))["status"]
        assert "conditions" not in status
        assert len(await world.all(PODS)) == 8


async def test_few_are_tried_when_all_are_refused(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        made = replica_set(100)
        made["spec"]["template"]["spec"]["priorityClassName"] = "missing"
        await world.create(REPLICASETS, made)
        counts = [e["count"] for e in await world.all(EVENTS) if e["reason"] == "FailedCreate"]
        assert counts == [2], "slow start: one refusal ends an attempt; the second follows its report"
