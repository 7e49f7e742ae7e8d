"""What is wrong with CronJobs (batch validation: ValidateCronJobCreate and -Update)."""

import re

from sampan.api.cron import CronError, location, parse_schedule
from sampan.api.json import Obj
from sampan.api.meta import name_of
from sampan.resources.strategies.checks import (
    Errors,
    invalid,
    not_among,
    not_negative,
    required,
    spec_of,
)
from sampan.resources.strategies.rules import metadata_again
from sampan.resources.validation.batch.job_spec import check_job_spec
from sampan.resources.validation.labels import shown_selector
from sampan.resources.validation.pods.options import TEMPLATE, Options
from sampan.resources.validation.pods.past import template_options

MOST_NAME = 63 - 11
"""The names of its Jobs get a suffix."""
POLICIES = ("Allow", "Forbid", "Replace")
SCHEDULE, ZONE, JOB = "spec.schedule", "spec.timeZone", "spec.jobTemplate.spec"
ZONE_PART = re.compile(r"[A-Za-z._0-9+-]{1,14}")
TWO_ZONES = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
NO_ZONE = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
LOCAL = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"


def check_cron_job(obj: Obj) -> Errors:
    """A new CronJob."""
    name, errors = name_of(obj), _spec(spec_of(obj), None, TEMPLATE)
    if len(name.encode()) > MOST_NAME:
        errors.append(invalid("metadata.name", name, f"must be no more than {MOST_NAME} characters"))
    return errors


def check_cron_job_update(new: Obj, old: Obj) -> Errors:
    """A changed CronJob."""
    before = spec_of(old)
    template = ((before.get("jobTemplate") or {}).get("spec") or {}).get("template")
    return metadata_again(new, old) + _spec(spec_of(new), before, template_options(template))


def _spec(spec: Obj, old: Obj | None, options: Options) -> Errors:
    schedule, policy = spec.get("schedule") or "", spec.get("concurrencyPolicy") or ""
    errors: Errors = [] if schedule else [required(SCHEDULE)]
    if schedule:
        errors += _schedule(schedule, spec, "TZ" in ((old or {}).get("schedule") or ""))
    errors += not_negative("spec.startingDeadlineSeconds", spec.get("startingDeadlineSeconds"))
    zone = spec.get("timeZone")
    if zone is not None and (old is None or old.get("timeZone") != zone):
        errors += _zone(zone)
    if not policy:
        errors.append(required("spec.concurrencyPolicy"))
    elif policy not in POLICIES:
        errors.append(not_among("spec.concurrencyPolicy", policy, POLICIES))
    errors += _job((spec.get("jobTemplate") or {}).get("spec") or {}, options)
    for key in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        errors += not_negative(f"spec.{key}", spec.get(key))
    return errors


def _schedule(schedule: str, spec: Obj, zone_allowed: bool) -> Errors:
    errors: Errors = []
    try:
        parse_schedule(schedule)
    except CronError as error:
        errors.append(invalid(SCHEDULE, schedule, str(error)))
    if "TZ" in schedule and not zone_allowed:
        errors.append(invalid(SCHEDULE, schedule, NO_ZONE))
    elif "TZ" in schedule and spec.get("timeZone") is not None:
        errors.append(invalid(SCHEDULE, schedule, TWO_ZONES))
    return errors


def _zone(zone: str) -> Errors:
    """A time zone by the rules for their names, and one that there is."""
    if not zone:
        return [invalid(ZONE, zone, "timeZone must be nil or non-empty string")]
    for part in zone.split("/"):
        if part in (".", "..") or part.startswith("-") or not ZONE_PART.fullmatch(part):
            return [invalid(ZONE, zone, f"unknown time zone {zone}")]
    errors: Errors = [invalid(ZONE, zone, LOCAL)] if zone.lower() == "local" else []
    try:
        location(zone)
    except CronError as error:
        errors.append(invalid(ZONE, zone, str(error)))
    return errors


def _job(job: Obj, options: Options) -> Errors:
    errors = check_job_spec(job, JOB, options)
    if job.get("selector") is not None:
        why = "`selector` will be auto-generated"
        errors.append(invalid(f"{JOB}.selector", shown_selector(job["selector"]), why))
    if job.get("manualSelector"):
        errors.append(not_among(f"{JOB}.manualSelector", True, ("nil", "false")))
    return errors
