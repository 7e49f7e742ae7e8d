"""CronJobs over virtual time: runs, overlaps, history, missed runs, time zones and clock changes."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

import pytest

from sampan.api.cron import parse_schedule
from sampan.api.json import Obj
from sampan.controllers.cron_job import job_for, schedule_text
from sampan.controllers.cron_times import due
from sampan.resources.kinds import CRONJOBS, JOBS

Worlds = Callable[..., AbstractAsyncContextManager[Any]]
NAME = "cronjob-controller"
MINUTE = 60.0


def cron(schedule: str, **more: Any) -> Obj:
    pod = {"spec": {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Never"}}
    template = {"metadata": {"labels": {"l": "1"}, "annotations": {"a": "1"}}, "spec": {"template": pod}}
    spec = {"schedule": schedule, "jobTemplate": template, **more}
    return {"metadata": {"name": "c", "namespace": "default"}, "spec": spec}


async def runs(world: Any) -> list[str]:
    """Scheduled times of the Jobs that are there."""
    jobs = await world.all(JOBS)
    return sorted(j["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"] for j in jobs)


async def finish(world: Any, end: str = "Complete") -> None:
    """All running Jobs end."""
    stamp = world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    for job in await world.all(JOBS):
        status = job.get("status") or {}
        if status.get("conditions"):
            continue
        kinds = ("SuccessCriteriaMet", "Complete") if end == "Complete" else ("FailureTarget", "Failed")
        conditions = [{"type": kind, "status": "True", "lastTransitionTime": stamp} for kind in kinds]
        times = {"startTime": stamp, **({"completionTime": stamp} if end == "Complete" else {})}
        await world.patch(JOBS, job["metadata"]["name"], {"status": {**times, "conditions": conditions}},
                          subresource="status")  # fmt: skip


async def status(world: Any) -> Obj:
    found: Obj = (await world.get(CRONJOBS, "c")).get("status") or {}
    return found


async def test_a_job_is_made_in_time_and_noted(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(CRONJOBS, cron("*/2 * * * *"))
        await world.pass_time(119)
        assert await runs(world) == []
        await world.pass_time(2)
        (job,) = await world.all(JOBS)
        assert job["metadata"]["name"] == f"c-{int(datetime(2026, 1, 1, 0, 2, tzinfo=UTC).timestamp()) // 60}"
        assert job["metadata"]["labels"]["l"] == "1"
        assert job["metadata"]["annotations"]["a"] == "1"
        assert await runs(world) == ["2026-01-01T00:02:00Z"]
        noted = await status(world)
        assert noted["lastScheduleTime"] == "2026-01-01T00:02:00Z"
        assert [entry["uid"] for entry in noted["active"]] == [job["metadata"]["uid"]]
        await world.pass_time(60)
        await finish(world)
        assert await status(world) == {
            "lastScheduleTime": "2026-01-01T00:02:00Z", "lastSuccessfulTime": "2026-01-01T00:03:01Z",
        }  # fmt: skip
        name = job["metadata"]["name"]
        assert await world.events("SuccessfulCreate") == [f"Created job {name}"]
        assert await world.events("SawCompletedJob") == [f"Saw completed job: {name}, condition: Complete"]


@pytest.mark.parametrize(("policy", "left", "active"), [("Allow", 3, 3), ("Forbid", 1, 1), ("Replace", 1, 1)])
async def test_overlaps(worlds: Worlds, policy: str, left: int, active: int) -> None:
    async with worlds(NAME) as world:
        await world.create(CRONJOBS, cron("* * * * *", concurrencyPolicy=policy))
        await world.pass_time(3 * MINUTE + 1)
        found = await runs(world)
        assert len(found) == left
        assert found[-1] == ("2026-01-01T00:01:00Z" if policy == "Forbid" else "2026-01-01T00:03:00Z")
        assert len((await status(world))["active"]) == active
        assert bool(await world.events("JobAlreadyActive")) == (policy == "Forbid")
        assert len(await world.events("SuccessfulDelete")) == (2 if policy == "Replace" else 0)
        assert await world.events("MissingJob") == []


async def test_of_those_that_ended_the_last_few_stay(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(CRONJOBS, cron("* * * * *", successfulJobsHistoryLimit=2, failedJobsHistoryLimit=1))
        for number in range(6):
            await world.pass_time(MINUTE)
            await world.pass_time(1)
            await finish(world, "Failed" if number < 2 else "Complete")
        assert await runs(world) == ["2026-01-01T00:02:00Z", "2026-01-01T00:05:00Z", "2026-01-01T00:06:00Z"]


async def test_suspended_it_rests_and_then_makes_up_for_the_last_run_only(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(CRONJOBS, cron("@every 1s", suspend=True))
        await world.pass_time(150)
        assert await runs(world) == []
        await world.patch(CRONJOBS, "c", {"spec": {"suspend": False}})
        assert await runs(world) == ["2026-01-01T00:02:30Z"]
        assert len(await world.events("TooManyMissedTimes")) == 1


async def test_what_is_too_late_is_not_started(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(CRONJOBS, cron("*/5 * * * *", suspend=True, startingDeadlineSeconds=60))
        await world.pass_time(7 * MINUTE)
        await world.patch(CRONJOBS, "c", {"spec": {"suspend": False}})
        assert await runs(world) == []
        await world.pass_time(4 * MINUTE)
        assert await runs(world) == ["2026-01-01T00:10:00Z"]


async def test_a_new_schedule_counts_from_now_on(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(CRONJOBS, cron("12 * * * *"))
        await world.pass_time(6 * MINUTE)
        await world.patch(CRONJOBS, "c", {"spec": {"schedule": "7 * * * *"}})
        await world.pass_time(MINUTE + 1)
        assert await runs(world) == ["2026-01-01T00:07:00Z"]


async def test_a_job_that_somebody_deleted_is_missed(worlds: Worlds) -> None:
    async with worlds(NAME) as world:
        await world.create(CRONJOBS, cron("1 * * * *"))
        await world.pass_time(MINUTE + 1)
        (job,) = await world.all(JOBS)
        await world.delete(JOBS, job["metadata"]["name"], propagation="Background")
        assert "active" not in await status(world)
        assert await world.events("MissingJob") == [f"Active job went missing: {job['metadata']['name']}"]
        assert await runs(world) == []


@pytest.mark.parametrize(
    ("last", "now", "stamp"),
    [
        ("2026-03-07T06:30:00Z", "2026-03-08T12:00:00Z", "2026-03-08T01:30:00-05:00"),
        ("2026-11-01T04:00:00Z", "2026-11-01T05:31:00Z", "2026-11-01T01:30:00-04:00"),
        ("2026-11-01T05:30:00Z", "2026-11-01T06:31:00Z", "2026-11-01T01:30:00-05:00"),
        ("2026-11-01T06:30:00Z", "2026-11-02T06:29:00Z", ""),
    ],
)
def test_clock_changes(last: str, now: str, stamp: str) -> None:
    made = cron("30 1 * * *", timeZone="America/New_York")
    made = {**made, "metadata": {**made["metadata"], "uid": "u"}, "status": {"lastScheduleTime": last}}
    at = due(made, parse_schedule(schedule_text(made)), datetime.fromisoformat(now), deadline=True).latest
    if not stamp:
        assert at is None
        return
    assert at is not None
    annotations = job_for(made, at)["metadata"]["annotations"]
    assert annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"] == stamp
