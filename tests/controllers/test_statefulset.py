"""StatefulSets over the real API in virtual time: order, claims, updates, revisions."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from sampan.resources.kinds import CONTROLLERREVISIONS, PODS, PVCS, STATEFULSETS

Worlds = Callable[..., AbstractAsyncContextManager[Any]]
NAME, GARBAGE = "statefulset-controller", "garbage-collector-controller"
LABELS = {"app": "db"}
Obj = dict[str, Any]


def stateful(replicas: int = 3, image: str = "i:1", **spec: Any) -> Obj:
    containers = [{"name": "c", "image": image}]
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": containers, "terminationGracePeriodSeconds": 0}}
    inner = {"replicas": replicas, "serviceName": "db", "selector": {"matchLabels": LABELS}, "template": template}
    return {"metadata": {"name": "db", "namespace": "default"}, "spec": {**inner, **spec}}


def with_claims(replicas: int = 2, **spec: Any) -> Obj:
    request = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    templates = [{"metadata": {"name": "data"}, "spec": request}]
    return stateful(replicas, volumeClaimTemplates=templates, podManagementPolicy="Parallel", **spec)


def image(tag: str) -> Obj:
    return {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": tag}]}}}}


def rolling(**values: Any) -> Obj:
    return {"type": "RollingUpdate", "rollingUpdate": values}


async def pods(world: Any) -> dict[str, Obj]:
    return {pod["metadata"]["name"]: pod for pod in await world.all(PODS)}


async def images(world: Any) -> dict[str, str]:
    return {name: pod["spec"]["containers"][0]["image"][-1] for name, pod in (await pods(world)).items()}


async def status(world: Any) -> Obj:
    found: Obj = (await world.get(STATEFULSETS, "db"))["status"]
    return found


def is_ready(pod: Obj) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions") or [])


async def step(world: Any) -> None:
    """All pods that are there now become ready."""
    await world.make_ready(*[pod for pod in await world.all(PODS) if not is_ready(pod)])


async def owners(world: Any) -> dict[str, list[str]]:
    return {
        one["metadata"]["name"]: [ref["name"] for ref in one["metadata"].get("ownerReferences") or []]
        for one in await world.all(PVCS)
    }


async def test_one_after_the_other(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(STATEFULSETS, stateful())
        for count in (1, 2, 3):
            assert list(await pods(world)) == [f"db-{n}" for n in range(count)]
            await step(world)
        told = await status(world)
        assert (told["replicas"], told["readyReplicas"], told["availableReplicas"]) == (3, 3, 3)
        assert (told["currentReplicas"], told["updatedReplicas"], told["collisionCount"]) == (3, 3, 0)
        assert told["currentRevision"] == told["updateRevision"]
        pod = (await pods(world))["db-1"]
        labels = pod["metadata"]["labels"]
        assert labels["statefulset.kubernetes.io/pod-name"] == "db-1"
        assert labels["apps.kubernetes.io/pod-index"] == "1"
        assert labels["controller-revision-hash"] == told["updateRevision"]
        assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-1", "db")
        assert (await world.events("SuccessfulCreate"))[0] == "Create Pod db-0 in StatefulSet db successful"


async def test_shrinks_from_the_top_one_at_a_time(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        made = stateful()
        made["spec"]["template"]["spec"] |= {"nodeName": "n", "terminationGracePeriodSeconds": 30}
        await world.create(STATEFULSETS, made)
        await world.all_ready()
        await world.patch(STATEFULSETS, "db", {"spec": {"replicas": 1}})
        going = [name for name, pod in (await pods(world)).items() if pod["metadata"].get("deletionTimestamp")]
        assert going == ["db-2"]
        await world.delete(PODS, "db-2", grace_seconds=0)
        going = [name for name, pod in (await pods(world)).items() if pod["metadata"].get("deletionTimestamp")]
        assert going == ["db-1"]
        await world.delete(PODS, "db-1", grace_seconds=0)
        assert list(await pods(world)) == ["db-0"]
        assert (await world.events("SuccessfulDelete"))[0] == "Delete Pod db-2 in StatefulSet db successful"


async def test_does_not_shrink_past_an_unhealthy_pod(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(STATEFULSETS, stateful())
        await world.all_ready()
        await world.pod_status((await pods(world))["db-0"], {"conditions": [{"type": "Ready", "status": "False"}]})
        await world.patch(STATEFULSETS, "db", {"spec": {"replicas": 1}})
        assert list(await pods(world)) == ["db-0", "db-1", "db-2"]
        await step(world)
        assert list(await pods(world)) == ["db-0"]


async def test_parallel_is_all_at_once(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(STATEFULSETS, stateful(5, podManagementPolicy="Parallel"))
        assert len(await pods(world)) == 5
        await world.patch(STATEFULSETS, "db", {"spec": {"replicas": 1}})
        assert list(await pods(world)) == ["db-0"]


async def test_ordinals_start_where_they_should(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(STATEFULSETS, stateful(2, ordinals={"start": 5}))
        await world.all_ready()
        assert list(await pods(world)) == ["db-5", "db-6"]
        await world.patch(STATEFULSETS, "db", {"spec": {"ordinals": {"start": 6}}})
        await world.all_ready()
        assert list(await pods(world)) == ["db-6", "db-7"]


async def test_waits_until_a_pod_is_available(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(STATEFULSETS, stateful(2, minReadySeconds=10))
        await step(world)
        await world.pass_time(9)
        assert list(await pods(world)) == ["db-0"]
        await world.pass_time(1)
        assert list(await pods(world)) == ["db-0", "db-1"]


async def test_failed_and_deleted_pods_come_back_under_their_names(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(STATEFULSETS, stateful(2))
        await world.all_ready()
        old = await pods(world)
        await world.pod_status(old["db-0"], {"phase": "Failed"})
        await world.settle()
        await world.delete(PODS, "db-1", grace_seconds=0)
        await world.all_ready()
        new = await pods(world)
        assert set(new) == {"db-0", "db-1"}
        assert not {p["metadata"]["uid"] for p in old.values()} & {p["metadata"]["uid"] for p in new.values()}


async def test_rolls_from_the_highest_ordinal(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(STATEFULSETS, stateful())
        await world.all_ready()
        first = (await status(world))["currentRevision"]
        await world.patch(STATEFULSETS, "db", image("i:2"))
        for expected in ("112", "122", "222"):
            assert "".join((await images(world)).values()) == expected
            if expected == "122":
                told = await status(world)
                assert (told["currentRevision"], told["updatedReplicas"], told["currentReplicas"]) == (first, 2, 1)
            await step(world)
        told = await status(world)
        assert told["currentRevision"] == told["updateRevision"] != first
        assert [one["revision"] for one in await world.all(CONTROLLERREVISIONS)] in ([1, 2], [2, 1])


async def test_a_partition_keeps_the_lower_ones_also_when_they_come_back(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(STATEFULSETS, stateful(updateStrategy=rolling(partition=2)))
        await world.all_ready()
        await world.patch(STATEFULSETS, "db", image("i:2"))
        await world.all_ready()
        assert "".join((await images(world)).values()) == "112"
        await world.delete(PODS, "db-0", grace_seconds=0)
        await world.all_ready()
        assert "".join((await images(world)).values()) == "112"
        await world.patch(STATEFULSETS, "db", {"spec": {"updateStrategy": rolling(partition=0)}})
        for _ in range(3):
            await step(world)
        assert "".join((await images(world)).values()) == "222"


async def test_one_is_updated_at_a_time_while_the_gate_for_more_is_off(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        made = stateful(4, updateStrategy=rolling(maxUnavailable=2), podManagementPolicy="Parallel")
        await world.create(STATEFULSETS, made)
        await world.all_ready()
        await world.patch(STATEFULSETS, "db", image("i:2"))
        assert "".join((await images(world)).values()) == "1112"
        await step(world)
        assert "".join((await images(world)).values()) == "1122"


async def test_on_delete_waits_for_somebody(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(STATEFULSETS, stateful(2, updateStrategy={"type": "OnDelete"}))
        await world.all_ready()
        await world.patch(STATEFULSETS, "db", image("i:2"))
        assert "".join((await images(world)).values()) == "11"
        await world.delete(PODS, "db-0", grace_seconds=0)
        await world.all_ready()
        assert "".join((await images(world)).values()) == "21"


async def test_back_to_an_older_template_is_the_older_revision_renewed(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(STATEFULSETS, stateful(1, revisionHistoryLimit=1))
        await world.all_ready()
        first = (await status(world))["currentRevision"]
        for tag in ("i:2", "i:1"):
            await world.patch(STATEFULSETS, "db", image(tag))
            await world.all_ready()
        assert (await status(world))["currentRevision"] == first
        assert (await world.get(CONTROLLERREVISIONS, first))["revision"] == 3
        for tag in ("i:3", "i:4", "i:5"):
            await world.patch(STATEFULSETS, "db", image(tag))
            await world.all_ready()
        assert sorted(one["revision"] for one in await world.all(CONTROLLERREVISIONS)) == [5, 6]


async def test_each_pod_has_its_claim_and_finds_it_again(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(STATEFULSETS, with_claims())
        await world.all_ready()
        claims = {one["metadata"]["name"]: one for one in await world.all(PVCS)}
        assert set(claims) == {"data-db-0", "data-db-1"}
        assert claims["data-db-0"]["metadata"]["labels"] == LABELS
        volume = (await pods(world))["db-1"]["spec"]["volumes"][0]
        assert (volume["name"], volume["persistentVolumeClaim"]["claimName"]) == ("data", "data-db-1")
        assert "Create Claim data-db-0 Pod db-0 in StatefulSet db success" in await world.events("SuccessfulCreate")
        await world.patch(STATEFULSETS, "db", {"spec": {"replicas": 1}})
        assert set(await owners(world)) == {"data-db-0", "data-db-1"}
        await world.patch(STATEFULSETS, "db", {"spec": {"replicas": 2}})
        assert {one["metadata"]["uid"] for one in await world.all(PVCS)} == {
            one["metadata"]["uid"] for one in claims.values()
        }


@pytest.mark.parametrize(
    ("scaled", "deleted", "after_scaling", "after_deletion"),
    [
        ("Retain", "Retain", {"data-db-0", "data-db-1"}, {"data-db-0", "data-db-1"}),
        ("Delete", "Retain", {"data-db-0"}, {"data-db-0"}),
        ("Retain", "Delete", {"data-db-0", "data-db-1"}, set()),
        ("Delete", "Delete", {"data-db-0"}, set()),
    ],
)
async def test_what_becomes_of_claims(
    worlds: Worlds, scaled: str, deleted: str, after_scaling: set[str], after_deletion: set[str]
) -> None:
    async with worlds(NAME, GARBAGE) as world:
        policy = {"whenScaled": scaled, "whenDeleted": deleted}
        await world.create(STATEFULSETS, with_claims(persistentVolumeClaimRetentionPolicy=policy))
        await world.all_ready()
        wanted = ["db"] if deleted == "Delete" else []
        assert await owners(world) == {"data-db-0": wanted, "data-db-1": wanted}
        await world.patch(STATEFULSETS, "db", {"spec": {"replicas": 1}})
        for claim in await world.all(PVCS):  # what the protection controller would do
            await world.patch(PVCS, claim["metadata"]["name"], {"metadata": {"finalizers": None}})
        await world.pass_time(5)
        assert set(await owners(world)) == after_scaling
        await world.delete(STATEFULSETS, "db", propagation="Background")
        await world.pass_time(5)
        assert await world.all(PODS) == []
        assert set(await owners(world)) == after_deletion


async def test_a_pod_waits_for_the_end_of_a_claim_that_goes(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(STATEFULSETS, with_claims(1))
        await world.all_ready()
        await world.delete(PVCS, "data-db-0")
        await world.delete(PODS, "db-0", grace_seconds=0)
        assert await pods(world) == {}
        refused = "Create Pod db-0 in StatefulSet db failed error: pvc data-db-0 is being deleted"
        assert set(await world.events("FailedCreate")) == {refused}
        await world.patch(PVCS, "data-db-0", {"metadata": {"finalizers": None}})
        assert list(await pods(world)) == ["db-0"]
        assert set(await owners(world)) == {"data-db-0"}


async def test_adopts_what_has_the_right_name_and_labels(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        for name in ("db-0", "other-0"):
            meta = {"name": name, "namespace": "default", "labels": LABELS}
            await world.create(PODS, {"metadata": meta, "spec": {"containers": [{"name": "c", "image": "i:1"}]}})
        await world.create(STATEFULSETS, stateful(1, updateStrategy={"type": "OnDelete"}))
        found = await pods(world)
        assert [ref["name"] for ref in found["db-0"]["metadata"].get("ownerReferences") or []] == ["db"]
        assert not found["other-0"]["metadata"].get("ownerReferences")
        await world.make_ready(found["db-0"])
        assert (await pods(world))["db-0"]["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] == "db-0"


async def test_what_is_refused_is_told_and_tried_again(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        world.gate.refuses = lambda review: review.resource.mapping == PODS and review.operation == "CREATE"
        await world.create(STATEFULSETS, stateful(1))
        told = "Create Pod db-0 in StatefulSet db failed error: pods is forbidden: by the test"
        assert await world.events("FailedCreate") == [told]
        assert (await status(world))["replicas"] == 0
        world.gate.refuses = lambda review: False
        await world.pass_time(1)
        assert list(await pods(world)) == ["db-0"]


async def test_at_rest_nothing_is_written(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        policy = {"whenScaled": "Delete", "whenDeleted": "Delete"}
        await world.create(STATEFULSETS, with_claims(3, persistentVolumeClaimRetentionPolicy=policy))
        await world.all_ready()
        before = world.store.revision
        await world.patch(STATEFULSETS, "db", {"metadata": {"labels": {"touched": "yes"}}})
        assert world.store.revision == before + 1
