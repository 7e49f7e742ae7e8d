"""What is wrong with a workload: Deployment and its like, Job, CronJob (upstream: apis/apps and batch validation)."""

from collections.abc import Mapping
from typing import Any

from sampan.api.json import Obj
from sampan.api.selectors import label_selector
from sampan.resources.strategies.checks import (
    Errors,
    forbidden,
    immutable,
    invalid,
    not_negative,
    not_supported,
    required,
    spec_of,
)
from sampan.resources.validation.pods.template import check_pod_template, check_restart

COUNTS = ("minReadySeconds", "revisionHistoryLimit")


def check_stateful_set(obj: Obj) -> Errors:
    """Containers may mount what the claim templates make."""
    spec = spec_of(obj)
    template = spec.get("template") or {}
    pod: Obj = template.get("spec") or {}
    named = {volume.get("name") for volume in pod.get("volumes") or ()}
    claims = [(claim.get("metadata") or {}).get("name") for claim in spec.get("volumeClaimTemplates") or ()]
    made = [{"name": name, "emptyDir": {}} for name in claims if name and name not in named]
    if made:
        template = {**template, "spec": {**pod, "volumes": [*(pod.get("volumes") or ()), *made]}}
        obj = {**obj, "spec": {**spec, "template": template}}
    return check_workload(obj, "statefulset")


def check_daemon_set(obj: Obj) -> Errors:
    """What all share."""
    return check_workload(obj, "daemonset")


def check_workload(obj: Obj, kind: str = "deployment") -> Errors:
    """Selector, template and counts: what all pod-keeping kinds share."""
    spec = spec_of(obj)
    errors = not_negative("spec.replicas", spec.get("replicas"))
    errors += check_selector(spec, kind)
    template = spec.get("template") or {}
    errors += check_pod_template(template, "spec.template")
    errors += check_restart(template, "spec.template", ("Always",))
    for name in COUNTS:
        errors += not_negative(f"spec.{name}", spec.get(name))
    return errors


def check_selector(spec: Obj, kind: str = "deployment") -> Errors:
    """There is one, it selects something, and it selects the template's own pods."""
    selector = spec.get("selector")
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if selector is None:
        mismatch = "`selector` does not match template `labels`"
        return [required("spec.selector"), invalid("spec.template.metadata.labels", labels, mismatch)]
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        return [invalid("spec.selector", selector, f"empty selector is invalid for {kind}")]
    if not selects(selector, labels or {}):
        return [invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")]
    return []


def selects(selector: Obj, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector matches; one that cannot be read matches nothing."""
    try:
        return label_selector(selector).matches(labels)
    except ValueError:
        return False


def check_deployment(obj: Obj) -> Errors:
    """A Deployment's strategy and deadlines, besides what all share."""
    spec = spec_of(obj)
    errors = check_workload(obj)
    strategy = spec.get("strategy") or {}
    at = "spec.strategy"
    match strategy.get("type"):
        case "Recreate":
            if strategy.get("rollingUpdate") is not None:
                why = "may not be specified when strategy `type` is 'Recreate'"
                errors.append(forbidden(f"{at}.rollingUpdate", why))
        case "RollingUpdate":
            errors += _rolling(strategy.get("rollingUpdate") or {}, f"{at}.rollingUpdate")
        case other:
            value = {"Type": other, "RollingUpdate": None}
            errors.append(not_supported(at, value, ("Recreate", "RollingUpdate")))
    deadline = spec.get("progressDeadlineSeconds")
    errors += not_negative("spec.progressDeadlineSeconds", deadline)
    if deadline is not None and deadline <= (spec.get("minReadySeconds") or 0):
        errors.append(invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))
    return errors


PERCENT = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"  # noqa: E501


def _rolling(rolling: Obj, at: str) -> Errors:
    errors: Errors = []
    for name in ("maxUnavailable", "maxSurge"):
        value = rolling.get(name)
        if isinstance(value, str):
            if not (value.endswith("%") and value[:-1].isdigit()):
                errors.append(invalid(f"{at}.{name}", value, PERCENT))
            elif name == "maxUnavailable" and int(value[:-1]) > 100:
                errors.append(invalid(f"{at}.{name}", value, "must not be greater than 100%"))
        else:
            errors += not_negative(f"{at}.{name}", value)
    if all(str(rolling.get(name)).rstrip("%") == "0" for name in ("maxUnavailable", "maxSurge")):
        value = rolling.get("maxUnavailable")
        errors.append(invalid(f"{at}.maxUnavailable", value, "may not be 0 when `maxSurge` is 0"))
    return errors


def check_selector_update(new: Obj, old: Obj) -> Errors:
    """The selector of a workload stays what it was."""
    return immutable("spec.selector", spec_of(new).get("selector"), spec_of(old).get("selector"))


def check_job(obj: Obj) -> Errors:
    """A Job's counts and template."""
    spec = spec_of(obj)
    errors: Errors = []
    for name in ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"):
        errors += not_negative(f"spec.{name}", spec.get(name))
    template = spec.get("template") or {}
    errors += check_pod_template(template, "spec.template")
    errors += check_restart(template, "spec.template", ("OnFailure", "Never"))
    return errors


def check_job_update(new: Obj, old: Obj) -> Errors:
    """Completions, selector and completion mode of a Job stay what they were."""
    errors: Errors = []
    for name in ("completions", "selector", "completionMode"):
        if name == "completions" and spec_of(old).get("completionMode") == "Indexed":
            continue  # an indexed Job may be resized (KEP-3715)
        errors += immutable(f"spec.{name}", spec_of(new).get(name), spec_of(old).get(name))
    return errors


def check_cron_job(obj: Obj) -> Errors:
    """A CronJob has a schedule, and limits that are no negative numbers."""
    spec = spec_of(obj)
    errors: Errors = [] if spec.get("schedule") else [required("spec.schedule")]
    for name in ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        errors += not_negative(f"spec.{name}", spec.get(name))
    job: Any = (spec.get("jobTemplate") or {}).get("spec") or {}
    template, at = job.get("template") or {}, "spec.jobTemplate.spec.template"
    return errors + check_pod_template(template, at) + check_restart(template, at, ("OnFailure", "Never"))
