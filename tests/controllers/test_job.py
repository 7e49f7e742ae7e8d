"""Jobs over the real API in virtual time: completions, indexes, limits, policies, suspension, deadlines."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from sampan.resources.kinds import JOBS, PODS

Worlds = Callable[..., AbstractAsyncContextManager[Any]]
NAME = "job-controller"
FINALIZER = "batch.kubernetes.io/job-tracking"
Obj = dict[str, Any]


def job(restart: str = "Never", **spec: Any) -> Obj:
    containers = [{"name": "c", "image": "i"}]
    template = {"spec": {"containers": containers, "restartPolicy": restart, "terminationGracePeriodSeconds": 0}}
    return {"metadata": {"name": "work", "namespace": "default"}, "spec": {"template": template, **spec}}


def indexed(completions: int, **spec: Any) -> Obj:
    return job(completionMode="Indexed", completions=completions, parallelism=completions, **spec)


async def ends(world: Any, pod: Obj, phase: str = "Succeeded", code: int = 0) -> None:
    """What a node agent says when the container has ended."""
    stamp = world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    state = {"terminated": {"exitCode": code or int(phase == "Failed"), "finishedAt": stamp, "startedAt": stamp}}
    container = {"name": "c", "image": "i", "imageID": "", "ready": False, "restartCount": 0, "state": state}
    await world.pod_status(pod, {"phase": phase, "containerStatuses": [container]})
    await world.settle()


async def active(world: Any) -> list[Obj]:
    pods = await world.all(PODS)
    return [
        p
        for p in pods
        if p["status"].get("phase") not in ("Succeeded", "Failed") and not p["metadata"].get("deletionTimestamp")
    ]


async def status(world: Any) -> Obj:
    found: Obj = (await world.get(JOBS, "work"))["status"]
    return found


async def conditions(world: Any) -> list[tuple[str, str]]:
    return [(c["type"], c.get("reason", "")) for c in (await status(world)).get("conditions") or []]


def index(pod: Obj) -> int:
    return int(pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"])


async def by_index(world: Any) -> dict[int, Obj]:
    return {index(pod): pod for pod in await active(world)}


async def test_one_pod_runs_and_the_job_completes(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(JOBS, job())
        (pod,) = await world.all(PODS)
        assert pod["metadata"]["finalizers"] == [FINALIZER]
        assert pod["metadata"]["generateName"] == "work-"
        told = await status(world)
        assert (told["active"], told["ready"], told["terminating"]) == (1, 0, 0)
        assert told["startTime"]
        await world.make_ready(pod)
        assert (await status(world))["ready"] == 1
        await ends(world, pod)
        told = await status(world)
        assert told["succeeded"] == 1
        assert "active" not in told
        assert told["uncountedTerminatedPods"] == {}
        assert told["completionTime"]
        reason = "CompletionsReached"
        assert await conditions(world) == [("SuccessCriteriaMet", reason), ("Complete", reason)]
        (pod,) = await world.all(PODS)
        assert not pod["metadata"].get("finalizers")
        assert await world.events("Completed") == ["Job completed"]
        assert await world.events("SuccessfulCreate") == [f"Created pod: {pod['metadata']['name']}"]


async def test_no_more_at_once_than_parallelism_and_no_more_than_is_missing(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(JOBS, job(completions=5, parallelism=3))
        assert len(await active(world)) == 3
        for left in (3, 3, 2, 1):
            await ends(world, (await active(world))[0])
            assert len(await active(world)) == left
        await world.patch(JOBS, "work", {"spec": {"parallelism": 0}})
        assert await active(world) == []
        await world.patch(JOBS, "work", {"spec": {"parallelism": 3}})
        (last,) = await active(world)
        await ends(world, last)
        assert (await status(world))["succeeded"] == 5
        assert "failed" not in await status(world)


async def test_without_completions_the_first_success_ends_it_when_the_rest_has_ended(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(JOBS, job(parallelism=2))
        first, second = await active(world)
        await ends(world, first)
        assert len(await active(world)) == 1
        assert await conditions(world) == []
        await ends(world, second, "Failed")
        assert (await conditions(world))[-1] == ("Complete", "CompletionsReached")


async def test_a_failed_pod_is_replaced_after_ten_seconds_then_twenty(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(JOBS, job(backoffLimit=4))
        for wait in (10, 20, 40):
            (pod,) = await active(world)
            await ends(world, pod, "Failed")
            await world.pass_time(wait - 2)
            assert await active(world) == []
            await world.pass_time(2)
            assert len(await active(world)) == 1
        assert (await status(world))["failed"] == 3
        (pod,) = await active(world)
        await world.pass_time(3)
        await ends(world, pod)
        assert (await conditions(world))[-1] == ("Complete", "CompletionsReached")


async def test_the_backoff_limit(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(JOBS, job(backoffLimit=1, completions=2, parallelism=2))
        first, second = await active(world)
        await ends(world, first, "Failed")
        await ends(world, second, "Failed")
        reason = "BackoffLimitExceeded"
        assert await conditions(world) == [("FailureTarget", reason), ("Failed", reason)]
        assert await world.events(reason) == ["Job has reached the specified backoff limit"]
        assert (await status(world))["failed"] == 2
        await world.pass_time(700)
        assert await active(world) == []


async def test_restarts_of_containers_count_when_they_are_restarted_in_place(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(JOBS, job("OnFailure", backoffLimit=2))
        (pod,) = await active(world)
        container = {"name": "c", "image": "i", "imageID": "", "ready": False, "restartCount": 1, "state": {}}
        await world.pod_status(pod, {"phase": "Running", "containerStatuses": [container]})
        await world.settle()
        assert await conditions(world) == []
        await world.pod_status(pod, {"phase": "Running", "containerStatuses": [{**container, "restartCount": 2}]})
        await world.settle()
        assert (await conditions(world))[-1] == ("Failed", "BackoffLimitExceeded")
        assert await world.all(PODS) == []


@pytest.mark.parametrize("touched", [False, True])
async def test_the_deadline_wakes_by_itself(worlds: Worlds, touched: bool) -> None:
    """kubernetes#110239: another wake-up before the deadline may not swallow it."""
    async with worlds(NAME) as world:
        await world.create(JOBS, job(activeDeadlineSeconds=10))
        (pod,) = await active(world)
        if touched:
            await world.pass_time(4)
            await world.make_ready(pod)
            await world.pass_time(4)
        else:
            await world.pass_time(8)
        assert await conditions(world) == []
        await world.pass_time(1.5)
        assert await conditions(world) == []
        await world.pass_time(0.5)
        reason = "DeadlineExceeded"
        assert await conditions(world) == [("FailureTarget", reason), ("Failed", reason)]
        assert await world.events(reason) == ["Job was active longer than specified deadline"]
        assert await world.all(PODS) == []
        told = await status(world)
        assert (told.get("active", 0), told["ready"], told["terminating"], told["failed"]) == (0, 0, 0, 1)


async def test_the_interim_condition_stands_until_the_pods_have_ended(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        made = job(activeDeadlineSeconds=1)
        made["spec"]["template"]["spec"] |= {"terminationGracePeriodSeconds": 30, "nodeName": "n"}
        await world.create(JOBS, made)
        await world.make_ready(*await active(world))
        await world.pass_time(1)
        assert await conditions(world) == [("FailureTarget", "DeadlineExceeded")]
        told = await status(world)
        assert (told.get("active", 0), told["ready"], told["terminating"]) == (0, 0, 1)
        (pod,) = await world.all(PODS)
        await world.delete(PODS, pod["metadata"]["name"], grace_seconds=0)
        assert (await conditions(world))[-1] == ("Failed", "DeadlineExceeded")
        assert (await status(world))["terminating"] == 0


async def test_a_suspended_job_has_no_deadline_and_a_resumed_one_starts_anew(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(JOBS, job(activeDeadlineSeconds=10, suspend=True))
        assert await world.all(PODS) == []
        assert "startTime" not in await status(world)
        assert await world.events("Suspended") == ["Job suspended"]
        await world.pass_time(20)
        await world.patch(JOBS, "work", {"spec": {"suspend": False}})
        assert len(await active(world)) == 1
        assert await world.events("Resumed") == ["Job resumed"]
        await world.pass_time(9)
        (found,) = (await status(world))["conditions"]
        assert (found["type"], found["status"], found["reason"]) == ("Suspended", "False", "JobResumed")
        await world.pass_time(1)
        assert (await conditions(world))[-1] == ("Failed", "DeadlineExceeded")


async def test_suspended_in_the_middle_its_pods_go_and_do_not_count(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(JOBS, job(completions=3, parallelism=2))
        first, _ = await active(world)
        await ends(world, first)
        await world.patch(JOBS, "work", {"spec": {"suspend": True}})
        assert await active(world) == []
        told = await status(world)
        assert (told["succeeded"], told.get("failed", 0), told.get("active", 0)) == (1, 0, 0)
        await world.patch(JOBS, "work", {"spec": {"suspend": False}})
        assert len(await active(world)) == 2


async def test_a_deadline_lowered_below_what_has_passed_fails_at_once(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(JOBS, job(activeDeadlineSeconds=100))
        await world.pass_time(20)
        await world.patch(JOBS, "work", {"spec": {"activeDeadlineSeconds": 15}})
        assert (await conditions(world))[-1] == ("Failed", "DeadlineExceeded")


async def test_both_limits_at_once_tell_of_the_backoff(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(JOBS, job(activeDeadlineSeconds=1, backoffLimit=0))
        (pod,) = await active(world)
        await ends(world, pod, "Failed")
        await world.pass_time(1)
        assert (await conditions(world))[-1] == ("Failed", "BackoffLimitExceeded")


async def test_indexed_pods_know_their_index(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(JOBS, indexed(3))
        pods = await by_index(world)
        assert set(pods) == {0, 1, 2}
        pod = pods[1]
        assert pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"] == "1"
        assert pod["metadata"]["generateName"] == "work-1-"
        assert pod["spec"]["hostname"] == "work-1"
        (variable,) = pod["spec"]["containers"][0]["env"]
        assert variable["name"] == "JOB_COMPLETION_INDEX"
        await ends(world, pods[2])
        await ends(world, pods[0])
        told = await status(world)
        assert (told["completedIndexes"], told["succeeded"], told["active"]) == ("0,2", 2, 1)
        await ends(world, pods[1])
        told = await status(world)
        assert (told["completedIndexes"], told["succeeded"]) == ("0-2", 3)
        assert (await conditions(world))[-1] == ("Complete", "CompletionsReached")


async def test_a_failed_index_is_tried_again_by_itself(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(JOBS, indexed(2, backoffLimitPerIndex=1))
        pods = await by_index(world)
        await ends(world, pods[0], "Failed")
        assert set(await by_index(world)) == {1}
        await world.pass_time(10)
        again = (await by_index(world))[0]
        assert again["metadata"]["annotations"]["batch.kubernetes.io/job-index-failure-count"] == "1"
        await ends(world, again, "Failed")
        assert (await status(world))["failedIndexes"] == "0"
        assert not any(type_ == "Failed" for type_, _ in await conditions(world))
        await ends(world, pods[1])
        told = await status(world)
        assert (told["completedIndexes"], told["failedIndexes"], told["failed"]) == ("1", "0", 2)
        assert (await conditions(world))[-1] == ("Failed", "FailedIndexes")
        assert all(not p["metadata"].get("finalizers") for p in await world.all(PODS))


async def test_too_many_failed_indexes(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(JOBS, indexed(4, backoffLimitPerIndex=0, maxFailedIndexes=1))
        pods = await by_index(world)
        await ends(world, pods[0], "Failed")
        assert await conditions(world) == []
        await ends(world, pods[1], "Failed")
        assert (await conditions(world))[-1] == ("Failed", "MaxFailedIndexesExceeded")
        assert await active(world) == []


@pytest.mark.parametrize(
    ("rule", "first", "then"),
    [({"succeededIndexes": "0,2"}, 0, 2), ({"succeededCount": 2}, 1, 3)],
    ids=["these indexes", "so many"],
)
async def test_a_success_policy_ends_the_rest(worlds: Worlds, rule: Obj, first: int, then: int) -> None:
    async with worlds(NAME) as world:
        await world.create(JOBS, indexed(4, successPolicy={"rules": [rule]}))
        pods = await by_index(world)
        await ends(world, pods[first])
        assert await conditions(world) == []
        await ends(world, pods[then])
        assert await conditions(world) == [("SuccessCriteriaMet", "SuccessPolicy"), ("Complete", "SuccessPolicy")]
        assert (await status(world))["conditions"][0]["message"] == "Matched rules at index 0"
        assert await active(world) == []
        assert (await status(world)).get("failed", 0) == 0


def policy(action: str) -> Obj:
    codes = {"operator": "In", "values": [42]}
    return {"rules": [{"action": action, "onExitCodes": codes}]}


async def test_the_failure_policy_fails_the_job(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(JOBS, job(podFailurePolicy=policy("FailJob"), parallelism=2, completions=2))
        pod, _ = await active(world)
        await ends(world, pod, "Failed", 42)
        place = f"default/{pod['metadata']['name']}"
        message = f"Container c for pod {place} failed with exit code 42 matching FailJob rule at index 0"
        assert (await conditions(world))[-1] == ("Failed", "PodFailurePolicy")
        assert (await status(world))["conditions"][0]["message"] == message
        assert await world.events("PodFailurePolicy") == [message]


async def test_the_failure_policy_ignores(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(JOBS, job(podFailurePolicy=policy("Ignore"), backoffLimit=0))
        (pod,) = await active(world)
        await ends(world, pod, "Failed", 42)
        (pod,) = await active(world)
        assert (await status(world)).get("failed", 0) == 0
        await ends(world, pod, "Failed", 1)
        assert (await conditions(world))[-1] == ("Failed", "BackoffLimitExceeded")


async def test_the_failure_policy_gives_up_an_index(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        made = indexed(2, backoffLimitPerIndex=3, podFailurePolicy=policy("FailIndex"))
        await world.create(JOBS, made)
        await ends(world, (await by_index(world))[0], "Failed", 42)
        assert (await status(world))["failedIndexes"] == "0"
        await world.pass_time(60)
        assert set(await by_index(world)) == {1}


@pytest.mark.parametrize(("replaces", "at_once"), [("TerminatingOrFailed", True), ("Failed", False)])
async def test_a_deleted_pod_is_replaced(worlds: Worlds, replaces: str, at_once: bool) -> None:
    async with worlds(NAME) as world:
        made = job(podReplacementPolicy=replaces)
        made["spec"]["template"]["spec"] |= {"terminationGracePeriodSeconds": 30, "nodeName": "n"}
        await world.create(JOBS, made)
        (pod,) = await active(world)
        await world.delete(PODS, pod["metadata"]["name"])
        await world.pass_time(10)
        assert len(await active(world)) == int(at_once)
        assert (await status(world))["terminating"] == 1
        await ends(world, pod, "Failed")
        await world.pass_time(30)
        assert len(await active(world)) == 1
        assert (await status(world))["failed"] == 1


async def test_somebody_elses_job_is_left_alone(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(JOBS, job(managedBy="example.com/other"))
        assert await world.all(PODS) == []
        assert not (await world.get(JOBS, "work")).get("status")


@pytest.mark.parametrize("propagation", ["Background", "Orphan"])
async def test_pods_of_a_deleted_job_are_let_go(worlds: Worlds, propagation: str) -> None:
    async with worlds(NAME, "garbage-collector-controller") as world:
        await world.create(JOBS, job())
        await world.delete(JOBS, "work", propagation=propagation)
        await world.pass_time(5)
        pods = await world.all(PODS)
        if propagation == "Orphan":
            (pod,) = pods
            assert not pod["metadata"].get("finalizers")
            assert not pod["metadata"].get("ownerReferences")
        else:
            assert pods == []


async def test_orphans_are_adopted_and_strangers_released(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        labels = {"app": "x"}
        made = job(manualSelector=True, selector={"matchLabels": labels})
        made["spec"]["template"]["metadata"] = {"labels": labels}
        containers = {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Never"}
        meta = {"name": "orphan", "namespace": "default", "labels": labels}
        await world.create(PODS, {"metadata": meta, "spec": containers})
        await world.create(JOBS, made)
        (pod,) = await world.all(PODS)
        assert pod["metadata"]["finalizers"] == [FINALIZER]
        assert pod["metadata"]["ownerReferences"][0]["name"] == "work"
        await world.patch(PODS, "orphan", {"metadata": {"labels": {"app": "y"}}})
        orphan = await world.get(PODS, "orphan")
        assert not orphan["metadata"].get("ownerReferences")
        assert not orphan["metadata"].get("finalizers")
        assert len(await active(world)) == 2


async def test_what_quota_refuses_is_tried_again_and_the_deadline_holds(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        world.gate.refuses = lambda review: review.resource.mapping == PODS and review.operation == "CREATE"
        await world.create(JOBS, job(activeDeadlineSeconds=300))
        assert await world.events("FailedCreate") == ["Error creating: pods is forbidden: by the test"]
        assert (await status(world)).get("active", 0) == 0
        await world.pass_time(300)
        assert (await conditions(world))[-1] == ("Failed", "DeadlineExceeded")


async def test_a_job_that_rests_writes_nothing(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(JOBS, indexed(3, backoffLimitPerIndex=1))
        await world.patch(JOBS, "work", {"metadata": {"labels": {"touched": "yes"}}})
        before = world.store.revision
        await world.pass_time(1000)
        assert world.store.revision == before
