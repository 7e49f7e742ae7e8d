"""Pod templates of workloads: what becomes of their fields before they are stored, and what is unwise in them."""

from collections.abc import Callable

from sampan.api.json import Obj
from sampan.resources.strategies.pod_fields import drop_disabled_template
from sampan.resources.strategies.rules import within
from sampan.resources.validation.pods.warnings import warn_claim_spec, warn_owner_name, warn_pod_template

TEMPLATE, JOB = "spec.template", "spec.jobTemplate.spec"
MANY_COMPLETIONS, MANY_AT_ONCE = 100_000, 10_000
TRACKING = "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail"  # noqa: E501
NO_ZONE = "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"  # noqa: E501
KEEPS_ALL = "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"


def drop_in_workload(obj: Obj) -> Obj:
    """A workload without the fields of disabled features in its template."""
    return within(obj, "spec", drop_disabled_template)


def drop_in_workload_update(new: Obj, old: Obj) -> Obj:
    """As `drop_in_workload`, for updates: no old object can have such fields."""
    return drop_in_workload(new)


def drop_in_cron_job(obj: Obj) -> Obj:
    """A CronJob without such fields."""
    return within(obj, "spec", lambda spec: within(spec, "jobTemplate", drop_in_workload))


def drop_in_cron_job_update(new: Obj, old: Obj) -> Obj:
    """As `drop_in_cron_job`, for updates."""
    return drop_in_cron_job(new)


def _spec(obj: Obj) -> Obj:
    return obj.get("spec") or {}


def same_generation(new: Obj, old: Obj) -> bool:
    """Whether an update changed nothing that counts."""
    return (new.get("metadata") or {}).get("generation") == (old.get("metadata") or {}).get("generation")


def warn_template(obj: Obj) -> list[str]:
    """Of the template alone: DaemonSets, and updates of most kinds."""
    return warn_pod_template(_spec(obj).get("template"), TEMPLATE)


def warn_workload(obj: Obj) -> list[str]:
    """Of a new Deployment, ReplicaSet or ReplicationController."""
    return warn_owner_name(obj) + warn_template(obj)


def if_changed(warn: Callable[[Obj], list[str]]) -> Callable[[Obj, Obj], list[str]]:
    """For updates that count."""
    return lambda new, old: [] if same_generation(new, old) else warn(new)


def warn_controller_update(new: Obj, old: Obj) -> list[str]:
    """Of a ReplicationController; upstream looks at the old template."""
    return [] if same_generation(new, old) else warn_template(old)


def warn_stateful_set(obj: Obj) -> list[str]:
    """Of a new StatefulSet: its claims as well."""
    return warn_template(obj) + _claims(obj, "") + _history(obj)


def warn_stateful_set_update(new: Obj, old: Obj) -> list[str]:
    """Of a changed StatefulSet."""
    changed = [] if same_generation(new, old) else warn_template(new)
    return changed + _claims(new, ".Spec") + _history(new)


def _claims(obj: Obj, suffix: str) -> list[str]:
    return [
        text
        for index, claim in enumerate(_spec(obj).get("volumeClaimTemplates") or ())
        for text in warn_claim_spec(claim.get("spec") or {}, f"spec.volumeClaimTemplates[{index}]{suffix}")
    ]


def _history(obj: Obj) -> list[str]:
    return [KEEPS_ALL] if (_spec(obj).get("revisionHistoryLimit") or 0) < 0 else []


def warn_job(obj: Obj) -> list[str]:
    """Of a new Job."""
    return warn_owner_name(obj) + warn_job_spec(_spec(obj), "spec")


def warn_job_update(new: Obj, old: Obj) -> list[str]:
    """Of a changed Job."""
    return [] if same_generation(new, old) else warn_job_spec(_spec(new), "spec")


def warn_job_spec(spec: Obj, at: str) -> list[str]:
    """Of what a Job, or a CronJob's, is to do."""
    many = (spec.get("completions") or 0) > MANY_COMPLETIONS and (spec.get("parallelism") or 0) > MANY_AT_ONCE
    tracking = [f"{at}: {TRACKING}"] if many and spec.get("completionMode") == "Indexed" else []
    return tracking + warn_pod_template(spec.get("template"), f"{at}.template")


def _job_of(obj: Obj) -> Obj:
    return (_spec(obj).get("jobTemplate") or {}).get("spec") or {}


def warn_cron_job(obj: Obj) -> list[str]:
    """Of a new CronJob."""
    return warn_owner_name(obj) + warn_job_spec(_job_of(obj), JOB)


def warn_cron_job_update(new: Obj, old: Obj) -> list[str]:
    """Of a changed CronJob: also of a time zone in its schedule, which a new one cannot have."""
    changed = [] if same_generation(new, old) else warn_job_spec(_job_of(new), JOB)
    return [*changed, NO_ZONE] if "TZ" in (_spec(new).get("schedule") or "") else changed
