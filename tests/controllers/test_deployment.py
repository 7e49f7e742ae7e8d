"""Deployments over the real API, with their ReplicaSets, in virtual time."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from sampan.controllers.deployment_sets import new_name
from sampan.resources.kinds import DEPLOYMENTS, PODS, REPLICASETS

Worlds = Callable[..., AbstractAsyncContextManager[Any]]
BOTH = ("deployment-controller", "replicaset-controller")
REVISION = "deployment.kubernetes.io/revision"
Obj = dict[str, Any]


def deployment(replicas: int = 3, image: str = "i:1", **spec: Any) -> Obj:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": image}]}}
    return {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **spec},
    }


def image(tag: str) -> Obj:
    return {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": tag}]}}}}


def rolling(surge: int | str, unavailable: int | str) -> Obj:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


async def sets(world: Any) -> dict[str, Obj]:
    """ReplicaSets by image."""
    return {rs["spec"]["template"]["spec"]["containers"][0]["image"]: rs for rs in await world.all(REPLICASETS)}


async def sizes(world: Any) -> dict[str, int]:
    return {tag: rs["spec"]["replicas"] for tag, rs in (await sets(world)).items()}


async def ready(world: Any, tag: str, count: int = 1000) -> None:
    """Make so many waiting pods of an image ready."""
    pods = [p for p in await world.all(PODS) if p["spec"]["containers"][0]["image"] == tag]
    waiting = [p for p in pods if not any(c["type"] == "Ready" for c in p["status"].get("conditions") or [])]
    await world.make_ready(*waiting[:count])


async def progressing(world: Any) -> tuple[str, str, str]:
    conditions = (await world.get(DEPLOYMENTS, "web"))["status"]["conditions"]
    found = next(c for c in conditions if c["type"] == "Progressing")
    return found["status"], found["reason"], found["message"]


async def test_the_first_rollout(worlds: Worlds) -> None:
    async with worlds(*BOTH) as world:
        await world.create(DEPLOYMENTS, deployment())
        made = await world.get(DEPLOYMENTS, "web")
        (rs,) = await world.all(REPLICASETS)
        code = rs["metadata"]["labels"]["pod-template-hash"]
        assert rs["metadata"]["name"] == f"web-{code}"
        assert rs["spec"]["selector"]["matchLabels"] == {"app": "web", "pod-template-hash": code}
        notes = {k.rpartition("/")[2]: v for k, v in rs["metadata"]["annotations"].items()}
        assert notes == {"revision": "1", "desired-replicas": "3", "max-replicas": "4"}
        assert made["metadata"]["annotations"][REVISION] == "1"
        assert await world.events("ScalingReplicaSet") == [f"Scaled up replica set web-{code} from 0 to 3"]
        assert (await progressing(world))[:2] in (("True", "NewReplicaSetCreated"), ("True", "ReplicaSetUpdated"))
        await world.all_ready()
        status = (await world.get(DEPLOYMENTS, "web"))["status"]
        assert (status["replicas"], status["updatedReplicas"], status["availableReplicas"]) == (3, 3, 3)
        assert "unavailableReplicas" not in status
        assert await progressing(world) == (
            "True",
            "NewReplicaSetAvailable",
            f'ReplicaSet "web-{code}" has successfully progressed.',
        )
        available = next(c for c in status["conditions"] if c["type"] == "Available")
        assert (available["status"], available["reason"]) == ("True", "MinimumReplicasAvailable")


@pytest.mark.parametrize(
    ("surge", "unavailable", "most", "least"), [(1, 0, 5, 4), (0, 1, 4, 3), (2, 1, 6, 3), ("50%", "25%", 6, 3)]
)
async def test_rolling_updates_keep_within_their_bounds(
    worlds: Worlds, surge: int | str, unavailable: int | str, most: int, least: int
) -> None:
    async with worlds(*BOTH) as world:
        await world.create(DEPLOYMENTS, deployment(4, strategy=rolling(surge, unavailable)))
        await world.all_ready()
        await world.patch(DEPLOYMENTS, "web", image("i:2"))
        for _ in range(30):
            pods = await world.all(PODS)
            up = [p for p in pods if any(c["type"] == "Ready" for c in p["status"].get("conditions") or [])]
            assert len(pods) <= most
            assert len(up) >= least
            if await sizes(world) == {"i:1": 0, "i:2": 4} and len(up) == 4:
                break
            await ready(world, "i:2", 1)
        else:
            raise AssertionError("the rollout does not end")
        assert (await progressing(world))[1] == "NewReplicaSetAvailable"


async def test_broken_old_pods_go_first_and_do_not_block(worlds: Worlds) -> None:
    async with worlds(*BOTH) as world:
        await world.create(DEPLOYMENTS, deployment(4, strategy=rolling(1, 0)))
        await ready(world, "i:1", 2)
        await world.patch(DEPLOYMENTS, "web", image("i:2"))
        assert await sizes(world) == {"i:1": 4, "i:2": 1}
        await ready(world, "i:2")
        assert (await sizes(world))["i:1"] < 4
        for _ in range(10):
            await ready(world, "i:2")
        assert await sizes(world) == {"i:1": 0, "i:2": 4}


async def test_recreate_waits_for_the_last_old_pod(worlds: Worlds) -> None:
    async with worlds(*BOTH) as world:
        await world.create(DEPLOYMENTS, deployment(2, strategy={"type": "Recreate"}))
        for pod in await world.all(PODS):
            name = pod["metadata"]["name"]
            binding = {"metadata": {"name": name}, "target": {"kind": "Node", "name": "n"}}
            await world.api.call("POST", f"/api/v1/namespaces/default/pods/{name}/binding", binding)
        await world.all_ready()
        await world.patch(DEPLOYMENTS, "web", image("i:2"))
        assert await sizes(world) == {"i:1": 0}
        old = await world.all(PODS)
        assert [bool(p["metadata"].get("deletionTimestamp")) for p in old] == [True, True]
        await world.delete(PODS, old[0]["metadata"]["name"], grace_seconds=0)
        assert await sizes(world) == {"i:1": 0}
        await world.delete(PODS, old[1]["metadata"]["name"], grace_seconds=0)
        assert await sizes(world) == {"i:1": 0, "i:2": 2}


async def test_going_back_to_a_template_uses_its_replica_set_again(worlds: Worlds) -> None:
    async with worlds(*BOTH) as world:
        await world.create(DEPLOYMENTS, deployment(1))
        await world.all_ready()
        first = (await sets(world))["i:1"]["metadata"]["name"]
        await world.patch(DEPLOYMENTS, "web", image("i:2"))
        await world.all_ready()
        assert (await sets(world))["i:2"]["metadata"]["annotations"][REVISION] == "2"
        await world.patch(DEPLOYMENTS, "web", image("i:1"))
        await world.all_ready()
        found = await sets(world)
        assert found["i:1"]["metadata"]["name"] == first
        notes = found["i:1"]["metadata"]["annotations"]
        assert notes[REVISION] == "3"
        assert notes["deployment.kubernetes.io/revision-history"] == "1"
        assert (await world.get(DEPLOYMENTS, "web"))["metadata"]["annotations"][REVISION] == "3"
        assert await sizes(world) == {"i:1": 1, "i:2": 0}


async def test_paused_it_does_not_roll_but_still_grows(worlds: Worlds) -> None:
    async with worlds(*BOTH) as world:
        await world.create(DEPLOYMENTS, deployment(2))
        await world.all_ready()
        await world.patch(DEPLOYMENTS, "web", {"spec": {"paused": True, **image("i:2")["spec"]}})
        assert await sizes(world) == {"i:1": 2}
        assert await progressing(world) == ("Unknown", "DeploymentPaused", "Deployment is paused")
        await world.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 5}})
        assert await sizes(world) == {"i:1": 5}
        await world.patch(DEPLOYMENTS, "web", {"spec": {"paused": False}})
        assert set(await sizes(world)) == {"i:1", "i:2"}
        for _ in range(20):
            await world.all_ready()
        assert await sizes(world) == {"i:1": 0, "i:2": 5}
        assert (await progressing(world))[1] == "NewReplicaSetAvailable"


async def test_the_progress_deadline_passes_without_any_event(worlds: Worlds) -> None:
    async with worlds(*BOTH) as world:
        await world.create(DEPLOYMENTS, deployment(1, progressDeadlineSeconds=60))
        await world.pass_time(58)
        assert (await progressing(world))[0] == "True"
        await world.pass_time(4)
        name = (await sets(world))["i:1"]["metadata"]["name"]
        assert await progressing(world) == (
            "False",
            "ProgressDeadlineExceeded",
            f'ReplicaSet "{name}" has timed out progressing.',
        )
        await world.all_ready()
        assert (await progressing(world))[1] == "NewReplicaSetAvailable"


async def test_a_finished_rollout_stays_finished_when_a_pod_fails_later(worlds: Worlds) -> None:
    async with worlds(*BOTH) as world:
        await world.create(DEPLOYMENTS, deployment(2, progressDeadlineSeconds=60))
        await world.all_ready()
        (pod, _) = await world.all(PODS)
        await world.pod_status(pod, {"conditions": [{"type": "Ready", "status": "False"}]})
        await world.pass_time(300)
        assert (await progressing(world))[:2] == ("True", "NewReplicaSetAvailable")


async def test_scaling_in_the_middle_of_a_rollout_keeps_the_proportions(worlds: Worlds) -> None:
    async with worlds(*BOTH) as world:
        await world.create(DEPLOYMENTS, deployment(10, strategy=rolling(3, 2)))
        await world.all_ready()
        await world.patch(DEPLOYMENTS, "web", image("i:2"))
        assert await sizes(world) == {"i:1": 8, "i:2": 5}, "the example of Kubernetes' documentation"
        await world.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 15}})
        assert await sizes(world) == {"i:1": 11, "i:2": 7}


async def test_the_history_is_kept_short_once_a_rollout_is_complete(worlds: Worlds) -> None:
    async with worlds(*BOTH) as world:
        await world.create(DEPLOYMENTS, deployment(1, revisionHistoryLimit=2))
        await world.all_ready()
        for number in range(2, 7):
            await world.patch(DEPLOYMENTS, "web", image(f"i:{number}"))
            for _ in range(4):
                await world.all_ready()
        assert set(await sizes(world)) == {"i:4", "i:5", "i:6"}


async def test_a_name_that_is_taken_is_counted_and_avoided(worlds: Worlds) -> None:
    async with worlds(*BOTH) as world:
        made = await world.api.create(DEPLOYMENTS, {**deployment(1), "spec": {**deployment(1)["spec"], "paused": True}})
        await world.settle()
        taken = new_name(await world.get(DEPLOYMENTS, "web"))
        other = {"matchLabels": {"app": "other"}}
        stranger = {
            "metadata": {"name": taken, "namespace": "default", "labels": {"app": "other"}},
            "spec": {
                "replicas": 0,
                "selector": other,
                "template": {"metadata": {"labels": {"app": "other"}}, "spec": made["spec"]["template"]["spec"]},
            },
        }
        await world.create(REPLICASETS, stranger)
        await world.patch(DEPLOYMENTS, "web", {"spec": {"paused": None}})
        now = await world.get(DEPLOYMENTS, "web")
        assert now["status"]["collisionCount"] == 1
        names = {rs["metadata"]["name"] for rs in await world.all(REPLICASETS)}
        assert names == {taken, new_name(now)}
        assert len(names) == 2


async def test_it_adopts_matching_orphans_and_releases_what_matches_no_more(worlds: Worlds) -> None:
    async with worlds(*BOTH) as world:
        await world.create(DEPLOYMENTS, deployment(1))
        (rs,) = await world.all(REPLICASETS)
        name = rs["metadata"]["name"]
        await world.patch(REPLICASETS, name, {"metadata": {"ownerReferences": None}})
        (rs,) = await world.all(REPLICASETS)
        assert [o["kind"] for o in rs["metadata"]["ownerReferences"]] == ["Deployment"]
        await world.patch(REPLICASETS, name, {"metadata": {"labels": {"app": "else"}}})
        assert "ownerReferences" not in (await world.get(REPLICASETS, name))["metadata"]


async def test_failures_of_its_replica_set_are_its_own(worlds: Worlds) -> None:
    async with worlds(*BOTH) as world:
        world.gate.refuses = lambda review: review.resource.mapping == PODS
        await world.create(DEPLOYMENTS, deployment(1))
        conditions = {c["type"]: c for c in (await world.get(DEPLOYMENTS, "web"))["status"]["conditions"]}
        assert conditions["ReplicaFailure"]["reason"] == "FailedCreate"
        world.gate.refuses = lambda review: False
        await world.pass_time(60)
        await world.all_ready()
        conditions = {c["type"]: c for c in (await world.get(DEPLOYMENTS, "web"))["status"]["conditions"]}
        assert "ReplicaFailure" not in conditions


async def test_a_replica_set_that_cannot_be_made(worlds: Worlds) -> None:
    async with worlds(*BOTH) as world:
        world.gate.refuses = lambda review: review.resource.mapping == REPLICASETS
        await world.create(DEPLOYMENTS, deployment(1))
        name = new_name(await world.get(DEPLOYMENTS, "web"))
        message = f'Failed to create new replica set "{name}": replicasets is forbidden: by the test'
        assert await progressing(world) == ("False", "ReplicaSetCreateError", message)
        assert await world.events("ReplicaSetCreateError") == [message]


async def test_nothing_is_written_when_nothing_changes(worlds: Worlds) -> None:
    async with worlds(*BOTH) as world:
        await world.create(DEPLOYMENTS, deployment(2))
        await world.all_ready()
        before = world.store.revision
        await world.pass_time(3600)
        assert world.store.revision == before
