"""What one pod means to its Job: which index it works on, whether it failed, when it ended, what the policies say."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sampan.api.json import Obj
from sampan.api.meta import annotations_of, condition, finalizers_of, is_deleting, name_of, namespace_of
from sampan.api.times import parse_time
from sampan.controllers.names import spec, status

FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED = "batch.kubernetes.io/job-index-ignored-failure-count"
FIRST_WAIT, LONGEST_WAIT = 10.0, 600.0
"""Seconds until a pod that failed is replaced: doubled with every failure in a row."""


def is_indexed(job: Obj) -> bool:
    """Whether every pod works on an index of its own."""
    return spec(job).get("completionMode") == "Indexed"


def per_index(job: Obj) -> bool:
    """Whether failures are limited for each index by itself (KEP-3850)."""
    return is_indexed(job) and spec(job).get("backoffLimitPerIndex") is not None


def replaces_only_failed(job: Obj) -> bool:
    """Whether a pod that is still going keeps its place (KEP-3939)."""
    return spec(job).get("podReplacementPolicy") == "Failed" or spec(job).get("podFailurePolicy") is not None


def phase(pod: Obj) -> str:
    """The pod's phase; a pod without one waits."""
    return str(status(pod).get("phase") or "Pending")


def is_tracked(pod: Obj) -> bool:
    """Whether the pod has the finalizer: it is not accounted for yet."""
    return FINALIZER in finalizers_of(pod)


def is_failed(job: Obj, pod: Obj) -> bool:
    """Failed; unless only failed pods are replaced, also on its way out without success."""
    if phase(pod) == "Failed":
        return True
    return not replaces_only_failed(job) and is_deleting(pod) and phase(pod) != "Succeeded"


def is_terminating(pod: Obj) -> bool:
    """On its way out, but not over."""
    return is_deleting(pod) and phase(pod) not in ("Succeeded", "Failed")


def index_of(pod: Obj) -> int:
    """The completion index; -1 if it has none that can be read."""
    text = annotations_of(pod).get(INDEX, "")
    return int(text) if text.isdecimal() else -1


def has_valid_index(job: Obj, pod: Obj) -> bool:
    """Whether the pod works on an index that the Job has; always true if it has none."""
    return not is_indexed(job) or 0 <= index_of(pod) < spec(job)["completions"]


def _count(pod: Obj, annotation: str) -> int:
    text = annotations_of(pod).get(annotation, "")
    return int(text) if text.isdecimal() and int(text) < 2**31 else 0


def failures_before(pod: Obj, *, ignored: bool = False) -> int:
    """How often the pod's index had failed when it was made; with those that the policy ignores, if asked."""
    return _count(pod, FAILURES) + (_count(pod, IGNORED) if ignored else 0)


def finished_at(pod: Obj) -> datetime:
    """When the pod ended: its last container's end, else the end of its readiness, its deletion, its creation."""
    ended = _containers_ended(pod)
    if ended is not None:
        return ended
    ready = condition(pod, "Ready") or {}
    if ready.get("status") == "False" and ready.get("lastTransitionTime"):
        return parse_time(ready["lastTransitionTime"])
    meta = pod["metadata"]
    if is_deleting(pod):
        grace = timedelta(seconds=meta.get("deletionGracePeriodSeconds") or 0)
        return parse_time(meta["deletionTimestamp"]) - grace
    return parse_time(meta["creationTimestamp"])


def _containers_ended(pod: Obj) -> datetime | None:
    sidecars = {c["name"] for c in spec(pod).get("initContainers") or () if c.get("restartPolicy") == "Always"}
    states = list(status(pod).get("containerStatuses") or ())
    states += [c for c in status(pod).get("initContainerStatuses") or () if c.get("name") in sidecars]
    ends = [((c.get("state") or {}).get("terminated") or {}).get("finishedAt") for c in states]
    if not ends or not all(ends):
        return None
    return max(parse_time(end) for end in ends if end)


def wait_left(failures: int, last: datetime | None, now: datetime) -> float:
    """Seconds until the next attempt after so many failures in a row, of which this was the last."""
    if not failures or last is None:
        return 0.0
    whole = min(FIRST_WAIT * 2.0 ** min(failures - 1, 10), LONGEST_WAIT)
    return max(0.0, whole - (now - last).total_seconds())


def failures_in_a_row(failed: Sequence[Obj], succeeded: Iterable[Obj]) -> tuple[int, datetime | None]:
    """How many pods failed after the last success, and when the last one did."""
    success = max((finished_at(pod) for pod in succeeded), default=None)
    ends = [end for end in map(finished_at, failed) if success is None or end > success]
    return len(ends), max(ends, default=None)


def matched_rule(job: Obj, pod: Obj) -> tuple[str, str]:
    """The action of the pod failure policy's first rule that matches (KEP-3329), and what FailJob says; else empty."""
    for number, rule in enumerate((spec(job).get("podFailurePolicy") or {}).get("rules") or ()):
        why = _why(rule, pod)
        if why:
            return str(rule["action"]), f"{why} matching {rule['action']} rule at index {number}"
    return "", ""


def _why(rule: Obj, pod: Obj) -> str:
    place = f"{namespace_of(pod)}/{name_of(pod)}"
    codes = rule.get("onExitCodes")
    if codes is not None:
        container, code = _exit(codes, pod)
        return f"Container {container} for pod {place} failed with exit code {code}" if container else ""
    wanted = {(one["type"], one.get("status") or "True") for one in rule.get("onPodConditions") or ()}
    for one in status(pod).get("conditions") or ():
        if (one.get("type"), one.get("status")) in wanted:
            return f"Pod {place} has condition {one['type']}"
    return ""


def _exit(codes: Obj, pod: Obj) -> tuple[str, int]:
    """The first container whose exit code matches, and the code."""
    wanted = codes.get("containerName")
    for key in ("containerStatuses", "initContainerStatuses"):
        for one in status(pod).get(key) or ():
            code = ((one.get("state") or {}).get("terminated") or {}).get("exitCode", 0)
            if not code or (wanted is not None and one.get("name") != wanted):
                continue
            if (code in codes["values"]) == (codes["operator"] == "In"):
                return str(one.get("name")), int(code)
    return "", 0


def counts(job: Obj, pod: Obj) -> bool:
    """Whether the failure of this pod counts against the limits."""
    return matched_rule(job, pod)[0] != "Ignore"


def fails_index(job: Obj, pod: Obj) -> bool:
    """Whether with this pod its index has failed for good."""
    if not is_failed(job, pod):
        return False
    action = matched_rule(job, pod)[0]
    if action == "FailIndex":
        return True
    return action != "Ignore" and failures_before(pod) >= spec(job)["backoffLimitPerIndex"]
