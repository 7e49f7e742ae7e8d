"""Make Jobs on a schedule (upstream: pkg/controller/cronjob, version 2).

A Job is made first, then looked at and noted in the status: its name says for which time it was made, so a crash in
between makes no second one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sampan.api.cron import CronError, location, parse_schedule
from sampan.api.json import Obj
from sampan.api.meta import annotations_of, is_condition_true, is_deleting, name_of, namespace_of, uid_of
from sampan.api.names import GVK, Key, ObjectRef
from sampan.api.times import format_time, parse_time
from sampan.controllers.cron_times import MANY, NeverDue, due, wait
from sampan.controllers.names import spec, status
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import owner_key, reference_to
from sampan.reconcile.plan import NOTHING, Action, Announce, Ask, Create, Delete, Emit, Plan, Requeue, Update
from sampan.resources.kinds import CRONJOBS, JOBS

GVK_ = GVK("batch", "v1", "CronJob")
STAMP = "batch.kubernetes.io/cronjob-scheduled-timestamp"
RESCHEDULED = "\0rescheduled"
"""Marks the key of a CronJob whose schedule changed: it is not run at once for times of its new one."""
NO_TZ = (
    "is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ "
    "for more details"
)
ENDS = ("Complete", "Failed")


@dataclass(frozen=True, slots=True)
class Seen:
    """A CronJob, its Jobs, and what was read live: None for what is not there, nothing for what was not asked."""

    cron: Obj
    jobs: tuple[Obj, ...]
    live: dict[ObjectRef, Obj | None]
    now: datetime
    rescheduled: bool = False


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    name = key.name.removesuffix(RESCHEDULED)
    cron = look.get(CRONJOBS, key.namespace, name)
    if cron is None:
        return None
    jobs = look.owned(JOBS, uid_of(cron))
    refs = [ObjectRef(JOBS, key.namespace, entry["name"]) for entry in status(cron).get("active") or ()]
    at = _time_to_run(cron, now)
    if at is not None:
        refs.append(ObjectRef(JOBS, key.namespace, job_name(cron, at)))
    live = {ref: look.live(ref) for ref in refs if look.asked(ref)}
    return Seen(cron, tuple(jobs), live, now, name != key.name)


def _time_to_run(cron: Obj, now: datetime) -> datetime | None:
    try:
        return due(cron, parse_schedule(schedule_text(cron)), now, deadline=True).latest
    except (CronError, NeverDue):
        return None


def keys(look: Lookup, old: Obj | None, new: Obj | None) -> Iterable[Key]:
    """A CronJob's key, marked if its schedule changed."""
    if new is None:
        return
    moved = old is not None and any(spec(old).get(k) != spec(new).get(k) for k in ("schedule", "timeZone"))
    yield Key(namespace_of(new), name_of(new) + (RESCHEDULED if moved else ""))


def schedule_text(cron: Obj) -> str:
    """The schedule with the CronJob's time zone, if that is one."""
    text, zone = str(spec(cron).get("schedule") or ""), spec(cron).get("timeZone")
    if "TZ" in text or zone is None:
        return text
    try:
        location(zone)
    except CronError:
        return text
    return f"TZ={zone} {text}"


def job_name(cron: Obj, at: datetime) -> str:
    """The name of the Job of a scheduled time."""
    return f"{name_of(cron)}-{int(at.timestamp()) // 60}"


def decide(seen: Seen) -> Plan:
    """Look after the Jobs that are there; make the one that is due."""
    if seen.rescheduled:
        return _rescheduled(seen)
    book = Book(seen)
    if book.asks:
        return tuple(book.asks)
    if is_deleting(seen.cron):
        return book.plan()
    return _run(seen, book)


def _rescheduled(seen: Seen) -> Plan:
    key = Key(namespace_of(seen.cron), name_of(seen.cron))
    try:
        schedule = parse_schedule(schedule_text(seen.cron))
    except CronError:
        text = f"unparseable schedule for cronjob: {spec(seen.cron).get('schedule')}"
        return (Emit(seen.cron, "Warning", "UnParseableCronJobSchedule", text),)
    return (Requeue(wait(seen.cron, schedule, seen.now), key),)


class Book:
    """The status as the Jobs make it, and what is to be told and deleted on the way."""

    def __init__(self, seen: Seen) -> None:
        self.seen, self.cron = seen, seen.cron
        self.status = dict(status(seen.cron))
        self.active: list[Obj] = list(self.status.get("active") or ())
        self.actions: list[Action] = []
        self.asks: list[Ask] = []
        for job in seen.jobs:
            self._note(job)
        self._find_missing()
        jobs = [job for job in seen.jobs if not is_deleting(job)]
        for limit, end in (("successfulJobsHistoryLimit", "Complete"), ("failedJobsHistoryLimit", "Failed")):
            self._clean([job for job in jobs if is_condition_true(job, end)], spec(seen.cron).get(limit))

    def tell(self, kind: str, reason: str, text: str) -> None:
        """An Event about the CronJob."""
        self.actions.append(Emit(self.cron, "Warning" if kind == "Warning" else "Normal", reason, text))

    def forget(self, uid: str) -> None:
        """Take a Job off the active ones."""
        self.active = [entry for entry in self.active if entry.get("uid") != uid]

    def _note(self, job: Obj) -> None:
        known = any(entry.get("uid") == uid_of(job) for entry in self.active)
        end = next((end for end in ENDS if is_condition_true(job, end)), "")
        fresh = self._is_fresh(job)
        if fresh:
            self.status["lastScheduleTime"] = format_time(_stamp(job))
        if not end and not known:
            if fresh:
                self.active.append(_entry(job))
            else:
                text = f"Saw a job that the controller did not create or forgot: {name_of(job)}"
                self.tell("Warning", "UnexpectedJob", text)
        if end and known:
            self.forget(uid_of(job))
            self.tell("Normal", "SawCompletedJob", f"Saw completed job: {name_of(job)}, condition: {end}")
        if end == "Complete":
            done, before = status(job).get("completionTime"), self.status.get("lastSuccessfulTime")
            if done and (not before or parse_time(done) > parse_time(before)):
                self.status["lastSuccessfulTime"] = done

    def _is_fresh(self, job: Obj) -> bool:
        """Whether it was made for a time that the status does not know yet."""
        try:
            at = _stamp(job)
        except (KeyError, ValueError):
            return False
        last = self.status.get("lastScheduleTime")
        return name_of(job) == job_name(self.cron, at) and (not last or parse_time(last) < at)

    def _find_missing(self) -> None:
        """Active Jobs that are not there any more: each is looked for once more before that is believed."""
        children = {uid_of(job) for job in self.seen.jobs}
        for entry in list(self.active):
            if entry.get("uid") in children:
                continue
            ref = ObjectRef(JOBS, namespace_of(self.cron), entry["name"])
            if ref not in self.seen.live:
                self.asks.append(Ask(ref))
            elif self.seen.live[ref] is None:
                self.tell("Normal", "MissingJob", f"Active job went missing: {entry['name']}")
                self.forget(entry.get("uid", ""))

    def _clean(self, jobs: Sequence[Obj], limit: int | None) -> None:
        """Delete the oldest of those that ended beyond the limit."""
        if limit is None or len(jobs) <= limit:
            return
        oldest = sorted(jobs, key=lambda job: (status(job).get("startTime") or "~", name_of(job)))
        for job in oldest[: len(jobs) - limit]:
            self.forget(uid_of(job))
            self.actions.append(deletion(self.cron, name_of(job)))

    def plan(self, *more: Action) -> Plan:
        """All of it, then more."""
        made = {**self.status, "active": self.active}
        if not self.active:
            del made["active"]
        if made != status(self.cron):
            self.actions.append(Update(CRONJOBS, {**self.cron, "status": made}, "status"))
        return (*self.actions, *more) or NOTHING


def _stamp(job: Obj) -> datetime:
    return parse_time(annotations_of(job)[STAMP])


def _entry(job: Obj) -> Obj:
    return {
        "kind": "Job",
        "namespace": namespace_of(job),
        "name": name_of(job),
        "uid": uid_of(job),
        "apiVersion": "batch/v1",
        "resourceVersion": job["metadata"].get("resourceVersion", ""),
    }


def deletion(cron: Obj, name: str) -> Delete:
    """Delete a Job with its pods, and say so."""
    words = (("SuccessfulDelete", "Deleted job {name}"), ("FailedDelete", "Deleted job: {error}"))
    return Delete(ObjectRef(JOBS, namespace_of(cron), name), "", "Background", announce=Announce(cron, *words))


# ---- running


def _run(seen: Seen, book: Book) -> Plan:
    """Whether it is time for a Job, and may be."""
    cron, wanted = seen.cron, spec(seen.cron)
    if wanted.get("timeZone") is not None:
        try:
            location(wanted["timeZone"])
        except CronError as error:
            book.tell("Warning", "UnknownTimeZone", f'invalid timeZone: "{wanted["timeZone"]}": {error}')
            return book.plan()
    if wanted.get("suspend"):
        return book.plan()
    text = str(wanted.get("schedule") or "")
    if "TZ" in text:
        book.tell("Warning", "UnsupportedSchedule", f'CRON_TZ or TZ used in schedule "{text}" {NO_TZ}')
    try:
        schedule = parse_schedule(schedule_text(cron))
    except CronError as error:
        book.tell("Warning", "UnparseableSchedule", f'unparseable schedule: "{text}" : {error}')
        return book.plan()
    noted = {**cron, "status": book.status}
    try:
        found = due(noted, schedule, seen.now, deadline=True)
    except NeverDue as error:
        book.tell("Warning", "InvalidSchedule", f"invalid schedule: {text} : {error}")
        return book.plan()
    again = Requeue(wait(noted, schedule, seen.now))
    if found.latest is None:
        return book.plan(again)
    warnings: Plan = ()
    if found.missed > MANY:
        why = "Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        warnings = (Emit(cron, "Warning", "TooManyMissedTimes", f"too many missed start times. {why}"),)
    if not _may_run(seen, book, found.latest):
        return book.plan(*warnings, again)
    return (*warnings, *_start(seen, book, found.latest))


def _may_run(seen: Seen, book: Book, at: datetime) -> bool:
    wanted = spec(seen.cron)
    seconds = wanted.get("startingDeadlineSeconds")
    if seconds is not None and at + timedelta(seconds=seconds) < seen.now:
        book.tell("Warning", "MissSchedule", f"Missed scheduled time to start a job: {at:%a, %d %b %Y %H:%M:%S +0000}")
        return False
    last = book.status.get("lastScheduleTime")
    if any(entry["name"] == job_name(seen.cron, at) for entry in book.active) or (last and parse_time(last) == at):
        return False
    if wanted.get("concurrencyPolicy") == "Forbid" and book.active:
        text = "Not starting job because prior execution is running and concurrency policy is Forbid"
        book.tell("Normal", "JobAlreadyActive", text)
        return False
    ref = ObjectRef(JOBS, namespace_of(seen.cron), job_name(seen.cron, at))
    return ref not in seen.live  # it was made by now, or is somebody else's


def _start(seen: Seen, book: Book, at: datetime) -> Plan:
    """Make the Job and look at it; what else is to be told waits for that. Replaced ones go first."""
    cron = seen.cron
    name = job_name(cron, at)
    plan: list[Action] = []
    if spec(cron).get("concurrencyPolicy") == "Replace" and book.active:
        plan += [deletion(cron, entry["name"]) for entry in book.active]
        rest = {key: value for key, value in status(cron).items() if key != "active"}
        plan.append(Update(CRONJOBS, {**cron, "status": rest}, "status"))
    words = (("SuccessfulCreate", "Created job {name}"), ("FailedCreate", "Error creating job: {error}"))
    made = Create(JOBS, job_for(cron, at), exists_ok=True, announce=Announce(cron, *words))
    return (*plan, made, Ask(ObjectRef(JOBS, namespace_of(cron), name)))


def job_for(cron: Obj, at: datetime) -> Obj:
    """The Job of a scheduled time."""
    template = spec(cron).get("jobTemplate") or {}
    meta = template.get("metadata") or {}
    local = at.astimezone(location(spec(cron).get("timeZone") or ""))
    stamp = local.isoformat(timespec="seconds")
    made = {
        "name": job_name(cron, at),
        "namespace": namespace_of(cron),
        "annotations": {**(meta.get("annotations") or {}), STAMP: stamp.replace("+00:00", "Z")},
        "ownerReferences": [reference_to(cron, GVK_)],
    }
    if meta.get("labels"):
        made["labels"] = meta["labels"]
    return {"metadata": made, "spec": template.get("spec") or {}}


def no_keys(look: Lookup, obj: Obj) -> Iterable[Key]:
    """`keys` says which."""
    return ()


CONTROLLER = Controller(
    "cronjob-controller",
    watches=(Watches(CRONJOBS, no_keys, changes=keys), Watches(JOBS, owner_key("batch", "CronJob"))),
    observe=observe,
    decide=decide,
)
