"""What is wrong with a new status of a Job (batch validation: ValidateJobUpdateStatus, strategy of jobs/status).

Most rules look only at what changed: a status that broke them before may stay while other fields are written.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.api.times import parse_time
from sampan.resources.strategies.checks import (
    Errors,
    Shown,
    duplicate,
    invalid,
    marshalled,
    not_negative,
    quoted,
    required,
    spec_of,
)

CONDITIONS = "status.conditions"
TERMINAL = ("Failed", "Complete", "FailureTarget")
COUNTS = ("active", "succeeded", "failed", "ready", "terminating")


@dataclass(frozen=True, slots=True)
class Change:
    """The spec, the status as it was and as it shall be."""

    spec: Obj
    old: Obj
    new: Obj

    def moved(self, *keys: str) -> bool:
        """Whether one of these fields of the status differs."""
        return any(self.new.get(key) != self.old.get(key) for key in keys)

    def turned(self, *kinds: str) -> bool:
        """Whether one of these conditions became true or is true no more."""
        return any(is_true(self.new, kind) != is_true(self.old, kind) for kind in kinds)

    def has(self, kind: str) -> bool:
        """Whether that condition is true from now on."""
        return is_true(self.new, kind)

    @property
    def ended(self) -> bool:
        return is_finished(self.new)

    @property
    def ends(self) -> bool:
        return is_finished(self.new) != is_finished(self.old)


def _said(status: Obj, kind: str, value: str) -> bool:
    return any(one.get("type") == kind and one.get("status") == value for one in status.get("conditions") or ())


def is_true(status: Obj, kind: str) -> bool:
    """Whether a condition is there and "True"."""
    return _said(status, kind, "True")


def is_finished(status: Obj) -> bool:
    """Whether the Job is over."""
    return is_true(status, "Complete") or is_true(status, "Failed")


def _never(detail: str) -> FieldError:
    """Conditions that cannot be; the value is not shown."""
    return FieldError("FieldValueInvalid", CONDITIONS, f"Invalid value: {detail}")


def check_job_status(new: Obj, old: Obj) -> Errors:
    """An update of the status of a Job, besides its metadata."""
    change = Change(spec_of(old), old.get("status") or {}, new.get("status") or {})
    errors: Errors = []
    for key in COUNTS:
        errors += not_negative(f"status.{key}", change.new.get(key))
    errors += _uncounted(change)
    for rule in RULES:
        errors += rule(change)
    return errors


def _uncounted(change: Change) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for key in ("succeeded", "failed"):
        pods = (change.new.get("uncountedTerminatedPods") or {}).get(key) or ()
        for index, uid in enumerate(pods):
            at = f"status.uncountedTerminatedPods.{key}[{index}]"
            if not uid:
                errors.append(invalid(at, uid, "must not be empty"))
            elif uid in seen:
                errors.append(duplicate(at, uid))
            seen.add(uid)
    return errors


def _ends_both_ways(change: Change) -> Errors:
    if not change.has("Complete"):
        return []
    errors: Errors = []
    if change.turned("Complete", "Failed") and change.has("Failed"):
        errors.append(_never("cannot set Complete=True and Failed=true conditions"))
    if change.turned("Complete", "FailureTarget") and change.has("FailureTarget"):
        errors.append(_never("cannot set Complete=True and FailureTarget=true conditions"))
    return errors


def _completion_time(change: Change) -> Errors:
    at, start, end = "status.completionTime", change.new.get("startTime"), change.new.get("completionTime")
    errors: Errors = []
    if change.turned("Complete") or change.moved("completionTime"):
        if end is not None and not change.has("Complete"):
            errors.append(_time(at, end, "cannot set completionTime when there is no Complete=True condition"))
        if end is None and change.has("Complete"):
            errors.append(required(at, "completionTime is required for Complete jobs"))
    if change.moved("startTime", "completionTime") and start and end and parse_time(end) < parse_time(start):
        errors.append(_time(at, end, "must be equal to or after `startTime`"))
    return errors


def _time(at: str, value: Any, detail: str) -> FieldError:
    return invalid(at, Shown(marshalled(value)), detail)


def _reasons(change: Change) -> Errors:
    errors: Errors = []
    failed = change.turned("Failed") or change.moved("failedIndexes")
    if failed and change.has("Failed") and not change.has("FailureTarget"):
        errors.append(_never("cannot set Failed=True condition without the FailureTarget=true condition"))
    complete = change.turned("Complete", "SuccessCriteriaMet")
    if complete and change.has("Complete") and not change.has("SuccessCriteriaMet"):
        errors.append(_never("cannot set Complete=True condition without the SuccessCriteriaMet=true condition"))
    return errors


def _over(change: Change) -> Errors:
    """What a finished Job cannot have."""
    new, errors = change.new, Errors()
    if not change.ended:
        return errors
    if (change.ends or change.moved("active")) and (new.get("active") or 0) > 0:
        errors.append(invalid("status.active", new["active"], "active>0 is invalid for finished job"))
    empty = change.spec.get("suspend") is True and change.spec.get("completions") == 0
    if (change.ends or change.moved("startTime")) and not empty and new.get("startTime") is None:
        errors.append(required("status.startTime", "startTime is required for finished job"))
    waiting: Obj = new.get("uncountedTerminatedPods") or {}
    lists = {"Succeeded": waiting.get("succeeded"), "Failed": waiting.get("failed")}
    if (change.ends or change.moved("uncountedTerminatedPods")) and any(lists.values()):
        why = "must be empty for finished job"
        errors.append(invalid("status.uncountedTerminatedPods", Shown(marshalled(lists)), why))
    return errors


def _indexes(change: Change) -> Errors:
    spec, new, errors = change.spec, change.new, Errors()
    done, failed, total = new.get("completedIndexes") or "", new.get("failedIndexes"), spec.get("completions")
    per_index = spec.get("backoffLimitPerIndex") is not None
    at_done, at_failed = "status.completedIndexes", "status.failedIndexes"
    if change.moved("completedIndexes") and total is not None:
        errors += _format(at_done, done, total)
    if change.moved("failedIndexes") and total is not None and per_index and failed is not None:
        errors += _format(at_failed, failed, total)
    if change.moved("completedIndexes") and done and spec.get("completionMode") != "Indexed":
        why = "cannot set non-empty completedIndexes when non-indexed completion mode"
        errors.append(invalid(at_done, done, why))
    if change.moved("failedIndexes") and not per_index and failed is not None:
        why = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        errors.append(invalid(at_failed, failed, why))
    if change.moved("failedIndexes", "completedIndexes") and total is not None and failed is not None:
        problem = _overlap(done, failed, total)
        errors += [invalid(at_failed, failed, problem)] if problem else []
    return errors


class BadIndexes(Exception):
    """Indexes that are not written as they should be."""


def _format(at: str, text: str, total: int) -> Errors:
    try:
        parse_indexes(text, total)
    except BadIndexes as error:
        return [invalid(at, text, f"error parsing {at.removeprefix('status.')}: {error}")]
    return []


def parse_indexes(text: str, total: int) -> list[tuple[int, int]]:
    """Intervals of indexes below `total`, as `1,3-5`. Raises BadIndexes."""
    found: list[tuple[int, int]] = []
    for part in text.split(",") if text else ():
        first, last = interval(part, total)
        if found and found[-1][1] >= first:
            raise BadIndexes(f"non-increasing order, previous: {found[-1][1]}, current: {first}")
        found.append((first, last))
    return found


def interval(text: str, total: int) -> tuple[int, int]:
    """One interval. Raises BadIndexes."""
    limits = text.split("-")
    if len(limits) > 2:
        raise BadIndexes(
            f"the fragment {quoted(text)} violates the requirement that an index interval can have at most two parts "
            "separated by '-'"
        )
    first = _index(limits[0], total)
    if len(limits) == 1:
        return first, first
    last = _index(limits[1], total)
    if first >= last:
        raise BadIndexes(f"non-increasing order, previous: {first}, current: {last}")
    return first, last


def _index(text: str, total: int) -> int:
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()):
        raise BadIndexes(f"cannot convert string to integer for index: {quoted(text)}")
    if int(text) >= total:
        raise BadIndexes(f"too large index: {quoted(text)}")
    return int(text)


def _overlap(done: str, failed: str, total: int) -> str:
    """Which index is in both; broken parts of either are passed over, as upstream does."""
    if not done or not failed:
        return ""
    both = (_intervals(done, total), _intervals(failed, total))
    for first, last in both[1]:
        for start, end in both[0]:
            if max(first, start) <= min(last, end):
                return f"failedIndexes and completedIndexes overlap at index: {max(first, start)}"
    return ""


def _intervals(text: str, total: int) -> list[tuple[int, int]]:
    found = []
    for part in text.split(","):
        try:
            found.append(interval(part, total))
        except BadIndexes:
            continue
    return found


def _pods(change: Change) -> Errors:
    new, errors = change.new, Errors()
    going, ready = new.get("terminating"), new.get("ready")
    if (change.ends or change.moved("terminating")) and change.ended and (going or 0) > 0:
        errors.append(invalid("status.terminating", going, "terminating>0 is invalid for finished job"))
    if change.moved("ready", "active") and ready is not None and ready > (new.get("active") or 0):
        errors.append(invalid("status.ready", ready, "cannot set more ready pods than active"))
    return errors


def _success(change: Change) -> Errors:
    errors: Errors = []
    met = change.has("SuccessCriteriaMet")
    if met and change.has("Failed"):
        errors.append(_never("cannot set SuccessCriteriaMet=True and Failed=true conditions"))
    if met and change.has("FailureTarget"):
        errors.append(_never("cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"))
    if change.spec.get("successPolicy") is not None and not met and change.has("Complete"):
        errors.append(_never("cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"))
    return errors


def _kept(change: Change) -> Errors:
    """What does not go back."""
    errors = [
        _never(f"cannot disable the terminal {kind}=True condition")
        for kind in TERMINAL
        if is_true(change.old, kind) and not change.has(kind)
    ]
    spec, new, old = change.spec, change.new, change.old
    elastic = spec.get("completionMode") == "Indexed" and spec.get("completions") == spec.get("parallelism")
    for key in ("failed", "succeeded"):
        less = (new.get(key) or 0) < (old.get(key) or 0)
        if less and not (key == "succeeded" and elastic):
            errors.append(invalid(f"status.{key}", new.get(key) or 0, f"cannot decrease the {key} counter"))
    end = new.get("completionTime")
    if end is not None and old.get("completionTime") not in (None, end):
        errors.append(_time("status.completionTime", end, "field is immutable"))
    resumes = is_true(old, "Suspended") and _said(new, "Suspended", "False")
    if old.get("startTime") is not None and change.moved("startTime") and not (resumes or spec.get("suspend")):
        why = "field is immutable for unsuspended job once set"
        errors.append(_time("status.startTime", new.get("startTime"), why))
    if is_true(old, "SuccessCriteriaMet") and not change.has("SuccessCriteriaMet"):
        errors.append(_never("cannot disable the SuccessCriteriaMet=True condition"))
    if is_true(old, "Complete") and not is_true(old, "SuccessCriteriaMet") and change.has("SuccessCriteriaMet"):
        why = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"
        errors.append(_never(why))
    return errors


RULES: tuple[Callable[[Change], Errors], ...] = (
    _ends_both_ways,
    _completion_time,
    _reasons,
    _over,
    _indexes,
    _pods,
    _success,
    _kept,
)
